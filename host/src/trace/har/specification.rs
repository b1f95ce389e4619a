//! HTTP Archive 1.2 as a list of what each object may and must have, to hold files to it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// A date and time as ISO 8601 has it, in UTC.
    Date,
    /// A number that is not negative.
    Number,
    /// The same, or -1 for what isn't known.
    NumberOrNone,
    Bool,
    /// Of these fields.
    Object(Fields),
    /// Objects of these fields.
    List(Fields),
}
use Kind::{Bool, Date, List, Number, NumberOrNone, Object, Text};

/// A field's name, what it holds, and whether it must be there.
type Fields = &'static [(&'static str, Kind, bool)];

const ROOT: Fields = &[("log", Object(LOG), true)];
const LOG: Fields = &[
    ("version", Text, true),
    ("creator", Object(CREATOR), true),
    ("pages", List(PAGE), false),
    ("entries", List(ENTRY), true),
    ("comment", Text, false),
];
const CREATOR: Fields = &[("name", Text, true), ("version", Text, true)];
const PAGE: Fields = &[
    ("startedDateTime", Date, true),
    ("id", Text, true),
    ("title", Text, true),
    ("pageTimings", Object(PAGE_TIMINGS), true),
];
const PAGE_TIMINGS: Fields = &[("onContentLoad", NumberOrNone, false), ("onLoad", NumberOrNone, false)];
const ENTRY: Fields = &[
    ("pageref", Text, false),
    ("startedDateTime", Date, true),
    ("time", Number, true),
    ("request", Object(REQUEST), true),
    ("response", Object(RESPONSE), true),
    ("cache", Object(&[]), true),
    ("timings", Object(TIMINGS), true),
    ("serverIPAddress", Text, false),
    ("connection", Text, false),
    ("comment", Text, false),
];
const REQUEST: Fields = &[
    ("method", Text, true),
    ("url", Text, true),
    ("httpVersion", Text, true),
    ("cookies", List(COOKIE), true),
    ("headers", List(PAIR), true),
    ("queryString", List(PAIR), true),
    ("postData", Object(POST_DATA), false),
    ("headersSize", NumberOrNone, true),
    ("bodySize", NumberOrNone, true),
];
const RESPONSE: Fields = &[
    ("status", Number, true),
    ("statusText", Text, true),
    ("httpVersion", Text, true),
    ("cookies", List(COOKIE), true),
    ("headers", List(PAIR), true),
    ("content", Object(CONTENT), true),
    ("redirectURL", Text, true),
    ("headersSize", NumberOrNone, true),
    ("bodySize", NumberOrNone, true),
];
const COOKIE: Fields = &[
    ("name", Text, true),
    ("value", Text, true),
    ("path", Text, false),
    ("domain", Text, false),
    ("expires", Date, false),
    ("httpOnly", Bool, false),
    ("secure", Bool, false),
    // Not of the specification, but written and read by both browsers.
    ("sameSite", Text, false),
];
const PAIR: Fields = &[("name", Text, true), ("value", Text, true)];
const POST_DATA: Fields =
    &[("mimeType", Text, true), ("params", List(PAIR), false), ("text", Text, true), ("comment", Text, false)];
const CONTENT: Fields = &[
    ("size", Number, true),
    ("compression", Number, false),
    ("mimeType", Text, true),
    ("text", Text, false),
    ("encoding", Text, false),
    ("comment", Text, false),
];
const TIMINGS: Fields = &[
    ("blocked", NumberOrNone, false),
    ("dns", NumberOrNone, false),
    ("connect", NumberOrNone, false),
    ("ssl", NumberOrNone, false),
    ("send", Number, true),
    ("wait", Number, true),
    ("receive", Number, true),
];

/// Checks a whole file: its objects, and what holds between them.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn check(root: &Value) -> Result<(), String> {
    object(root, ROOT, "")?;
    let log = &root["log"];
    if log["version"] != "1.2" {
        return Err(format!("/log/version is {}", log["version"]));
    }
    let pages: Vec<_> = list(&log["pages"]).iter().map(|page| &page["id"]).collect();
    for (place, entry) in list(&log["entries"]).iter().enumerate() {
        let at = format!("/log/entries/{place}");
        if !pages.contains(&&entry["pageref"]) {
            return Err(format!("{at}/pageref is no page: {}", entry["pageref"]));
        }
        times(entry).and_then(|()| content(&entry["response"]["content"])).map_err(|what| format!("{at}: {what}"))?;
        url::Url::parse(entry["request"]["url"].as_str().unwrap_or_default())
            .map_err(|what| format!("{at}: {what}"))?;
    }
    Ok(())
}

fn object(value: &Value, fields: Fields, at: &str) -> Result<(), String> {
    let Some(found) = value.as_object() else { return Err(format!("{at} is no object")) };
    for (name, value) in found.iter().filter(|(name, _)| !name.starts_with('_')) {
        let at = format!("{at}/{name}");
        let known = fields.iter().find(|(known, ..)| known == name);
        known.ok_or_else(|| format!("{at} is not of the format")).and_then(|(_, kind, _)| field(value, *kind, &at))?;
    }
    let missing = fields.iter().find(|(name, _, required)| *required && !found.contains_key(*name));
    missing.map_or(Ok(()), |(name, ..)| Err(format!("{at} has no {name}")))
}

fn field(value: &Value, kind: Kind, at: &str) -> Result<(), String> {
    let number = |least: f64| value.as_f64().is_some_and(|number| number >= 0.0 || number == least);
    let fits = match kind {
        Text => value.is_string(),
        Date => value.as_str().is_some_and(is_date),
        Number => number(0.0),
        NumberOrNone => number(-1.0),
        Bool => value.is_boolean(),
        Object(fields) => return object(value, fields, at),
        List(fields) if value.is_array() => {
            return list(value)
                .iter()
                .enumerate()
                .try_for_each(|(place, item)| object(item, fields, &format!("{at}/{place}")));
        }
        List(_) => false,
    };
    if fits { Ok(()) } else { Err(format!("{at} does not fit: {value}")) }
}

/// The sum of the parts is the whole, the TLS handshake being a part of connecting.
fn times(entry: &Value) -> Result<(), String> {
    let part = |name: &str| entry["timings"][name].as_f64().unwrap_or(-1.0).max(0.0);
    let sum: f64 = ["blocked", "dns", "connect", "send", "wait", "receive"].into_iter().map(part).sum();
    let time = entry["time"].as_f64().unwrap_or(-1.0);
    if (sum - time).abs() > 1e-6 {
        return Err(format!("its timings add up to {sum} and not to {time}"));
    }
    if part("ssl") > part("connect") { Err("TLS took longer than connecting".to_owned()) } else { Ok(()) }
}

fn content(content: &Value) -> Result<(), String> {
    match (content["encoding"].as_str(), content["text"].as_str()) {
        (None, _) => Ok(()),
        (Some("base64"), Some(text)) => STANDARD.decode(text).map(drop).map_err(|error| error.to_string()),
        (Some(other), _) => Err(format!("its content is encoded as {other}")),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Of the form `2026-01-01T00:00:00Z`, with or without a fraction.
fn is_date(text: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd";
    let fits = |(form, found): (char, char)| if form == 'd' { found.is_ascii_digit() } else { form == found };
    let Some((front, back)) = text.split_at_checked(form.len()) else { return false };
    let digits = back.strip_prefix('.').unwrap_or("0Z").strip_suffix('Z');
    form.chars().zip(front.chars()).all(fits)
        && (back == "Z" || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())))
}
