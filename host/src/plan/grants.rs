//! What the person who runs scenarios of others grants them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::http::HostPattern;
use crate::source::{Digest, MayFetch, Source};

/// Which components a run may have, and which secrets they may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The file that says so, for people.
    pub policy: String,
    /// Hosts that components may be fetched from; none for any.
    pub fetched_from: Option<Vec<HostPattern>>,
    /// Secrets, by their names, that every scenario may be given; none for any.
    pub secrets: Option<BTreeSet<String>>,
    /// The most virtual users that the run may have at one time, whoever asks for more; none for any number.
    pub virtual_users: Option<u32>,
    /// The components that may be run; none for any.
    pub components: Option<Vec<Granted>>,
}

/// A component that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Its digest.
    pub sha256: Digest,
    /// Secrets that it may be given beside those of all.
    pub secrets: BTreeSet<String>,
}

/// What a scenario is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Its component may not be run.
    #[error(
        "run scenario `{scenario}`: the policy {policy} does not have its component, of the digest {sha256}; look it over with `wasmload inspect`, and add it there as [[component]]"
    )]
    Component {
        /// The scenario's name.
        scenario: String,
        /// The policy's file.
        policy: String,
        /// The component's digest.
        sha256: Digest,
    },
    /// Its component may not be fetched from there.
    #[error(
        "fetch {from} for scenario `{scenario}`: the policy {policy} does not have its host; download it and give its path, or name the host there among `fetched-from`"
    )]
    Source {
        /// The scenario's name.
        scenario: String,
        /// Where the component is.
        from: String,
        /// The policy's file.
        policy: String,
    },
    /// A secret may not be given to it.
    #[error(
        "give the secret '{secret}' to scenario `{scenario}`: the policy {policy} does not grant it; leave it out, or name it there among `secrets`"
    )]
    Secret {
        /// The secret's name.
        secret: String,
        /// The scenario's name.
        scenario: String,
        /// The policy's file.
        policy: String,
    },
}

impl Grants {
    /// Whether a scenario's component may be had from there.
    ///
    /// # Errors
    /// It is to be fetched from a host that is not granted.
    pub fn check_source(&self, scenario: &str, source: &Source) -> Result<(), GrantError> {
        match source {
            Source::Url { url, .. } if !self.may_fetch()(url) => Err(GrantError::Source {
                scenario: scenario.to_owned(),
                from: source.to_string(),
                policy: self.policy.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Which URLs components may be fetched from, redirects included.
    pub fn may_fetch(&self) -> MayFetch {
        let hosts = self.fetched_from.clone();
        Arc::new(move |url| {
            let is_of = |host: &HostPattern| HostPattern::of_url(url).is_some_and(|own| host.includes(&own));
            hosts.as_ref().is_none_or(|hosts| hosts.iter().any(is_of))
        })
    }

    /// Whether a scenario of that component may be run, and be given secrets of these names.
    ///
    /// # Errors
    /// What is not granted.
    pub fn check<'a>(
        &self,
        scenario: &str,
        sha256: &Digest,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), GrantError> {
        let own = || self.components.iter().flatten().filter(|granted| granted.sha256 == *sha256);
        if self.components.is_some() && own().next().is_none() {
            let (scenario, policy) = (scenario.to_owned(), self.policy.clone());
            return Err(GrantError::Component { scenario, policy, sha256: *sha256 });
        }
        let Some(of_all) = &self.secrets else { return Ok(()) };
        let is_granted = |name: &&str| of_all.contains(*name) || own().any(|own| own.secrets.contains(*name));
        match secrets.into_iter().find(|name| !is_granted(name)) {
            Some(secret) => Err(GrantError::Secret {
                secret: secret.to_owned(),
                scenario: scenario.to_owned(),
                policy: self.policy.clone(),
            }),
            None => Ok(()),
        }
    }
}
