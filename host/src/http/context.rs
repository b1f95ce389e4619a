//! What all virtual users' clients share.

use std::path::PathBuf;
use std::sync::Arc;

use super::config::Config;
use super::dns::Resolver;
use super::error::Error;
use super::h1::Defaults;
use super::target::{Base, Origin, OriginRef};
use super::tls::Tls;

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
    /// A file of CA certificates can't be read, or isn't PEM.
    #[error("read CA certificates from {}", path.display())]
    CaCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// A file of CA certificates has none.
    #[error("read CA certificates from {}: it has no certificate in PEM form", path.display())]
    NoCaCertificate {
        /// The file.
        path: PathBuf,
    },
}

/// What all clients of a run share, made once: its settings, its target, what it trusts, and the names it resolved.
#[derive(Debug)]
pub struct Context {
    pub(super) config: Config,
    pub(super) base: Option<Base>,
    pub(super) defaults: Defaults,
    pub(super) tls: Tls,
    pub(super) resolver: Resolver,
    /// Connects to scripted servers instead of the network.
    #[cfg(test)]
    pub(super) dialer: Option<super::testing::Dialer>,
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
        let base = match target {
            Some(url) => Some(Base::parse(url).map_err(|source| ContextError::Base { url: url.to_owned(), source })?),
            None => None,
        };
        let defaults = Defaults::new(&config.user_agent, config.keepalive)
            .map_err(|source| ContextError::UserAgent { user_agent: config.user_agent.clone(), source })?;
        Ok(Context {
            base,
            defaults,
            tls: Tls::new(&config)?,
            resolver: Resolver::new(config.dns_ttl),
            config,
            #[cfg(test)]
            dialer: None,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_validated_at_once() {
        assert!(Context::new(Config::default(), Some("http://h/")).is_ok());
        let base = Context::new(Config::default(), Some("h:80"));
        assert!(matches!(base, Err(ContextError::Base { .. })), "{base:?}");
        let user_agent = Context::new(Config { user_agent: "a\nb".into(), ..Config::default() }, None);
        assert!(matches!(user_agent, Err(ContextError::UserAgent { .. })), "{user_agent:?}");
        let missing = Config { ca_certificates: vec!["/does/not/exist.pem".into()], ..Config::default() };
        assert!(matches!(Context::new(missing, None), Err(ContextError::CaCertificate { .. })));
    }
}
