//! Where requests may go: to the run's target, and to what is allowed beside it. What a scenario or a server asks for,
//! and what DNS answers, decide nothing.
//!
//! An origin is judged before a request is put together, and each address that its name was looked up to before it is
//! connected to. Addresses that are not public are left out, unless somebody named them: DNS is in the hands of those
//! who own the name, and must not lead into the network that a run is made from (rebinding). The target's own name may
//! lead there, since it was given to this end; but to the addresses that it had at first, and nowhere else.
//!
//! This module looks no name up and opens no connection.

mod pattern;
mod ranges;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

pub use pattern::HostPattern;
use ranges::{Range, range};

use super::error::Error;
use super::route::authority;
use super::target::{Host, Origin, Scheme};

/// The longest `host` header that is looked at, in bytes: a name and its port are shorter.
const MAX_HOST_HEADER_BYTES: usize = 300;

/// The most addresses of a target that are remembered.
const MAX_FIRST: usize = 64;

/// Hosts that requests may go to beside the target, and what the target's name may lead to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hosts<'a> {
    /// The hosts.
    pub allowed: &'a [HostPattern],
    /// Whether the target's name may lead only to public addresses, as other names do. Default: false.
    pub public_target: bool,
}

/// Where the requests of one scenario may go.
#[derive(Debug, Default)]
pub(super) struct Reach {
    target: Option<Place>,
    allowed: Box<[HostPattern]>,
    /// The target's name has to be public too.
    public_target: bool,
    /// The addresses that the target's name had when it was looked up first.
    first: OnceLock<Box<[IpAddr]>>,
}

/// The target's origin.
#[derive(Debug)]
struct Place {
    host: Host,
    port: u16,
    url: Box<str>,
}

impl Reach {
    pub(super) fn new(target: Option<&Origin>, hosts: Hosts<'_>) -> Reach {
        let target =
            target.map(|origin| Place { host: origin.host.clone(), port: origin.port, url: origin.prefix.clone() });
        let Hosts { allowed, public_target } = hosts;
        Reach { target, allowed: allowed.into(), public_target, first: OnceLock::new() }
    }

    /// Judges an origin that is not the target's.
    ///
    /// # Errors
    /// [`Error::Denied`], with what would allow it.
    pub(super) fn check(&self, origin: &Origin) -> Result<(), Error> {
        if self.allows(&origin.host, origin.port) {
            // A name is judged by its addresses once it was looked up, which a proxy may do.
            let Host::Address(address) = origin.host else { return Ok(()) };
            let refused = self.refusal(&origin.host, origin.port, address, false);
            return refused.map_or(Ok(()), |refused| Err(refused.into_error(&origin.host, origin.port)));
        }
        let place = authority(&origin.host, origin.port);
        let target = match &self.target {
            Some(target) => format!("is not the run's target, {}", target.url),
            None => "is no target of the run, which has none".to_owned(),
        };
        let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
        let hint = hint(&origin.host, origin.port);
        Err(Error::Denied(format!("{scheme}://{place} {target}; {hint}").into()))
    }

    /// Judges the `host` header that a guest gives a request to an origin: behind one address there may be many sites.
    ///
    /// # Errors
    /// [`Error::Denied`], where it names neither the origin nor what is allowed.
    pub(super) fn check_host_header(&self, origin: &Origin, value: &str) -> Result<(), Error> {
        let own = origin.prefix.split_once("://").map_or("", |(_, own)| own);
        if value.eq_ignore_ascii_case(own) {
            return Ok(());
        }
        if value.len() > MAX_HOST_HEADER_BYTES {
            return Err(Error::Denied(format!("the host header has {} bytes, and names no host", value.len()).into()));
        }
        let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
        let named = url::Url::parse(&format!("{scheme}://{value}/")).ok();
        let named = named.filter(|url| url.path() == "/" && url.username().is_empty() && url.password().is_none());
        let named = named.filter(|_| !value.contains(['/', '\\', '@', '?', '#'])).and_then(|url| Origin::of(&url).ok());
        let is_allowed = |named: &Origin| {
            named == origin || self.is_target(&named.host, named.port) || self.allows(&named.host, named.port)
        };
        let hint = match &named {
            // It is sent as it stands, and read by others, who may make something else of another spelling.
            Some(named) if is_allowed(named) && is_spelt_as(named, value) => return Ok(()),
            Some(named) if is_allowed(named) => format!("write {}", authority(&named.host, named.port)),
            Some(named) => hint(&named.host, named.port),
            None => "it is no host and port".to_owned(),
        };
        Err(Error::Denied(format!("the host header names {value:?} instead of {own}; {hint}").into()))
    }

