//! Other addresses and other hosts than those that a URL names: curl's `--resolve` and `--connect-to`.

use std::net::IpAddr;
use std::str::FromStr;

use super::{Form, RouteError, parse_host, parse_port, take_host, without_brackets};
use crate::http::reach::HostPattern;
use crate::http::target::Host;

const RESOLVE: Form =
    Form { what: "HOST:PORT:ADDRESS", examples: "example.com:443:127.0.0.1, *:80:10.0.0.1,10.0.0.2 or h:*:[::1]" };
const CONNECT_TO: Form = Form {
    what: "HOST1:PORT1:HOST2:PORT2",
    examples: "example.com:443:staging.example.com:8443, or ::127.0.0.1: for all hosts and ports",
};

/// Addresses of a host, given instead of being looked up; as curl's `--resolve HOST:PORT:ADDRESS[,ADDRESS]...`.
///
/// The host may be `*` for every host, and the port `*` for every port (which curl doesn't have). IPv6 addresses may
/// have brackets; as the host they need them. A host that is an address itself is replaced too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    host: Option<Host>,
    port: Option<u16>,
    addresses: Vec<IpAddr>,
}

impl Resolve {
    /// The places that it leads to.
    pub(in crate::http) fn leads_to(&self) -> impl Iterator<Item = HostPattern> {
        self.addresses.iter().map(|address| HostPattern::of(&Host::Address(*address), self.port))
    }

    /// The addresses that are given for a host and port, never none of them. What names the host goes before what
    /// names every host, and what names the port before what names every port; of equals, the last one holds.
    pub(in crate::http) fn find<'a>(overrides: &'a [Resolve], host: &Host, port: u16) -> Option<&'a [IpAddr]> {
        let fitting = overrides.iter().filter(|one| fits(one.host.as_ref(), one.port, host, port));
        fitting.max_by_key(|one| (one.host.is_some(), one.port.is_some())).map(|one| &*one.addresses)
    }
}

impl FromStr for Resolve {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        parse_resolve(text).map_err(|reason| RESOLVE.malformed(text, reason))
    }
}

fn parse_resolve(text: &str) -> Result<Resolve, String> {
    // In curl they mark entries that expire or are withdrawn, which makes no sense for a run.
    if text.starts_with(['+', '-']) {
        return Err("it holds for the whole run; leave the sign out".to_owned());
    }
    let (host, rest) = take_host(text)?;
    let rest = rest.strip_prefix(':').ok_or("the port is missing")?;
    let (port, addresses) = rest.split_once(':').ok_or("the address is missing")?;
    let addresses = addresses.split(',').map(|address| {
        without_brackets(address).parse().map_err(|_| format!("`{address}` is no address, and names are not looked up"))
    });
    Ok(Resolve {
        host: unless("*", host, parse_host)?,
        port: unless("*", port, parse_port)?,
        addresses: addresses.collect::<Result<_, _>>()?,
    })
}

/// Another host and port to connect to; as curl's `--connect-to HOST1:PORT1:HOST2:PORT2`.
///
/// Any part may be empty: without the first host or port, every one is meant; without the second, it stays as it is.
/// IPv6 addresses are in brackets. What is sent stays the same: the `host` header, and the name that TLS asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    host: Option<Host>,
    port: Option<u16>,
    to_host: Option<Host>,
    to_port: Option<u16>,
}

impl ConnectTo {
    /// The places that it leads to; none where it leads nowhere else.
    pub(in crate::http) fn leads_to(&self) -> Option<HostPattern> {
        let port = self.to_port.or(self.port);
        match (self.to_host.as_ref().or(self.host.as_ref()), self.to_port) {
            (Some(host), _) if self.to_host.is_some() || self.to_port.is_some() => Some(HostPattern::of(host, port)),
            (None, Some(port)) => Some(HostPattern::everything(port)),
            _ => None,
        }
    }

    /// The host and port to connect to instead; none where nothing is to be changed. The first that applies holds.
    pub(in crate::http) fn find<'a>(others: &'a [ConnectTo], host: &'a Host, port: u16) -> Option<(&'a Host, u16)> {
        let applies = |other: &&ConnectTo| {
            fits(other.host.as_ref(), other.port, host, port) && (other.to_host.is_some() || other.to_port.is_some())
        };
        let other = others.iter().find(applies)?;
        Some((other.to_host.as_ref().unwrap_or(host), other.to_port.unwrap_or(port)))
    }
}

impl FromStr for ConnectTo {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        parse_connect_to(text).map_err(|reason| CONNECT_TO.malformed(text, reason))
    }
}

fn parse_connect_to(text: &str) -> Result<ConnectTo, String> {
    let (host, rest) = take_host(text)?;
    let rest = rest.strip_prefix(':').ok_or("the first port is missing")?;
    let (port, rest) = rest.split_once(':').ok_or("the second host is missing")?;
    let (to_host, rest) = take_host(rest)?;
    // As in curl, the last part may be left out with its colon.
    let to_port = rest.strip_prefix(':').unwrap_or(rest);
    Ok(ConnectTo {
        host: unless("", host, parse_host)?,
        port: unless("", port, parse_port)?,
        to_host: unless("", to_host, parse_host)?,
        to_port: unless("", to_port, parse_port)?,
    })
}

