//! What is measured while an exchange runs: its phases, its bytes, and whether it was cut off.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::sample::{Phases, Transport};

/// A part of an exchange, as in [`Phases`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Blocked,
    Dns,
    Connect,
    Tls,
    Send,
    Wait,
    Receive,
}

/// Cuts time into phases without gaps: each begins at the instant at which the one before ended, so they add up to the
/// service time exactly, and the clock is read once per phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct PhaseClock {
    last: Instant,
    under_way: Phase,
    pub(super) phases: Phases,
}

impl PhaseClock {
    /// The instant up to which time is accounted for.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// The phase that was entered last.
    pub(super) fn under_way(&self) -> Phase {
        self.under_way
    }

    /// Says which phase is under way, for [`PhaseClock::cut`]. Reads no clock.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.under_way = phase;
    }

    /// Counts the time since the phase before ended as that of the phase that was entered last: it was cut off, or failed.
    pub(super) fn cut(&mut self) {
        self.end(self.under_way);
    }

    /// Counts the time since the phase before ended as this phase's.
    pub(super) fn end(&mut self, phase: Phase) {
        self.end_at(phase, Instant::now());
    }

    /// As [`PhaseClock::end`], for an instant already known.
    fn end_at(&mut self, phase: Phase, now: Instant) {
        let time = now.saturating_duration_since(self.last);
        self.last = now;
        *match phase {
            Phase::Blocked => &mut self.phases.blocked,
            Phase::Dns => &mut self.phases.dns,
            Phase::Connect => &mut self.phases.connect,
            Phase::Tls => &mut self.phases.tls,
            Phase::Send => &mut self.phases.send,
            Phase::Wait => &mut self.phases.wait,
            Phase::Receive => &mut self.phases.receive,
        } += time;
    }
}

/// The measurements of one exchange, over all its hops.
#[derive(Debug)]
pub(super) struct Meter<'a> {
    start: Instant,
    /// Taken out and put back while a connection is opened.
    pub(super) clock: PhaseClock,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) transport: Transport,
    interrupted: &'a AtomicU64,
    under_way: bool,
}

impl<'a> Meter<'a> {
    /// Starts the clock. `interrupted` counts exchanges that were dropped while a server worked on them.
    pub(super) fn start(interrupted: &'a AtomicU64) -> Self {
        let now = Instant::now();
        Meter {
            start: now,
            clock: PhaseClock { last: now, under_way: Phase::Blocked, phases: Phases::default() },
            bytes_sent: 0,
            bytes_received: 0,
            transport: Transport::default(),
            interrupted,
            under_way: false,
        }
    }

    pub(super) fn started(&self) -> Instant {
        self.start
    }

    /// As [`PhaseClock::end`].
    pub(super) fn end(&mut self, phase: Phase) {
        self.clock.end(phase);
    }

    /// As [`Meter::end`], for an instant already known.
    pub(super) fn end_at(&mut self, phase: Phase, now: Instant) {
        self.clock.end_at(phase, now);
    }

    /// Counts bytes handed to the connection; from the first one on, dropping the exchange interrupts it.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.under_way = true;
        self.bytes_sent += bytes as u64;
    }

    /// The exchange has its outcome: dropping it from here on interrupts nothing.
    pub(super) fn finish(&mut self) {
        self.under_way = false;
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if self.under_way {
            self.interrupted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn phases_have_no_gaps() {
        let interrupted = AtomicU64::new(0);
        let mut meter = Meter::start(&interrupted);
        let order = [Phase::Dns, Phase::Connect, Phase::Tls, Phase::Send, Phase::Wait, Phase::Receive, Phase::Wait];
        for (milliseconds, phase) in (1..).zip(order) {
            tokio::time::advance(Duration::from_millis(milliseconds)).await;
            meter.end(phase);
        }
        assert_eq!(meter.clock.phases.total(), meter.started().elapsed());
        assert_eq!(meter.clock.phases.wait, Duration::from_millis(5 + 7));
    }

    #[tokio::test]
    async fn only_a_sent_and_unfinished_exchange_is_interrupted() {
        let interrupted = AtomicU64::new(0);
        drop(Meter::start(&interrupted));
        assert_eq!(interrupted.load(Ordering::Relaxed), 0);

        let mut finished = Meter::start(&interrupted);
        finished.sent(1);
        finished.finish();
        drop(finished);
        assert_eq!(interrupted.load(Ordering::Relaxed), 0);

        let mut cut_off = Meter::start(&interrupted);
        cut_off.sent(1);
        drop(cut_off);
        assert_eq!(interrupted.load(Ordering::Relaxed), 1);
    }
}
