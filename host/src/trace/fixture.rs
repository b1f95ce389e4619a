//! A rich set of hops, and secrets that are hidden all over it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::http::{Begun, ConnectionInfo, Error, Hop, Outcome, Response, SentAgain, TlsInfo, Watch};
use crate::sample::Phases;
use crate::secrets::Secrets;

const TOKEN: &str = "s3cret-token";
const PASSWORD: &str = "p@ss wörd/";

/// 2026-01-01T00:00:00Z.
const BEGAN: u64 = 1_767_225_600;

pub(super) fn secrets() -> Arc<Secrets> {
    let named = [("token", TOKEN), ("password", PASSWORD)];
    Arc::new(Secrets::new(named.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

/// Whether a secret is in a text, in any of the spellings that the hops have.
pub(super) fn reveals(bytes: &[u8]) -> bool {
    let spellings = [TOKEN, PASSWORD, "p%40ss", "p@ss", "s3cret", &STANDARD.encode(format!("me:{TOKEN}"))];
    spellings.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

/// A response as it came; its body decoded.
fn response(status: u16, head: &str, body: &[u8]) -> Response {
    let head = head.replace('\n', "\r\n");
    Response::new(status, [head.as_bytes(), body].concat(), head.len(), body.len() as u64, false)
}

/// Phases in microseconds, in their order.
fn phases(times: [u64; 7]) -> Phases {
    let [blocked, dns, connect, tls, send, wait, receive] = times.map(Duration::from_micros);
    Phases { blocked, dns, connect, tls, send, wait, receive }
}

fn plain() -> ConnectionInfo {
    ConnectionInfo {
        id: 1,
        remote: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        local: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 40000))),
        ..ConnectionInfo::default()
    }
}

fn secure() -> ConnectionInfo {
    ConnectionInfo {
        id: 2,
        http2: true,
        remote: Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 8443))),
        local: Some(SocketAddr::from((Ipv6Addr::LOCALHOST, 40001))),
        via: Some("proxy http://127.0.0.1:3128".to_owned()),
        tls: Some(TlsInfo {
            version: "TLSv1.3".to_owned(),
            cipher_suite: "TLS13_AES_256_GCM_SHA384".to_owned(),
            alpn: "h2".to_owned(),
            resumed: true,
            certificate: vec![0x30; 900],
        }),
    }
}

/// A hop that no more is known of than that it was made.
pub(super) fn hop(outcome: Outcome<'_>) -> Hop<'_> {
    Hop {
        number: 1,
        started: UNIX_EPOCH + Duration::from_secs(BEGAN),
        redirected: false,
        method: "GET",
        url: "http://127.0.0.1:8080/",
        request_headers: &[],
        request_body: None,
        outcome,
        phases: Phases::default(),
        bytes_sent: 0,
        bytes_received: 0,
        connection: None,
        reused: false,
        sent_again: None,
    }
}

/// The hop when it is sent.
pub(super) fn begun<'a>(hop: &Hop<'a>) -> Begun<'a> {
    Begun {
        number: hop.number,
        redirected: hop.redirected,
        method: hop.method,
        url: hop.url,
        request_headers: hop.request_headers,
        request_body: hop.request_body,
        connection: hop.connection,
        reused: hop.reused,
        sent_again: hop.sent_again,
    }
}

/// A small response.
pub(super) fn ok() -> Response {
    response(200, "HTTP/1.1 200 OK\ncontent-length: 2\n\n", b"ok")
}

/// Shows all hops to those who watch their virtual users, and says how many there were.
pub(super) fn play(watch: &dyn Watch) -> u32 {
    let mut hops = 0;
    let mut show = |vu: u32, hop: Hop<'_>| {
        let started = at(hops);
        hops += 1;
        if let Some(observer) = watch.observer(vu) {
            let hop = Hop { started, number: hops.into(), ..hop };
            if hop.connection.is_some() {
                observer.begun(&begun(&hop));
            }
            observer.hop(&hop);
        }
    };
    cookies(&mut show);
    form(&mut show);
    over_tls(&mut show);
    bodies(&mut show);
    failures(&mut show);
    oddities(&mut show);
    hops
}

fn at(place: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGAN) + Duration::from_micros(12_345) * place
}

