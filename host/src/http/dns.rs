//! Names to addresses, looked up once for all virtual users.
//!
//! The system's resolver blocks a thread per lookup, and a ramp may start thousands of virtual users in a second; so
//! lookups of one name wait for each other, and share what the first one found.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Error;

/// How long a failed lookup holds; short, for a server that is just coming up.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// The most names that are remembered.
const MAX_NAMES: usize = 1024;

type Answer = Result<Arc<[IpAddr]>, Error>;

/// One name's last answer, and until when it holds. Locked while it is looked up.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// Looks names up by the system's resolver and remembers the answers.
#[derive(Debug)]
pub(super) struct Resolver {
    ttl: Duration,
    slots: Mutex<HashMap<Box<str>, Slot>>,
}

impl Resolver {
    /// `ttl` is how long an answer holds.
    pub(super) fn new(ttl: Duration) -> Self {
        Resolver { ttl, slots: Mutex::default() }
    }

    /// The addresses of a name, at least one: of both families, in the order in which the system prefers them.
    ///
    /// # Errors
    /// [`Error::Dns`].
    pub(super) async fn resolve(&self, name: &str) -> Answer {
        self.resolve_by(name, system_lookup).await
    }

    async fn resolve_by(&self, name: &str, lookup: impl AsyncFnOnce(&str) -> Answer) -> Answer {
        let slot = self.slot(name);
        let mut known = slot.lock().await;
        if let Some((expiry, answer)) = &*known
            && Instant::now() < *expiry
        {
            return answer.clone();
        }
        let answer = lookup(name).await;
        let ttl = if answer.is_ok() { self.ttl } else { self.ttl.min(FAILURE_TTL) };
        *known = Instant::now().checked_add(ttl).map(|expiry| (expiry, answer.clone()));
        answer
    }

    fn slot(&self, name: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Arc::clone(slot);
        }
        if slots.len() >= MAX_NAMES {
            slots.clear();
        }
        Arc::clone(slots.entry(name.into()).or_default())
    }
}

async fn system_lookup(name: &str) -> Answer {
    let found = tokio::net::lookup_host((name, 0)).await;
    let found = found.map_err(|error| Error::Dns(format!("{name}: {error}").into()))?;
    let addresses: Arc<[IpAddr]> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(Error::Dns(format!("{name}: no address").into()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Answers with an address that counts the lookups.
    async fn counted(count: &AtomicU8) -> Answer {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Arc::new([Ipv4Addr::new(127, 0, 0, number).into()]))
    }

    #[tokio::test(start_paused = true)]
    async fn lookups_at_once_are_one() {
        let (resolver, count) = (Resolver::new(Duration::from_secs(60)), AtomicU8::new(0));
        let lookup = || resolver.resolve_by("name", async |_| counted(&count).await);
        let (one, two, three) = tokio::join!(lookup(), lookup(), lookup());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(one == two && two == three && one.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_expire() {
        let (resolver, count) = (Resolver::new(Duration::from_secs(60)), AtomicU8::new(0));
        for (wait, expected) in [(0, 1), (59, 1), (2, 2)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            resolver.resolve_by("name", async |_| counted(&count).await).await.expect("answers");
            assert_eq!(count.load(Ordering::Relaxed), expected, "after {wait} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_hold_for_a_second() {
        let (resolver, count) = (Resolver::new(Duration::from_secs(60)), AtomicU8::new(0));
        let failed = resolver.resolve_by("name", async |_| Err(Error::Dns("no".into()))).await;
        assert!(failed.is_err());
        assert_eq!(resolver.resolve_by("name", async |_| counted(&count).await).await, failed);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(resolver.resolve_by("name", async |_| counted(&count).await).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_is_dropped_leaves_no_lock() {
        let (resolver, count) = (Resolver::new(Duration::from_secs(60)), AtomicU8::new(0));
        let endless = resolver.resolve_by("name", async |_| std::future::pending().await);
        assert!(tokio::time::timeout(Duration::from_secs(1), endless).await.is_err());
        assert!(resolver.resolve_by("name", async |_| counted(&count).await).await.is_ok());
    }

    #[test]
    fn names_are_bounded() {
        let resolver = Resolver::new(Duration::from_secs(60));
        for number in 0..2 * MAX_NAMES {
            resolver.slot(&number.to_string());
        }
        assert!(resolver.slots.lock().expect("not poisoned").len() <= MAX_NAMES);
    }
}
