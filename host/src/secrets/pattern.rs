//! The forms in which one secret may stand in a text, and where a text has one.

use std::ops::Range;

use super::effort::Effort;
use super::escapes;

/// The shortest secret that is looked for in base64 and hexadecimal, in bytes: so many bits that other texts hardly
/// have them by chance.
const MIN_ENCODED_BYTES: usize = 4;

/// All six bits of a base64 digit.
const SEXTET: u8 = 0x3f;

/// One form of a secret. Whatever the form, each of its characters may be escaped.
#[derive(Clone)]
pub(super) struct Pattern {
    form: Form,
    /// Never empty.
    units: Vec<u8>,
}

/// What the units of a pattern are.
#[derive(Clone, Copy)]
enum Form {
    /// The secret's bytes.
    Plain,
    /// The values of hexadecimal digits.
    Hexadecimal,
    /// The values of base64 digits, from the first that is the secret's alone.
    Base64 {
        /// Whether the digit before them has bits of the secret too.
        shares_first: bool,
        /// The bits of the last digit that are the secret's.
        last_mask: u8,
    },
}

impl Pattern {
    /// The forms of a secret; none of an empty one.
    pub(super) fn all(secret: &[u8]) -> Vec<Pattern> {
        let mut patterns: Vec<Pattern> = Pattern::plain(secret).into_iter().collect();
        if secret.len() >= MIN_ENCODED_BYTES {
            let digits = secret.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
            patterns.push(Pattern { form: Form::Hexadecimal, units: digits });
            patterns.extend((0..3).map(|before| Pattern::base64(secret, before)));
        }
        patterns
    }

    /// The secret as it is; none where it is empty.
    pub(super) fn plain(secret: &[u8]) -> Option<Pattern> {
        (!secret.is_empty()).then(|| Pattern { form: Form::Plain, units: secret.to_vec() })
    }

    /// The secret in base64, behind so many other bytes modulo 3.
    fn base64(secret: &[u8], before: usize) -> Pattern {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
        let digits = bytes.chunks(3).flat_map(|chunk| {
            let group = |index: usize| chunk.get(index).copied().unwrap_or(0);
            let (a, b, c) = (group(0), group(1), group(2));
            [a >> 2, (a << 4 | b >> 4) & SEXTET, (b << 2 | c >> 6) & SEXTET, c & SEXTET]
        });
        let bits = bytes.len() * 8;
        let (first, end) = ((before * 8).div_ceil(6), bits.div_ceil(6));
        let last_mask = SEXTET << (end * 6 - bits) & SEXTET;
        let form = Form::Base64 { shares_first: before > 0, last_mask };
        Pattern { form, units: digits.take(end).skip(first).collect() }
    }

    /// Whether a text that has this pattern can begin with that byte, unescaped.
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        self.accepts(0, byte)
    }

    /// Whether a text that has this pattern can have that byte behind the first one, neither of them escaped.
    pub(super) fn goes_on_with(&self, byte: u8) -> bool {
        self.units.len() == 1 || self.accepts(1, byte)
    }

    /// What has to be hidden where the text has this pattern at that place. Once the effort is spent, it may
    /// miss some.
    pub(super) fn find(&self, text: &[u8], start: usize, effort: &mut Effort) -> Option<Range<usize>> {
        let end = self.end(text, start, effort)?;
        let shares_first = matches!(self.form, Form::Base64 { shares_first: true, .. });
        let before = start.checked_sub(1).filter(|before| shares_first && sextet(text[*before]).is_some());
        Some(before.unwrap_or(start)..end)
    }

    /// Where the pattern ends that begins at that place.
    fn end(&self, text: &[u8], start: usize, effort: &mut Effort) -> Option<usize> {
        // Most attempts end within a few bytes, and most texts have no escapes: there is but one way to read them.
        let ends = |(index, byte): (usize, &u8)| escapes::begin_with(*byte) || !self.accepts(index, *byte);
        let here = &text[start..text.len().min(start + self.units.len())];
        let same = here.iter().enumerate().position(ends).unwrap_or(here.len());
        effort.compared(same + 1);
        let place = start + same;
        if same == self.units.len() {
            return Some(place);
        }
        let escaped = text.get(place).is_some_and(|byte| escapes::begin_with(*byte));
        if escaped { self.end_in_escapes(text, same, place, effort) } else { None }
    }

    /// Where the pattern ends whose unit `index` stands at that place, by the reading that goes furthest.
    fn end_in_escapes(&self, text: &[u8], index: usize, place: usize, effort: &mut Effort) -> Option<usize> {
        let mut end = None;
        // Readings that met at one unit and place go on as one, so they can't multiply. The last is the least advanced.
        let mut readings = vec![(index, place)];
        while let Some((index, place)) = readings.pop() {
            if index == self.units.len() {
                end = end.max(Some(place));
                continue;
            }
            effort.read(readings.len());
            if effort.is_spent() {
                break;
            }
            let mut go_on = |bytes: &[u8], length: usize| {
                let after = index + bytes.len();
                if after <= self.units.len() && (index..).zip(bytes).all(|(index, byte)| self.accepts(index, *byte)) {
                    let reading = (after, place + length);
                    if let Err(rank) = readings.binary_search_by(|other| reading.cmp(other)) {
                        readings.insert(rank, reading);
                    }
                }
            };
            if let Some(literal) = text.get(place..=place) {
                go_on(literal, 1);
                escapes::read(&text[place..], &mut go_on);
            }
        }
        end
    }

    fn accepts(&self, index: usize, byte: u8) -> bool {
        let unit = self.units[index];
        match self.form {
            // A form has `+` where a blank was.
            Form::Plain => byte == unit || (byte == b'+' && unit == b' '),
            Form::Hexadecimal => char::from(byte).to_digit(16) == Some(unit.into()),
            Form::Base64 { last_mask, .. } => {
                let mask = if index + 1 == self.units.len() { last_mask } else { SEXTET };
                sextet(byte).is_some_and(|sextet| sextet & mask == unit)
            }
        }
    }
}

/// The value of a base64 digit, of the standard alphabet or that for URLs.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
