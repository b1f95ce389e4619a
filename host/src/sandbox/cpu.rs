//! The CPU time of one virtual user: how long its guest may compute without calling the host, and how much of its
//! thread it took lately.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::engine::TICK;
use super::turns;

/// The share of its thread that a virtual user may take for as long as it likes: one part in so many.
const SHARE: u32 = 16;

/// What it may take beyond that at one time; with more, it takes turns with the others who did.
const BURST: Duration = Duration::from_millis(50);

/// From when on a time is held against what the thread ran at all, in which no system call is worth its time before.
const LONG: Duration = Duration::from_millis(2);

/// CPU time that the thread has used.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What a virtual user took beyond its share of its thread, over all of its instances. Clones are the same account.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<Mutex<Debt>>);

#[derive(Debug, Default)]
struct Debt {
    time: Duration,
    /// Until when it is paid off.
    settled: Option<Instant>,
}

impl Account {
    /// Charges time that was spent on the virtual user outside of its guest.
    pub fn charge(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).time += time;
    }

    /// Whether the virtual user has to wait for its turn.
    pub(super) fn owes(&self) -> bool {
        self.settle(Running::No, Instant::now(), turns::thread_ran)
    }

    /// Charges what was run until now, and pays off what the share has come to; whether more is owed than may be.
    fn settle(&self, running: Running, now: Instant, thread_ran: impl FnOnce() -> Duration) -> bool {
        let mut debt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Exchanges that were under way at one time end in any order.
        let now = debt.settled.map_or(now, |settled| settled.max(now));
        let ran = match running.until(now) {
            // Long enough for other processes to have had the core, or for a wait that nobody told of.
            long if long > LONG => long.min(thread_ran()),
            short => short,
        };
        if debt.time > BURST {
            turns::took(ran);
        }
        let passed = debt.settled.map_or(Duration::ZERO, |settled| now.saturating_duration_since(settled));
        debt.time = (debt.time + ran).saturating_sub(passed / SHARE);
        debt.settled = Some(now);
        debt.time > BURST
    }
}

/// Counts the CPU time of a virtual user's instance.
#[derive(Debug)]
pub(super) struct CpuMeter {
    /// Ticks that passed in guest code since its last call of the host.
    ticks: u32,
    /// The thread's CPU time at the first of them.
    since: Duration,
    /// The host was called since the last tick, so the tick that comes next may be one that passed there.
    in_host: bool,
    /// A call of the host waited since the last tick, so the tick that comes next owes nobody a turn.
    waited: bool,
    running: Running,
    account: Account,
    /// What the thread ran since this was asked last.
    thread_ran: fn() -> Duration,
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

impl Running {
    /// How long it has had its thread by then.
    fn until(self, now: Instant) -> Duration {
        match self {
            Running::No => Duration::ZERO,
            Running::Since(since) => now.saturating_duration_since(since),
            Running::AfterYield(since) => now.saturating_duration_since(since).min(TICK),
        }
    }
}

impl CpuMeter {
    /// For an instance of the virtual user of that account.
    pub(super) fn new(account: Account) -> CpuMeter {
        CpuMeter {
            ticks: 0,
            since: Duration::ZERO,
            in_host: false,
            waited: false,
            running: Running::No,
            account,
            thread_ran: turns::thread_ran,
        }
    }

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
        self.account.settle(self.running, now, self.thread_ran);
        self.running = Running::No;
    }

    /// A call of the host has waited until now: others had their turn meanwhile, and ticks passed.
    pub(super) fn resume(&mut self, now: Instant) {
        self.in_host = true;
        self.waited = true;
        self.run(now);
    }

    /// Counts a tick that comes while guest code runs; the guest's CPU time since its last call of the host. Ticks are
    /// those of the wall's clock, so what the thread had is counted at the most: on a busy machine that may be less.
    pub(super) fn tick(&mut self, thread_time: Duration) -> Duration {
        if std::mem::take(&mut self.in_host) {
            (self.ticks, self.since) = (0, thread_time);
            return Duration::ZERO;
        }
        self.ticks += 1;
        (TICK * self.ticks).min(thread_time.saturating_sub(self.since) + TICK)
    }

    /// What a virtual user owes the others at a tick.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let owes = self.account.settle(self.running, now, self.thread_ran);
        let waited = std::mem::take(&mut self.waited);
        if owes {
            self.running = Running::AfterYield(now);
            return Due::Turn;
        }
        self.running = if waited { Running::Since(now) } else { Running::AfterYield(now) };
        if waited { Due::Nothing } else { Due::Place }
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

    /// A meter whose thread had its core all the time.
    fn meter(account: Account) -> CpuMeter {
        CpuMeter { thread_ran: || Duration::MAX, ..CpuMeter::new(account) }
    }

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn ticks_in_the_host_are_not_the_guests() {
        let mut cpu = meter(Account::default());
        let thread = |ticks: u32| TICK * (100 + ticks);
        cpu.call();
        assert_eq!(cpu.tick(thread(0)), Duration::ZERO);
        assert_eq!(cpu.tick(thread(1)), TICK);
        assert_eq!(cpu.tick(thread(2)), TICK * 2);
        cpu.call();
        assert_eq!(cpu.tick(thread(3)), Duration::ZERO);
    }

    #[test]
    fn what_others_on_the_machine_took_is_not_the_guests() {
        let mut cpu = meter(Account::default());
        cpu.call();
        cpu.tick(TICK * 5);
        let used: Vec<_> = (1..=100).map(|tick| cpu.tick(TICK * 5 + TICK * tick / 10)).collect();
        assert_eq!(used[99], TICK * 11);
    }

    #[test]
    fn a_new_instance_owes_what_the_one_before_it_took() {
        let (start, account) = (Instant::now(), Account::default());
        let mut cpu = meter(account.clone());
        cpu.run(start);
        cpu.wait(at(start, 200));
        let mut next = meter(account);
        next.run(at(start, 201));
        assert_eq!(next.due(at(start, 202)), Due::Turn);
    }

    #[test]
    fn who_waits_for_answers_owes_nothing() {
        let (start, mut cpu) = (Instant::now(), meter(Account::default()));
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
        let (start, mut cpu) = (Instant::now(), meter(Account::default()));
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
        let (start, mut cpu) = (Instant::now(), meter(Account::default()));
        cpu.run(start);
        for round in 0..20 {
            cpu.wait(at(start, round * 10 + 9));
            cpu.resume(at(start, round * 10 + 10));
        }
        assert_eq!(cpu.due(at(start, 201)), Due::Turn);
    }

    #[test]
    fn what_the_thread_did_not_run_is_charged_to_nobody() {
        let (start, mut cpu) = (Instant::now(), meter(Account::default()));
        cpu.thread_ran = || Duration::from_millis(1);
        cpu.run(start);
        cpu.wait(at(start, 10_000));
        cpu.resume(at(start, 10_001));
        assert_eq!(cpu.due(at(start, 10_002)), Due::Nothing);
    }
}
