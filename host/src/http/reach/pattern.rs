//! Patterns of hosts that requests may go to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::is_localhost;
use super::ranges::range;
use crate::http::route::{Form, Network, RouteError, parse_host, parse_port, without_brackets};
use crate::http::target::Host;

const FORM: Form = Form {
    what: "a host that requests may go to",
    examples: "shop.example, *.shop.example:443, 10.0.0.0/8, [::1]:8080, or * for every host",
};

/// Hosts that requests may go to.
///
/// A name; `*.` and a name for all names below it, but not itself; an address, or a network such as `10.0.0.0/8`; `*`
/// for all of them. Each with a port behind a colon, or for every port; IPv6 addresses and networks with a port stand in
/// brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Name(Box<str>),
    /// The names that end so; begins with a dot.
    Below(Box<str>),
    Addresses(Network),
}

impl HostPattern {
    /// Whether requests may go to that host and port.
    pub(in crate::http) fn covers(&self, host: &Host, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
            && match (&self.hosts, host) {
                (Hosts::All, _) => true,
                (Hosts::Name(own), Host::Name(name)) => own == name,
                (Hosts::Below(end), Host::Name(name)) => name.ends_with(&**end),
                (Hosts::Addresses(network), Host::Address(address)) => network.contains(address.to_canonical()),
                _ => false,
            }
    }

    /// Whether it names that address itself, and not only a name that may lead there.
    pub(in crate::http) fn names_address(&self, address: IpAddr, port: u16) -> bool {
        matches!(self.hosts, Hosts::Addresses(_)) && self.covers(&Host::Address(address), port)
    }

    /// Whether it is `*`: every host, and none by its name.
    pub fn is_everything(&self) -> bool {
        self.hosts == Hosts::All
    }

    /// Whether all that the other one allows is allowed by this one. For certain: of `*` and a network it may be true
    /// that is told apart only by each of its addresses.
    pub fn includes(&self, other: &HostPattern) -> bool {
        let hosts = match (&self.hosts, &other.hosts) {
            // Every host is only those at public addresses; which others there are must be named.
            (Hosts::All, Hosts::Addresses(network)) => network.single().is_some_and(|one| range(one).is_none()),
            (Hosts::All, Hosts::Name(name)) => !is_localhost(name),
            (Hosts::All, Hosts::Below(end)) => !is_localhost(end),
            (Hosts::All, Hosts::All) => true,
            (Hosts::Name(own), Hosts::Name(name)) => own == name,
            (Hosts::Below(end), Hosts::Name(name) | Hosts::Below(name)) => name.ends_with(&**end),
            (Hosts::Addresses(own), Hosts::Addresses(network)) => own.covers(network),
            _ => false,
        };
        hosts && (self.port.is_none() || self.port == other.port)
    }

    /// The pattern of that URL's host and port alone; none for a URL without them.
    pub fn of_url(url: &url::Url) -> Option<HostPattern> {
        let hosts = match url.host()? {
            url::Host::Domain(name) => Hosts::Name(name.into()),
            url::Host::Ipv4(address) => Hosts::Addresses(Network::of(address.into())),
            url::Host::Ipv6(address) => Hosts::Addresses(Network::of(IpAddr::from(address).to_canonical())),
        };
        Some(HostPattern { hosts, port: url.port_or_known_default() })
    }

    /// Every host, at that port.
    pub(in crate::http) fn everything(port: u16) -> HostPattern {
        HostPattern { hosts: Hosts::All, port: Some(port) }
    }

    /// The pattern of one host and port alone, for people to use as it stands; none where they are not what hosts and
    /// ports usually are. What is asked for is written by scenarios and servers, and may be `*`, or what a shell obeys.
    pub(in crate::http) fn to_suggest(host: &Host, port: u16) -> Option<HostPattern> {
        let is_usual = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let is_usable = port > 0 && !matches!(host, Host::Name(name) if !is_usual(name) || name.starts_with('-'));
        is_usable.then(|| HostPattern::of(host, Some(port)))
    }

    /// The pattern of one host and port alone.
    pub(in crate::http) fn of(host: &Host, port: Option<u16>) -> HostPattern {
        let hosts = match host {
            Host::Name(name) => Hosts::Name(name.clone()),
            Host::Address(address) => Hosts::Addresses(Network::of(address.to_canonical())),
        };
        HostPattern { hosts, port }
    }
}

impl FromStr for HostPattern {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        parse(text).map_err(|reason| FORM.malformed(text, reason))
    }
}

