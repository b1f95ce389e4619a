//! What came back, and whether it was right.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::bindings::http;
pub use crate::bindings::http::HttpError;
use crate::failure::{Failure, Outcome};
use crate::metrics;

/// A response that the host holds: its body reaches the scenario's memory only where it is asked for.
///
/// A status from 1 to 399 counts as a success, unless the scenario says otherwise. The verdict is counted, and the body
/// gone, when the response is dropped or the iteration ends; to ask a response kept any longer for its body is a trap.
pub struct Response {
    inner: http::Response,
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Response {
    pub(crate) fn new(inner: http::Response) -> Self {
        Self { inner }
    }

    /// The status; 0 where there was no response, and [`error`](Self::error) says why.
    pub fn status(&self) -> u16 {
        self.inner.status()
    }

    /// Why there was no response; none where there was one.
    pub fn error(&self) -> Option<HttpError> {
        self.inner.error()
    }

    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.inner.header(name)
    }

    /// All headers, in the order received.
    pub fn headers(&self) -> Vec<(String, String)> {
        self.inner.headers()
    }

    /// The value of the cookie of that name that this response sets; none where it sets none. After redirects it is the
    /// last response: [`user::cookies`](crate::user::cookies) has what the virtual user holds by all of them.
    pub fn cookie(&self, name: &str) -> Option<String> {
        cookie(&self.headers(), name).map(str::to_owned)
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> String {
        self.inner.url()
    }

    /// The body's size in bytes after decompression, also where the body was discarded; 4294967295 for 4 GiB and more.
    pub fn body_size(&self) -> u32 {
        self.inner.body_size()
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        self.inner.body()
    }

    /// The body as UTF-8; a malformed sequence becomes U+FFFD.
    pub fn text(&self) -> String {
        self.inner.text()
    }

    /// The value at that JSON pointer (RFC 6901, for example `/data/id`), as JSON text; a string comes without its
    /// quotes. None where the body is not JSON or has nothing there. The host parses, and only once.
    pub fn json(&self, pointer: &str) -> Option<String> {
        self.inner.json(pointer)
    }

    /// From the request's start to the body's last byte, as the host timed it.
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.inner.elapsed()).unwrap_or_default()
    }

    /// Counts this request as failed. The reason groups it in the report, so keep what changes from one request to the
    /// next out of it.
    pub fn mark_failure(&self, reason: &str) {
        self.inner.mark_failure(reason);
    }

    /// Counts this request as a success whatever its status, for example an expected 404.
    pub fn mark_success(&self) {
        self.inner.mark_success();
    }

    /// Counts a [check](metrics::check) of this response, and says whether it passed.
    pub fn check(&self, name: &str, passes: impl FnOnce(&Self) -> bool) -> bool {
        metrics::check(name, passes(self))
    }

    /// Goes on where the status is the expected one, and counts this request as a success even if it is 400 or more.
    ///
    /// # Errors
    /// Another status counts this request as failed. Where there was no response, the host counted the reason already.
    pub fn expect_status(&self, expected: u16) -> Outcome {
        match self.status() {
            0 => Err(Failure::new(self.missing())),
            status if status == expected => {
                if status >= 400 {
                    self.mark_success();
                }
                Ok(())
            }
            status => {
                let mut reason = String::from("expected status ");
                // Writing to a string can't fail.
                let _ = write!(reason, "{expected}, got {status}");
                Err(self.failed(reason))
            }
        }
    }

    /// The value at that JSON pointer; see [`json`](Self::json).
    ///
    /// # Errors
    /// Counts this request as failed where there is none.
    pub fn expect_json(&self, pointer: &str) -> Outcome<String> {
        if self.status() == 0 {
            return Err(Failure::new(self.missing()));
        }
        self.json(pointer).ok_or_else(|| self.failed(["no JSON value at ", pointer].concat()))
    }

    /// Goes on where that holds.
    ///
    /// # Errors
    /// Counts this request as failed where it does not; the reason groups it in the report.
    pub fn expect(&self, holds: bool, reason: &str) -> Outcome {
        if holds { Ok(()) } else { Err(self.failed(reason.to_owned())) }
    }

    fn failed(&self, reason: String) -> Failure {
        self.mark_failure(&reason);
        Failure::new(reason)
    }

    fn missing(&self) -> String {
        let why = self.error().map_or("unknown", |error| kind(&error));
        ["no response: ", why].concat()
    }
}

/// The value of the cookie of that name that the last such header sets, as RFC 6265, section 5.2 reads it.
fn cookie<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let set = headers.iter().rev().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let pair = |value: &'a str| value.split(';').next().unwrap_or_default().split_once('=');
    let mut pairs = set.filter_map(|(_, value)| pair(value));
    pairs.find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim())
}

/// The kind of error alone: its details differ from one request to the next and would not group.
fn kind(error: &HttpError) -> &'static str {
    match error {
        HttpError::InvalidRequest(_) => "invalid request",
        HttpError::Denied(_) => "denied",
        HttpError::Dns(_) => "name not resolved",
        HttpError::Connect(_) => "no connection",
        HttpError::Tls(_) => "TLS handshake failed",
        HttpError::Timeout => "timeout",
        HttpError::Protocol(_) => "broken off or not HTTP",
        HttpError::BodyTooLarge(_) => "body too large",
        HttpError::TooManyRedirects(_) => "too many redirects",
        HttpError::Other(_) => "other error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_the_last_that_was_set() {
        let headers = [
            ("set-cookie", "a=1; Path=/; HttpOnly"),
            ("Set-Cookie", " a = b=c ;Secure"),
            ("set-cookie", "b=\"quoted\""),
            ("set-cookie", "c"),
            ("x-cookie", "d=1"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(cookie(&headers, "a"), Some("b=c"));
        assert_eq!(cookie(&headers, "b"), Some("\"quoted\""));
        for name in ["A", "c", "d", "Path"] {
            assert_eq!(cookie(&headers, name), None);
        }
    }
}
