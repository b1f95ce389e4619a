//! Bodies of several parts, as a browser sends a form that has files in it: RFC 7578.

use std::fmt::Write as _;

/// What stands between the parts, and a number behind it where one of them has that in it.
const BOUNDARY: &str = "wasmload-multipart-boundary";

/// A form with files, for [`RequestBuilder::multipart`](crate::RequestBuilder::multipart). Parts are sent in the order
/// added, and nothing in them is changed; in names `"` and line breaks are escaped as browsers do.
///
/// Equal forms give equal bodies, boundary included: it is no matter of chance, and none that a part has in it.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn upload(picture: &[u8]) -> Outcome {
///     let form = Multipart::new().text("title", "The old town").file("picture", "bern.jpg", "image/jpeg", picture);
///     post("/pictures").multipart(&form).send().expect_status(201)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multipart {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// From `Content-Disposition` to the empty line.
    head: String,
    content: Vec<u8>,
}

impl Multipart {
    /// A form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field, as a form's input has one.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.add(name, None, None, value.into())
    }

    /// Adds a file. Where the content type is empty, or has more in it than printable ASCII, it is
    /// `application/octet-stream`.
    pub fn file(self, name: &str, file_name: &str, content_type: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add(name, Some(file_name), Some(content_type), content.into())
    }

    /// Adds a part with a content type and no file name, for example JSON. See [`file`](Self::file) for content types.
    pub fn part(self, name: &str, content_type: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add(name, None, Some(content_type), content.into())
    }

    fn add(mut self, name: &str, file_name: Option<&str>, content_type: Option<&str>, content: Vec<u8>) -> Self {
        let mut head = String::from("Content-Disposition: form-data");
        push_parameter(&mut head, "name", name);
        if let Some(file_name) = file_name {
            push_parameter(&mut head, "filename", file_name);
        }
        if let Some(content_type) = content_type {
            head.push_str("\r\nContent-Type: ");
            head.push_str(checked(content_type));
        }
        head.push_str("\r\n\r\n");
        self.parts.push(Part { head, content });
        self
    }

    /// The header `content-type`, and the body.
    pub(crate) fn encode(&self) -> (String, Vec<u8>) {
        let boundary = self.boundary();
        let size = |part: &Part| part.head.len() + part.content.len() + boundary.len() + 6;
        let mut body = Vec::with_capacity(self.parts.iter().map(size).sum::<usize>() + boundary.len() + 6);
        for part in &self.parts {
            for piece in [b"--", boundary.as_bytes(), b"\r\n", part.head.as_bytes(), &part.content, b"\r\n"] {
                body.extend_from_slice(piece);
            }
        }
        for piece in [b"--", boundary.as_bytes(), b"--\r\n"] {
            body.extend_from_slice(piece);
        }
        (["multipart/form-data; boundary=", &boundary].concat(), body)
    }

    /// The first that no part has in it.
    fn boundary(&self) -> String {
        let has = |part: &Part, boundary: &str| {
            contains(part.head.as_bytes(), boundary.as_bytes()) || contains(&part.content, boundary.as_bytes())
        };
        let mut boundary = BOUNDARY.to_owned();
        let mut number = 0u32;
        while self.parts.iter().any(|part| has(part, &boundary)) {
            number += 1;
            boundary.truncate(BOUNDARY.len());
            // Writing to a string can't fail.
            let _ = write!(boundary, "-{number}");
        }
        boundary
    }
}

/// Appends `; key="value"`, with what would end the value escaped by the HTML Standard's rule for multipart forms.
fn push_parameter(head: &mut String, key: &str, value: &str) {
    head.push_str("; ");
    head.push_str(key);
    head.push_str("=\"");
    for character in value.chars() {
        match character {
            '"' => head.push_str("%22"),
            '\r' => head.push_str("%0D"),
            '\n' => head.push_str("%0A"),
            other => head.push(other),
        }
    }
    head.push('"');
}