fn parse(text: &str) -> Result<HostPattern, String> {
    if text.contains("://") {
        return Err("a scheme stands before it; leave that out, and write the port where it matters".to_owned());
    }
    if text.contains(',') {
        return Err("there is a comma in it; give each pattern by itself".to_owned());
    }
    let (hosts, port) = split_port(text)?;
    let port = port.map(parse_port).transpose()?;
    Ok(HostPattern { hosts: parse_hosts(hosts)?, port })
}

/// The hosts, without brackets around them, and the port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, rest) = inner.split_once(']').ok_or("the bracket is not closed")?;
        if inner.split('/').next().is_none_or(|address| address.parse::<Ipv6Addr>().is_err()) {
            return Err("brackets are for IPv6 addresses and networks alone".to_owned());
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((inner, Some(port))),
            None if rest.is_empty() => Ok((inner, None)),
            None => Err(format!("a colon must follow `[{inner}]`; the length of a network stands within the brackets")),
        };
    }
    match text.split_once(':') {
        // With several colons it is an IPv6 address without a port.
        Some((_, rest)) if rest.contains(':') => without_a_doubt(text).map(|()| (text, None)),
        Some((hosts, port)) => Ok((hosts, Some(port))),
        None => Ok((text, None)),
    }
}

/// Refuses what may be an IPv6 address, or one and a port.
fn without_a_doubt(text: &str) -> Result<(), String> {
    let parts = text.rsplit_once(':').filter(|(address, port)| {
        !text.contains('/') && address.parse::<Ipv6Addr>().is_ok() && port.parse::<u16>().is_ok()
    });
    match parts {
        Some((address, port)) if port != "0" && text.parse::<Ipv6Addr>().is_ok() => {
            Err(format!("it may be an address, or one and a port; write [{text}] or [{address}]:{port}"))
        }
        _ => Ok(()),
    }
}

