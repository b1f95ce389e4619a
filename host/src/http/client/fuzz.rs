//! The law of requests: whatever a guest gives is refused, or becomes the bytes of exactly the request that it means.
//! What that is, the crates `url` and `http` say, and what the bytes are, `httparse`. The same holds where a server
//! redirects it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use http::{HeaderName, HeaderValue, Method};
use url::{Host, Position, Url};

use super::{Client, Request};
use crate::http::config::{Config, TlsConfig};
use crate::http::context::Context;
use crate::http::error::Error;
use crate::http::fuzz::fields;
use crate::http::h1::Encoded;
use crate::http::route::Proxies;
use crate::http::target::{self, Scheme};
use crate::http::{h2, redirect};

/// Flags of an input.
const BODY: u8 = 1;
/// The jar has a cookie for the request.
const COOKIE: u8 = 2;
/// Connections are not kept.
const CLOSE: u8 = 4;
/// Requests in cleartext go to a proxy.
const PROXY: u8 = 8;
/// Which status redirects, in two bits.
const STATUS_SHIFT: u8 = 4;

/// What clients of all kinds share, by the flags for the kind.
static CONTEXTS: LazyLock<[(u8, Arc<Context>); 4]> = LazyLock::new(|| {
    [0, CLOSE, PROXY, CLOSE | PROXY].map(|kind| {
        let proxy = (kind & PROXY != 0).then(|| "http://user:word@proxy.test:3128".parse().expect("a proxy"));
        let config = Config {
            keepalive: kind & CLOSE == 0,
            proxies: Proxies { http: proxy, ..Proxies::default() },
            tls: TlsConfig { insecure: true, ..TlsConfig::default() },
            ..Config::default()
        };
        (kind, Context::new(config, None, crate::http::Hosts::default()).expect("settings that can be used"))
    })
});

/// Prepares a request, and the one that a redirect leads to. The fields of an input are the run's target, the URL, the
/// redirect's location, the method, the body, and then names and values of headers.
///
/// # Panics
/// Where something is wrong with what would be sent.
pub(crate) fn check(input: &[u8]) {
    let (flags, fields) = fields(input);
    let [base, url, location, method, body, headers @ ..] = &fields[..] else { return };
    let base_url = Url::parse(base).ok().filter(may_go_to);
    let target = Some(&**base).filter(|base| !base.is_empty());
    let kind = flags & (CLOSE | PROXY);
    let context = CONTEXTS.iter().find_map(|(of, context)| (*of == kind).then_some(context)).expect("there is each");
    check_reach(context, target, url, base_url.as_ref());
    let everywhere = ["*", "0.0.0.0/0", "::/0"].map(|pattern| pattern.parse().expect("a pattern"));
    let context = context.with_target(target, crate::http::Hosts { allowed: &everywhere, public_target: false });
    assert_eq!(context.is_ok(), target.is_none() || base_url.is_some(), "{base:?}");
    let Ok(context) = context else { return };
    let client = Client::new(context, 1, Arc::new(AtomicU64::new(0)), None);
    if flags & COOKIE != 0 {
        client.set_cookie(url, "name=value");
    }
    let headers: Vec<(&str, &str)> = headers.chunks_exact(2).map(|pair| (&*pair[0], &*pair[1])).collect();
    let body = (flags & BODY != 0).then_some(body.as_bytes());
    let request = Request { headers: &headers, body, ..Request::new(method, url) };
    let meant = Meant::by_guest(base_url.as_ref(), &request);
    match (client.encode(&request), meant) {
        (Ok(encoded), Some(meant)) => {
            check_request(&client, &encoded, &meant, flags);
            check_redirect(&client, &encoded, location, flags);
        }
        (Err(Error::InvalidRequest(_)), None) => {}
        // What names no host at all is no site of the run's.
        (Err(Error::Denied(_)), Some(meant)) if meant.gives("host") => {}
        (Err(Error::Denied(_)), None) => {}
        (outcome, _) => panic!("{outcome:?} of {request:?}"),
    }
}

/// Where nothing but the target is allowed, nothing else is asked.
fn check_reach(context: &Context, target: Option<&str>, url: &str, base: Option<&Url>) {
    let Ok(context) = context.with_target(target, crate::http::Hosts::default()) else { return };
    let client = Client::new(context, 1, Arc::new(AtomicU64::new(0)), None);
    if client.encode(&Request::new("GET", url)).is_ok() {
        let base = base.expect("without a target nothing is asked");
        assert_eq!(base.join(url).expect("it was read").origin(), base.origin(), "{url:?} from {base}");
    }
}

