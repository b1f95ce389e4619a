//! Responses that a guest holds: each is counted once, when the guest drops it or its iteration ends.

use std::time::Duration;

use slab::Slab;

use crate::http::{Error, Exchange};
use crate::sample::{Failure, FailureKind, Sample, Tags};

/// The contract's resource; a handle's number is its place among the [`Responses`].
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Response;

/// What the guest said of a response.
#[derive(Debug)]
enum Verdict {
    Success,
    Failure(Box<str>),
}

/// A response whose request is not counted yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) exchange: Exchange,
    label: Label,
    /// How long after it was due its iteration began.
    delay: Duration,
    verdict: Option<Verdict>,
}

/// What the guest said a request is kept under.
#[derive(Debug, Default)]
pub(super) struct Label {
    /// The name, where it gave one.
    pub(super) name: Option<Box<str>>,
    /// The tags; the last of several of one key holds.
    pub(super) tags: Box<[(String, String)]>,
}

impl Held {
    /// An exchange that is over, kept under that label, or the URL's path where it has no name.
    pub(super) fn new(exchange: Exchange, label: Label, delay: Duration) -> Held {
        Held { exchange, label, delay, verdict: None }
    }

    /// The response, where there was one.
    pub(super) fn response(&self) -> Option<&crate::http::Response> {
        self.exchange.outcome.as_ref().ok()
    }

    /// The status; 0 where there was no response.
    pub(super) fn status(&self) -> u16 {
        self.exchange.outcome.as_ref().map_or(0, |response| response.status())
    }

    /// Memory that it takes, in bytes: the response, and the request, which it is found again by.
    fn bytes(&self) -> usize {
        let tags = self.label.tags.iter().map(|(key, value)| key.len() + value.len() + 2 * size_of::<String>());
        size_of::<Held>() + self.exchange.heap_bytes() + tags.sum::<usize>()
    }

    /// Counts the request as failed; the last verdict holds.
    pub(super) fn mark_failure(&mut self, reason: &str) {
        self.verdict = Some(Verdict::Failure(reason.into()));
    }

    /// Counts the request as a success; the last verdict holds.
    pub(super) fn mark_success(&mut self) {
        self.verdict = Some(Verdict::Success);
    }

    /// Hands the sample of this request on, with the verdict that holds: the guest's, and without one the error's or
    /// the status's.
    pub(super) fn with_sample<R>(&self, record: impl FnOnce(&Sample<'_>) -> R) -> R {
        let mut text = String::new();
        let failure = match (&self.verdict, &self.exchange.outcome) {
            (Some(Verdict::Success), _) => None,
            (Some(Verdict::Failure(reason)), _) => Some(Failure { kind: FailureKind::Marked, reason }),
            (None, Err(error)) => {
                text = error.to_string();
                Some(Failure { kind: error.kind(), reason: &text })
            }
            (None, Ok(response)) if response.status() >= 400 => {
                text = response.status().to_string();
                Some(Failure { kind: FailureKind::Status, reason: &text })
            }
            (None, Ok(_)) => None,
        };
        let result = record(&Sample {
            method: self.exchange.method(),
            name: self.label.name.as_deref().unwrap_or_else(|| self.exchange.default_name()),
            status: self.status(),
            service_time: self.exchange.phases.total(),
            response_time: self.exchange.phases.total() + self.delay,
            phases: self.exchange.phases,
            bytes_sent: self.exchange.bytes_sent,
            bytes_received: self.exchange.bytes_received,
            transport: self.exchange.transport,
            tags: Tags(&self.label.tags),
            failure,
            timed_by_guest: false,
        });
        drop(text);
        result
    }
}

/// A handle that the guest has.
#[derive(Debug)]
enum Slot {
    /// With its place in the list of those that are held.
    Held { held: Box<Held>, position: usize },
    /// Counted, since its iteration ended; the guest has not dropped it yet.
    Counted { status: u16, error: Option<Box<Error>> },
}

impl Slot {
    /// Memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Slot::Held { held, .. } => held.bytes(),
            Slot::Counted { error, .. } => error.as_ref().map_or(0, |error| size_of::<Error>() + error.heap_bytes()),
        }
    }
}

/// The responses of one virtual user.
#[derive(Debug, Default)]
pub(super) struct Responses {
    slots: Slab<Slot>,
    /// The handles whose responses are not counted yet, in no order: what ends an iteration looks at these alone, however
    /// many others the guest forgot to drop.
    held: Vec<u32>,
    bytes: usize,
}

impl Responses {
    /// How many handles the guest has.
    pub(super) fn handles(&self) -> usize {
        self.slots.len()
    }

    /// Memory that they take, in bytes: the heads and bodies of those that are not counted yet, and the errors of all.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a response; its handle's number.
    pub(super) fn insert(&mut self, held: Held) -> u32 {
        self.bytes += held.bytes();
        // Handles are bounded to far fewer than a number of 32 bits has room for.
        let place = self.slots.insert(Slot::Held { held: Box::new(held), position: self.held.len() }) as u32;
        self.held.push(place);
        place
    }

