//! Values that scenarios may use and nobody may print.
//!
//! This module owns them, and finds them in whatever text has them in it, also escaped or encoded. It must not know
//! where texts come from or go to.

mod beginnings;
mod effort;
mod escapes;
mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use beginnings::Beginnings;
use effort::Effort;
use pattern::Pattern;

/// What stands in a text where a secret stood.
const MASK: &str = "***";

/// The shortest line of a secret with several that is hidden by itself.
const MIN_LINE_BYTES: usize = 8;

/// Secrets by name.
///
/// They are hidden as they are, in lower case as names of hosts are made, and where any of their characters is escaped, even twice, as URLs and forms, JSON,
/// program text or HTML do. Those of 4 bytes and more are hidden in hexadecimal and base64 too, whatever was encoded
/// with them; shorter ones would be found where there is no secret.
///
/// What is done for a text is in proportion to its length. Where that is not enough, since text and secret repeat
/// themselves over and over in the same way, the rest of the text is hidden.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    patterns: Vec<Pattern>,
    beginnings: Beginnings,
}

impl Secrets {
    /// Secrets of these names and values.
    ///
    /// Of one with several lines each line is hidden too, since logs print them one by one; those of a few characters
    /// are not, for they would hide what is no secret.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Secrets {
        let values: BTreeMap<String, String> = values.into_iter().collect();
        let lines = values.values().flat_map(|value| value.lines()).filter(|line| line.len() >= MIN_LINE_BYTES);
        let hidden: BTreeSet<&str> = values.values().map(String::as_str).chain(lines).collect();
        let lower_case = hidden.iter().filter_map(|text| lower_case(text));
        let mut patterns: Vec<Pattern> = hidden.iter().flat_map(|text| Pattern::all(text.as_bytes())).collect();
        patterns.extend(lower_case.filter_map(|text| Pattern::plain(text.as_bytes())));
        let beginnings = Beginnings::new(&patterns);
        Secrets { values, patterns, beginnings }
    }

    /// The secret of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The text with every secret in it hidden.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// The bytes with every secret in them hidden, for what need not be text.
    pub fn mask_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let found = self.find(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut shown = 0;
        for secret in found {
            masked.extend_from_slice(&bytes[shown..secret.start]);
            masked.extend_from_slice(MASK.as_bytes());
            shown = secret.end;
        }
        masked.extend_from_slice(&bytes[shown..]);
        Cow::Owned(masked)
    }

    /// Where secrets are, in order and apart from each other. One that overlaps another makes one place with it.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        let mut effort = Effort::for_text(bytes);
        let mut searched = 0;
        while let Some(start) = self.beginnings.next(bytes, searched) {
            self.find_at(bytes, start, &mut places, &mut effort);
            searched = start + 1;
            if effort.is_spent() {
                // The digit before may be shared with a secret in base64.
                let digit = start.checked_sub(1).filter(|before| bytes[*before].is_ascii());
                join(&mut places, digit.unwrap_or(start)..bytes.len());
                break;
            }
        }
        places
    }

    /// Adds to the places what begins at this one.
    fn find_at(&self, bytes: &[u8], start: usize, places: &mut Vec<Range<usize>>, effort: &mut Effort) {
        let byte = bytes[start];
        let mut find_from = |first: u8| {
            for &index in self.beginnings.with(first) {
                if let Some(found) = self.patterns[index].find(bytes, start, effort) {
                    join(places, found);
                }
            }
        };
        find_from(byte);
        escapes::read(&bytes[start..], &mut |unescaped, _| {
            // Patterns that begin with the byte itself were looked for, by all readings of it.
            if unescaped[0] != byte {
                find_from(unescaped[0]);
            }
        });
    }
}

/// The text as it stands where it was taken for the name of a host; none where that is the same.
fn lower_case(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    // A short one without digits may be a word, which stands in many texts.
    let is_no_word = text.len() >= MIN_LINE_BYTES || text.len() >= 4 && text.contains(|c: char| c.is_ascii_digit());
    (is_no_word && lower != text).then_some(lower)
}

/// Adds a place to others that are in order and apart from each other; they are so afterwards too.
fn join(places: &mut Vec<Range<usize>>, mut found: Range<usize>) {
    while let Some(last) = places.pop_if(|last| found.start < last.end) {
        found = last.start.min(found.start)..last.end.max(found.end);
    }
    places.push(found);
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}
