//! Text put into the forms that a request needs: queries, forms and credentials.

/// Appends `name=value` pairs as `application/x-www-form-urlencoded` does, by the URL Standard's serializer: a space is
/// `+`, letters, digits and `*-._` stand for themselves, and every other byte is escaped.
pub(crate) fn push_pairs(out: &mut String, pairs: &[(&str, &str)]) {
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        push_component(out, name);
        out.push('=');
        push_component(out, value);
    }
}

fn push_component(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// Base64 with padding, RFC 4648 section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0u32, |group, (index, byte)| group | u32::from(*byte) << (16 - 8 * index));
        for position in 0..4 {
            if position > chunk.len() {
                out.push('=');
            } else {
                out.push(char::from(ALPHABET[(group >> (18 - 6 * position)) as usize & 63]));
            }
        }
    }
    out
}

/// `value` in lower-case hexadecimal, 16 digits.
pub(crate) fn hex(value: u64) -> String {
    (0..16).map(|digit| char::from(b"0123456789abcdef"[(value >> (60 - 4 * digit)) as usize & 15])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_escaped_as_a_form_is() {
        let mut out = String::new();
        push_pairs(&mut out, &[("q", "a b&c=d"), ("ü", "~*-._")]);
        assert_eq!(out, "q=a+b%26c%3Dd&%C3%BC=%7E*-._");
    }

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base64_agrees_with_its_rfc() {
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn hex_has_sixteen_digits() {
        assert_eq!(hex(0), "0000000000000000");
        assert_eq!(hex(0x0123_4567_89ab_cdef), "0123456789abcdef");
    }
}