    /// Takes a handle out of the list of those that are held.
    fn forget(&mut self, position: usize) {
        self.held.swap_remove(position);
        if let Some(&moved) = self.held.get(position)
            && let Some(Slot::Held { position: its, .. }) = self.slots.get_mut(moved as usize)
        {
            *its = position;
        }
    }

    /// The response behind a handle, while it is not counted.
    pub(super) fn get(&mut self, handle: u32) -> Option<&mut Held> {
        match self.slots.get_mut(handle as usize)? {
            Slot::Held { held, .. } => Some(held),
            Slot::Counted { .. } => None,
        }
    }

    /// The status behind a handle, counted or not.
    pub(super) fn status(&self, handle: u32) -> u16 {
        match self.slots.get(handle as usize) {
            Some(Slot::Held { held, .. }) => held.status(),
            Some(Slot::Counted { status, .. }) => *status,
            None => 0,
        }
    }

    /// The error behind a handle, counted or not.
    pub(super) fn error(&self, handle: u32) -> Option<&Error> {
        match self.slots.get(handle as usize)? {
            Slot::Held { held, .. } => held.exchange.outcome.as_ref().err(),
            Slot::Counted { error, .. } => error.as_deref(),
        }
    }

    /// The guest dropped its handle. The response, if it was not counted yet.
    pub(super) fn remove(&mut self, handle: u32) -> Option<Box<Held>> {
        let slot = self.slots.try_remove(handle as usize)?;
        self.bytes -= slot.bytes();
        match slot {
            Slot::Held { held, position } => {
                self.forget(position);
                Some(held)
            }
            Slot::Counted { .. } => None,
        }
    }

    /// The iteration ended: hands on all responses that are not counted yet, and keeps of each what a late call of
    /// `status` or `error` needs.
    pub(super) fn reap(&mut self, mut count: impl FnMut(Held)) {
        for place in self.held.drain(..) {
            let Some(slot) = self.slots.get_mut(place as usize) else { continue };
            let Slot::Held { held, .. } = slot else { continue };
            self.bytes -= held.bytes();
            let error = held.exchange.outcome.as_ref().err().cloned().map(Box::new);
            let kept = Slot::Counted { status: held.status(), error };
            self.bytes += kept.bytes();
            if let Slot::Held { held, .. } = std::mem::replace(slot, kept) {
                count(*held);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::http::{Client, Config, Context, Request};

    /// A response to a request that could not be sent, which needs no server.
    async fn refused(reason: &str) -> Held {
        let context = Context::new(Config::default(), None, crate::http::Hosts::default()).unwrap();
        let client = Client::new(context, 1, Arc::new(AtomicU64::new(0)), None);
        let error = Error::InvalidRequest(reason.to_owned().into());
        let label = Label { name: Some(reason.into()), ..Label::default() };
        let exchange = client.perform(client.refuse(&Request::new("GET", "/"), error)).await;
        Held::new(exchange, label, Duration::ZERO)
    }

    fn name(held: &Held) -> String {
        held.with_sample(|sample| sample.name.to_owned())
    }

    #[tokio::test]
    async fn each_response_is_handed_on_once_whatever_the_order_of_drops() {
        let mut responses = Responses::default();
        let mut handles = Vec::new();
        for reason in ["a", "b", "c", "d"] {
            handles.push(responses.insert(refused(reason).await));
        }
        assert_eq!(responses.remove(handles[1]).map(|held| name(&held)).as_deref(), Some("b"));
        assert!(responses.remove(handles[1]).is_none());
        assert_eq!(responses.remove(handles[0]).map(|held| name(&held)).as_deref(), Some("a"));
        let mut reaped = Vec::new();
        responses.reap(|held| reaped.push(name(&held)));
        reaped.sort();
        assert_eq!(reaped, ["c", "d"]);
        responses.reap(|held| panic!("{} again", name(&held)));
        assert!(responses.get(handles[2]).is_none() && responses.error(handles[2]).is_some());
        assert_eq!((responses.handles(), responses.bytes()), (2, 2 * (size_of::<Error>() + 1)));
        assert!(responses.remove(handles[2]).is_none() && responses.remove(handles[3]).is_none());
        assert_eq!((responses.handles(), responses.bytes()), (0, 0));
    }

    #[tokio::test]
    async fn a_place_is_used_again() {
        let mut responses = Responses::default();
        let first = responses.insert(refused("a").await);
        responses.remove(first);
        assert_eq!(responses.insert(refused("b").await), first);
        let mut reaped = Vec::new();
        responses.reap(|held| reaped.push(name(&held)));
        assert_eq!(reaped, ["b"]);
    }
}
