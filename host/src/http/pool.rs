//! One virtual user's connections: which of them a request gets, and which requests have to wait.
//!
//! To an origin there are at most so many HTTP/1.1 connections, each with one request at a time, or one HTTP/2
//! connection with many. Which of the two shows when the first connection is open, so others wait for it where both are
//! possible; where opening it fails, each of them opens its own. Where connections are not kept, those of HTTP/2 too serve one request each. Who waits is served in turn. It
//! knows nothing of how connections are opened and used.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;

use super::connection::Connection;
use super::h2::Channel;
use super::target::OriginRef;

/// How many connections there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) per_origin: usize,
    pub(super) idle: usize,
    pub(super) idle_timeout: Duration,
    /// Whether any is kept for a further request.
    pub(super) keep: bool,
}

/// The connections of one virtual user, by origin.
#[derive(Debug)]
pub(super) struct Pool {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// Somebody will call [`Pool::reap`].
    reaped: bool,
}

/// The connections to one origin.
#[derive(Debug)]
struct Entry {
    origin: OriginRef,
    /// HTTP/1.1 connections that wait for a request, the one used last behind the others.
    #[expect(clippy::vec_box, reason = "a vector sets room for several aside, and most users keep one connection")]
    idle: Vec<Box<Connection>>,
    channel: Option<Box<Channel>>,
    /// Connections of one request at a time that are idle, in use or being opened.
    open: usize,
    /// Someone opens the connection that shows which version is spoken.
    deciding: bool,
    /// Wakes those who wait, in the order in which they began to. Made for the first of them; each holds a clone of it.
    waiting: Option<Arc<Notify>>,
    /// Someone was woken and is yet to ask again.
    waking: bool,
    /// Connections that were found dead as they were to be used, and that no lease tells of yet.
    found_dead: u32,
}

/// What a request may use.
#[derive(Debug)]
pub(super) enum Grant<'a> {
    /// A kept HTTP/1.1 connection.
    Kept(Box<Connection>, Lease<'a>),
    /// An HTTP/2 connection, shared with others.
    Shared(Channel),
    /// A place for a connection that is yet to be opened.
    Open(Lease<'a>),
    /// Nothing yet: there are as many connections as allowed, or it doesn't show yet which version is spoken. To be
    /// asked again when this is over.
    Wait(OwnedNotified),
}

/// What a request asks the pool for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) origin: &'a OriginRef,
    /// HTTP/2 is possible there.
    pub(super) may_share: bool,
    /// No connection that waited: the last one was dead.
    pub(super) fresh: bool,
    /// This is asked again, after [`Grant::Wait`]: it is this request's turn.
    pub(super) waited: bool,
    pub(super) now: Instant,
}

impl Pool {
    pub(super) fn new(bounds: Bounds) -> Self {
        // What may not wait, or for no time at all, is not kept.
        let keep = bounds.keep && bounds.idle > 0 && !bounds.idle_timeout.is_zero();
        Pool { bounds: Bounds { keep, ..bounds }, state: Mutex::default() }
    }

    /// Whether connections are kept for further requests.
    pub(super) fn keeps(&self) -> bool {
        self.bounds.keep
    }

