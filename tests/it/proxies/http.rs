//! HTTP proxies, in cleartext and over TLS.

use super::server::{Kind, Rules};
use super::{Proxy, assert_no_connection, passed, target, visits};
use crate::support::certificates::Authority;
use crate::support::figures::{count, failures};
use crate::support::program::Wasmload;
use crate::support::scripted::{Scripted, deaf};
use crate::support::tls;

/// `name:password`, as basic authentication has it.
const AUTHORIZATION: &str = "Basic bmFtZTpwYXNzd29yZA==";

fn proxy(target: &Scripted, wants: Option<&'static str>) -> Proxy {
    Proxy::start(Rules { kind: Kind::Http, target: target.address(), wants })
}

/// A server of https:// at which nothing goes wrong, and the certificate that it is known by.
fn secure_target() -> (Scripted, Authority) {
    let authority = Authority::new();
    let config = tls::server(&authority.issue("shop.test"));
    (Scripted::secure(config, |mut peer| peer.serve(|_, _| Ok(()))), authority)
}

/// With that authority trusted, for servers and proxies.
fn trusting(program: Wasmload, authority: &Authority) -> Wasmload {
    authority.identity().write(program.directory.path(), "authority");
    program.with("--ca-cert authority.pem")
}

#[test]
fn requests_in_cleartext_are_handed_to_the_proxy() {
    let target = target();
    let proxy = proxy(&target, None);
    let summary = passed(visits("http://shop.test").with("--proxy").arg(format!("http://{}", proxy.address)));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!((&*request.method, &*request.path), ("GET", "http://shop.test/"));
        assert_eq!((request.header("host"), request.header("proxy-authorization")), (Some("shop.test"), None));
    }
    // The connection to the proxy is kept, and its own to the server.
    assert_eq!((proxy.connections(), target.connections()), (1, 1));
    assert_eq!(count(&summary, "/total/connections/opened"), 1);
    assert_eq!(count(&summary, "/total/phases/dns/requests"), 0, "the proxy looks names up");
}

#[test]
fn a_proxy_that_wants_to_know_its_clients_is_told() {
    let target = target();
    let proxy = proxy(&target, Some(AUTHORIZATION));
    passed(visits("http://shop.test").with("--proxy").arg(format!("http://name:password@{}", proxy.address)));
    assert!(proxy.requests().iter().all(|seen| seen.header("proxy-authorization") == Some(AUTHORIZATION)));

    let (secure, authority) = secure_target();
    let proxy = self::proxy(&secure, Some(AUTHORIZATION));
    let program = trusting(visits("https://shop.test"), &authority);
    passed(program.with("--proxy").arg(format!("http://name:password@{}", proxy.address)));
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_proxy_that_does_not_know_its_client_says_so() {
    let target = target();
    let proxy = proxy(&target, Some(AUTHORIZATION));
    let url = format!("http://{}", proxy.address);
    // A request that was handed over has the proxy's answer.
    let summary = visits("http://shop.test").with("--proxy").arg(&url).output().expect(0).summary();
    assert_eq!(failures(&summary, "request"), [("status", "407", 3)]);
    assert_no_connection(
        visits("https://shop.test").with("--proxy").arg(&url),
        &format!(
            "the proxy {url}: no way to shop.test:443: it answered 407 Proxy Authentication Required; give a user name \
             and password as in http://USER:PASSWORD@HOST"
        ),
    );
    assert_eq!(target.connections(), 0);
}

#[test]
fn requests_over_tls_go_through_a_tunnel() {
    let (target, authority) = secure_target();
    let proxy = proxy(&target, None);
    let program = trusting(visits("https://shop.test:8443"), &authority);
    let summary = passed(program.with("--proxy").arg(format!("http://{}", proxy.address)));
    let requests = proxy.requests();
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    assert_eq!((&*request.method, &*request.path), ("CONNECT", "shop.test:8443"));
    assert_eq!(request.header("host"), Some("shop.test:8443"));
    assert_eq!((proxy.connections(), target.connections()), (1, 1));
    assert_eq!(count(&summary, "/total/connections/tls_full"), 1);
    assert_eq!(count(&summary, "/total/phases/dns/requests"), 0, "the proxy looks names up");
}

#[test]
fn the_way_to_the_proxy_may_be_secured() {
    let (secure, authority) = secure_target();
    let certificate = tls::server(&authority.issue("127.0.0.1"));
    let plain = target();
    for (target, url) in [(&plain, "http://shop.test"), (&secure, "https://shop.test")] {
        let kind = Kind::Https(certificate.clone());
        let proxy = Proxy::start(Rules { kind, target: target.address(), wants: Some(AUTHORIZATION) });
        let program = trusting(visits(url), &authority);
        passed(program.with("--proxy").arg(format!("https://name:password@{}", proxy.address)));
        assert_eq!((proxy.connections(), target.connections()), (1, 1), "{url}");
    }
}

#[test]
fn a_proxy_with_a_certificate_that_nobody_knows_is_refused() {
    let target = target();
    let kind = Kind::Https(tls::server(&Authority::new().issue("127.0.0.1")));
    let proxy = Proxy::start(Rules { kind, target: target.address(), wants: None });
    let url = format!("https://{}", proxy.address);
    let program = trusting(visits("http://shop.test"), &Authority::new()).with("--proxy").arg(&url);
    let summary = program.output().expect(0).summary();
    let reason = format!(
        "TLS handshake failed: the proxy {url}: the proxy's certificate is self-signed, or of an authority that is not \
         trusted; trust that with --ca-cert FILE, or take any certificate with --insecure"
    );
    assert_eq!(failures(&summary, "request"), [("tls", &*reason, 3)]);
    assert_eq!(proxy.seen(), []);
}

#[test]
fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let socket = deaf();
    let address = socket.local_addr().expect("a bound socket has an address");
    for url in ["http://shop.test", "https://shop.test"] {
        let program = visits(url).with("--proxy").arg(format!("http://name:password@{address}"));
        assert_no_connection(program, &format!("the proxy http://{address}: {address}: connection refused"));
    }
}

#[test]
fn a_server_that_is_no_proxy_is_no_way() {
    // It answers CONNECT with a page, as it answers everything.
    let server = Scripted::start(|mut peer| {
        peer.request()?;
        peer.send(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
    });
    let reason = format!("the proxy {}: no way to shop.test:443: it answered 404 Not Found", server.url());
    assert_no_connection(visits("https://shop.test").with("--proxy").arg(server.url()), &reason);
}

#[test]
fn another_server_to_connect_to_is_reached_through_a_tunnel() {
    let target = target();
    let proxy = proxy(&target, None);
    let program = visits("http://shop.test").with("--connect-to shop.test:80:other.test:8080 --proxy");
    passed(program.arg(format!("http://{}", proxy.address)));
    let requests = proxy.requests();
    let [request] = &requests[..] else { panic!("{requests:#?}") };
    assert_eq!((&*request.method, &*request.path), ("CONNECT", "other.test:8080"));
}
