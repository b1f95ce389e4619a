//! As much of a body as is shown.

use std::borrow::Cow;

use crate::secrets::Secrets;

/// How far behind a cut a secret is looked for that begins before it, in bytes. Lines of a secret are hidden one by
/// one, so it is a line that has to fit.
const ACROSS_CUT: usize = 16 << 10;

/// The beginning of a body, its secrets hidden.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Whether the body goes on.
    pub(super) cut: bool,
}

impl<'a> Beginning<'a> {
    /// How much of a body has to be at hand so that its first `limit` bytes can be shown.
    pub(super) fn reach(limit: usize) -> usize {
        limit.saturating_add(ACROSS_CUT)
    }

    /// The first `limit` bytes of a body of `size` bytes, of which all or the first [`Beginning::reach`] are given.
    pub(super) fn new(body: &'a [u8], size: u64, limit: usize, secrets: &Secrets) -> Self {
        let cut = size > limit as u64;
        let given = &body[..body.len().min(Self::reach(limit))];
        let bytes = match secrets.mask_bytes(given) {
            Cow::Borrowed(_) => Cow::Borrowed(&given[..given.len().min(limit)]),
            Cow::Owned(masked) if given.len() <= limit => Cow::Owned(masked),
            Cow::Owned(masked) => Cow::Owned(before(masked, &secrets.mask_bytes(&given[limit..]))),
        };
        Beginning { bytes, cut }
    }

    /// It as text; none where it isn't. A character that was cut in two is left out.
    pub(super) fn text(&self) -> Option<&str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text),
            Err(error) if self.cut && error.error_len().is_none() => {
                std::str::from_utf8(&self.bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        }
    }
}

/// What of a body stands before its rest, both with their secrets hidden. The rest by itself shows the end of a secret
/// that lies across the cut; there the two part, and the secret is left to what stands before.
fn before(mut body: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    let same = body.iter().rev().zip(rest.iter().rev()).take_while(|(left, right)| left == right).count();
    body.truncate(body.len() - same);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(secret: &str) -> Secrets {
        Secrets::new([("name".to_owned(), secret.to_owned())])
    }

    fn shown(body: &[u8], limit: usize, secrets: &Secrets) -> (Vec<u8>, bool) {
        let given = &body[..body.len().min(Beginning::reach(limit))];
        let beginning = Beginning::new(given, body.len() as u64, limit, secrets);
        (beginning.bytes.into_owned(), beginning.cut)
    }

    #[test]
    fn a_cut_never_shows_a_part_of_a_secret() {
        let secrets = secrets("s3cret");
        let body = b"one s3cret, two s3cret, three";
        for limit in 0..=body.len() + 2 {
            let (bytes, cut) = shown(body, limit, &secrets);
            let text = String::from_utf8(bytes).expect("text");
            assert!("one ***, two ***, three".starts_with(&text), "{limit}: {text}");
            assert_eq!(cut, limit < body.len());
            // Only what lies in a secret is lost to the cut.
            assert!(text.len() + 2 * 6 >= limit.min(body.len()), "{limit}: {text}");
        }
    }

    #[test]
    fn a_cut_never_shows_a_part_of_an_encoded_secret() {
        let secrets = secrets("p@ss w");
        let body = b"a=p%40ss+w&b=1";
        for limit in 0..=body.len() {
            let (bytes, _) = shown(body, limit, &secrets);
            assert!(b"a=***&b=1".starts_with(&bytes), "{limit}: {}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_character_may_be_cut_but_not_broken() {
        let none = secrets("");
        let text = |bytes: &[u8], size| Beginning::new(bytes, size, 4, &none).text().map(str::to_owned);
        assert_eq!(text("abcé".as_bytes(), 5).as_deref(), Some("abc"));
        assert_eq!(text("ab\u{e9}x".as_bytes(), 5).as_deref(), Some("abé"));
        assert_eq!(text(b"abc\xc3", 4), None);
        assert_eq!(text(b"a\xffbcd", 5), None);
        assert_eq!(text(b"", 0).as_deref(), Some(""));
    }
}
