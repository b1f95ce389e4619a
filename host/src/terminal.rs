//! What a terminal makes of characters.

/// Whether a terminal would obey a character, or it reorders or hides what stands beside it.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obeyed_or_misleads_is_told_from_text() {
        for c in ['\0', '\t', '\n', '\x1b', '\x7f', '\u{9b}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}'] {
            assert!(is_harmful(c), "{c:?}");
        }
        for c in [' ', 'a', 'é', '\u{a0}', '…', '\u{fe0f}', '🙂', '\u{fffd}'] {
            assert!(!is_harmful(c), "{c:?}");
        }
    }
}