    /// The addresses of a host that may be connected to, of those that its name was looked up to or that it is.
    ///
    /// # Errors
    /// [`Error::Denied`], where none of them may be.
    pub(super) fn admit(&self, host: &Host, port: u16, found: Arc<[IpAddr]>) -> Result<Arc<[IpAddr]>, Error> {
        let is_target = self.is_target(host, port);
        if is_target && self.first.get().is_none() {
            // Of several threads that look it up at the same time, one is the first.
            self.first.get_or_init(|| found.iter().copied().take(MAX_FIRST).collect());
        }
        let refusals = found.iter().map(|address| self.refusal(host, port, *address, is_target));
        let Some(refused) = refusals.flatten().next() else { return Ok(found) };
        let admitted: Arc<[IpAddr]> =
            (found.iter().copied()).filter(|address| self.refusal(host, port, *address, is_target).is_none()).collect();
        if admitted.is_empty() { Err(refused.into_error(host, port)) } else { Ok(admitted) }
    }

    /// Why an address may not be connected to; none where it may.
    fn refusal(&self, host: &Host, port: u16, address: IpAddr, is_target: bool) -> Option<Refusal> {
        let range = range(address)?;
        if self.allowed.iter().any(|pattern| pattern.names_address(address, port)) {
            return None;
        }
        match host {
            // The target is that address; another host is judged by its pattern above.
            Host::Address(_) if is_target => None,
            Host::Name(name) if range == Range::Loopback && is_localhost(name) && self.names(host, port) => None,
            // No name of a machine under test leads there.
            Host::Name(_) if is_target && range != Range::LinkLocal && !self.public_target => {
                let first = self.first.get().is_some_and(|first| first.contains(&address));
                (!first).then_some(Refusal { address, range, moved: true })
            }
            _ => Some(Refusal { address, range, moved: false }),
        }
    }

    /// Whether somebody named that host who may lead requests to this machine, and did not only allow all hosts.
    fn names(&self, host: &Host, port: u16) -> bool {
        let is_named = |pattern: &HostPattern| !pattern.is_everything() && pattern.covers(host, port);
        (self.is_target(host, port) && !self.public_target) || self.allowed.iter().any(is_named)
    }

    fn is_target(&self, host: &Host, port: u16) -> bool {
        self.target.as_ref().is_some_and(|target| target.host == *host && target.port == port)
    }

    fn allows(&self, host: &Host, port: u16) -> bool {
        self.allowed.iter().any(|pattern| pattern.covers(host, port))
    }
}

/// An address that may not be connected to.
#[derive(Debug)]
struct Refusal {
    address: IpAddr,
    range: Range,
    /// The target's name had other addresses at first.
    moved: bool,
}

impl Refusal {
    fn into_error(self, host: &Host, port: u16) -> Error {
        let Refusal { address, range, moved } = self;
        let kind = range.describe();
        let hint = hint(&Host::Address(address), port);
        match host {
            Host::Address(_) => Error::Denied(format!("{address} is {kind}; {hint}").into()),
            Host::Name(name) => {
                let is = if moved { "had other addresses at first, and now is" } else { "is" };
                Error::DeniedAddress(format!("{name} {is} {address}, {kind}; {hint}").into())
            }
        }
    }
}

/// A name that means this machine, whatever DNS says of it (RFC 6761).
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// What would allow that host and port, for people.
fn hint(host: &Host, port: u16) -> String {
    match HostPattern::to_suggest(host, port) {
        Some(pattern) => format!("--allow-host {pattern} would allow it"),
        None => "it is no usual host and port".to_owned(),
    }
}

/// Whether a host and port are written as requests have them, but for case; the scheme's own port may stand there or not.
fn is_spelt_as(named: &Origin, value: &str) -> bool {
    let short = named.prefix.split_once("://").map_or("", |(_, short)| short);
    value.eq_ignore_ascii_case(short) || value.eq_ignore_ascii_case(&authority(&named.host, named.port))
}

#[cfg(test)]
mod rebinding;
#[cfg(test)]
mod tests;
