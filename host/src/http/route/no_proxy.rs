//! The hosts that no proxy is used for.

use std::str::FromStr;

use super::{Form, Network, RouteError, parse_host, parse_port, take_host, without_brackets};
use crate::http::target::Host;

const FORM: Form =
    Form { what: "hosts without a proxy", examples: "example.com,.internal,10.0.0.0/8,[::1]:8080, or * for all hosts" };

/// The hosts that no proxy is used for; as curl's `--noproxy`. Default: none.
///
/// Names, addresses and networks, separated by commas or blanks. A name means its subdomains too, with a dot before it
/// or without. A network such as `10.0.0.0/8` means the addresses in it where a URL has an address; no name is looked up
/// for it. `*` means all hosts. Beyond curl, `*.` may stand before a name, and a port behind a name or an address: then
/// that port alone is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    entries: Vec<Entry>,
    /// What was no entry, and why, for people.
    ignored: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and its subdomains, without dots around it.
    Domain(String),
    Network(Network),
}

impl NoProxy {
    /// As the environment has it: what is no entry is ignored, as curl does it, since the list was made for other
    /// programs, which have forms of their own.
    pub(super) fn from_environment(text: &str) -> Self {
        let mut list = NoProxy::default();
        for entry in entries(text) {
            match parse_entry(entry) {
                Ok(parsed) => list.entries.push(parsed),
                Err(reason) => list.ignored.push(format!("`{entry}` ({reason})")),
            }
        }
        list
    }

    /// What was no entry, and why, for people.
    pub(in crate::http) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Whether no proxy is used for that host and port.
    pub(in crate::http) fn covers(&self, host: &Host, port: u16) -> bool {
        self.entries.iter().any(|entry| entry.port.is_none_or(|wanted| wanted == port) && entry.hosts.include(host))
    }
}

impl FromStr for NoProxy {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        let entries = entries(text).map(parse_entry).collect::<Result<_, _>>();
        let entries = entries.map_err(|reason| FORM.malformed(text, reason))?;
        Ok(NoProxy { entries, ignored: Vec::new() })
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty())
}

impl Hosts {
    fn include(&self, host: &Host) -> bool {
        match (self, host) {
            (Hosts::All, _) => true,
            (Hosts::Domain(domain), Host::Name(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name.strip_suffix(&**domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
            }
            (Hosts::Network(network), Host::Address(address)) => network.contains(*address),
            _ => false,
        }
    }
}

fn parse_entry(entry: &str) -> Result<Entry, String> {
    if entry == "*" {
        return Ok(Entry { hosts: Hosts::All, port: None });
    }
    if let Some((address, bits)) = entry.split_once('/') {
        return Network::parse(address, bits).map(|network| Entry { hosts: Hosts::Network(network), port: None });
    }
    if let Ok(address) = entry.parse() {
        return Ok(Entry { hosts: Hosts::Network(Network::of(address)), port: None });
    }
    let (host, rest) = take_host(entry)?;
    let port = rest.strip_prefix(':').map(parse_port).transpose()?;
    let hosts = match without_brackets(host).parse() {
        Ok(address) => Hosts::Network(Network::of(address)),
        Err(_) => parse_domain(host)?,
    };
    Ok(Entry { hosts, port })
}

fn parse_domain(text: &str) -> Result<Hosts, String> {
    let name = text.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(text);
    let name = name.strip_prefix('.').unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.contains('*') {
        return Err(format!("in `{text}`, a star may only stand before the first dot"));
    }
    match parse_host(name)? {
        Host::Name(name) => Ok(Hosts::Domain(name.into())),
        Host::Address(_) => Err(format!("`{text}` is part of an address; write a network as 10.0.0.0/8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(list: &str, host: &str) -> bool {
        let no_proxy: NoProxy = list.parse().expect(list);
        no_proxy.covers(&parse_host(host).expect(host), 80)
    }

    #[test]
    fn domains_end_at_label_bounds() {
        for list in ["example.com", ".example.com", "*.example.com", "EXAMPLE.com.", "a, b\texample.com,"] {
            for host in ["example.com", "www.example.com", "a.b.example.com", "Example.COM."] {
                assert!(covers(list, host), "{list} {host}");
            }
            for host in ["notexample.com", "example.com.org", "com", "example"] {
                assert!(!covers(list, host), "{list} {host}");
            }
        }
        assert!(covers("*", "anything") && covers("a,*", "[::1]"));
        assert!(!covers("", "anything") && !covers(" , ", "127.0.0.1"));
    }

    #[test]
    fn addresses_and_networks_are_compared_as_numbers() {
        for (list, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.64/26", "192.168.1.127", "192.168.1.128"),
            ("192.168.1.1", "192.168.1.1", "192.168.1.10"),
            ("0.0.0.0/0", "1.2.3.4", "[::1]"),
            ("::1", "[::1]", "[::2]"),
            ("[::1]", "[0:0::1]", "127.0.0.1"),
            ("fd00::/8", "[fdff::1]", "[fe00::1]"),
            ("10.0.0.0/8", "10.0.0.1", "10.0.0.1.example"),
        ] {
            assert!(covers(list, inside), "{list} {inside}");
            assert!(!covers(list, outside), "{list} {outside}");
        }
    }

    #[test]
    fn a_port_narrows_an_entry() {
        for (list, host) in [("h:81", "h"), ("127.0.0.1:81", "127.0.0.1"), ("[::1]:81", "[::1]")] {
            let no_proxy: NoProxy = list.parse().expect(list);
            let host = parse_host(host).expect(host);
            assert!(no_proxy.covers(&host, 81) && !no_proxy.covers(&host, 80), "{list}");
        }
    }

    #[test]
    fn what_is_no_entry_is_ignored_in_the_environment() {
        let list = NoProxy::from_environment("10.*,localhost 10.0.0.0/99,[::1,,127.0.0.0/8");
        assert_eq!(list.entries, "localhost,127.0.0.0/8".parse::<NoProxy>().expect("valid").entries);
        assert_eq!(
            list.ignored(),
            [
                "`10.*` (in `10.*`, a star may only stand before the first dot)",
                "`10.0.0.0/99` (`/99` is no length of a network; those of 10.0.0.0 are /0 to /32)",
                "`[::1` (the bracket is not closed)",
            ]
        );
    }

    #[test]
    fn a_malformed_list_is_refused_with_an_example() {
        for list in ["10.0.0.0/33", "a/8", "::/129", "h:x", "192.168.", "a*b", "http://h", "[::1", "."] {
            let error = list.parse::<NoProxy>().expect_err(list).to_string();
            assert!(error.starts_with(&format!("read `{list}` as hosts without a proxy: ")), "{error}");
            assert!(error.contains("; write for example example.com,"), "{error}");
        }
    }
}