/// A request, as whoever makes it means it.
struct Meant<'a> {
    url: Url,
    method: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a [u8]>,
}

impl<'a> Meant<'a> {
    /// None where it can't be sent.
    fn by_guest(base: Option<&Url>, request: &Request<'a>) -> Option<Self> {
        let url = base.map_or_else(|| Url::parse(request.url), |base| base.join(request.url)).ok()?;
        let length = request.body.map_or(0, <[u8]>::len);
        let can_be_sent = |(name, value): &(&str, &str)| {
            let valid =
                HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(value.as_bytes()).is_ok();
            valid
                && match name.to_ascii_lowercase().as_str() {
                    "transfer-encoding" => false,
                    "content-length" => !value.starts_with('+') && value.parse() == Ok(length),
                    _ => true,
                }
        };
        let method_is_valid =
            Method::from_bytes(request.method.as_bytes()).is_ok_and(|method| method != Method::CONNECT);
        let valid = may_go_to(&url) && method_is_valid && request.headers.iter().all(can_be_sent);
        valid.then(|| Meant { url, method: request.method, headers: request.headers.to_vec(), body: request.body })
    }

    fn gives(&self, name: &str) -> bool {
        self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    }

    fn authority(&self) -> String {
        let host = self.url.host_str().expect("it has a host");
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.authority())
    }

    fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Whether a proxy gets the request itself.
    fn is_forwarded(&self, flags: u8) -> bool {
        flags & PROXY != 0 && self.url.scheme() == "http"
    }

    /// All headers that have to be sent, without the blanks around their values.
    fn sent(&self, client: &Client, flags: u8) -> Vec<(String, String)> {
        let config = &client.0.context.config;
        let cookies = client.cookies(self.url.as_str());
        let cookie = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let has_length = self.body.is_some() || matches!(self.method, "POST" | "PUT" | "PATCH");
        let length = self.body.map_or(0, <[u8]>::len).to_string();
        let before = [("host", Some(self.authority()))];
        let behind = [
            ("accept-encoding", Some("gzip, deflate, br, zstd".to_owned())),
            ("user-agent", Some(config.user_agent.clone())),
            ("connection", (!config.keepalive).then(|| "close".to_owned())),
            ("cookie", Some(cookie).filter(|cookie| !cookie.is_empty())),
            ("content-length", Some(length).filter(|_| has_length)),
            ("proxy-authorization", self.is_forwarded(flags).then(|| "Basic dXNlcjp3b3Jk".to_owned())),
        ];
        let by_host = |(name, value): (&str, Option<String>)| Some((name.to_owned(), value?));
        let missing = |(name, _): &(&str, Option<String>)| !self.gives(name);
        let given =
            self.headers.iter().map(|(name, value)| (String::from(*name), value.trim_matches([' ', '\t']).to_owned()));
        let before = before.into_iter().filter(missing).filter_map(by_host);
        before.chain(given).chain(behind.into_iter().filter(missing).filter_map(by_host)).collect()
    }
}

fn may_go_to(url: &Url) -> bool {
    leads_somewhere(url) && url.username().is_empty() && url.password().is_none()
}

/// A name has 253 bytes at the most.
fn leads_somewhere(url: &Url) -> bool {
    let is_too_long = matches!(url.host(), Some(url::Host::Domain(name)) if name.len() > 253);
    matches!(url.scheme(), "http" | "https") && !is_too_long
}

/// Holds a request that is to be sent against what is meant.
fn check_request(client: &Client, encoded: &Encoded, meant: &Meant<'_>, flags: u8) {
    check_origin(client, encoded, meant);
    check_wire(client, encoded, meant, flags);
    check_over_http2(encoded, meant);
    assert_eq!((encoded.method(), encoded.path_and_query()), (meant.method, meant.path_and_query()));
    assert_eq!((encoded.guest_headers().collect::<Vec<_>>(), encoded.body()), (meant.headers.clone(), meant.body));
    let mut url = meant.url.clone();
    url.set_fragment(None);
    assert_eq!(client.url_of(encoded), url.as_str());
}

