//! Rows of CSV and JSON-lines files that scenarios read: parsed and checked before any load, one copy for all virtual
//! users.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng, RngExt};

/// In which order rows are handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataOrder {
    /// Each row once, over all virtual users; then none.
    Once,
    /// One after another, from the first again after the last. The default.
    #[default]
    Circular,
    /// Drawn evenly, by the virtual user's own random stream.
    Random,
}

/// Where a data set comes from: `NAME=FILE[:once|:circular|:random]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// The name that scenarios ask for.
    pub name: String,
    /// The file: CSV with a header line, or JSON lines (`.jsonl`, `.ndjson`), an object a line.
    pub path: PathBuf,
    /// The order.
    pub order: DataOrder,
}

impl std::str::FromStr for DataSource {
    type Err = String;

    fn from_str(text: &str) -> Result<DataSource, String> {
        let (name, rest) = text
            .split_once('=')
            .filter(|(name, file)| !name.is_empty() && !file.is_empty())
            .ok_or_else(|| format!("'{text}' is not NAME=FILE; try for example users=users.csv:once"))?;
        let (path, order) = match rest.rsplit_once(':') {
            Some((path, "once")) => (path, DataOrder::Once),
            Some((path, "circular")) => (path, DataOrder::Circular),
            Some((path, "random")) => (path, DataOrder::Random),
            // Most likely a mistyped order: a file's ending has no colon.
            Some((path, order)) if path.contains('.') && order.chars().all(char::is_alphabetic) => {
                return Err(format!("'{order}' in '{text}' is no order; give :once, :circular or :random, or none"));
            }
            _ => (rest, DataOrder::default()),
        };
        Ok(DataSource { name: name.to_owned(), path: PathBuf::from(path), order })
    }
}

/// Why a data file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It can't be read.
    #[error("read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of it is not what it should be.
    #[error("read {path}, line {line}: {what}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what is expected.
        what: String,
    },
    /// It has no rows.
    #[error("read {path}: it has no rows; CSV wants a header line and at least one row below it", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Two data sets have the same name.
    #[error("use two data files under the name '{0}'; give each a name of its own")]
    SameName(String),
}

/// A row's columns: name and value, in the file's order.
pub type Row = Vec<(String, String)>;

/// The rows of one file, and how far they were handed out.
#[derive(Debug)]
pub struct DataSet {
    name: String,
    rows: Vec<Row>,
    order: DataOrder,
    next: AtomicU64,
}

impl DataSet {
    /// Reads all files.
    ///
    /// # Errors
    /// A file that can't be read, has no rows, or has a line that is malformed; two sets of one name.
    pub fn load_all(sources: &[DataSource]) -> Result<Vec<DataSet>, DataError> {
        for (place, source) in sources.iter().enumerate() {
            if sources[..place].iter().any(|earlier| earlier.name == source.name) {
                return Err(DataError::SameName(source.name.clone()));
            }
        }
        sources.iter().map(DataSet::load).collect()
    }

    fn load(source: &DataSource) -> Result<DataSet, DataError> {
        let path = &source.path;
        let text = std::fs::read(path).map_err(|error| DataError::Read { path: path.clone(), source: error })?;
        let rows = parse(path, &text)?;
        Ok(DataSet { name: source.name.clone(), rows, order: source.order, next: AtomicU64::new(0) })
    }

    /// The name that scenarios ask for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows there are.
    pub fn row_count(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    /// The next row by the set's order; none where each was to be handed out once and was.
    pub fn next_row(&self, random: &mut impl Rng) -> Option<&Row> {
        let rows = self.rows.len() as u64;
        let place = match self.order {
            DataOrder::Random => random.random_range(0..rows),
            DataOrder::Circular => self.next.fetch_add(1, Ordering::Relaxed) % rows,
            DataOrder::Once => self.next.fetch_add(1, Ordering::Relaxed),
        };
        self.rows.get(usize::try_from(place).ok()?)
    }
}

/// The rows of a file of that name, of which there is at least one.
fn parse(path: &Path, text: &[u8]) -> Result<Vec<Row>, DataError> {
    let json_lines = path.extension().is_some_and(|ext| ext == "jsonl" || ext == "ndjson");
    let rows = if json_lines { parse_json_lines(path, text)? } else { parse_csv(path, text)? };
    if rows.is_empty() { Err(DataError::Empty { path: path.to_owned() }) } else { Ok(rows) }
}

fn parse_csv(path: &Path, text: &[u8]) -> Result<Vec<Row>, DataError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text);
    let error = |error: csv::Error| csv_error(path, &error);
    let header = reader.headers().map_err(error)?.clone();
    if let Some(name) = header.iter().find(|name| name.is_empty() || header.iter().filter(|n| n == name).count() > 1) {
        let what = format!("the header line has an empty or repeated column name '{name}'; give each column its own");
        return Err(DataError::Line { path: path.to_owned(), line: 1, what });
    }
    let row = |record: csv::StringRecord| {
        header.iter().zip(record.iter()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    reader.into_records().map(|record| record.map(row).map_err(error)).collect()
}

fn csv_error(path: &Path, error: &csv::Error) -> DataError {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let columns = if *len == 1 { "column" } else { "columns" };
            format!("it has {len} {columns} where the header line has {expected_len}; quote values that hold a comma")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8; convert the file to UTF-8".to_owned(),
        _ => error.to_string(),
    };
    DataError::Line { path: path.to_owned(), line, what }
}

