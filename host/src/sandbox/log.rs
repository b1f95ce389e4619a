//! How much one virtual user may log and print.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::plan::Limits;
use crate::terminal::is_harmful;

/// What a virtual user may still log in the second that goes, by whatever way. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LogBudget(Arc<Mutex<Spent>>);

#[derive(Debug, Default)]
struct Spent {
    since: Option<Instant>,
    lines: u32,
    bytes: usize,
}

impl LogBudget {
    /// Takes a line of that many bytes out of the second's budget; false where there is no room for it.
    pub(super) fn take(&self, bytes: usize, limits: &Limits) -> bool {
        self.take_at(Instant::now(), bytes, limits)
    }

    /// Whether nothing more fits into this second, however short.
    pub(super) fn is_spent(&self, limits: &Limits) -> bool {
        let spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_now = spent.since.is_some_and(|since| since.elapsed() < Duration::from_secs(1));
        is_now && (spent.lines >= limits.max_log_lines || spent.bytes >= limits.max_log_bytes)
    }

    fn take_at(&self, now: Instant, bytes: usize, limits: &Limits) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            *spent = Spent { since: Some(now), lines: 0, bytes: 0 };
        }
        let fits = spent.lines < limits.max_log_lines && spent.bytes + bytes <= limits.max_log_bytes;
        if fits {
            spent.lines += 1;
            spent.bytes += bytes;
        }
        fits
    }
}

/// The line with nothing in it that a terminal would obey: neither what it could overwrite itself by, nor what turns the
/// order of its characters.
pub(super) fn shown(line: &str) -> Cow<'_, str> {
    let is_harmless = |c: char| c == '\t' || !is_harmful(c);
    if line.chars().all(is_harmless) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\r' => shown.push_str("\\r"),
            c if is_harmless(c) => shown.push(c),
            c => shown.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bytes_are_bounded_for_each_second() {
        let limits = Limits { max_log_lines: 3, max_log_bytes: 10, ..Limits::default() };
        let (start, budget) = (Instant::now(), LogBudget::default());
        let other = budget.clone();
        let takes = |bytes: [usize; 4], after: u64| {
            bytes.map(|bytes| other.take_at(start + Duration::from_millis(after), bytes, &limits))
        };
        assert_eq!(takes([1, 1, 1, 1], 0), [true, true, true, false]);
        assert!(!budget.take_at(start + Duration::from_millis(999), 1, &limits));
        assert_eq!(takes([8, 3, 2, 0], 1_000), [true, false, true, true]);
    }

    #[test]
    fn a_line_does_what_no_terminal_obeys() {
        assert_eq!(shown("all is\twell: ünïcödé"), "all is\twell: ünïcödé");
        assert_eq!(shown("bad\rgood"), "bad\\rgood");
        assert_eq!(shown("\u{1b}[2J\u{202e}txet"), "\\u{1b}[2J\\u{202e}txet");
    }
}