/// The server is that of the URL.
fn check_origin(client: &Client, encoded: &Encoded, meant: &Meant<'_>) {
    let origin = client.0.context.origin(&encoded.origin).expect("it is known");
    let same_host = match (&origin.host, meant.url.host().expect("it has a host")) {
        (target::Host::Name(name), Host::Domain(meant)) => **name == *meant,
        (target::Host::Address(address), Host::Ipv4(meant)) => *address == meant,
        (target::Host::Address(address), Host::Ipv6(meant)) => *address == meant,
        _ => false,
    };
    let is_https = matches!(origin.scheme, Scheme::Https);
    assert!(same_host && is_https == (meant.url.scheme() == "https"), "{origin:?} for {}", meant.url);
    assert_eq!((Some(origin.port), &*origin.prefix), (meant.url.port_or_known_default(), &*meant.origin()));
}

/// The bytes are exactly one request, and nothing in it begins a line of its own.
fn check_wire(client: &Client, encoded: &Encoded, meant: &Meant<'_>, flags: u8) {
    let expected = meant.sent(client, flags);
    let mut slots = vec![httparse::EMPTY_HEADER; expected.len() + 1];
    let mut parsed = httparse::Request::new(&mut slots);
    let status = parsed.parse(&encoded.wire).expect("a request");
    let httparse::Status::Complete(length) = status else { panic!("an unfinished head") };
    let path = if meant.is_forwarded(flags) { meant.origin() } else { String::new() } + meant.path_and_query();
    assert_eq!((parsed.method, parsed.path, parsed.version), (Some(meant.method), Some(&*path), Some(1)));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("what was text is text");
    let found: Vec<_> = parsed.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
    assert_eq!(found, expected);
    let (head, body) = encoded.wire.split_at(length);
    assert_eq!(body, meant.body.unwrap_or_default());
    let lines: Vec<_> = text(head).split("\r\n").map(str::to_owned).collect();
    assert_eq!(lines.len(), 1 + expected.len() + 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(['\r', '\n', '\0'])), "{lines:?}");
}

/// Over HTTP/2, where it has room for the request, the same server is asked for the same thing.
fn check_over_http2(encoded: &Encoded, meant: &Meant<'_>) {
    let Ok(head) = h2::head_of(encoded, &meant.origin()) else { return };
    let uri = head.uri();
    assert_eq!((head.method().as_str(), uri.scheme_str()), (meant.method, Some(meant.url.scheme())));
    assert_eq!(uri.path_and_query().map(|path| path.as_str()), Some(meant.path_and_query()));
    if !meant.gives("host") {
        assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(&*meant.authority()));
    }
}

/// A redirect leads to where the `url` crate says, and what is secret stays with its origin.
fn check_redirect(client: &Client, encoded: &Encoded, location: &str, flags: u8) {
    let status = [301, 302, 303, 307][usize::from(flags >> STATUS_SHIFT & 3)];
    let from = Url::parse(&client.url_of(encoded)).expect("it was one");
    let url = from.join(location).ok().filter(leads_somewhere);
    let (encoded_next, mut url) = match (client.redirected(encoded, status, location), url) {
        (Ok(next), Some(url)) => (next, url),
        (Err(Error::Protocol(_)), None) => return,
        (outcome, _) => panic!("{outcome:?} of {location:?} from {from}"),
    };
    url.set_username("").expect("it has a host");
    url.set_password(None).expect("it has a host");
    let same_origin = from.origin() == url.origin();
    let (method, keeps_body) = redirect::method(status, encoded.method());
    let kept = |(name, _): &(&str, &str)| redirect::keeps_header(name, same_origin, keeps_body);
    let headers: Vec<_> = encoded.guest_headers().filter(kept).collect();
    let body = encoded.body().filter(|_| keeps_body);
    let meant = Meant { url, method, headers, body };
    let bound = ["authorization", "cookie", "host", "proxy-authorization"];
    assert!(same_origin || !bound.iter().any(|name| meant.gives(name)), "{:?}", meant.headers);
    check_request(client, &encoded_next, &meant, flags);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::inputs;

    #[test]
    fn any_request_is_refused_or_sent_as_it_is_meant() {
        let (seeds, pieces) = inputs::of("request");
        inputs::try_some(&seeds, &pieces, 4_000, check);
    }

    #[test]
    fn names_that_are_too_long_lead_nowhere() {
        let long = format!("http://{}.test/", "a".repeat(300));
        for fields in [["http://a.test", "/", &long], ["http://a.test", &long, "/"], [&*long, "/", "/"]] {
            let input = fields.map(str::as_bytes).join(&0xff);
            check(&[b"\0", &input[..], b"\xffGET\xff"].concat());
        }
    }
}