/// Whether a host and port are those that are wanted; none of these means any.
fn fits(wanted_host: Option<&Host>, wanted_port: Option<u16>, host: &Host, port: u16) -> bool {
    wanted_host.is_none_or(|wanted| wanted == host) && wanted_port.is_none_or(|wanted| wanted == port)
}

/// What the text says, or none where it is the one that says nothing.
fn unless<T>(nothing: &str, text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text == nothing { Ok(None) } else { parse(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        parse_host(text).expect(text)
    }

    fn resolved(overrides: &[&str], asked: &str, port: u16) -> Option<Vec<String>> {
        let overrides: Vec<Resolve> = overrides.iter().map(|text| text.parse().expect(text)).collect();
        Resolve::find(&overrides, &host(asked), port).map(|found| found.iter().map(IpAddr::to_string).collect())
    }

    fn connected(others: &[&str], asked: &str, port: u16) -> Option<String> {
        let others: Vec<ConnectTo> = others.iter().map(|text| text.parse().expect(text)).collect();
        ConnectTo::find(&others, &host(asked), port).map(|(host, port)| crate::http::route::authority(host, port))
    }

    #[test]
    fn addresses_are_given_for_a_host_and_port() {
        let given = |addresses: &[&str]| Some(addresses.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert_eq!(resolved(&["Example.com:80:127.0.0.1"], "example.com", 80), given(&["127.0.0.1"]));
        assert_eq!(resolved(&["example.com:80:127.0.0.1"], "example.com", 81), None);
        assert_eq!(resolved(&["example.com:80:127.0.0.1"], "www.example.com", 80), None);
        assert_eq!(resolved(&["h:80:::1,[::2],10.0.0.1"], "h", 80), given(&["::1", "::2", "10.0.0.1"]));
        assert_eq!(resolved(&["[::1]:80:127.0.0.1"], "[0::1]", 80), given(&["127.0.0.1"]));
        assert_eq!(resolved(&["127.0.0.1:80:127.0.0.2"], "127.0.0.1", 80), given(&["127.0.0.2"]));
        assert_eq!(resolved(&["bücher.example:80:127.0.0.1"], "xn--bcher-kva.example", 80), given(&["127.0.0.1"]));
    }

    #[test]
    fn what_names_more_goes_before_what_names_less() {
        let mut all = ["h:80:10.0.0.4", "h:*:10.0.0.3", "*:80:10.0.0.2", "*:*:10.0.0.1"];
        for _order in 0..2 {
            for (asked, port, expected) in [("h", 80, 4), ("h", 81, 3), ("g", 80, 2), ("g", 81, 1)] {
                assert_eq!(resolved(&all, asked, port), Some(vec![format!("10.0.0.{expected}")]), "{asked}:{port}");
            }
            all.reverse();
        }
        let twice = ["h:80:10.0.0.1", "h:80:10.0.0.2"];
        assert_eq!(resolved(&twice, "h", 80), Some(vec!["10.0.0.2".to_owned()]));
    }

    #[test]
    fn other_hosts_are_connected_to() {
        let case = |texts: &[&str], asked, expected: &str| {
            assert_eq!(connected(texts, asked, 80).unwrap_or_default(), expected, "{texts:?} {asked}");
        };
        case(&["H:80:other:81"], "h", "other:81");
        case(&["h:80:other:"], "h", "other:80");
        case(&["h:80:other"], "h", "other:80");
        case(&["h:80::81"], "h", "h:81");
        case(&["h::[::1]:81"], "h", "[::1]:81");
        case(&[":80:other:"], "h", "other:80");
        case(&["::127.0.0.1:"], "h", "127.0.0.1:80");
        case(&["[::1]:80:other:1"], "[::1]", "other:1");
        case(&["h:81:other:", "g:80:other:"], "h", "");
        case(&["h:80::", "h:80:first:", "h:80:second:"], "h", "first:80");
    }

    #[test]
    fn a_malformed_text_is_refused_with_an_example() {
        for text in ["", "h", "h:80", "h:80:", "h:0:1.2.3.4", "h:+80:1.2.3.4", "h:80:g", "[::1:80:1.2.3.4", "h:80:1,"] {
            let error = text.parse::<Resolve>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("read `{text}` as HOST:PORT:ADDRESS: ")), "{error}");
            assert!(error.contains("; write for example example.com:443:127.0.0.1"), "{error}");
        }
        let signed = "+h:80:1.2.3.4".parse::<Resolve>().expect_err("a sign").to_string();
        assert!(signed.contains("leave the sign out"), "{signed}");
        for text in ["", "h", "h:80", "h:x:g:80", "h:80:g:80:1", "h:80:g:65536", "[::1]80:::", "a b:80:g:80"] {
            let error = text.parse::<ConnectTo>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("read `{text}` as HOST1:PORT1:HOST2:PORT2: ")), "{error}");
        }
    }
}
