//! The CPU time of one virtual user: how long its guest may compute without calling the host, and how much of its
//! thread it took lately.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::engine::TICK;
use super::turns;

/// The share of its thread that a virtual user may take for as long as it likes: one part in so many, or in as many as
/// there are virtual users, where these are fewer.
const SHARE: u32 = 16;

/// What it may take beyond that at one time; with more, it takes turns with the others who did.
const BURST: Duration = Duration::from_millis(50);

/// From when on a time is held against what the thread ran at all, in which no system call is worth its time before.
const LONG: Duration = Duration::from_millis(2);

/// What a virtual user took beyond its share of its thread, over all of its instances. Clones are the same account.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<Mutex<Debt>>);

#[derive(Debug, Default)]
struct Debt {
    time: Duration,
    /// Until when it is paid off.
    settled: Option<Instant>,
    /// Since when the virtual user has its thread; none while it waits.
    running: Option<Instant>,
    /// Its place among the virtual users of its thread; none where it is not of them.
    place: Option<Place>,
}

impl Debt {
    /// As of an account.
    fn settle(&mut self, now: Instant, thread_ran: fn() -> Duration) -> bool {
        let settled = self.settled.unwrap_or(now);
        // Exchanges that were under way at one time end in any order.
        let now = settled.max(now);
        let ran = match self.running.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since)) {
            // Long enough for other processes to have had the core, or for a wait that nobody told of.
            long if long > LONG => long.min(thread_ran()),
            short => short,
        };
        if self.time > BURST {
            turns::took(ran);
        }
        self.time = (self.time + ran).saturating_sub(self.paid_off_in(now - settled));
        self.settled = Some(now);
        self.time > BURST
    }

    /// What is paid off of it in that time.
    fn paid_off_in(&self, time: Duration) -> Duration {
        time / self.place.as_ref().map_or(SHARE, |_| Place::taken().clamp(1, SHARE))
    }
}

/// Counts a virtual user of the thread for as long as it is kept.
#[derive(Debug)]
struct Place;

impl Place {
    fn take() -> Place {
        PLACES.with(|places| places.set(places.get() + 1));
        Place
    }

    /// How many are taken on this thread.
    fn taken() -> u32 {
        PLACES.with(Cell::get)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Where the thread ends, nobody asks any more.
        let _ = PLACES.try_with(|places| places.set(places.get().saturating_sub(1)));
    }
}

thread_local! {
    /// Places that are taken.
    static PLACES: Cell<u32> = const { Cell::new(0) };
}

impl Account {
    /// The account of a virtual user of this thread.
    pub fn of_this_thread() -> Account {
        Account(Arc::new(Mutex::new(Debt { place: Some(Place::take()), ..Debt::default() })))
    }

    /// Charges time that was spent on the virtual user outside of its guest.
    pub fn charge(&self, time: Duration) {
        let mut debt = self.lock();
        if debt.time > BURST {
            turns::took(time);
        }
        debt.time += time;
    }

    /// Whether the virtual user has to wait for its turn.
    pub(super) fn owes(&self) -> bool {
        self.settle(Instant::now(), turns::thread_ran)
    }

    /// The virtual user has its thread from now on.
    pub(super) fn run(&self, now: Instant) {
        self.lock().running = Some(now);
    }

    fn lock(&self) -> MutexGuard<'_, Debt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles at the one instant, and runs on from the other.
    fn waited(&self, from: Instant, until: Instant, thread_ran: fn() -> Duration) {
        let mut debt = self.lock();
        debt.settle(from, thread_ran);
        debt.running = Some(until);
    }

    /// Charges what was run until now, from when on the virtual user has its thread no more, and pays off what its share
    /// has come to; whether more is owed than may be.
    fn settle(&self, now: Instant, thread_ran: fn() -> Duration) -> bool {
        self.lock().settle(now, thread_ran)
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
    account: Account,
    /// What the thread ran since this was asked last.
    thread_ran: fn() -> Duration,
}

impl CpuMeter {
    /// For an instance of the virtual user of that account.
    pub(super) fn new(account: Account) -> CpuMeter {
        CpuMeter {
            ticks: 0,
            since: Duration::ZERO,
            in_host: false,
            waited: false,
            account,
            thread_ran: turns::thread_ran,
        }
    }

    /// Whose CPU time it is.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The virtual user runs from now on.
    pub(super) fn run(&mut self, now: Instant) {
        self.account.run(now);
    }

    /// Every call of the host begins with this: the guest's CPU time is counted anew.
    pub(super) fn call(&mut self) {
        self.in_host = true;
    }

    /// A call of the host waits from now on.
    pub(super) fn wait(&mut self, now: Instant) {
        self.account.settle(now, self.thread_ran);
    }

    /// A call of the host waited from the one instant to the other.
    pub(super) fn waited(&mut self, from: Instant, until: Instant) {
        self.in_host = true;
        self.waited = true;
        self.account.waited(from, until, self.thread_ran);
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

    /// What a virtual user owes the others at a tick. Where it gives way to them, its account is to be told when it
    /// runs again.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let owes = self.account.settle(now, self.thread_ran);
        let waited = std::mem::take(&mut self.waited);
        if owes {
            return Due::Turn;
        }
        if !waited {
            return Due::Place;
        }
        self.run(now);
        Due::Nothing
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
        let mut due = |tick: u64| {
            let due = cpu.due(at(start, tick * 10));
            cpu.run(at(start, tick * 10));
            due
        };
        let dues: Vec<Due> = (1..=7).map(&mut due).collect();
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
    #[test]
    fn few_virtual_users_have_greater_shares() {
        let start = Instant::now();
        let in_a_second = |users: usize| {
            let mut accounts: Vec<Account> = (0..users).map(|_| Account::of_this_thread()).collect();
            let account = accounts.swap_remove(0);
            let mut cpu = meter(account.clone());
            // A third of its time.
            for turn in 0..1_000 {
                cpu.run(at(start, turn * 3));
                cpu.wait(at(start, turn * 3 + 1));
            }
            cpu.due(at(start, 3_000))
        };
        assert_eq!([1, 2, 3].map(in_a_second), [Due::Place; 3]);
        assert_eq!([4, 16, 100].map(in_a_second), [Due::Turn; 3]);
    }
}
