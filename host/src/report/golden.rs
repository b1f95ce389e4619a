//! Texts that outputs are compared with, kept as files beside them.

use std::path::Path;

/// As [`check_in`], for the golden files of reports.
pub(crate) fn check(name: &str, actual: &str) {
    check_in("report", name, actual);
}

/// Compares a text with the golden file of that name of a module, and shows where they part. With `UPDATE_GOLDEN=1` in
/// the environment it writes the file instead.
pub(crate) fn check_in(module: &str, name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module).join("golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap_or_else(|error| panic!("failed to write {}: {error}", path.display()));
        return;
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("failed to read {}: {error}; UPDATE_GOLDEN=1 makes it", path.display()));
    assert!(actual == expected, "{name} changed; UPDATE_GOLDEN=1 accepts it:\n{}", difference(&expected, actual));
}

/// The lines that differ, between those at the start and the end that don't.
fn difference(expected: &str, actual: &str) -> String {
    let expected: Vec<&str> = expected.split('\n').collect();
    let actual: Vec<&str> = actual.split('\n').collect();
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(left, right)| left == right).count();
    let front = same(&mut expected.iter().zip(&actual));
    let shorter = expected.len().min(actual.len());
    let back = same(&mut expected.iter().rev().zip(actual.iter().rev())).min(shorter - front);
    let lines = |mark: &str, lines: &[&str]| lines.iter().map(|line| format!("{mark} {line}\n")).collect::<String>();
    let before = lines("-", &expected[front..expected.len() - back]);
    let after = lines("+", &actual[front..actual.len() - back]);
    format!("at line {}:\n{before}{after}", front + 1)
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(difference("a\nb\nc", "a\nx\ny\nc"), "at line 2:\n- b\n+ x\n+ y\n");
        assert_eq!(difference("a\na", "a\na\na"), "at line 3:\n+ a\n");
    }
}