    /// A connection, or leave to open one, or what to wait for.
    pub(super) fn take(&self, wish: Wish<'_>) -> Grant<'_> {
        let mut state = self.lock();
        let entry = state.entry(wish.origin);
        if !wish.waited {
            return self.grant(entry, wish);
        }
        entry.waking = false;
        let grant = self.grant(entry, wish);
        // There may be room for the next one too.
        entry.wake_next(self.bounds);
        grant
    }

    fn grant(&self, entry: &mut Entry, wish: Wish<'_>) -> Grant<'_> {
        let bounds = self.bounds;
        if let Some(channel) = entry.usable_channel() {
            return Grant::Shared(channel);
        }
        // What is free while others wait is theirs: who gives a connection back and asks at once for another one would
        // else take it from under them again and again.
        if !wish.waited && entry.is_awaited() {
            return entry.wait();
        }
        if !wish.fresh
            && let Some(connection) = entry.take_idle(wish.now, bounds.idle_timeout)
        {
            return Grant::Kept(connection, Lease::new(self, entry, false));
        }
        if entry.open >= bounds.per_origin && !entry.idle.is_empty() {
            entry.idle.remove(0);
            entry.open -= 1;
        }
        if entry.deciding || entry.open >= bounds.per_origin {
            return entry.wait();
        }
        // Who waited for another one's opening waits for no further one: to a host that is gone, each would fail only after
        // the one before it.
        let decides = wish.may_share && bounds.keep && entry.open == 0 && !wish.waited;
        entry.open += 1;
        entry.deciding = decides;
        Grant::Open(Lease::new(self, entry, decides))
    }

    /// Closes what waited for too long. When that will next be the case for another one; none where none is left.
    pub(super) fn reap(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let timeout = self.bounds.idle_timeout;
        let mut next: Option<Instant> = None;
        for entry in &mut state.entries {
            while entry.idle_since().is_some_and(|since| now.saturating_duration_since(since) >= timeout) {
                entry.close_oldest();
            }
            // One in use is looked at again when it may first have waited for that long.
            let in_use = entry.channel.as_ref().is_some_and(|channel| channel.idle_since().is_none());
            let since = [entry.idle_since(), in_use.then_some(now)].into_iter().flatten().min();
            let due = since.and_then(|since| since.checked_add(timeout));
            next = [next, due].into_iter().flatten().min();
        }
        state.reaped = next.is_some();
        next
    }

    /// How many connections wait for a request, and how many HTTP/2 connections there are.
    pub(super) fn kept(&self) -> usize {
        let state = self.lock();
        state.entries.iter().map(|entry| entry.idle.len() + usize::from(entry.channel.is_some())).sum()
    }

    /// Asks for a first call of [`Pool::reap`], at the instant returned; none where that was asked for before.
    fn ask_for_reaping(&self, state: &mut State, now: Instant) -> Option<Instant> {
        if std::mem::replace(&mut state.reaped, true) { None } else { now.checked_add(self.bounds.idle_timeout) }
    }

    /// What is locked stays whole at every step, so a panic elsewhere doesn't spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn entry(&mut self, origin: &OriginRef) -> &mut Entry {
        let place = self.entries.iter().position(|entry| entry.origin == *origin).unwrap_or_else(|| {
            // What has no connection left needs no entry.
            self.entries.retain(Entry::is_used);
            self.entries.reserve_exact(1);
            self.entries.push(Entry::new(origin.clone()));
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }

    /// Makes room for one more that waits, by closing those that waited longest, whichever origin they are to.
    fn make_room(&mut self, bound: usize) {
        while self.entries.iter().map(Entry::idle_count).sum::<usize>() >= bound {
            let idle = self.entries.iter_mut().filter_map(|entry| Some((entry.idle_since()?, entry)));
            let Some((_, entry)) = idle.min_by_key(|(since, _)| *since) else { return };
            entry.close_oldest();
        }
    }
}

impl Entry {
    fn new(origin: OriginRef) -> Self {
        Entry {
            origin,
            idle: Vec::new(),
            channel: None,
            open: 0,
            deciding: false,
            waiting: None,
            waking: false,
            found_dead: 0,
        }
    }

    fn is_used(&self) -> bool {
        self.open > 0 || self.channel.is_some() || self.is_awaited()
    }

    /// Whether someone waits: is yet to be woken, or woken and yet to ask again.
    fn is_awaited(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| Arc::strong_count(waiting) > 1)
    }

    fn wait<'a>(&mut self) -> Grant<'a> {
        Grant::Wait(Arc::clone(self.waiting.get_or_insert_default()).notified_owned())
    }

    /// Wakes the first of those who wait, where there is room for it. The next one is woken when it has asked again, so that
    /// they keep their order; a wake-up that is dropped goes to the next one by itself. So while there is room, someone
    /// is on the way to it.
    fn wake_next(&mut self, bounds: Bounds) {
        let Some(waiting) = self.waiting.as_ref().filter(|_| !self.waking && self.is_awaited()) else { return };
        let has_place = !self.deciding && (self.open < bounds.per_origin || !self.idle.is_empty());
        if self.channel.is_some() || has_place {
            waiting.notify_one();
            self.waking = true;
        }
    }

    fn idle_count(&self) -> usize {
        self.idle.len() + usize::from(self.channel.as_ref().is_some_and(|channel| channel.idle_since().is_some()))
    }

    /// Since when the connection that waited longest has; none where none waits.
    fn idle_since(&self) -> Option<Instant> {
        let channel = self.channel.as_ref().and_then(|channel| channel.idle_since());
        self.idle.first().map(|connection| connection.idle_since).into_iter().chain(channel).min()
    }

    /// Closes the connection that waited longest, if one waits.
    fn close_oldest(&mut self) {
        let oldest = self.idle_since();
        if self.idle.first().is_some_and(|connection| Some(connection.idle_since) == oldest) {
            self.idle.remove(0);
            self.open -= 1;
        } else if oldest.is_some() {
            self.channel = None;
        }
    }

    fn usable_channel(&mut self) -> Option<Channel> {
        if !self.channel.as_mut()?.is_usable() {
            self.channel = None;
        }
        self.channel.as_deref().cloned()
    }

    /// The connection that was used last and is still good.
    fn take_idle(&mut self, now: Instant, timeout: Duration) -> Option<Box<Connection>> {
        while let Some(mut connection) = self.idle.pop() {
            let in_time = now.saturating_duration_since(connection.idle_since) < timeout;
            if in_time && connection.is_quiet() {
                return Some(connection);
            }
            self.found_dead += u32::from(in_time);
            self.open -= 1;
        }
        None
    }
}

/// One of the places that an origin has for connections of one request at a time. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    origin: OriginRef,
    /// The connection being opened is the one that shows the version.
    decides: bool,
    given_back: bool,
    /// How many kept connections were found dead on the way to this one.
    pub(super) found_dead: u32,
}

impl<'a> Lease<'a> {
    fn new(pool: &'a Pool, entry: &mut Entry, decides: bool) -> Self {
        let found_dead = std::mem::take(&mut entry.found_dead);
        Lease { pool, origin: entry.origin.clone(), decides, given_back: false, found_dead }
    }

