//! The escapes that a character may stand in: those of URLs, of JSON and program text, and of HTML.
//!
//! A text doesn't say which rules it was written by, so every reading counts that some rule allows.

/// How often a text may be escaped anew: `%2F` within another URL is `%252F`, and within that one `%25252F`.
const MAX_DEPTH: usize = 3;

/// The backslashes that come of escaping a backslash twice.
const MAX_BACKSLASHES: usize = 4;

/// The most bytes between an entity's `&` and its `;`: a code point, and zeros before it.
const MAX_ENTITY_BYTES: usize = 10;

/// Whether an escape can begin with that byte.
pub(super) fn begin_with(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Calls `found` for each escape that `text` can begin with: what it stands for, and its length in bytes.
pub(super) fn read(text: &[u8], found: &mut impl FnMut(&[u8], usize)) {
    match text.first() {
        Some(b'%') => read_percent(text, found),
        Some(b'\\') => read_backslash(text, found),
        Some(b'&') => read_entity(text, found),
        _ => {}
    }
}

/// `%2F`, `%2f`, and `%252F` where it was encoded again.
fn read_percent(text: &[u8], found: &mut impl FnMut(&[u8], usize)) {
    let mut start = 1;
    for _ in 0..MAX_DEPTH {
        if let Some(byte) = byte(text, start) {
            found(&[byte], start + 2);
        }
        if !text[start..].starts_with(b"25") {
            return;
        }
        start += 2;
    }
}

/// `\"`, `\/`, `\n`, `\u00e9`, `\ud83d\ude00` as in JSON; `\'`, `\xe9` and `\u{e9}` as in program text. All with more
/// backslashes where they were escaped again.
fn read_backslash(text: &[u8], found: &mut impl FnMut(&[u8], usize)) {
    for start in 1..=MAX_BACKSLASHES {
        let (b'\\', Some(&kind)) = (text[start - 1], text.get(start)) else {
            return;
        };
        match kind {
            b'b' => found(b"\x08", start + 1),
            b'f' => found(b"\x0c", start + 1),
            b'n' => found(b"\n", start + 1),
            b'r' => found(b"\r", start + 1),
            b't' => found(b"\t", start + 1),
            b'u' => read_code_point(text, start, found),
            b'x' => read_byte(text, start, found),
            _ if kind.is_ascii_punctuation() => found(&[kind], start + 1),
            _ => {}
        }
    }
}

/// What follows `start` backslashes: `u00e9`, `ud83d\ude00` or `u{e9}`.
fn read_code_point(text: &[u8], start: usize, found: &mut impl FnMut(&[u8], usize)) {
    let digits = start + 1;
    if text.get(digits) == Some(&b'{') {
        let inside = &text[digits + 1..];
        if let Some(end) = inside.iter().take(MAX_ENTITY_BYTES).position(|byte| *byte == b'}') {
            found_code_point(number(&inside[..end], 16), digits + end + 2, found);
        }
        return;
    }
    let code_unit = |at: usize| number(text.get(at..at + 4)?, 16);
    let Some(high) = code_unit(digits) else {
        return;
    };
    let second = digits + 4;
    if !(0xd800..0xdc00).contains(&high) {
        found_code_point(Some(high), second, found);
    } else if text[second..].starts_with(&text[..digits]) {
        let low = code_unit(second + digits).filter(|low| (0xdc00..0xe000).contains(low));
        let pair = low.map(|low| 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        found_code_point(pair, second + digits + 4, found);
    }
}

/// What follows `start` backslashes: `xe9`, which is a byte in some languages and a code point in others.
fn read_byte(text: &[u8], start: usize, found: &mut impl FnMut(&[u8], usize)) {
    if let Some(byte) = byte(text, start + 1) {
        found(&[byte], start + 3);
        if !byte.is_ascii() {
            found_code_point(Some(byte.into()), start + 3, found);
        }
    }
}

/// `&quot;`, `&#34;`, `&#x22;`, and `&amp;quot;` where it was escaped again.
fn read_entity(text: &[u8], found: &mut impl FnMut(&[u8], usize)) {
    let mut start = 1;
    for _ in 0..MAX_DEPTH {
        let rest = &text[start..];
        let Some(end) = rest.iter().take(MAX_ENTITY_BYTES).position(|byte| *byte == b';') else {
            return;
        };
        let code_point = match &rest[..end] {
            [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
            [b'#', digits @ ..] => number(digits, 10),
            b"amp" => Some(u32::from(b'&')),
            b"apos" => Some(u32::from(b'\'')),
            b"gt" => Some(u32::from(b'>')),
            b"lt" => Some(u32::from(b'<')),
            b"quot" => Some(u32::from(b'"')),
            _ => None,
        };
        found_code_point(code_point, start + end + 1, found);
        if &rest[..end] != b"amp" {
            return;
        }
        start += end + 1;
    }
}

fn found_code_point(code_point: Option<u32>, length: usize, found: &mut impl FnMut(&[u8], usize)) {
    if let Some(character) = code_point.and_then(char::from_u32) {
        found(character.encode_utf8(&mut [0; 4]).as_bytes(), length);
    }
}

/// The byte that the two hexadecimal digits at that place make.
fn byte(text: &[u8], start: usize) -> Option<u8> {
    number(text.get(start..start + 2)?, 16).and_then(|number| u8::try_from(number).ok())
}

/// The number that the digits make; none where there are none, other characters among them, or too many.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digit = |number: u32, byte: &u8| number.checked_mul(radix)?.checked_add(char::from(*byte).to_digit(radix)?);
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, digit)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the text can begin with, and the lengths.
    fn readings(text: &str) -> Vec<(String, usize)> {
        let mut readings = Vec::new();
        read(text.as_bytes(), &mut |bytes, length| readings.push((bytes.escape_ascii().to_string(), length)));
        readings
    }

    fn assert_reads(text: &str, expected: &[(&str, usize)]) {
        let expected: Vec<_> = expected.iter().map(|(bytes, length)| ((*bytes).to_owned(), *length)).collect();
        assert_eq!(readings(text), expected, "{text}");
    }

    #[test]
    fn percent_encoding_has_both_cases_and_depth() {
        assert_reads("%2F.", &[("/", 3)]);
        assert_reads("%2f", &[("/", 3)]);
        assert_reads("%C3%A9", &[("\\xc3", 3)]);
        assert_reads("%252F", &[("%", 3), ("/", 5)]);
        assert_reads("%25252525", &[("%", 3), ("%", 5), ("%", 7)]);
        for text in ["%", "%2", "%+1", "%g0", "2F"] {
            assert_reads(text, &[]);
        }
    }

    #[test]
    fn backslashes_escape_as_in_json_and_program_text() {
        assert_reads(r#"\".."#, &[("\\\"", 2)]);
        assert_reads(r"\/", &[("/", 2)]);
        assert_reads(r"\n", &[("\\n", 2)]);
        assert_reads(r"\u0026", &[("&", 6)]);
        assert_reads(r"\u00E9", &[("\\xc3\\xa9", 6)]);
        assert_reads(r"\ud83d\ude00!", &[("\\xf0\\x9f\\x98\\x80", 12)]);
        assert_reads(r"\u{1F600}", &[("\\xf0\\x9f\\x98\\x80", 9)]);
        assert_reads(r"\x41", &[("A", 4)]);
        assert_reads(r"\xe9", &[("\\xe9", 4), ("\\xc3\\xa9", 4)]);
        for text in [r"\", r"\a", r"\u12", r"\ud83d", r"\ud83d\u0041", r"\ude00", r"\u{}", r"\u{110000}", r"\xg0"] {
            assert_reads(text, &[]);
        }
    }

    #[test]
    fn backslashes_are_escaped_again() {
        assert_reads(r#"\\\""#, &[("\\\\", 2), ("\\\\", 3), ("\\\"", 4)]);
        assert_reads(r"\\n", &[("\\\\", 2), ("\\n", 3)]);
        assert_reads(r"\\ud83d\\ude00", &[("\\\\", 2), ("\\xf0\\x9f\\x98\\x80", 14)]);
    }

    #[test]
    fn entities_have_names_and_numbers() {
        for text in ["&quot;", "&#34;", "&#034;", "&#x22;", "&#X22;"] {
            assert_reads(text, &[("\\\"", text.len())]);
        }
        assert_reads("&#233;", &[("\\xc3\\xa9", 6)]);
        assert_reads("&amp;quot;", &[("&", 5), ("\\\"", 10)]);
        assert_reads("&amp;amp;lt;", &[("&", 5), ("&", 9), ("<", 12)]);
        for text in ["&", "&quot", "&;", "&#;", "&#x;", "&#xd800;", "&#99999999;", "&nothing;", "a&lt;"] {
            assert_reads(text, &[]);
        }
    }
}
