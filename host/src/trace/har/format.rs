//! The entries of an HTTP Archive 1.2, as the specification has them; what stands behind an underscore is as in
//! Chromium.
//!
//! Where the specification leaves a choice, it is made as Chromium and Firefox make it, because they are who reads
//! this.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use url::{Url, form_urlencoded};

use super::cookies::{self, Cookie};
use super::record::{Answer, Body, Failed, Record};
use crate::date;
use crate::http::ConnectionInfo;
use crate::sample::Phases;
use crate::secrets::Secrets;
use crate::trace::beginning::Beginning;
use crate::units::show_count;

/// What the format says where a number is not known, or does not apply.
const NONE: i64 = -1;

/// The type that Chromium writes, and reads as none.
const UNKNOWN_TYPE: &str = "x-unknown";

/// What entries are made with.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) secrets: Arc<Secrets>,
    /// How much of a body is kept, in bytes.
    pub(super) body_bytes: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    pageref: String,
    started_date_time: String,
    time: f64,
    request: Request<'a>,
    response: Response<'a>,
    cache: Cache,
    timings: Timings,
    #[serde(rename = "serverIPAddress", skip_serializing_if = "Option::is_none")]
    server_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// Readers that know Chromium's own fields want this one where there is any other of them.
    #[serde(rename = "_resourceType")]
    resource_type: &'static str,
    #[serde(rename = "_securityDetails", skip_serializing_if = "Option::is_none")]
    security_details: Option<SecurityDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: Cow<'a, str>,
    url: Cow<'a, str>,
    http_version: &'static str,
    cookies: Vec<Cookie>,
    headers: Vec<Pair<'a>>,
    query_string: Vec<Pair<'static>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    status: u16,
    status_text: Cow<'a, str>,
    http_version: &'static str,
    cookies: Vec<Cookie>,
    headers: Vec<Pair<'a>>,
    content: Content<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
    #[serde(rename = "_transferSize")]
    transfer_size: u64,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A header, or a parameter.
#[derive(Debug, Serialize)]
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<Pair<'static>>,
    text: Cow<'a, str>,
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<i64>,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Nothing is ever cached.
#[derive(Debug, Serialize)]
struct Cache {}

/// In milliseconds.
#[derive(Debug, Serialize)]
struct Timings {
    blocked: f64,
    dns: f64,
    /// With the TLS handshake in it.
    connect: f64,
    ssl: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

#[derive(Debug, Serialize)]
struct SecurityDetails<'a> {
    protocol: String,
    cipher: &'a str,
}

impl<'a> Entry<'a> {
    pub(super) fn new(record: &'a Record, frame: &Frame) -> Self {
        let connection = record.connection.as_ref();
        let tls = connection.and_then(|connection| connection.tls.as_ref());
        Entry {
            pageref: page(record.vu),
            started_date_time: date::rfc3339_millis(record.started),
            time: milliseconds(total(&record.phases)),
            request: Request::new(record, frame),
            response: match &record.outcome {
                Ok(answer) => Response::new(answer, record, frame),
                Err(failed) => Response::failed(failed, record, frame),
            },
            cache: Cache {},
            timings: Timings::new(&record.phases),
            server_ip_address: connection.and_then(|connection| Some(connection.remote?.ip().to_string())),
            connection: connection.map(|connection| connection.id.to_string()),
            resource_type: "fetch",
            security_details: tls.map(|tls| SecurityDetails {
                protocol: tls.version.replace("TLSv", "TLS "),
                cipher: &tls.cipher_suite,
            }),
            comment: comment(record, &frame.secrets),
        }
    }
}

impl<'a> Request<'a> {
    fn new(record: &'a Record, frame: &Frame) -> Self {
        let headers = headers(&record.request_headers, &frame.secrets);
        let body = record.request_body.as_ref().filter(|body| body.size > 0);
        let body_size = body.map_or(0, |body| body.size);
        // The heads of HTTP/2 are compressed, and what of a failed request was sent may be a part of its head.
        // One that was sent again was counted twice.
        let whole = record.outcome.is_ok() && !is_http2(record) && record.sent_again.is_none();
        let url = url(record, &frame.secrets);
        Request {
            method: frame.secrets.mask(&record.method),
            http_version: version(record),
            cookies: cookies::of_request(&headers),
            query_string: query(&url),
            post_data: body.map(|body| PostData::new(body, &headers, frame)),
            headers_size: if whole { difference(record.bytes_sent, body_size) } else { NONE },
            body_size: size(body_size),
            headers,
            url,
        }
    }
}

