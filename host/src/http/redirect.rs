//! Redirects: which responses are, where they lead, and what of a request goes there (RFC 9110, section 15.4).

use std::borrow::Cow;
use std::fmt::Display;

use url::Url;

use super::error::Error;
use super::exchange::Response;

/// Where a response redirects to, as it says it; none where it doesn't, or doesn't say.
pub(super) fn location(response: &Response) -> Option<Cow<'_, str>> {
    matches!(response.status(), 301 | 302 | 303 | 307 | 308).then(|| response.header("location"))?
}

/// The URL that a location leads to from the URL that answered with it. A user name and password in it are dropped.
///
/// # Errors
/// [`Error::Protocol`] for what isn't an http or https URL.
pub(super) fn resolve(from: &str, location: &str) -> Result<Url, Error> {
    let resolved = Url::parse(from).and_then(|from| from.join(location));
    let mut url = resolved.map_err(|error| bad(location, &error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(location, &"neither http nor https"));
    }
    // Neither fails for these schemes.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url)
}

/// A server's location that no request can be made of, which is its fault and not the scenario's.
pub(super) fn bad(location: &str, why: &dyn Display) -> Error {
    // Whole, and behind the reason: it is cut when secrets were looked for in it, of which a part would be left.
    Error::protocol(format!("redirect that leads nowhere, {why}: {location:?}"))
}

/// The method for the next hop, and whether the body goes along.
pub(super) fn method(status: u16, method: &str) -> (&str, bool) {
    match (status, method) {
        (303, "HEAD") => ("HEAD", false),
        (303, _) | (301 | 302, "POST") => ("GET", false),
        _ => (method, true),
    }
}

/// Whether a header that the guest set goes along: nothing secret or specific to the host to another origin, nothing
/// that describes a body without it.
pub(super) fn keeps_header(name: &str, same_origin: bool, body: bool) -> bool {
    let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    let bound_to_origin = is(&["authorization", "cookie", "host", "proxy-authorization"]);
    let about_body =
        is(&["content-encoding", "content-language", "content-length", "content-location", "content-type", "digest"]);
    (same_origin || !bound_to_origin) && (body || !about_body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (status, from, to, body) in [
            (301, "POST", "GET", false),
            (302, "POST", "GET", false),
            (303, "POST", "GET", false),
            (303, "PUT", "GET", false),
            (303, "HEAD", "HEAD", false),
            (301, "HEAD", "HEAD", true),
            (302, "PUT", "PUT", true),
            (307, "POST", "POST", true),
            (308, "PATCH", "PATCH", true),
        ] {
            assert_eq!(method(status, from), (to, body), "{status} {from}");
        }
    }

    #[test]
    fn locations_resolve_against_the_url_that_answered() {
        for (location, url) in [
            ("/b", "http://h:1/b"),
            ("b?c#d", "http://h:1/x/b?c#d"),
            ("//o/", "http://o/"),
            ("https://u:p@o/b", "https://o/b"),
            ("", "http://h:1/x/a"),
        ] {
            assert_eq!(resolve("http://h:1/x/a", location).expect(location).as_str(), url);
        }
        let long = format!("myapp://callback/?{}&token=1234567890", "a".repeat(5_000));
        for location in ["ftp://h/", "javascript:alert(1)", "http://", &long] {
            let Err(Error::Protocol(text)) = resolve("http://h:1/x/a", location) else { panic!("{location}") };
            assert!(text.starts_with("redirect that leads nowhere, ") && text.contains(location), "{text}");
        }
    }

    #[test]
    fn headers_stay_behind_where_they_do_not_belong() {
        for (name, same_origin, body, kept) in [
            ("Authorization", true, true, true),
            ("Authorization", false, true, false),
            ("COOKIE", false, true, false),
            ("host", false, true, false),
            ("x-own", false, false, true),
            ("Content-Type", true, true, true),
            ("Content-Type", true, false, false),
            ("content-length", true, false, false),
        ] {
            assert_eq!(keeps_header(name, same_origin, body), kept, "{name}");
        }
    }
}