    /// The connection that was to be opened is open, and serves one request at a time: others may open more of them.
    pub(super) fn opened(&mut self) {
        if std::mem::take(&mut self.decides) {
            let mut state = self.pool.lock();
            let entry = state.entry(&self.origin);
            entry.deciding = false;
            entry.wake_next(self.pool.bounds);
        }
    }

    /// The connection that was opened is one for HTTP/2: all requests to the origin share it, and it takes no place. Where
    /// several were opened at once, the first one is shared, and another one ends with its own request. The first call of
    /// [`Pool::reap`] is due at the instant returned, if any.
    pub(super) fn share(mut self, channel: &Channel, now: Instant) -> Option<Instant> {
        let pool = self.pool;
        let mut state = pool.lock();
        if state.entry(&self.origin).usable_channel().is_none() {
            state.make_room(pool.bounds.idle);
            state.entry(&self.origin).channel = Some(Box::new(channel.clone()));
        }
        self.give_back(state.entry(&self.origin));
        pool.ask_for_reaping(&mut state, now)
    }

    /// Keeps the connection for a further request. The first call of [`Pool::reap`] is due at the instant returned, if
    /// any.
    pub(super) fn keep(mut self, mut connection: Box<Connection>, now: Instant) -> Option<Instant> {
        let pool = self.pool;
        if !pool.bounds.keep {
            return None;
        }
        connection.idle_since = now;
        let mut state = pool.lock();
        state.make_room(pool.bounds.idle);
        let entry = state.entry(&self.origin);
        entry.idle.push(connection);
        // The place goes with the connection, which whoever takes it next has a lease for.
        self.given_back = true;
        entry.wake_next(pool.bounds);
        pool.ask_for_reaping(&mut state, now)
    }

    fn give_back(&mut self, entry: &mut Entry) {
        self.given_back = true;
        entry.open -= 1;
        if std::mem::take(&mut self.decides) {
            entry.deciding = false;
        }
        entry.wake_next(self.pool.bounds);
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.given_back {
            let pool = self.pool;
            let mut state = pool.lock();
            // Another reference of the origin, since giving back borrows the lease.
            let place = state.entries.iter().position(|entry| entry.origin == self.origin);
            if let Some(place) = place {
                self.give_back(&mut state.entries[place]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