impl<'a> Response<'a> {
    fn new(answer: &'a Answer, record: &'a Record, frame: &Frame) -> Self {
        let headers = headers(&answer.headers, &frame.secrets);
        let body_size = wire_size(answer, record, &headers);
        Response {
            status: answer.status,
            status_text: frame.secrets.mask(&answer.reason),
            http_version: match answer.version.as_str() {
                "HTTP/1.0" => "HTTP/1.0",
                _ => version(record),
            },
            cookies: cookies::of_response(&headers, record.started),
            content: Content::new(&answer.body, body_size, &headers, frame),
            redirect_url: find(&headers, "location").unwrap_or_default().to_owned(),
            headers,
            headers_size: if is_http2(record) { NONE } else { size(answer.head_size) },
            body_size,
            transfer_size: record.bytes_received,
            error: None,
        }
    }

    fn failed(failed: &'a Failed, record: &Record, frame: &Frame) -> Self {
        Response {
            status: 0,
            status_text: Cow::Borrowed(failed.kind),
            http_version: version(record),
            cookies: Vec::new(),
            headers: Vec::new(),
            content: Content::new(Body::NOTHING, NONE, &[], frame),
            redirect_url: String::new(),
            headers_size: NONE,
            body_size: NONE,
            transfer_size: record.bytes_received,
            error: Some(frame.secrets.mask(&failed.reason).into_owned()),
        }
    }
}

impl<'a> PostData<'a> {
    fn new(body: &'a Body, headers: &[Pair<'_>], frame: &Frame) -> Self {
        let mime_type = find(headers, "content-type").unwrap_or_default().to_owned();
        let beginning = Beginning::new(&body.bytes, body.size, frame.body_bytes, &frame.secrets);
        let comment = cut_comment(&beginning, body.size, frame);
        let (text, encoding) = text(beginning);
        let form = mime_type.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
        PostData {
            params: if form && encoding.is_none() { pairs(&text) } else { Vec::new() },
            comment,
            mime_type,
            text,
            encoding,
        }
    }
}

impl<'a> Content<'a> {
    fn new(body: &'a Body, wire_size: i64, headers: &[Pair<'_>], frame: &Frame) -> Self {
        let coded = is_coded(headers) && wire_size > 0;
        let beginning = Beginning::new(&body.bytes, body.size, frame.body_bytes, &frame.secrets);
        let comment = cut_comment(&beginning, body.size, frame);
        let shown = (!body.bytes.is_empty()).then(|| text(beginning));
        let (text, encoding) = shown.map_or((None, None), |(text, encoding)| (Some(text), encoding));
        Content {
            size: body.size,
            compression: Some(size(body.size) - wire_size).filter(|saved| coded && *saved >= 0),
            mime_type: find(headers, "content-type").unwrap_or(UNKNOWN_TYPE).to_owned(),
            text,
            encoding,
            comment: if body.discarded { Some("the body was read and not kept".to_owned()) } else { comment },
        }
    }
}

impl Timings {
    fn new(phases: &Phases) -> Self {
        let optional = |time: Duration| if time.is_zero() { NONE as f64 } else { milliseconds(microseconds(time)) };
        Timings {
            blocked: optional(phases.blocked),
            dns: optional(phases.dns),
            connect: if phases.connect.is_zero() && phases.tls.is_zero() {
                NONE as f64
            } else {
                milliseconds(microseconds(phases.connect) + microseconds(phases.tls))
            },
            ssl: optional(phases.tls),
            send: milliseconds(microseconds(phases.send)),
            wait: milliseconds(microseconds(phases.wait)),
            receive: milliseconds(microseconds(phases.receive)),
        }
    }
}

/// The identifier of a virtual user's page.
pub(super) fn page(vu: u32) -> String {
    format!("vu_{vu}")
}