type Show<'a> = &'a mut dyn FnMut(u32, Hop<'_>);

/// What sets cookies, and says what a terminal would obey.
fn cookies(show: Show<'_>) {
    let connection = plain();
    let cookies = response(
        200,
        "HTTP/1.1 200 All is well\nContent-Type: text/plain; charset=utf-8\n\
         Set-Cookie: id=s3cret-token; Path=/; Max-Age=60; HttpOnly; SameSite=Lax\n\
         set-cookie: lang=de; Domain=test; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Secure\nContent-Length: 45\n\n",
        "héllo s3cret-token\r\n\x1b[31mred\u{202e}\r\n\r\n* no note".as_bytes(),
    );
    show(
        1,
        Hop {
            url: "http://test:8080/a%20b?q=%C3%A9&token=s3cret-token&p=p%40ss%20w%C3%B6rd%2F&flag#part",
            request_headers: &[
                ("Host", "test:8080"),
                ("Authorization", "Basic bWU6czNjcmV0LXRva2Vu"),
                ("cookie", "a=1; token=s3cret-token"),
            ],
            phases: phases([0, 310, 120, 0, 25, 1900, 40]),
            bytes_sent: 180,
            bytes_received: 288,
            connection: Some(&connection),
            ..hop(Outcome::Response(&cookies))
        },
    );
}

/// A form that is answered by a redirect, on the kept connection.
fn form(show: Show<'_>) {
    let connection = plain();
    let redirect = response(302, "HTTP/1.1 302 Found\nLocation: /next?token=s3cret-token\ncontent-length: 0\n\n", b"");
    let form = b"name=J%C3%BCrgen+M&password=p%40ss+w%C3%B6rd%2F&empty=";
    show(
        1,
        Hop {
            method: "POST",
            url: "http://test:8080/login",
            request_headers: &[
                ("host", "test:8080"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "54"),
            ],
            request_body: Some(form),
            phases: phases([0, 0, 0, 0, 12, 800, 1]),
            bytes_sent: 154,
            bytes_received: 77,
            connection: Some(&connection),
            reused: true,
            ..hop(Outcome::Response(&redirect))
        },
    );
}

/// What the redirect led to, and bodies that aren't text.
fn over_tls(show: Show<'_>) {
    let connection = secure();
    let image = response(
        200,
        "HTTP/2 200\ncontent-type: image/x-test\ncontent-encoding: gzip\n\n",
        b"\x89\x00s3cret-token\xff\xfe",
    );
    show(
        1,
        Hop {
            redirected: true,
            url: "https://test:8443/next?token=s3cret-token",
            request_headers: &[("host", "test:8443")],
            phases: phases([5, 200, 150, 2100, 30, 900, 70]),
            bytes_sent: 60,
            bytes_received: 90,
            connection: Some(&connection),
            ..hop(Outcome::Response(&image))
        },
    );
    let none = response(204, "HTTP/2 204\n\n", b"");
    show(
        2,
        Hop {
            method: "PUT",
            url: "https://test:8443/blob",
            request_headers: &[("host", "test:8443"), ("content-length", "4")],
            request_body: Some(b"\0\xff\x01\x02"),
            phases: phases([0, 0, 0, 0, 30, 900, 0]),
            bytes_sent: 40,
            bytes_received: 12,
            connection: Some(&connection),
            reused: true,
            ..hop(Outcome::Response(&none))
        },
    );
}

/// Bodies that are cut, coded and dropped.
fn bodies(show: Show<'_>) {
    let connection = ConnectionInfo { id: 3, via: Some("/run/app.sock".to_owned()), ..ConnectionInfo::default() };
    let long = format!("{}all work and no play\n", "all work and no play ".repeat(19)).repeat(10);
    let head = "HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-encoding: zstd\ncontent-length: 60\n\n";
    let coded = response(200, head, long.as_bytes());
    show(
        2,
        Hop {
            method: "POST",
            url: "http://test/",
            request_headers: &[("content-type", "text/plain"), ("content-length", "4200")],
            request_body: Some(long.as_bytes()),
            phases: phases([1500, 0, 90, 0, 45, 2000, 310]),
            bytes_sent: 4300,
            bytes_received: head.len() as u64 + 5 + 60,
            connection: Some(&connection),
            ..hop(Outcome::Response(&coded))
        },
    );
    let head = "HTTP/1.1 200 OK\ncontent-length: 1000000\n\n".replace('\n', "\r\n");
    let dropped = Response::new(200, head.as_bytes().to_vec(), head.len(), 1_000_000, false);
    show(
        2,
        Hop {
            url: "http://test/large",
            phases: phases([0, 0, 0, 0, 10, 100, 5000]),
            bytes_sent: 50,
            bytes_received: 1_000_000 + head.len() as u64,
            connection: Some(&connection),
            reused: true,
            ..hop(Outcome::Response(&dropped))
        },
    );
}

/// Requests without a response.
fn failures(show: Show<'_>) {
    let refused = Error::Connect("connection refused".into());
    let url = "http://127.0.0.1:9/?token=s3cret-token";
    show(1, Hop { url, phases: phases([0, 0, 70, 0, 0, 0, 0]), ..hop(Outcome::Failed(&refused)) });
    let connection = ConnectionInfo { id: 4, ..plain() };
    show(
        1,
        Hop {
            url: "http://127.0.0.1:8080/slow",
            request_headers: &[("host", "127.0.0.1:8080")],
            phases: phases([0, 0, 60, 0, 9, 1_000_000, 0]),
            bytes_sent: 50,
            bytes_received: 7,
            connection: Some(&connection),
            ..hop(Outcome::Failed(&Error::Timeout))
        },
    );
    let invalid = Error::InvalidRequest("\"s3cret-token x\" is not an HTTP method".into());
    show(1, Hop { method: "s3cret-token x", url: "no\r\nURL", ..hop(Outcome::Failed(&invalid)) });
}

/// A server of another time that closed the kept connection, and one that never answers.
fn oddities(show: Show<'_>) {
    let connection = ConnectionInfo { id: 5, ..plain() };
    let head = "HTTP/1.0 200 OK\ncontent-type: text/html\ncontent-encoding: gzip\ncontent-length: 33\n\n";
    let old = response(200, head, b"caf\xe9 s3cret-token");
    show(
        1,
        Hop {
            url: "http://127.0.0.1:8080/old",
            request_headers: &[("host", "127.0.0.1:8080")],
            phases: phases([0, 0, 60, 0, 9, 400, 1]),
            bytes_sent: 100,
            bytes_received: 200,
            connection: Some(&connection),
            sent_again: Some(SentAgain::Closed),
            ..hop(Outcome::Response(&old))
        },
    );
    show(
        1,
        Hop {
            url: "http://127.0.0.1:8080/never",
            request_headers: &[("host", "127.0.0.1:8080")],
            phases: phases([0, 0, 0, 0, 9, 3_200_000, 0]),
            bytes_sent: 50,
            connection: Some(&connection),
            reused: true,
            ..hop(Outcome::CutOff)
        },
    );
}
