//! Digests, and the pins that name them: `#sha256=` and 64 hexadecimal digits behind a path or URL.

use std::fmt;

use sha2::Sha256;

/// What a pin starts with.
const MARK: &str = "#sha256=";

/// The SHA-256 digest of some bytes; printed, and read, as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits, as `sha256sum FILE` prints them")]
pub struct NoDigest;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(<Sha256 as sha2::Digest>::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Digest, NoDigest> {
        // `from_str_radix` would take a sign too.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoDigest);
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| NoDigest)?;
        }
        Ok(Digest(bytes))
    }
}

/// What a text has behind a path or URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// Nothing.
    None,
    /// A pin.
    Sha256(Digest),
    /// What was meant as a pin and is none.
    Malformed,
}

/// Takes the pin off the end of a text.
pub(super) fn split_pin(text: &str) -> (&str, Pin) {
    let Some(at) = text.rfind('#') else { return (text, Pin::None) };
    let (place, fragment) = text.split_at(at);
    // A folder's name, and not the end of the file's.
    if fragment.contains('/') {
        return (text, Pin::None);
    }
    if let Some(digits) = fragment.strip_prefix(MARK) {
        return (place, digits.parse().map_or(Pin::Malformed, Pin::Sha256));
    }
    // Files may have a # in their names; what follows it is a pin only where it is called as digests are.
    let name = fragment[1..].to_ascii_lowercase();
    let is_digest = ["sha", "md5", "blake"].iter().any(|digest| name.starts_with(digest)) && name.contains(['=', ':']);
    if is_digest || name == "sha256" { (place, Pin::Malformed) } else { (text, Pin::None) }
}

/// The place with the pin behind it, as it is written.
pub(super) fn pinned(place: &str, digest: &Digest) -> String {
    format!("{place}{MARK}{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of nothing.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digests_are_read_as_they_are_printed() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        assert_eq!(EMPTY.to_ascii_uppercase().parse(), Ok(Digest::of(b"")));
        let signed = EMPTY.replacen("e3", "+3", 1);
        for wrong in ["", &EMPTY[1..], &format!("{EMPTY}0"), &EMPTY.replace('f', "g"), &"é".repeat(32), &signed] {
            assert_eq!(wrong.parse::<Digest>(), Err(NoDigest), "{wrong}");
        }
    }

    #[test]
    fn pins_are_told_from_names_with_a_hash() {
        let digest = Digest::of(b"");
        assert_eq!(split_pin(&format!("a b/c.wasm#sha256={EMPTY}")), ("a b/c.wasm", Pin::Sha256(digest)));
        assert_eq!(split_pin(&format!("a#1.wasm#sha256={EMPTY}")), ("a#1.wasm", Pin::Sha256(digest)));
        assert_eq!(split_pin(&pinned("c.wasm", &digest)), ("c.wasm", Pin::Sha256(digest)));
        for plain in ["c.wasm", "a#1.wasm", "notes#", "#shapes.wasm", "a#sha256=1/c.wasm", ""] {
            assert_eq!(split_pin(plain), (plain, Pin::None));
        }
        for pin in ["#sha256=", "#sha256", "#sha256=12", "#sha256:12", "#SHA256=12", "#sha512=12", "#md5=12"] {
            assert_eq!(split_pin(&format!("c.wasm{pin}")), ("c.wasm", Pin::Malformed), "{pin}");
        }
    }
}
