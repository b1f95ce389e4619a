//! The CPU time of one virtual user: how long its guest may compute without calling the host, and how much of its
//! thread it took lately.

use std::time::Duration;

use tokio::time::Instant;

use super::engine::TICK;
use super::turns;

/// The share of its thread that a virtual user may take for as long as it likes: one part in so many.
const SHARE: u32 = 16;

/// What it may take beyond that at one time; with more, it takes turns with the others who did.
const BURST: Duration = Duration::from_millis(50);

/// Counts a virtual user's CPU time.
#[derive(Debug, Default)]
pub(super) struct CpuMeter {
    /// Ticks that passed in guest code since its last call of the host.
    ticks: u32,
    /// The host was called since the last tick, so the tick that comes next may be one that passed there.
    in_host: bool,
    /// A call of the host waited since the last tick, so the tick that comes next owes nobody a turn.
    waited: bool,
    running: Running,
    /// What it took beyond its share.
    debt: Duration,
    /// Until when `debt` is paid off.
    settled: Option<Instant>,
}

/// Since when a virtual user has its thread.
#[derive(Clone, Copy, Debug, Default)]
enum Running {
    /// It waits, or was never started.
    #[default]
    No,
    Since(Instant),
    /// It gave its place away at that instant and got it back at an unknown one, at most a tick ago.
    AfterYield(Instant),
}

impl CpuMeter {
    /// The virtual user runs from now on.
    pub(super) fn run(&mut self, now: Instant) {
        self.running = Running::Since(now);
    }

    /// Every call of the host begins with this: the guest's CPU time is counted anew.
    pub(super) fn call(&mut self) {
        self.in_host = true;
    }

    /// A call of the host waits from now on.
    pub(super) fn wait(&mut self, now: Instant) {
        self.settle(now);
        self.running = Running::No;
    }

    /// A call of the host has waited until now: others had their turn meanwhile, and ticks passed.
    pub(super) fn resume(&mut self, now: Instant) {
        self.in_host = true;
        self.waited = true;
        self.run(now);
    }

    /// Counts a tick that comes while guest code runs; the guest's CPU time since its last call of the host.
    pub(super) fn tick(&mut self) -> Duration {
        self.ticks = if std::mem::take(&mut self.in_host) { 0 } else { self.ticks + 1 };
        TICK * self.ticks
    }

    /// What a virtual user owes the others at a tick.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        self.settle(now);
        let waited = std::mem::take(&mut self.waited);
        if self.debt > BURST {
            self.running = Running::AfterYield(now);
            return Due::Turn;
        }
        self.running = if waited { Running::Since(now) } else { Running::AfterYield(now) };
        if waited { Due::Nothing } else { Due::Place }
    }

    /// Charges what it ran until now, and pays off what its share has come to.
    fn settle(&mut self, now: Instant) {
        // Exchanges that were under way at one time end in any order.
        let now = self.settled.map_or(now, |settled| settled.max(now));
        let ran = match self.running {
            Running::No => Duration::ZERO,
            Running::Since(since) => now.saturating_duration_since(since),
            Running::AfterYield(since) => now.saturating_duration_since(since).min(TICK),
        };
        if self.debt > BURST {
            turns::took(ran);
        }
        let passed = self.settled.map_or(Duration::ZERO, |settled| now.saturating_duration_since(settled));
        self.debt = (self.debt + ran).saturating_sub(passed / SHARE);
        self.settled = Some(now);
    }
}

/// What a virtual user owes the others of its thread at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it waited only just now.
    Nothing,
    /// Its place: those go before it that are ready.
    Place,
    /// To wait for its turn among those who took too much.
    Turn,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn ticks_in_the_host_are_not_the_guests() {
        let mut cpu = CpuMeter::default();
        cpu.call();
        assert_eq!(cpu.tick(), Duration::ZERO);
        assert_eq!(cpu.tick(), TICK);
        assert_eq!(cpu.tick(), TICK * 2);
        cpu.call();
        assert_eq!(cpu.tick(), Duration::ZERO);
    }

    #[test]
    fn who_waits_for_answers_owes_nothing() {
        let (start, mut cpu) = (Instant::now(), CpuMeter::default());
        cpu.run(start);
        // A tenth of a millisecond of work for each millisecond.
        for turn in 0..10_000 {
            let now = at(start, turn);
            cpu.wait(now + Duration::from_micros(60));
            cpu.resume(at(start, turn + 1));
            if turn % 10 == 0 {
                assert_eq!(cpu.due(at(start, turn + 1)), Due::Nothing, "{turn}");
            }
        }
    }

    #[test]
    fn who_computes_takes_turns_soon_and_is_let_off_later() {
        let (start, mut cpu) = (Instant::now(), CpuMeter::default());
        cpu.run(start);
        let dues: Vec<Due> = (1..=7).map(|tick| cpu.due(at(start, tick * 10))).collect();
        assert_eq!(dues[..5], [Due::Place; 5]);
        assert_eq!(dues[6], Due::Turn);
        cpu.wait(at(start, 80));
        cpu.resume(at(start, 2_000));
        assert_eq!(cpu.due(at(start, 2_001)), Due::Nothing);
    }

    #[test]
    fn short_waits_between_long_computing_do_not_help() {
        let (start, mut cpu) = (Instant::now(), CpuMeter::default());
        cpu.run(start);
        for round in 0..20 {
            cpu.wait(at(start, round * 10 + 9));
            cpu.resume(at(start, round * 10 + 10));
        }
        assert_eq!(cpu.due(at(start, 201)), Due::Turn);
    }
}
