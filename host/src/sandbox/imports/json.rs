//! Values out of JSON bodies, without a copy of the rest: what a server sends may be made to take many times its size.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The longest pointer that leads anywhere, in bytes.
const MAX_POINTER_BYTES: usize = 16 << 10;

/// The value at an RFC 6901 pointer, as JSON text; a string without its quotes. None where the body is not JSON, or has
/// nothing there.
pub(super) fn json_at(body: &[u8], pointer: &str) -> Option<String> {
    let tokens = tokens(pointer)?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let found = At(&tokens).deserialize(&mut deserializer).ok()??;
    deserializer.end().ok()?;
    if found.get().starts_with('"') { serde_json::from_str(found.get()).ok() } else { Some(compact(found.get())) }
}

/// What a pointer's parts name; none for what is no pointer.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    if pointer.len() > MAX_POINTER_BYTES {
        return None;
    }
    let parts = pointer.strip_prefix('/')?.split('/');
    Some(parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

/// JSON without the blanks between its parts.
fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        let is_blank = !in_text && c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_text,
            '"' => in_text = !in_text,
            _ => {}
        }
        !is_blank
    };
    json.chars().filter(keep).collect()
}

/// Looks for what those tokens lead to, and passes over everything else.
#[derive(Clone, Copy)]
struct At<'t>(&'t [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if key == **first {
                // Of several keys of one name, the last one holds.
                found = map.next_value_seed(At(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let Some((first, rest)) = self.0.split_first() else { return Ok(None) };
        let is_index = first == "0" || !first.starts_with(['0', '+']);
        let wanted = first.parse::<usize>().ok().filter(|_| is_index);
        for place in 0.. {
            if wanted == Some(place) {
                match seq.next_element_seed(At(rest))? {
                    Some(element) => found = element,
                    None => break,
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_give_json_and_bare_strings() {
        let body = br#"{"data":{"id":7,"name":"Oslo","tags":["a/b"]},"":1}"#;
        assert_eq!(json_at(body, "/data/id").as_deref(), Some("7"));
        assert_eq!(json_at(body, "/data/name").as_deref(), Some("Oslo"));
        assert_eq!(json_at(body, "/data/tags/0").as_deref(), Some("a/b"));
        assert_eq!(json_at(body, "/data/tags").as_deref(), Some(r#"["a/b"]"#));
        assert_eq!(json_at(body, "/").as_deref(), Some("1"));
        assert_eq!(json_at(body, "/nothing"), None);
        assert_eq!(json_at(b"no json", ""), None);
    }

    #[test]
    fn a_pointer_finds_what_the_whole_value_has() {
        let body =
            r#" { "a~/b" : [ 1 , {"c":" x \" y ","d":null}, [] , -1.5e3 ], "e":{"a":1,"a":{"f":"é\n"}}, "t":true } "#;
        let whole: serde_json::Value = serde_json::from_str(body).unwrap();
        let pointers = [
            "",
            "/",
            "/a~0~1b",
            "/a~0~1b/0",
            "/a~0~1b/1",
            "/a~0~1b/1/c",
            "/a~0~1b/1/d",
            "/a~0~1b/2",
            "/a~0~1b/3",
            "/a~0~1b/4",
            "/a~0~1b/01",
            "/a~0~1b/-",
            "/a~0~1b/+1",
            "/e/a/f",
            "/e",
            "/t",
            "/t/x",
            "a",
            "/e/a/f/0",
        ];
        for pointer in pointers {
            let expected = whole.pointer(pointer);
            let found = json_at(body.as_bytes(), pointer);
            match expected {
                None => assert_eq!(found, None, "{pointer}"),
                Some(serde_json::Value::String(text)) => assert_eq!(found.as_ref(), Some(text), "{pointer}"),
                Some(value) => {
                    let found = found.unwrap_or_else(|| panic!("nothing at {pointer}"));
                    assert!(
                        !found.contains(": ") && serde_json::from_str::<serde_json::Value>(&found).unwrap() == *value,
                        "{found}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_has_nothing_in_it_and_depth_is_bounded() {
        for body in [&b"{\"a\":1"[..], b"{\"a\":1} x", b"{\"a\":\"\xff\"}", b"{\"a\":01}", b""] {
            assert_eq!(json_at(body, "/a"), None, "{}", String::from_utf8_lossy(body));
        }
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert_eq!(json_at(&deep, "/0/0").map(|found| found.len()), Some(2 * 99_998));
        let endless = "/0".repeat(100_000);
        assert_eq!(json_at(&deep, &endless), None);
    }
}