/// The phases' sum in microseconds. Each is cut to them by itself, so that the sum is that of what is written.
fn total(phases: &Phases) -> u64 {
    phases.as_array().into_iter().map(microseconds).sum()
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// What is left of a size without a part of it; not known where the part is larger.
fn difference(whole: u64, part: u64) -> i64 {
    whole.checked_sub(part).map_or(NONE, size)
}

/// The size of a response's body as it was sent, where that can be told: between the bytes that came there are also the
/// frames of HTTP/2, the lengths of chunks, and interim responses.
fn wire_size(answer: &Answer, record: &Record, headers: &[Pair<'_>]) -> i64 {
    let announced = || find(headers, "content-length").and_then(|length| length.trim().parse().ok());
    if record.method == "HEAD" || matches!(answer.status, 204 | 304) {
        0
    } else if !is_coded(headers) {
        size(answer.body.size)
    } else if find(headers, "transfer-encoding").is_some() {
        NONE
    } else {
        announced().map_or(NONE, size)
    }
}

fn is_coded(headers: &[Pair<'_>]) -> bool {
    find(headers, "content-encoding").is_some()
}

fn is_http2(record: &Record) -> bool {
    record.connection.as_ref().is_some_and(|connection| connection.http2)
}

/// The version as Chromium writes it, but for the case, which is Firefox's. Chromium reads either.
fn version(record: &Record) -> &'static str {
    match &record.connection {
        Some(ConnectionInfo { http2: true, .. }) => "HTTP/2.0",
        Some(_) => "HTTP/1.1",
        None => "unknown",
    }
}

fn headers<'a>(headers: &'a [(String, String)], secrets: &Secrets) -> Vec<Pair<'a>> {
    let pair = |(name, value): &'a (String, String)| Pair { name: secrets.mask(name), value: secrets.mask(value) };
    headers.iter().map(pair).collect()
}

/// The first header of that name.
fn find<'a>(headers: &'a [Pair<'_>], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_ref())
}

/// The URL without its fragment. Firefox opens no file that has one in it that isn't absolute.
fn url<'a>(record: &'a Record, secrets: &Secrets) -> Cow<'a, str> {
    if !is_absolute(&record.url) {
        return Cow::Borrowed("about:invalid");
    }
    secrets.mask(record.url.split('#').next().unwrap_or_default())
}

fn is_absolute(url: &str) -> bool {
    Url::parse(url).is_ok()
}

fn query(url: &str) -> Vec<Pair<'static>> {
    url.split_once('?').map(|(_, query)| pairs(query)).unwrap_or_default()
}

/// The parameters of a query or a form, decoded.
fn pairs(form: &str) -> Vec<Pair<'static>> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    let pairs = form_urlencoded::parse(form.as_bytes());
    pairs.map(|(name, value)| Pair { name: own(name), value: own(value) }).collect()
}

/// A body as text, and the coding that made text of what isn't.
fn text(beginning: Beginning<'_>) -> (Cow<'_, str>, Option<&'static str>) {
    match (beginning.text().map(str::len), beginning.bytes) {
        (Some(length), Cow::Borrowed(bytes)) => (String::from_utf8_lossy(&bytes[..length]), None),
        (Some(length), Cow::Owned(bytes)) => (String::from_utf8_lossy(&bytes[..length]).into_owned().into(), None),
        (None, bytes) => (STANDARD.encode(&bytes).into(), Some("base64")),
    }
}

fn cut_comment(beginning: &Beginning<'_>, size: u64, frame: &Frame) -> Option<String> {
    let (kept, size) = (show_count(frame.body_bytes as u64), show_count(size));
    beginning.cut.then(|| format!("the first {kept} of {size} bytes"))
}

/// What the format has no field for.
fn comment(record: &Record, secrets: &Secrets) -> Option<String> {
    let mut parts = Vec::new();
    if !is_absolute(&record.url) {
        parts.push(format!("the URL was {:?}", secrets.mask(&record.url)));
    }
    if record.redirected {
        parts.push("followed a redirect".to_owned());
    }
    parts.extend(record.sent_again.map(|again| format!("{}; sent again", again.reason())));
    if record.reused {
        parts.push("reused the connection".to_owned());
    }
    if let Some(connection) = &record.connection {
        let via = connection.via.as_ref().map(|via| format!("via {}", secrets.mask(via)));
        parts.extend(via);
        parts.extend(connection.tls.as_ref().map(|tls| {
            let resumed = if tls.resumed { ", session resumed" } else { "" };
            format!("{} with {}{resumed}", tls.version, tls.cipher_suite)
        }));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
