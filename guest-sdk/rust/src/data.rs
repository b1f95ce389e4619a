//! Rows of the files that the run was given with `--data NAME=FILE`. The host holds one copy for all virtual users.

use crate::bindings::data as host;
use crate::failure::{Failure, Outcome};

/// The next row by the order that the run gave for these data: once each, in a circle, or at random. None where every
/// row was handed out, and they are given out once each. Traps where the run has no data of that name.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn login() -> Outcome {
///     let account = next_row("accounts").or_fail("out of accounts")?;
///     post("/login").form(&[("username", account.get("username")?)]).send().expect_status(200)
/// }
/// ```
pub fn next_row(name: &str) -> Option<Row> {
    host::next_row(name).map(|columns| Row { columns })
}

/// How many rows there are. Traps where the run has no data of that name.
pub fn row_count(name: &str) -> u32 {
    host::row_count(name)
}

/// A row's columns, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: Vec<(String, String)>,
}

impl Row {
    /// The value in that column.
    ///
    /// # Errors
    /// Where the data have no such column.
    pub fn get(&self, column: &str) -> Outcome<&str> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| Failure::new(["the data have no column ", column].concat()))
    }

    /// The columns, as name and value.
    pub fn columns(&self) -> &[(String, String)] {
        &self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name() {
        let row = Row { columns: vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())] };
        assert_eq!(row.get("b"), Ok("2"));
        assert_eq!(row.get("c"), Err(Failure::new("the data have no column c")));
    }
}
