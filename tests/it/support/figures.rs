//! Figures out of a summary.

use serde_json::Value;

/// What the scenario `cities` says of a city that somebody else got.
pub(crate) const MISMATCH: &str = "the city added is not there for its owner";

/// The whole number at that pointer.
#[track_caller]
pub(crate) fn count(summary: &Value, pointer: &str) -> u64 {
    summary.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no count {pointer} in {summary:#}"))
}

/// The number at that pointer.
#[track_caller]
pub(crate) fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {pointer} in {value:#}"))
}

/// The rows of that table.
#[track_caller]
pub(crate) fn rows<'a>(summary: &'a Value, table: &str) -> &'a [Value] {
    summary[table].as_array().unwrap_or_else(|| panic!("no table {table} in {summary:#}"))
}

/// The requests of that method and name.
#[track_caller]
pub(crate) fn request<'a>(summary: &'a Value, method: &str, name: &str) -> &'a Value {
    let mut found = rows(summary, "requests").iter().filter(|row| row["method"] == method && row["name"] == name);
    match (found.next(), found.next()) {
        (Some(row), None) => row,
        _ => panic!("not exactly one row {method} {name} in {:#}", summary["requests"]),
    }
}

/// How many failures of that scope (`request`, `iteration` and so on) there were for each kind and reason, in the order
/// of the summary.
#[track_caller]
pub(crate) fn failures<'a>(summary: &'a Value, scope: &str) -> Vec<(&'a str, &'a str, u64)> {
    let text = |row: &'a Value, field: &str| row[field].as_str().unwrap_or_else(|| panic!("no {field} in {row}"));
    rows(summary, "failures")
        .iter()
        .filter(|row| row["scope"] == scope)
        .map(|row| (text(row, "kind"), text(row, "reason"), count(row, "/count")))
        .collect()
}
