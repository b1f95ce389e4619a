//! Reading a rule's text from left to right.

use super::filter::Pattern;
use super::parse::ThresholdError;

/// Words that end a value.
const KEYWORDS: [&str; 3] = ["over", "abort", "after"];

/// How many characters an error shows of what it found.
const FOUND: usize = 24;

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    /// What is left, after spaces.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    /// Where that begins, in bytes.
    pub(super) fn position(&mut self) -> usize {
        self.rest();
        self.at
    }

    /// Takes the text where it stands next.
    pub(super) fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    /// Takes the keyword where it stands next, as a word of its own.
    pub(super) fn eat_keyword(&mut self, keyword: &str) -> bool {
        self.rest().split_whitespace().next() == Some(keyword) && self.eat(keyword)
    }

    /// Takes characters as long as they will do; spaces before them are skipped.
    pub(super) fn take(&mut self, will_do: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !will_do(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes what stands before the next keyword, without the spaces around it.
    pub(super) fn take_value(&mut self) -> &'a str {
        let rest = self.rest();
        let mut end = 0;
        for word in rest.split_inclusive(char::is_whitespace) {
            if KEYWORDS.contains(&word.trim_end()) {
                break;
            }
            end += word.len();
        }
        self.at += end;
        rest[..end].trim_end()
    }

    /// Takes a pattern: a text in quotes, or what stands before a space or one of `ends`.
    pub(super) fn take_pattern(&mut self, ends: &[char]) -> Result<Pattern, ThresholdError> {
        if self.eat("\"") {
            return self.take_quoted();
        }
        let start = self.position();
        let text = self.take(|c| !(c.is_whitespace() || c == '"' || ends.contains(&c)));
        if text.is_empty() {
            return Err(self.error_at(
                start,
                "there is no name here",
                "write one, in quotes where it has odd characters",
            ));
        }
        Ok(match text.strip_suffix('*') {
            Some(front) => Pattern::with_any_rest(front),
            None => Pattern::exactly(text),
        })
    }

    /// Takes a text up to its closing quote. A backslash makes the character after it an ordinary one.
    fn take_quoted(&mut self) -> Result<Pattern, ThresholdError> {
        let start = self.at;
        let quoted = &self.text[start..];
        let mut text = String::new();
        let mut any_rest = false;
        let mut chars = quoted.char_indices();
        while let Some((place, c)) = chars.next() {
            let escaped = c == '\\';
            let c = match c {
                '"' => {
                    self.at += place + 1;
                    let front = if any_rest { &text[..text.len() - 1] } else { &text[..] };
                    return Ok(if any_rest { Pattern::with_any_rest(front) } else { Pattern::exactly(front) });
                }
                '\\' => match chars.next() {
                    Some((_, next)) => next,
                    None => break,
                },
                c => c,
            };
            text.push(c);
            any_rest = c == '*' && !escaped;
        }
        Err(self.error_at(start, "the quote is not closed", "write `\"` at its end, and `\\\"` for one within"))
    }

    /// An error at what stands next.
    pub(super) fn error(&mut self, reason: impl Into<String>, advice: impl Into<String>) -> ThresholdError {
        let at = self.position();
        self.error_at(at, reason, advice)
    }

    /// An error at a place, in bytes.
    pub(super) fn error_at(&self, at: usize, reason: impl Into<String>, advice: impl Into<String>) -> ThresholdError {
        let before = self.text[..at].chars().count();
        let found: String = self.text[at..].chars().take(FOUND).collect();
        let place = match found.len() {
            0 => "its end".to_owned(),
            shown if at + shown < self.text.len() => format!("character {} (`{found}…`)", before + 1),
            _ => format!("character {} (`{found}`)", before + 1),
        };
        let (reason, advice) = (reason.into(), advice.into());
        ThresholdError::Malformed { text: self.text.to_owned(), place, reason, advice }
    }
}
