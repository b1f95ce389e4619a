//! `wasmload:scenario/metrics`.

use std::time::{Duration, Instant};

use slab::Slab;
use wasmtime::component::Resource;

use crate::sample::{Failure, FailureKind, Phases, Sample, Tags, Transport};
use crate::sandbox::bindings::wasmload::scenario::metrics::{Event, Host, HostTransaction};
use crate::sandbox::state::State;

use super::user::duration;

/// The contract's resource; a handle's number is its place among the [`Transactions`].
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Transaction;

/// The transactions of one virtual user, by handle.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Transactions {
    slots: Slab<Slot>,
}

#[derive(Debug)]
enum Slot {
    Open {
        name: String,
        started: Instant,
    },
    /// Counted; the guest still has the handle.
    Ended,
}

impl Slot {
    /// Ends a transaction; its name and how long it took, the first time.
    fn end(&mut self) -> Option<(String, Duration)> {
        match std::mem::replace(self, Slot::Ended) {
            Slot::Open { name, started } => Some((name, started.elapsed())),
            Slot::Ended => None,
        }
    }
}

impl Transactions {
    /// How many handles the guest has.
    pub(in crate::sandbox) fn len(&self) -> usize {
        self.slots.len()
    }

    fn open(&mut self, name: String) -> u32 {
        // Handles are bounded to far fewer than a number of 32 bits has room for.
        self.slots.insert(Slot::Open { name, started: Instant::now() }) as u32
    }

    fn end(&mut self, handle: u32) -> Option<(String, Duration)> {
        self.slots.get_mut(handle as usize)?.end()
    }

    fn remove(&mut self, handle: u32) -> Option<(String, Duration)> {
        self.slots.try_remove(handle as usize)?.end()
    }

    /// Ends all that are open.
    pub(in crate::sandbox) fn take_open(&mut self) -> Vec<(String, Duration)> {
        let open = self.slots.iter_mut().filter_map(|(_, slot)| slot.end()).collect();
        if self.slots.is_empty() {
            // One that had many at one time is not to look through all their places for ever.
            self.slots = Slab::new();
        }
        open
    }
}

impl State {
    /// Counts a transaction.
    pub(in crate::sandbox) fn record_transaction(&self, name: &str, elapsed: Duration, failure: Option<&str>) {
        let failure = failure.map(|reason| Failure { kind: FailureKind::Marked, reason });
        self.record(|statistics, scenario| statistics.transaction(scenario, name, elapsed, failure));
    }
}

impl Host for State {
    fn check(&mut self, name: String, passed: bool) -> wasmtime::Result<bool> {
        self.host_call();
        let name = self.presentable(&name);
        self.record(|statistics, scenario| statistics.check(scenario, &name, passed));
        Ok(passed)
    }

    fn add_counter(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.host_call();
        let name = self.presentable(&name);
        self.record(|statistics, scenario| statistics.add_counter(scenario, &name, value));
        Ok(())
    }

    fn set_gauge(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.host_call();
        let name = self.presentable(&name);
        let at = self.env.started.elapsed();
        self.record(|statistics, scenario| statistics.set_gauge(scenario, &name, value, at));
        Ok(())
    }

    fn add_rate(&mut self, name: String, value: bool) -> wasmtime::Result<()> {
        self.host_call();
        let name = self.presentable(&name);
        self.record(|statistics, scenario| statistics.add_rate(scenario, &name, value));
        Ok(())
    }

    fn add_trend(&mut self, name: String, value: f64) -> wasmtime::Result<()> {
        self.host_call();
        let name = self.presentable(&name);
        self.record(|statistics, scenario| statistics.add_trend(scenario, &name, value));
        Ok(())
    }

    fn record_event(&mut self, what: Event) -> wasmtime::Result<()> {
        self.host_call();
        let (method, name) = (self.presentable(&what.method), self.presentable(&what.name));
        let reason = what.failure.as_deref().map(|reason| self.presentable(reason));
        let sample = Sample {
            method: &method,
            name: &name,
            service_time: duration(what.elapsed),
            phases: Phases::default(),
            bytes_sent: 0,
            bytes_received: u64::from(what.size),
            response_time: duration(what.elapsed),
            status: 0,
            tags: Tags::default(),
            transport: Transport::default(),
            failure: reason.as_deref().map(|reason| Failure { kind: FailureKind::Marked, reason }),
            timed_by_guest: true,
        };
        self.record(|statistics, scenario| statistics.request(scenario, &sample));
        Ok(())
    }
}

impl HostTransaction for State {
    fn new(&mut self, name: String) -> wasmtime::Result<Resource<Transaction>> {
        self.host_call();
        self.check_handles(1)?;
        let name = self.presentable(&name).into_owned();
        Ok(Resource::new_own(self.transactions.open(name)))
    }

    fn end(&mut self, this: Resource<Transaction>) -> wasmtime::Result<()> {
        self.host_call();
        if let Some((name, elapsed)) = self.transactions.end(this.rep()) {
            self.record_transaction(&name, elapsed, None);
        }
        Ok(())
    }

    fn fail(&mut self, this: Resource<Transaction>, reason: String) -> wasmtime::Result<()> {
        self.host_call();
        if let Some((name, elapsed)) = self.transactions.end(this.rep()) {
            let reason = self.presentable(&reason);
            self.record_transaction(&name, elapsed, Some(&reason));
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Transaction>) -> wasmtime::Result<()> {
        self.host_call();
        if let Some((name, elapsed)) = self.transactions.remove(this.rep()) {
            self.record_transaction(&name, elapsed, Some("dropped before its end"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_ends_once_and_its_place_is_used_again() {
        let mut transactions = Transactions::default();
        let (one, two) = (transactions.open("one".into()), transactions.open("two".into()));
        assert_eq!(transactions.end(one).map(|(name, _)| name).as_deref(), Some("one"));
        assert!(transactions.end(one).is_none());
        assert!(transactions.remove(one).is_none());
        assert_eq!(transactions.len(), 1);
        assert_eq!(transactions.open("three".into()), one);
        let open: Vec<_> = transactions.take_open().into_iter().map(|(name, _)| name).collect();
        assert_eq!(open, ["three", "two"]);
        assert!(transactions.remove(two).is_none());
    }
}
