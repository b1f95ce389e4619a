//! Where connections go instead of where URLs say: to given addresses, other hosts, or through proxies.
//!
//! Plain values, read from texts as curl takes them, and the rules by which they apply. This module opens no
//! connection and looks no name up.

mod network;
mod no_proxy;
mod overrides;
mod proxy;

use std::net::SocketAddr;

pub(in crate::http) use network::Network;
pub use no_proxy::NoProxy;
pub use overrides::{ConnectTo, Resolve};
pub(in crate::http) use proxy::{Credentials, Protocol};
pub use proxy::{Proxies, Proxy};

use super::target::Host;

/// Why a text is not the override, the proxy or the list that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It has not the form.
    #[error("read `{text}` as {what}: {reason}; write for example {examples}")]
    Malformed {
        /// The text as given, but for user name and password.
        text: String,
        /// What was wanted.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
        /// Texts that would do.
        examples: &'static str,
    },
    /// It is the value of an environment variable.
    #[error("use the environment variable {variable}")]
    Variable {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with its value.
        source: Box<RouteError>,
    },
}

/// What a parser reads: its name and examples for messages.
pub(in crate::http) struct Form {
    pub(in crate::http) what: &'static str,
    pub(in crate::http) examples: &'static str,
}

impl Form {
    pub(in crate::http) fn malformed(&self, text: &str, reason: impl Into<String>) -> RouteError {
        RouteError::Malformed { text: text.to_owned(), what: self.what, reason: reason.into(), examples: self.examples }
    }
}

/// A host and port as URLs write them, the port always there.
pub(in crate::http) fn authority(host: &Host, port: u16) -> String {
    match host {
        Host::Name(name) => format!("{name}:{port}"),
        Host::Address(address) => SocketAddr::new(*address, port).to_string(),
    }
}

/// Takes a host off the front of a text: up to the first colon, or up to the bracket that ends an IPv6 address.
pub(in crate::http) fn take_host(text: &str) -> Result<(&str, &str), String> {
    let end = if text.starts_with('[') {
        text.find(']').ok_or("the bracket is not closed")? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(end);
    if rest.is_empty() || rest.starts_with(':') {
        return Ok((host, rest));
    }
    Err(format!("a colon must follow `{host}`"))
}

/// A host, read as URLs are, so that it equals the host of a URL that means the same.
pub(in crate::http) fn parse_host(text: &str) -> Result<Host, String> {
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) => Ok(Host::Name(name.into())),
        Ok(url::Host::Ipv4(address)) => Ok(Host::Address(address.into())),
        Ok(url::Host::Ipv6(address)) => Ok(Host::Address(address.into())),
        Err(error) => Err(format!("`{text}` is no host: {error}")),
    }
}

pub(in crate::http) fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port @ 1..) if !text.starts_with('+') => Ok(port),
        _ => Err(format!("`{text}` is no port; ports are 1 to 65535")),
    }
}

/// An address without the brackets that IPv6 may have.
pub(in crate::http) fn without_brackets(text: &str) -> &str {
    text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text)
}
