//! A request's and a response's heads, between the form of HTTP/1.1 that the client keeps them in and that of HTTP/2.

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Version, response};

use crate::http::decode::Codings;
use crate::http::error::Error;
use crate::http::h1::Encoded;

/// The head of a request, for HTTP/2 (RFC 9113, section 8.3.1). `prefix` is the absolute URL of its origin.
///
/// # Errors
/// [`Error::InvalidRequest`] for what HTTP/2 has no room for.
pub(in crate::http) fn request(request: &Encoded, prefix: &str) -> Result<Request<()>, Error> {
    let invalid = |what: &str| Error::invalid(format!("{what} can't be sent over HTTP/2"));
    let (scheme, authority) = prefix.split_once("://").unwrap_or_default();
    let mut authority = authority.to_owned();
    let mut head = Request::new(());
    for (name, value) in request.headers() {
        // Blanks around a value, which HTTP/1.1 ignores, make a message of HTTP/2 malformed (RFC 9113, section 8.2.1).
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("host") {
            value.clone_into(&mut authority);
        } else if belongs_to_connection(name, value) {
            continue;
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("the name of a header"))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid("the value of a header"))?;
            head.headers_mut().try_append(name, value).map_err(|_| invalid("so many headers"))?;
        }
    }
    let mut uri = http::uri::Parts::default();
    uri.scheme = Scheme::try_from(scheme).ok();
    uri.authority = Some(Authority::try_from(authority).map_err(|_| invalid("the host"))?);
    uri.path_and_query = Some(PathAndQuery::try_from(request.path_and_query()).map_err(|_| invalid("the URL"))?);
    *head.uri_mut() = Uri::from_parts(uri).map_err(|_| invalid("the URL"))?;
    *head.method_mut() = Method::from_bytes(request.method().as_bytes()).map_err(|_| invalid("the method"))?;
    *head.version_mut() = Version::HTTP_2;
    Ok(head)
}

/// Whether a header is about the connection, and has no place in HTTP/2 (RFC 9113, section 8.2.2).
pub(in crate::http) fn belongs_to_connection(name: &str, value: &str) -> bool {
    const NAMES: [&str; 6] =
        ["connection", "http2-settings", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];
    NAMES.iter().any(|other| name.eq_ignore_ascii_case(other))
        || name.eq_ignore_ascii_case("te") && !value.eq_ignore_ascii_case("trailers")
}

/// What a response's head says that matters to the client, and its text as HTTP/1.1 would have it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) text: Vec<u8>,
    pub(super) codings: Codings,
    /// The body's length, where it is announced.
    pub(super) length: Option<u64>,
    pub(super) sets_cookies: bool,
}

impl Head {
    pub(super) fn new(parts: &response::Parts) -> Self {
        let mut head = Head {
            status: parts.status.as_u16(),
            text: format!("HTTP/2 {}\r\n", parts.status.as_str()).into_bytes(),
            codings: Codings::NONE,
            length: None,
            sets_cookies: false,
        };
        for (name, value) in &parts.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.text.extend_from_slice(part);
            }
            match name.as_str() {
                "set-cookie" => head.sets_cookies = true,
                "content-length" => head.length = value.to_str().ok().and_then(|length| length.parse().ok()),
                _ => {}
            }
        }
        head.text.extend_from_slice(b"\r\n");
        head.codings = Codings::of(parts.headers.get_all("content-encoding").iter().map(HeaderValue::as_bytes));
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::{Defaults, Parts, encode};
    use crate::http::target::{OriginRef, Target};

    fn encoded(headers: &[(&str, &str)]) -> Encoded {
        let defaults = Defaults::new("test/1", true).expect("valid");
        let target = Target { origin: OriginRef::Base, path_and_query: "/a?b=c".into() };
        let host_line = b"host: h.test:8443\r\n";
        let parts = Parts {
            method: "PUT",
            target,
            prefix: "",
            host_line,
            headers,
            body: Some(b"hi"),
            cookie: None,
            proxy_line: b"",
        };
        encode(parts, &defaults).expect("valid")
    }

    #[test]
    fn a_request_leaves_its_connection_s_headers_behind() {
        let headers = [("X-One", "1"), ("Connection", "close"), ("TE", "gzip"), ("te", "trailers"), ("x-one", "é")];
        let head = request(&encoded(&headers), "https://h.test:8443").expect("valid");
        assert_eq!(head.uri().to_string(), "https://h.test:8443/a?b=c");
        assert_eq!(head.method(), "PUT");
        let names: Vec<_> = head.headers().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-one", "x-one", "te", "accept-encoding", "user-agent", "content-length"]);
    }

    #[test]
    fn values_lose_the_blanks_around_them() {
        let headers = [("x-one", " \ta \t b\t "), ("x-two", " "), ("te", " trailers "), ("host", " other.test\t")];
        let head = request(&encoded(&headers), "https://h.test:8443").expect("valid");
        let value = |name| head.headers().get(name).map(HeaderValue::as_bytes);
        assert_eq!((value("x-one"), value("x-two")), (Some(&b"a \t b"[..]), Some(&b""[..])));
        assert_eq!((value("te"), head.uri().host()), (Some(&b"trailers"[..]), Some("other.test")));
    }

    #[test]
    fn a_host_header_is_the_authority() {
        let head = request(&encoded(&[("Host", "other.test")]), "https://h.test:8443").expect("valid");
        assert_eq!(head.uri().to_string(), "https://other.test/a?b=c");
        assert!(!head.headers().contains_key("host"));
    }

    #[test]
    fn a_response_reads_as_over_http_1() {
        let response = http::Response::builder()
            .status(404)
            .header("Content-Encoding", "gzip")
            .header("content-length", "12")
            .header("set-cookie", "a=b")
            .body(())
            .expect("valid");
        let head = Head::new(&response.into_parts().0);
        assert_eq!(
            (head.status, head.codings, head.length, head.sets_cookies),
            (404, Codings::of([&b"gzip"[..]]), Some(12), true)
        );
        let text = "HTTP/2 404\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\nset-cookie: a=b\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&head.text), text);
    }
}
