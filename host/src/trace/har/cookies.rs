//! Cookies as entries list them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cookie_store::RawCookie;
use serde::Serialize;

use super::format::Pair;
use crate::date;

/// 9999-12-31T23:59:59Z in seconds: the last second that a date has room for. A year more, and Chromium refuses the
/// file.
const LAST_SECOND: u64 = 253_402_300_799;

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cookie {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure: Option<bool>,
    /// Not of the specification, but of both browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_site: Option<String>,
}

/// The cookies that a request carries.
pub(super) fn of_request(headers: &[Pair<'_>]) -> Vec<Cookie> {
    let pairs = values(headers, "cookie").flat_map(|value| value.split(';')).map(str::trim);
    let cookie = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        Cookie { name: name.trim_end().to_owned(), value: value.trim_start().to_owned(), ..Cookie::default() }
    };
    pairs.filter(|pair| !pair.is_empty()).map(cookie).collect()
}

/// The cookies that a response sets, with the time at which they expire where the request was made at that time. What
/// is malformed is left out.
pub(super) fn of_response(headers: &[Pair<'_>], now: SystemTime) -> Vec<Cookie> {
    values(headers, "set-cookie").filter_map(|value| RawCookie::parse(value).ok()).map(|raw| set(&raw, now)).collect()
}

fn values<'a>(headers: &'a [Pair<'_>], name: &'static str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_ref())
}

fn set(raw: &RawCookie<'_>, now: SystemTime) -> Cookie {
    Cookie {
        name: raw.name().to_owned(),
        value: raw.value().to_owned(),
        path: raw.path().map(str::to_owned),
        domain: raw.domain().map(str::to_owned),
        expires: expires(raw, now).map(|seconds| date::rfc3339(UNIX_EPOCH + Duration::from_secs(seconds))),
        http_only: raw.http_only(),
        secure: raw.secure(),
        same_site: raw.same_site().map(|same_site| same_site.to_string()),
    }
}

/// When a cookie expires, in seconds since 1970; its age outweighs its date (RFC 6265, section 5.3). None for the end
/// of the session.
fn expires(raw: &RawCookie<'_>, now: SystemTime) -> Option<u64> {
    let at = match (raw.max_age(), raw.expires_datetime()) {
        (Some(age), _) => date::unix_seconds(now).saturating_add_signed(age.whole_seconds()),
        (None, Some(date)) => u64::try_from(date.unix_timestamp()).unwrap_or_default(),
        (None, None) => return None,
    };
    Some(at.min(LAST_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs<'a>(name: &'a str, values: &[&'a str]) -> Vec<Pair<'a>> {
        values.iter().map(|value| Pair { name: name.into(), value: (*value).into() }).collect()
    }

    #[test]
    fn cookies_are_told_apart() {
        let headers = pairs("Cookie", &["a=1; b = x=y ;; c", "d=\"q\""]);
        let cookies = of_request(&headers);
        let found: Vec<_> = cookies.iter().map(|cookie| (cookie.name.as_str(), cookie.value.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("b", "x=y"), ("", "c"), ("d", "\"q\"")]);
    }

    #[test]
    fn attributes_of_set_cookies_are_kept() {
        let value =
            "id=7; Path=/a; Domain=b.test; Secure; HttpOnly; SameSite=Lax; Expires=Thu, 01 Jan 2026 00:00:00 GMT";
        let expected = Cookie {
            name: "id".into(),
            value: "7".into(),
            path: Some("/a".into()),
            domain: Some("b.test".into()),
            expires: Some("2026-01-01T00:00:00Z".into()),
            http_only: Some(true),
            secure: Some(true),
            same_site: Some("Lax".into()),
        };
        assert_eq!(of_response(&pairs("Set-Cookie", &[value, "", "=x"]), UNIX_EPOCH), [expected]);
    }

    #[test]
    fn dates_of_expiry_are_such_that_readers_know() {
        let expires = |value: &str| {
            let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
            of_response(&pairs("set-cookie", &[value]), now).pop().and_then(|cookie| cookie.expires)
        };
        for (value, date) in [
            ("a=b", None),
            ("a=b; max-age=60", Some("2026-01-01T00:01:00Z")),
            ("a=b; max-age=0; expires=Thu, 01 Jan 2030 00:00:00 GMT", Some("2026-01-01T00:00:00Z")),
            ("a=b; max-age=-1", Some("2026-01-01T00:00:00Z")),
            ("a=b; max-age=99999999999999999999", Some("9999-12-31T23:59:59Z")),
            ("a=b; expires=Thu, 01 Jan 1969 00:00:00 GMT", Some("1970-01-01T00:00:00Z")),
            ("a=b; expires=soon", None),
        ] {
            assert_eq!(expires(value).as_deref(), date, "{value}");
        }
    }
}
