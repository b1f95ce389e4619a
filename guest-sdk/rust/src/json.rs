//! Writes JSON: enough for a request's body, at a few kilobytes of code.
//!
//! For more, add `serde_json`: its text goes into [`RequestBuilder::json_text`](crate::RequestBuilder::json_text), and its
//! errors become a failure with `?`.

/// What can be written as JSON.
pub trait ToJson {
    /// Appends the value to the text.
    fn write_json(&self, out: &mut String);

    /// The value as JSON text.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }
}

/// JSON text as it stands: what [`object!`](crate::object) gives, and what may be put inside another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// That text, which the caller knows to be JSON.
    pub fn raw(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ToJson for Json {
    fn write_json(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl ToJson for str {
    fn write_json(&self, out: &mut String) {
        out.push('"');
        for character in self.chars() {
            push_escaped(out, character);
        }
        out.push('"');
    }
}

fn push_escaped(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        control @ '\0'..='\u{1f}' => {
            let code = control as usize;
            out.push_str("\\u00");
            out.push(if code < 16 { '0' } else { '1' });
            out.push(char::from(b"0123456789abcdef"[code & 15]));
        }
        other => out.push(other),
    }
}

impl ToJson for String {
    fn write_json(&self, out: &mut String) {
        self.as_str().write_json(out);
    }
}

impl ToJson for bool {
    fn write_json(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

/// `null` where there is none.
impl<T: ToJson> ToJson for Option<T> {
    fn write_json(&self, out: &mut String) {
        match self {
            Some(value) => value.write_json(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write_json(&self, out: &mut String) {
        (**self).write_json(out);
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write_json(&self, out: &mut String) {
        out.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write_json(out);
        }
        out.push(']');
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

macro_rules! integers_to_json {
    ($($integer:ty)*) => {$(
        impl ToJson for $integer {
            fn write_json(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }
        }
    )*};
}

integers_to_json!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

/// `null` for what JSON has no number for: infinities and what is not a number.
impl ToJson for f64 {
    fn write_json(&self, out: &mut String) {
        if self.is_finite() {
            out.push_str(&self.to_string());
        } else {
            out.push_str("null");
        }
    }
}

/// Writes a JSON object: names, and values that are [`ToJson`].
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// let name = "Ann \"the fast\"";
/// let body = object! { "name": name, "age": 41, "tags": ["a", "b"], "address": object! { "city": "Bern" } };
/// assert_eq!(
///     body.as_str(),
///     r#"{"name":"Ann \"the fast\"","age":41,"tags":["a","b"],"address":{"city":"Bern"}}"#
/// );
/// ```
#[macro_export]
macro_rules! object {
    ($($name:literal : $value:expr),* $(,)?) => {{
        let fields: &[(&str, &dyn $crate::json::ToJson)] = &[$(($name, &$value)),*];
        $crate::json::object(fields)
    }};
}

/// A JSON object of those fields, in their order; [`object!`](crate::object) is the shorter way to it.
pub fn object(fields: &[(&str, &dyn ToJson)]) -> Json {
    let mut out = String::from("{");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        name.write_json(&mut out);
        out.push(':');
        value.write_json(&mut out);
    }
    out.push('}');
    Json(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!("a\"b\\c\n\r\t\u{1}\u{1f}é/".to_json(), r#""a\"b\\c\n\r\t\u0001\u001fé/""#);
    }

    #[test]
    fn numbers_that_json_lacks_are_null() {
        assert_eq!([1.5, f64::NAN, f64::INFINITY, 1e21].to_json(), "[1.5,null,null,1000000000000000000000]");
    }

    #[test]
    fn objects_nest_and_may_be_empty() {
        assert_eq!(object(&[]).as_str(), "{}");
        let body = object! { "a\"": None::<u8>, "b": vec![true, false], "c": object! { "d": -1 } };
        assert_eq!(body.as_str(), r#"{"a\"":null,"b":[true,false],"c":{"d":-1}}"#);
    }
}