fn parse_json_lines(path: &Path, text: &[u8]) -> Result<Vec<Row>, DataError> {
    let mut rows = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let fail = |what: String| DataError::Line { path: path.to_owned(), line: index as u64 + 1, what };
        let value: serde_json::Value =
            serde_json::from_slice(line).map_err(|error| fail(format!("it is not JSON: {error}")))?;
        let serde_json::Value::Object(object) = value else {
            return Err(fail("it is not a JSON object; each line wants one, for example {\"name\": \"Ada\"}".into()));
        };
        rows.push(object.into_iter().map(|(name, value)| (name, json_text(value))).collect());
    }
    Ok(rows)
}

/// A JSON value as a column's text: a string without its quotes, everything else as JSON.
fn json_text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn csv(text: &str) -> Result<Vec<Row>, DataError> {
        parse_csv(Path::new("users.csv"), text.as_bytes())
    }

    fn set(rows: usize, order: DataOrder) -> DataSet {
        let rows = (0..rows).map(|n| vec![("n".to_owned(), n.to_string())]).collect();
        DataSet { name: "n".into(), rows, order, next: AtomicU64::new(0) }
    }

    fn draw(set: &DataSet, count: usize) -> Vec<Option<String>> {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        (0..count).map(|_| set.next_row(&mut random).map(|row| row[0].1.clone())).collect()
    }

    #[test]
    fn a_source_names_its_order_last() {
        let source: DataSource = "users=a:b/users.csv:once".parse().unwrap();
        assert_eq!(source.path, PathBuf::from("a:b/users.csv"));
        assert_eq!(source.order, DataOrder::Once);
        let source: DataSource = "users=users.csv".parse().unwrap();
        assert_eq!(source.order, DataOrder::Circular);
        assert!("users.csv".parse::<DataSource>().unwrap_err().contains("NAME=FILE"));
        assert!("users=users.csv:never".parse::<DataSource>().unwrap_err().contains(":circular"));
    }

    #[test]
    fn csv_keeps_columns_by_name_and_quoted_commas() {
        let rows = csv("name,town\nAda,\"London, W1\"\n").unwrap();
        assert_eq!(rows, [vec![("name".into(), "Ada".into()), ("town".into(), "London, W1".into())]]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = csv("name,town\nAda,London\nBob\n").unwrap_err().to_string();
        assert!(error.contains("users.csv, line 3") && error.contains("1 column where"), "{error}");
        let error = csv("name,name\nAda,London\n").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("repeated"), "{error}");
        let error = parse_json_lines(Path::new("u.jsonl"), b"{\"a\":1}\n\n[1]\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("JSON object"), "{error}");
        let error = parse_json_lines(Path::new("u.jsonl"), b"{\"a\":1}\n{\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("not JSON"), "{error}");
    }

    #[test]
    fn json_lines_keep_order_and_text() {
        let rows = parse_json_lines(Path::new("u.jsonl"), b"{\"b\":\"x\",\"a\":[1,2],\"c\":null}").unwrap();
        let expected = [("b", "x"), ("a", "[1,2]"), ("c", "null")];
        assert_eq!(rows[0], expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn rows_come_in_the_order_asked_for() {
        let n = |n: usize| Some(n.to_string());
        assert_eq!(draw(&set(2, DataOrder::Once), 3), [n(0), n(1), None]);
        assert_eq!(draw(&set(2, DataOrder::Circular), 3), [n(0), n(1), n(0)]);
        let drawn = draw(&set(3, DataOrder::Random), 300);
        assert!((0..3).all(|value| drawn.iter().filter(|row| **row == n(value)).count() > 60));
        assert_eq!(drawn, draw(&set(3, DataOrder::Random), 300), "the same seed draws the same rows");
    }
}
