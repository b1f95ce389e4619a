//! SOCKS5 proxies.

use super::server::{Kind, Rules};
use super::{Proxy, Seen, assert_no_connection, passed, target, visits};
use crate::support::certificates::Authority;
use crate::support::figures::count;
use crate::support::scripted::Scripted;
use crate::support::tls;

fn proxy(target: &Scripted, wants: Option<&'static str>) -> Proxy {
    Proxy::start(Rules { kind: Kind::Socks, target: target.address(), wants })
}

fn asked(host: &str, port: u16, name: Option<(&str, &str)>) -> Seen {
    let name = name.map(|(user, password)| (user.to_owned(), password.to_owned()));
    Seen::Socks { host: host.to_owned(), port, name }
}

#[test]
fn names_are_looked_up_by_the_proxy_or_here() {
    for (scheme, host) in [("socks5h", "shop.test"), ("socks5", "198.51.100.7")] {
        let target = target();
        let proxy = proxy(&target, None);
        let program = visits("http://shop.test:8080").with("--proxy").arg(format!("{scheme}://{}", proxy.address));
        // Where it is looked up here, this is the answer.
        let program = if scheme == "socks5" { program.with("--resolve shop.test:8080:198.51.100.7") } else { program };
        let summary = passed(program);
        assert_eq!(proxy.seen(), [asked(host, 8080, None)]);
        assert_eq!((proxy.connections(), target.connections()), (1, 1));
        assert_eq!(count(&summary, "/total/connections/opened"), 1);
    }
}

#[test]
fn a_name_that_is_looked_up_here_takes_time_for_that() {
    let target = target();
    let proxy = proxy(&target, None);
    let url = format!("http://localhost:{}", target.address().port());
    let summary = passed(visits(&url).with("--proxy").arg(format!("socks5://{}", proxy.address)));
    assert_eq!(count(&summary, "/total/phases/dns/requests"), 1);
}

#[test]
fn requests_over_tls_are_taken_too() {
    let authority = Authority::new();
    let config = tls::server(&authority.issue("shop.test"));
    let target = Scripted::secure(config, |mut peer| peer.serve(|_, _| Ok(())));
    let proxy = proxy(&target, None);
    let program = visits("https://shop.test").with("--ca-cert authority.pem --proxy");
    authority.identity().write(program.directory.path(), "authority");
    passed(program.arg(format!("socks5h://{}", proxy.address)));
    assert_eq!(proxy.seen(), [asked("shop.test", 443, None)]);
}

#[test]
fn a_proxy_that_wants_to_know_its_clients_is_told() {
    let target = target();
    let proxy = proxy(&target, Some("name:pass word"));
    passed(visits("http://shop.test").with("--proxy").arg(format!("socks5h://name:pass%20word@{}", proxy.address)));
    assert_eq!(proxy.seen(), [asked("shop.test", 80, Some(("name", "pass word")))]);
}

#[test]
fn a_proxy_that_does_not_know_its_client_says_so() {
    let target = target();
    let proxy = proxy(&target, Some("name:password"));
    let address = proxy.address;
    let lead = format!("the proxy socks5h://{address}: no way to shop.test:80: ");
    assert_no_connection(
        visits("http://shop.test").with("--proxy").arg(format!("socks5h://{address}")),
        &format!("{lead}it wants to know its clients; give a user name and password as in socks5://USER:PASSWORD@HOST"),
    );
    assert_no_connection(
        visits("http://shop.test").with("--proxy").arg(format!("socks5h://name:wrong@{address}")),
        &format!("{lead}it refused the user name or password"),
    );
    assert_eq!((proxy.seen(), target.connections()), (vec![], 0));
}
