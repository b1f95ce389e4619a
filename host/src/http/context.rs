//! What all virtual users' clients share.

use std::sync::Arc;

use super::config::{Config, Versions};
use super::dial::{DialError, Dialer};
use super::error::Error;
use super::h1::Defaults;
use super::pool::Bounds;
use super::target::{Base, Origin, OriginRef, Scheme};
use super::tls::{Tls, TlsError};

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
    pub(super) defaults: Defaults,
    pub(super) tls: Arc<Tls>,
    pub(super) dialer: Arc<Dialer>,
    /// Scripted servers in place of the network.
    #[cfg(test)]
    pub(super) network: Option<super::testing::Network>,
}

impl Context {
    /// Validates the settings and reads certificates. `target` is the absolute URL that requests with only a path go
    /// to.
    ///
    /// # Errors
    /// Where the target, the user agent or a file of certificates can't be used. That the system has no certificate
    /// authorities is none: requests over TLS will fail, the others not.
    pub fn new(config: Config, target: Option<&str>) -> Result<Arc<Self>, ContextError> {
        Context::build(config, target).map(Arc::new)
    }

    pub(super) fn build(config: Config, target: Option<&str>) -> Result<Self, ContextError> {
        let base = parse_base(target)?;
        let defaults = Defaults::new(&config.user_agent, config.keepalive)
            .map_err(|source| ContextError::UserAgent { user_agent: config.user_agent.clone(), source })?;
        Ok(Context {
            base,
            defaults,
            tls: Arc::new(Tls::new(&config)?),
            dialer: Arc::new(Dialer::new(&config)?),
            config,
            #[cfg(test)]
            network: None,
        })
    }

    /// The same settings, trust and resolved names, for requests to another target.
    ///
    /// # Errors
    /// Where the target can't be used.
    pub fn with_target(&self, target: Option<&str>) -> Result<Arc<Self>, ContextError> {
        Ok(Arc::new(Context {
            base: parse_base(target)?,
            config: self.config.clone(),
            defaults: self.defaults.clone(),
            tls: Arc::clone(&self.tls),
            dialer: Arc::clone(&self.dialer),
            #[cfg(test)]
            network: self.network.clone(),
        }))
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
        assert!(Context::new(Config::default(), Some("http://h/")).is_ok());
        let base = Context::new(Config::default(), Some("h:80"));
        assert!(matches!(base, Err(ContextError::Base { .. })), "{base:?}");
        let user_agent = Context::new(Config { user_agent: "a\nb".into(), ..Config::default() }, None);
        assert!(matches!(user_agent, Err(ContextError::UserAgent { .. })), "{user_agent:?}");
        let tls = TlsConfig { ca_certificates: vec!["/does/not/exist.pem".into()], ..TlsConfig::default() };
        let missing = Context::new(Config { tls, ..Config::default() }, None);
        assert!(matches!(missing, Err(ContextError::Tls(_))), "{missing:?}");
    }
}