/// The content type, by the File API's rule for those that no header could have.
fn checked(content_type: &str) -> &str {
    let printable = content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable && !content_type.is_empty() { content_type } else { "application/octet-stream" }
}

/// Horspool's search ("Practical fast searching in strings", 1980), which looks at few of the bytes of a large file.
fn contains(content: &[u8], wanted: &[u8]) -> bool {
    if content.len() < wanted.len() {
        return false;
    }
    // How far `wanted` can move on where its last byte stands against that one.
    let mut steps = [wanted.len(); 256];
    for (index, byte) in wanted.iter().enumerate().take(wanted.len() - 1) {
        steps[usize::from(*byte)] = wanted.len() - 1 - index;
    }
    let mut end = wanted.len();
    while end <= content.len() {
        if content[..end].ends_with(wanted) {
            return true;
        }
        end += steps[usize::from(content[end - 1])];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(form: &Multipart) -> (String, String) {
        let (content_type, body) = form.encode();
        (content_type, String::from_utf8(body).expect("the parts of this test are text"))
    }

    #[test]
    fn parts_stand_between_boundaries() {
        let form = Multipart::new()
            .text("title", "The old town\n")
            .file("picture", "bern.jpg", "image/jpeg", [b'J', b'\r', b'\n'])
            .part("meta", "application/json", r#"{"a":1}"#);
        let (content_type, body) = encoded(&form);
        assert_eq!(content_type, "multipart/form-data; boundary=wasmload-multipart-boundary");
        let expected = "--wasmload-multipart-boundary\r\n\
            Content-Disposition: form-data; name=\"title\"\r\n\r\nThe old town\n\r\n\
            --wasmload-multipart-boundary\r\n\
            Content-Disposition: form-data; name=\"picture\"; filename=\"bern.jpg\"\r\n\
            Content-Type: image/jpeg\r\n\r\nJ\r\n\r\n\
            --wasmload-multipart-boundary\r\n\
            Content-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n\
            --wasmload-multipart-boundary--\r\n";
        assert_eq!(body, expected);
    }

    #[test]
    fn a_form_without_parts_has_an_end() {
        assert_eq!(encoded(&Multipart::new()).1, "--wasmload-multipart-boundary--\r\n");
    }

    #[test]
    fn names_cannot_end_their_header() {
        let (_, body) = encoded(&Multipart::new().file("a\"b\r\nx: y", "ü\\\".txt", "text/plain", ""));
        let line = body.lines().nth(1);
        let expected = r#"Content-Disposition: form-data; name="a%22b%0D%0Ax: y"; filename="ü\%22.txt""#;
        assert_eq!(line, Some(expected));
    }

    #[test]
    fn what_is_no_content_type_is_bytes() {
        for content_type in ["", "text/plain\r\nx: y", "text/plain; name=ü"] {
            let (_, body) = encoded(&Multipart::new().part("a", content_type, ""));
            assert_eq!(body.lines().nth(2), Some("Content-Type: application/octet-stream"), "{content_type:?}");
        }
    }

    #[test]
    fn a_search_finds_at_every_place() {
        let wanted = b"abcab";
        for place in 0..20 {
            let content = ["bcaba".repeat(place).as_bytes(), wanted, b"ca"].concat();
            assert!(contains(&content, wanted), "{place}");
            assert_eq!(contains(&content[..content.len() - 3], wanted), place > 1, "{place}");
        }
        assert!(contains(wanted, wanted));
        assert!(!contains(&wanted[1..], wanted));
    }

    #[test]
    fn no_part_has_the_boundary_in_it() {
        let (first, body) = Multipart::new().text("a", "b").encode();
        let (second, nested) = Multipart::new().text("a", "b").file("copy", "copy", "", body).encode();
        let (third, _) = Multipart::new().file("copy", BOUNDARY, "", nested).encode();
        assert_eq!(first, ["multipart/form-data; boundary=", BOUNDARY].concat());
        assert_eq!([second, third], [first.clone() + "-1", first + "-2"]);
    }
}
