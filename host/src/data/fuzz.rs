//! The law of data files: whatever is in one, it is refused with a line that it has, or its rows can be written down
//! again and are the same ones.

use std::path::Path;

use super::{DataError, Row, parse};

/// Reads what is behind an input's first byte, which says of what kind the file is.
///
/// # Panics
/// Where something is wrong with what comes of it.
pub(crate) fn check(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let is_csv = kind % 2 == 0;
    let path = Path::new(if is_csv { "rows.csv" } else { "rows.jsonl" });
    match parse(path, text) {
        Ok(rows) => {
            check_rows(&rows, is_csv);
            let again = parse(path, &if is_csv { as_csv(&rows) } else { as_json_lines(&rows) });
            assert_eq!(again.expect("what is written down can be read"), rows);
        }
        Err(DataError::Line { line, what, .. }) => {
            let ends = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
            assert!((1..=ends + 1).contains(&line) && !what.is_empty(), "line {line} of {}", ends + 1);
        }
        Err(DataError::Empty { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fn check_rows(rows: &[Row], is_csv: bool) {
    let names = |row: &Row| row.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let first = names(&rows[0]);
    for row in rows {
        let own = names(row);
        assert!(own.iter().enumerate().all(|(place, name)| !own[..place].contains(name)), "{own:?}");
        assert!(!is_csv || own == first && !own.iter().any(String::is_empty), "{own:?} below {first:?}");
    }
}

fn as_csv(rows: &[Row]) -> Vec<u8> {
    // All in quotes, so that nothing at the file's start passes for a byte order mark.
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    let names = rows[0].iter().map(|(name, _)| name);
    writer.write_record(names).expect("it is written to memory");
    for row in rows {
        writer.write_record(row.iter().map(|(_, value)| value)).expect("it is written to memory");
    }
    writer.into_inner().expect("it is written to memory")
}

fn as_json_lines(rows: &[Row]) -> Vec<u8> {
    let line = |row: &Row| {
        let object = row.iter().map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str())));
        serde_json::Value::Object(object.collect()).to_string()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::inputs;

    #[test]
    fn any_file_is_refused_or_read() {
        let (seeds, pieces) = inputs::of("data");
        inputs::try_some(&seeds, &pieces, 4_000, check);
    }
}
