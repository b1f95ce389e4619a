//! What all virtual users' clients share.

use std::sync::Arc;

use super::config::{Config, Versions};
use super::dial::{DialError, Dialer};
use super::error::Error;
use super::h1::{Defaults, Parts};
use super::pool::Bounds;
use super::reach::{Hosts, Reach};
use super::target::{Base, Origin, OriginRef, Scheme};
use super::throttle::{HeldBack, Throttle};
use super::tls::{Tls, TlsError};
use crate::guards;

/// Why a run's HTTP settings can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The target isn't a URL that requests can go to.
    #[error("use the target {url:?}")]
    Base {
        /// The target, as given.
        url: String,
        /// What is wrong with it.
        source: Error,
    },
    /// The user agent can't stand in a header.
    #[error("use the user agent {user_agent:?}")]
    UserAgent {
        /// The user agent, as given.
        user_agent: String,
        /// What is wrong with it.
        source: Error,
    },
    /// The settings of TLS can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The settings of the way to servers can't be used.
    #[error(transparent)]
    Dial(#[from] DialError),
}

/// What all clients of a run share, made once: its settings, its target, what it trusts, and the names it resolved.
#[derive(Debug)]
pub struct Context {
    pub(super) config: Config,
    pub(super) base: Option<Base>,
    pub(super) reach: Reach,
    pub(super) defaults: Defaults,
    pub(super) tls: Arc<Tls>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) throttle: Option<Arc<Throttle>>,
    /// Scripted servers in place of the network.
    #[cfg(test)]
    pub(super) network: Option<super::testing::Network>,
}

impl Context {
    /// Validates the settings and reads certificates. `target` is the absolute URL that requests with only a path go
    /// to; others go there too, and to the hosts that are allowed, and nowhere else.
    ///
    /// # Errors
    /// Where the target, the user agent or a file of certificates can't be used. That the system has no certificate
    /// authorities is none: requests over TLS will fail, the others not.
    pub fn new(config: Config, target: Option<&str>, hosts: Hosts<'_>) -> Result<Arc<Self>, ContextError> {
        Context::build(config, target, hosts).map(Arc::new)
    }

    pub(super) fn build(config: Config, target: Option<&str>, hosts: Hosts<'_>) -> Result<Self, ContextError> {
        let base = parse_base(target)?;
        let defaults = Defaults::new(&config.user_agent, config.keepalive)
            .map_err(|source| ContextError::UserAgent { user_agent: config.user_agent.clone(), source })?;
        Ok(Context {
            reach: Reach::new(base.as_ref().map(|base| &base.origin), hosts),
            base,
            defaults,
            tls: Arc::new(Tls::new(&config)?),
            dialer: Arc::new(Dialer::new(&config)?),
            throttle: Throttle::new(config.rate_limits).map(Arc::new),
            config,
            #[cfg(test)]
            network: None,
        })
    }

    /// The same settings, trust and resolved names, for requests to another target and other hosts.
    ///
    /// # Errors
    /// Where the target can't be used.
    pub fn with_target(&self, target: Option<&str>, hosts: Hosts<'_>) -> Result<Arc<Self>, ContextError> {
        let base = parse_base(target)?;
        Ok(Arc::new(Context {
            reach: Reach::new(base.as_ref().map(|base| &base.origin), hosts),
            base,
            config: self.config.clone(),
            defaults: self.defaults.clone(),
            tls: Arc::clone(&self.tls),
            dialer: Arc::clone(&self.dialer),
            throttle: self.throttle.clone(),
            #[cfg(test)]
            network: self.network.clone(),
        }))
    }

    /// What the bounds on the rate of requests did to the run until now.
    pub fn held_back(&self) -> HeldBack {
        self.throttle.as_ref().map(|throttle| throttle.held_back()).unwrap_or_default()
    }

    /// How many connections a virtual user may have.
    pub(super) fn bounds(&self) -> Bounds {
        let Config { max_connections_per_host, max_idle_connections, idle_timeout, keepalive, .. } = self.config;
        Bounds {
            per_origin: max_connections_per_host.max(1),
            idle: max_idle_connections,
            idle_timeout,
            keep: keepalive,
        }
    }

    /// Whether a connection to that origin may turn out to speak HTTP/2.
    pub(super) fn may_share(&self, origin: &OriginRef) -> bool {
        match self.config.versions {
            Versions::Http1 => false,
            Versions::Http2 => true,
            Versions::Negotiated => self.origin(origin).is_ok_and(|origin| origin.scheme == Scheme::Https),
        }
    }

    /// Whether a request with these headers may go to an origin.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub(super) fn check_reach(&self, origin: &OriginRef, headers: &[(&str, &str)]) -> Result<(), Error> {
        if !guards::ON {
            return Ok(());
        }
        if let OriginRef::Other(other) = origin {
            self.reach.check(other)?;
        }
        for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")) {
            self.reach.check_host_header(self.origin(origin)?, value)?;
        }
        Ok(())
    }

    /// Whether a request is as large as one may be.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub(super) fn check_size(&self, parts: &Parts<'_>) -> Result<(), Error> {
        if !guards::ON {
            return Ok(());
        }
        let body = parts.body.map_or(0, <[u8]>::len) as u64;
        let (most, most_head) = (self.config.max_request_bytes, self.config.max_request_head_bytes);
        if body > most {
            let why = format!("the request's body has {body} bytes; --max-request-size allows {most}");
            return Err(Error::Denied(why.into()));
        }
        let head = parts.head_bytes();
        if head > most_head {
            let why = format!("the request's URL and headers have {head} bytes, more than {most_head}");
            return Err(Error::Denied(why.into()));
        }
        Ok(())
    }

    /// The origin that a reference stands for.
    pub(super) fn origin<'a>(&'a self, origin: &'a OriginRef) -> Result<&'a Origin, Error> {
        match origin {
            OriginRef::Other(origin) => Ok(origin),
            // A reference to the base is made only where there is one.
            OriginRef::Base => match &self.base {
                Some(base) => Ok(&base.origin),
                None => Err(Error::Other("the run has no target".into())),
            },
        }
    }
}

fn parse_base(target: Option<&str>) -> Result<Option<Base>, ContextError> {
    let parse = |url: &str| Base::parse(url).map_err(|source| ContextError::Base { url: url.to_owned(), source });
    target.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TlsConfig;

    #[test]
    fn settings_are_validated_at_once() {
        assert!(Context::new(Config::default(), Some("http://h/"), Hosts::default()).is_ok());
        let base = Context::new(Config::default(), Some("h:80"), Hosts::default());
        assert!(matches!(base, Err(ContextError::Base { .. })), "{base:?}");
        let user_agent =
            Context::new(Config { user_agent: "a\nb".into(), ..Config::default() }, None, Hosts::default());
        assert!(matches!(user_agent, Err(ContextError::UserAgent { .. })), "{user_agent:?}");
        let tls = TlsConfig { ca_certificates: vec!["/does/not/exist.pem".into()], ..TlsConfig::default() };
        let missing = Context::new(Config { tls, ..Config::default() }, None, Hosts::default());
        assert!(matches!(missing, Err(ContextError::Tls(_))), "{missing:?}");
    }
}