fn parse_hosts(text: &str) -> Result<Hosts, String> {
    if text == "*" {
        return Ok(Hosts::All);
    }
    if let Some((address, bits)) = text.split_once('/') {
        let network = Network::parse(address, bits)?;
        if network.first() != network {
            let first = network.first();
            return Err(format!(
                "its address goes on behind the network's length; write {first}, or the address alone"
            ));
        }
        return Ok(Hosts::Addresses(network));
    }
    if let Ok(address) = without_brackets(text).parse::<IpAddr>() {
        return Ok(Hosts::Addresses(Network::of(address.to_canonical())));
    }
    let below = text.strip_prefix("*.");
    let name = below.unwrap_or(text);
    if name.contains('*') {
        return Err("a star may only stand alone, or before the first dot".to_owned());
    }
    if name.starts_with('.') || name.contains("..") {
        return Err("there is nothing between two of its dots, or before the first".to_owned());
    }
    match (parse_host(name)?, below) {
        (Host::Name(name), None) => Ok(Hosts::Name(name)),
        (Host::Name(name), Some(_)) => Ok(Hosts::Below(format!(".{name}").into())),
        (Host::Address(address), None) => Ok(Hosts::Addresses(Network::of(address.to_canonical()))),
        (Host::Address(_), Some(_)) => Err("no name is below an address; write a network as 10.0.0.0/8".to_owned()),
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::All => formatter.write_str("*")?,
            Hosts::Name(name) => formatter.write_str(name)?,
            Hosts::Below(end) => write!(formatter, "*{end}")?,
            Hosts::Addresses(network) => {
                let text = network.to_string();
                // A network of IPv6 has colons of its own.
                let bare = self.port.is_some() && text.contains(':') && !text.starts_with('[');
                if bare { write!(formatter, "[{text}]")? } else { formatter.write_str(&text)? }
            }
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().expect(text)
    }

    fn covers(text: &str, host: &str, port: u16) -> bool {
        pattern(text).covers(&parse_host(host).expect(host), port)
    }

    #[test]
    fn names_are_exact_unless_a_star_stands_before_them() {
        assert!(covers("shop.example", "shop.example", 80) && covers("SHOP.example", "shop.example", 80));
        assert!(!covers("shop.example", "www.shop.example", 80) && !covers("shop.example", "shop.example.org", 80));
        assert!(covers("*.shop.example", "www.shop.example", 80) && covers("*.shop.example", "a.b.shop.example", 80));
        for other in ["shop.example", "wwwshop.example", "shop.example.org", "evil.test"] {
            assert!(!covers("*.shop.example", other, 80), "{other}");
        }
        assert!(covers("*", "anything", 1) && covers("*", "[::1]", 1) && covers("*:443", "x", 443));
        assert!(!covers("*:443", "x", 80));
    }

    #[test]
    fn addresses_are_numbers_however_they_are_written() {
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
            assert!(covers("127.0.0.1", host, 80), "{host}");
            assert!(covers("127.0.0.0/8", host, 80), "{host}");
            assert!(!covers("127.0.0.2", host, 80), "{host}");
        }
        assert!(covers("::1", "[0:0::1]", 80) && covers("[::1]:80", "[::1]", 80) && !covers("[::1]:80", "[::1]", 81));
        assert!(covers("fd00::/8", "[fd12::1]", 80) && covers("[fd00::/8]:443", "[fd12::1]", 443));
        assert!(!covers("10.0.0.1", "10.0.0.1.example", 80));
        assert!(covers("::ffff:10.0.0.0/104", "10.1.2.3", 80) && covers("2001:db8::5", "[2001:db8::5]", 80));
    }

    #[test]
    fn patterns_are_shown_as_they_are_read() {
        for text in [
            "*",
            "*:443",
            "shop.example",
            "*.shop.example:8443",
            "10.0.0.0/8",
            "10.0.0.1:80",
            "[::1]",
            "[::1]:80",
            "fd00::/8",
            "[fd00::/8]:443",
        ] {
            assert_eq!(pattern(text).to_string(), text);
            assert_eq!(pattern(&pattern(text).to_string()), pattern(text));
        }
    }

    #[test]
    fn a_pattern_includes_what_is_narrower() {
        for (outer, inner, expected) in [
            ("*", "shop.example:80", true),
            ("*", "*", true),
            ("*", "127.0.0.1", false),
            ("*", "10.0.0.0/8", false),
            ("*", "8.8.8.8:80", true),
            ("*:80", "8.8.8.8:80", true),
            ("*", "localhost", false),
            ("*", "*.localhost", false),
            ("*", "a.localhost:80", false),
            ("*", "localhost.test", true),
            ("localhost", "localhost:80", true),
            ("*.example", "*.shop.example", true),
            ("*.example", "shop.example:443", true),
            ("*.shop.example", "*.example", false),
            ("shop.example:443", "shop.example", false),
            ("shop.example", "shop.example:443", true),
            ("10.0.0.0/8", "10.1.0.0/16:80", true),
            ("10.0.0.0/8", "*", false),
            ("shop.example", "*.shop.example", false),
        ] {
            assert_eq!(pattern(outer).includes(&pattern(inner)), expected, "{outer} {inner}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_examples() {
        for text in [
            "",
            "http://shop.example",
            "a*b",
            "*.*.x",
            "*.10.0.0.1",
            "h:x",
            "h:0",
            "10.0.0.0/33",
            "[::1",
            "a/8",
            "[fd00::]/8",
            "a.test,b.test",
            "::1:80",
            "10.1.2.3/8",
            "10.0.0.0/+8",
            "*..x",
            "a..b",
            "[*]:80",
            "[shop.example]:80",
        ] {
            let error = text.parse::<HostPattern>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("read `{text}` as a host that requests may go to: ")), "{error}");
            assert!(error.contains("; write for example shop.example,"), "{error}");
        }
    }

    #[test]
    fn what_nobody_should_paste_is_not_suggested() {
        let suggested = |url: &str| {
            let origin = crate::http::target::Base::parse(url).expect(url).origin;
            HostPattern::to_suggest(&origin.host, origin.port).map(|pattern| pattern.to_string())
        };
        assert_eq!(suggested("http://a_b.x-y.test"), Some("a_b.x-y.test:80".into()));
        assert_eq!(suggested("http://[::1]:8080"), Some("[::1]:8080".into()));
        for odd in ["http://*/", "http://a`id`.test/", "http://a;touch${IFS}x;b/", "http://h:0/", "http://-r.test"] {
            assert_eq!(suggested(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_url_has_a_pattern_of_its_own() {
        let of = |url: &str| HostPattern::of_url(&url.parse().expect(url)).map(|pattern| pattern.to_string());
        assert_eq!(of("https://shop.example/a"), Some("shop.example:443".into()));
        assert_eq!(of("http://[::ffff:7f00:1]:8080"), Some("127.0.0.1:8080".into()));
        assert_eq!(of("data:,x"), None);
    }
}
