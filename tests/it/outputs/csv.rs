//! Reads tables as the standard (RFC 4180) describes them: what this program wrote, others have to be able to read.

use std::path::Path;

/// A table with a header line.
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Row>,
}

/// One of its rows.
#[derive(Clone)]
pub(super) struct Row(Vec<(String, String)>);

impl Table {
    /// Reads a file.
    #[track_caller]
    pub(super) fn read(path: &Path) -> Table {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut lines = records(&text).into_iter();
        let header = lines.next().expect("a header line");
        let rows = lines.map(|cells| {
            assert_eq!(cells.len(), header.len(), "{cells:?} in {}", path.display());
            Row(header.iter().cloned().zip(cells).collect())
        });
        Table { rows: rows.collect(), header }
    }

    /// The columns' names, with commas between them.
    pub(super) fn header(&self) -> String {
        self.header.join(",")
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The last row, and those before it.
    #[track_caller]
    pub(super) fn split_last(&self) -> (&[Row], &Row) {
        let (last, rows) = self.rows.split_last().expect("a row");
        (rows, last)
    }

    /// The sum of a column of whole numbers.
    pub(super) fn sum(&self, column: &str) -> u64 {
        self.rows.iter().map(|row| row.count(column)).sum()
    }
}

impl Row {
    /// The cell in that column.
    #[track_caller]
    pub(super) fn text(&self, column: &str) -> &str {
        let cell = self.0.iter().find(|(name, _)| name == column);
        cell.map(|(_, cell)| cell.as_str()).unwrap_or_else(|| panic!("no column {column}"))
    }

    /// The whole number in that column.
    #[track_caller]
    pub(super) fn count(&self, column: &str) -> u64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("{column} is {}", self.text(column)))
    }
}

/// Takes records apart. A quoted cell may hold commas, line ends and, doubled, quotes.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted => assert_eq!(characters.peek(), Some(&'\n'), "half a line end in {text:?}"),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            other => cell.push(other),
        }
    }
    assert!(!quoted && cell.is_empty() && record.is_empty(), "the end is missing: {text:?}");
    records
}

#[test]
fn quoted_cells_are_read_whole() {
    let text = "a,b\r\n\"x,\"\"y\"\"\r\nz\",\r\n";
    assert_eq!(records(text), [["a", "b"], ["x,\"y\"\r\nz", ""]]);
}
