//! Names to addresses, looked up once for all virtual users.
//!
//! The system's resolver blocks a thread per lookup, and a ramp may start thousands of virtual users in a second; so
//! there is one lookup of a name at a time, and those that wait for it share what it finds.

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

/// One name's last answer. Locked while it is looked up.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

/// What a lookup found.
#[derive(Debug)]
struct Known {
    /// When the lookup began.
    began: Instant,
    /// Until when the answer holds; none for good.
    expiry: Option<Instant>,
    answer: Answer,
}

/// Looks names up by the system's resolver and remembers the answers.
#[derive(Debug)]
pub(super) struct Resolver {
    ttl: Duration,
    slots: Mutex<HashMap<Box<str>, Slot>>,
    /// What lookups find, one after the other and the last one for ever, in place of the system's resolver.
    #[cfg(test)]
    pub(super) scripted: Mutex<std::collections::VecDeque<Arc<[IpAddr]>>>,
}

impl Resolver {
    /// `ttl` is how long an answer holds.
    pub(super) fn new(ttl: Duration) -> Self {
        Resolver {
            ttl,
            slots: Mutex::default(),
            #[cfg(test)]
            scripted: Mutex::default(),
        }
    }

    /// The addresses of a name, at least one: of both families, in the order in which the system prefers them.
    ///
    /// # Errors
    /// [`Error::Dns`].
    pub(super) async fn resolve(&self, name: &str) -> Answer {
        #[cfg(test)]
        if let Some(found) = self.next_scripted() {
            return self.resolve_by(name, async |_| Ok(found)).await;
        }
        self.resolve_by(name, system_lookup).await
    }

    async fn resolve_by<F>(&self, name: &str, lookup: impl FnOnce(Box<str>) -> F) -> Answer
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let asked = Instant::now();
        let mut slot = self.slot(name).lock_owned().await;
        if let Some(known) = &*slot
            && known.serves(asked)
        {
            return known.answer.clone();
        }
        let (ttl, lookup) = (self.ttl, lookup(name.into()));
        // In a task of its own, which fills the slot even where nobody waits any more: a name whose lookup takes longer
        // than a request may would else be looked up from the start each time, with one more thread.
        let task = tokio::spawn(async move {
            let began = Instant::now();
            let answer = lookup.await;
            let ttl = if answer.is_ok() { ttl } else { ttl.min(FAILURE_TTL) };
            *slot = Some(Known { began, expiry: Instant::now().checked_add(ttl), answer: answer.clone() });
            answer
        });
        task.await.unwrap_or_else(|error| Err(Error::Dns(format!("{name}: {error}").into())))
    }

    #[cfg(test)]
    fn next_scripted(&self) -> Option<Arc<[IpAddr]>> {
        let mut scripted = self.scripted.lock().expect("not poisoned");
        if scripted.len() > 1 { scripted.pop_front() } else { scripted.front().cloned() }
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

impl Known {
    /// Whether it answers who asked then. A lookup that began later is always new enough, else all that wait for one
    /// with a short expiry would look the name up one after the other.
    fn serves(&self, asked: Instant) -> bool {
        asked <= self.began || self.expiry.is_none_or(|expiry| Instant::now() < expiry)
    }
}

async fn system_lookup(name: Box<str>) -> Answer {
    let found = tokio::net::lookup_host((&*name, 0)).await;
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

    /// A resolver, and how many lookups it made.
    fn resolver(ttl: u64) -> (Resolver, Arc<AtomicU8>) {
        (Resolver::new(Duration::from_secs(ttl)), Arc::default())
    }

    /// Resolves by a lookup of 100 ms, whose answer is an address that counts the lookups.
    async fn resolve(resolver: &Resolver, count: &Arc<AtomicU8>) -> Answer {
        let count = Arc::clone(count);
        let lookup = async move |_| {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Arc::from([Ipv4Addr::new(127, 0, 0, number).into()]))
        };
        resolver.resolve_by("name", lookup).await
    }

    #[tokio::test(start_paused = true)]
    async fn lookups_at_once_are_one() {
        let (resolver, count) = resolver(60);
        let lookup = || resolve(&resolver, &count);
        let (one, two, three) = tokio::join!(lookup(), lookup(), lookup());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(one == two && two == three && one.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_do_not_hold_are_shared_by_those_that_asked_before() {
        let (resolver, count) = resolver(0);
        let begin = tokio::time::Instant::now();
        let later = async || {
            tokio::time::sleep(Duration::from_millis(10)).await;
            resolve(&resolver, &count).await
        };
        let now = || resolve(&resolver, &count);
        let (one, two, three, four, five) = tokio::join!(now(), now(), later(), later(), later());
        // Two asked before the first lookup, and the others under it, so before the second.
        assert!(one == two && one != three && three == four && four == five && five.is_ok());
        assert_eq!((count.load(Ordering::Relaxed), begin.elapsed()), (2, Duration::from_millis(200)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_ne!(now().await, five);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_expire() {
        let (resolver, count) = resolver(60);
        for (wait, expected) in [(0, 1), (59, 1), (2, 2)] {
            tokio::time::advance(Duration::from_secs(wait)).await;
            resolve(&resolver, &count).await.expect("answers");
            assert_eq!(count.load(Ordering::Relaxed), expected, "after {wait} s more");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_hold_for_a_second() {
        let (resolver, count) = resolver(60);
        let failed = resolver.resolve_by("name", async |_| Err(Error::Dns("no".into()))).await;
        assert!(failed.is_err());
        // A lookup that began when one asked would be taken in any case.
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(resolve(&resolver, &count).await, failed);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(resolve(&resolver, &count).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_goes_on_when_nobody_waits_any_more() {
        let (resolver, count) = resolver(60);
        for _ in 0..3 {
            let hasty = tokio::time::timeout(Duration::from_millis(30), resolve(&resolver, &count));
            assert!(hasty.await.is_err());
        }
        assert!(resolve(&resolver, &count).await.is_ok());
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_panics_is_a_failure_and_leaves_no_lock() {
        let (resolver, count) = resolver(60);
        let broken = resolver.resolve_by("name", async |_| panic!("broken")).await;
        assert!(matches!(broken, Err(Error::Dns(_))), "{broken:?}");
        assert!(resolve(&resolver, &count).await.is_ok());
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
