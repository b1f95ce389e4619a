//! The CPU time of one virtual user: how long its guest may compute without calling the host, and how much of its
//! thread it took lately.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{self, TICK};
use super::turns;
use crate::guards;

/// The share of its thread that a virtual user may take for as long as it likes: one part in so many, or twice an equal
/// share where that is more.
const SHARE: u32 = 16;

/// What it may take beyond that at one time, in ticks; with more, it takes turns with the others who did.
const BURST: u32 = 10;

/// What a virtual user took beyond its share of its thread, over all of its instances: in its guest and in the host on
/// its behalf. Clones are the same account. One that is of no thread's virtual user owes nothing.
///
/// Who has the thread when a tick comes is charged with the whole of it. Ticks come at random, so in the long run that is
/// what each took, and those who have none in their time, nearly all, need not be timed.
#[derive(Clone, Debug, Default)]
pub struct Account(Arc<Debt>);

/// One thread alone uses it.
#[derive(Debug, Default)]
struct Debt {
    /// The last tick that is charged, or was not this virtual user's.
    seen: AtomicU32,
    /// The virtual user got its thread since its last tick, so the others had their turn since then.
    fresh: AtomicBool,
    /// What is looked at in ticks alone.
    owed: Mutex<Owed>,
    /// Its place among the virtual users of its thread; none where it is not of them.
    place: Option<Place>,
}

#[derive(Debug, Default)]
struct Owed {
    excess: Excess,
    /// Ticks since its last turn.
    turn: u32,
    /// It ran for long at one time, and all who do so take more than their share.
    over: bool,
    /// The last tick that came when it had run for long.
    long: Option<u32>,
    /// In which time it was counted among those who do.
    counted: turns::Window,
}

impl Owed {
    fn owes(&self) -> bool {
        self.excess.is_too_much() || self.over
    }
}

/// How finely ticks are paid off.
const PARTS: u32 = 16;

/// Ticks that were taken beyond a share of the thread, which pays them off as time passes.
#[derive(Debug, Default)]
pub(super) struct Excess {
    /// In sixteenths of ticks.
    parts: u32,
    /// The tick until which it is paid off.
    settled: Option<u32>,
}

impl Excess {
    /// Charges ticks, the last of which is that one, and pays off what a share of one part in so many has come to since
    /// the last time.
    pub(super) fn charge(&mut self, ticks: u32, last: u32, share: u32) {
        let passed = self.settled.map_or(0, |settled| last.wrapping_sub(settled));
        let paid = u64::from(passed) * u64::from(PARTS) / u64::from(share);
        let owed = u64::from(self.parts) + u64::from(ticks) * u64::from(PARTS);
        self.parts = u32::try_from(owed.saturating_sub(paid)).unwrap_or(u32::MAX);
        self.settled = Some(last);
    }

    /// Lets off what is owed.
    pub(super) fn let_off(&mut self) {
        self.parts = 0;
    }

    /// Whether it is more than may be taken at one time.
    pub(super) fn is_too_much(&self) -> bool {
        self.parts > BURST * PARTS
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

    /// When the virtual user that has the thread was given it.
    static GIVEN: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Account {
    /// The account of a virtual user of this thread, which owed so much before.
    pub fn of_this_thread(owed: Ticks) -> Account {
        let excess = Excess { parts: owed.0, settled: Some(engine::ticks()) };
        let owed = Mutex::new(Owed { excess, ..Owed::default() });
        Account(Arc::new(Debt { owed, place: Some(Place::take()), ..Debt::default() }))
    }

    /// What the virtual user took beyond its share.
    pub fn owed(&self) -> Ticks {
        Ticks(self.with(|owed| owed.excess.parts))
    }

    /// Does a piece of the virtual user's work, which nothing else of the thread comes between, and charges it.
    pub fn charge<R>(&self, work: impl FnOnce() -> R) -> R {
        if !guards::ON {
            return work();
        }
        self.given(engine::ticks());
        GIVEN.set(Some(Instant::now()));
        let result = work();
        self.taken(engine::ticks(), look);
        result
    }

    /// Does work of the virtual user that waits now and then, and charges each of its polls.
    pub async fn charge_polls<F: Future>(&self, mut work: Pin<&mut F>) -> F::Output {
        poll_fn(|context| self.charge(|| work.as_mut().poll(context))).await
    }

    /// The virtual user is given its thread.
    fn given(&self, tick: u32) {
        self.0.seen.store(tick, Relaxed);
        self.0.fresh.store(true, Relaxed);
    }

    /// Its thread is taken from it, or only looked at it, at that tick.
    fn taken(&self, tick: u32, look: fn() -> Look) {
        let ticks = tick.wrapping_sub(self.0.seen.load(Relaxed));
        if ticks == 0 {
            return;
        }
        self.0.seen.store(tick, Relaxed);
        let (users, look) = (Place::taken(), look());
        // Other processes may have had the core in all but one of them.
        let ticks = ticks_in(look.ran).clamp(1, ticks);
        self.with(|owed| {
            if owed.owes() {
                turns::took(TICK * ticks);
            }
            if look.given_for.saturating_sub(look.missed) > turns::LONG {
                // Once may be chance.
                let again = owed.long.replace(tick).is_some_and(|before| tick.wrapping_sub(before) <= turns::WINDOW);
                owed.over = again && turns::ran_long(ticks, tick, &mut owed.counted, users);
            }
            owed.turn = owed.turn.saturating_add(ticks);
            owed.excess.charge(ticks, tick, (users / 2).clamp(1, SHARE));
        });
    }

    /// What the virtual user ran for and has to wait for before it goes on, where it has to wait for its turn.
    pub(super) fn due_before_more(&self) -> Option<Duration> {
        self.0.place.as_ref()?;
        self.with(|owed| {
            let owes = owed.owes();
            owed.over = false;
            owes.then(|| TICK * std::mem::take(&mut owed.turn))
        })
    }

    /// The virtual user gave way to others.
    pub(super) fn gave_way(&self) {
        self.0.fresh.store(false, Relaxed);
    }

    fn with<R>(&self, look: impl FnOnce(&mut Owed) -> R) -> R {
        look(&mut self.0.owed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a virtual user owes the others at that tick.
    fn due(&self, tick: u32, look: fn() -> Look) -> Due {
        self.taken(tick, look);
        let fresh = self.0.fresh.load(Relaxed);
        self.gave_way();
        match self.due_before_more() {
            Some(took) => Due::Turn(took),
            None if fresh => Due::Nothing,
            None => Due::Place,
        }
    }
}

/// Ticks that are owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks(u32);

/// How many ticks a time has, rounded up.
fn ticks_in(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u32::MAX)
}

/// A look at the thread.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// How long ago the virtual user was given it that has it.
    given_for: Duration,
    /// CPU time that it used since the last look.
    ran: Duration,
    /// How long it had no core since the last look: it had nothing to do, or other processes had the core.
    missed: Duration,
}

fn look() -> Look {
    let now = Instant::now();
    let (ran, missed) = turns::thread_ran(now);
    Look { given_for: GIVEN.get().map_or(Duration::ZERO, |given| now - given), ran, missed }
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
    /// When guest code was left last, it had gone on for too long without a tick.
    outlasted: bool,
    /// How many ticks may pass without one that comes while guest code runs.
    most: u32,
    limit: Duration,
    account: Account,
}

impl CpuMeter {
    /// For an instance of the virtual user of that account, whose guest may compute for so long.
    pub(super) fn new(account: Account, limit: Duration) -> CpuMeter {
        let (ticks, since, in_host, outlasted, most) = (0, Duration::ZERO, false, false, ticks_in(limit));
        CpuMeter { ticks, since, in_host, outlasted, most, limit, account }
    }

    /// Whose CPU time it is.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The guest's CPU time is counted anew.
    pub(super) fn begin(&mut self) {
        self.in_host = true;
    }

    /// Whether the virtual user has had its thread for longer than its guest may compute, and no tick came though guest
    /// code was left before: to look whether a tick came is to leave it too.
    pub(super) fn outlasts(&mut self) -> bool {
        let ticks = engine::ticks().wrapping_sub(self.account.0.seen.load(Relaxed));
        if ticks <= self.most {
            self.outlasted = false;
            return false;
        }
        turns::thread_runs() > self.limit && std::mem::replace(&mut self.outlasted, true)
    }

    /// Counts a tick that comes while guest code runs; the guest's CPU time since its last call of the host. Ticks are
    /// those of the wall's clock, so what the thread had is counted at the most: on a busy machine that may be less.
    pub(super) fn tick(&mut self, thread_time: Duration) -> Duration {
        self.outlasted = false;
        if std::mem::take(&mut self.in_host) {
            (self.ticks, self.since) = (0, thread_time);
            return Duration::ZERO;
        }
        self.ticks += 1;
        (TICK * self.ticks).min(thread_time.saturating_sub(self.since) + TICK)
    }

    /// What a virtual user owes the others at a tick. Its account is to be told when it has given way to them.
    pub(super) fn due(&self) -> Due {
        self.account.due(engine::ticks(), look)
    }
}

/// What a virtual user owes the others of its thread at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it had to wait for its thread only just now.
    Nothing,
    /// Its place: those go before it that are ready.
    Place,
    /// To wait for its turn among those who took too much, since it ran for so long.
    Turn(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that had its core all the time, and whose virtual user has it for a moment.
    fn short() -> Look {
        Look { given_for: TICK / 10, ran: Duration::MAX, missed: Duration::ZERO }
    }

    /// One whose virtual user has it for long.
    fn long() -> Look {
        Look { given_for: TICK / 2, ..short() }
    }

    /// Virtual users of this thread.
    fn accounts(count: usize) -> Vec<Account> {
        (0..count).map(|_| Account::of_this_thread(Ticks::default())).collect()
    }

    /// One virtual user beside 50 others.
    fn beside_others() -> (Vec<Account>, Account) {
        let (others, account) = (accounts(50), Account::of_this_thread(Ticks::default()));
        account.with(|owed| owed.excess.settled = Some(0));
        (others, account)
    }

    impl Account {
        /// Has its thread from the one tick to the other.
        fn ran(&self, from: u32, until: u32) {
            self.given(from);
            self.taken(until, short);
        }
    }

    #[test]
    fn ticks_in_the_host_are_not_the_guests() {
        let mut cpu = CpuMeter::new(Account::default(), TICK * 100);
        let thread = |ticks: u32| TICK * (100 + ticks);
        cpu.begin();
        assert_eq!(cpu.tick(thread(0)), Duration::ZERO);
        assert_eq!(cpu.tick(thread(1)), TICK);
        assert_eq!(cpu.tick(thread(2)), TICK * 2);
        cpu.begin();
        assert_eq!(cpu.tick(thread(3)), Duration::ZERO);
    }

    #[test]
    fn what_others_on_the_machine_took_is_not_the_guests() {
        let mut cpu = CpuMeter::new(Account::default(), TICK * 100);
        cpu.begin();
        cpu.tick(TICK * 5);
        let used: Vec<_> = (1..=100).map(|tick| cpu.tick(TICK * 5 + TICK * tick / 10)).collect();
        assert_eq!(used[99], TICK * 11);

        let (_others, account) = beside_others();
        account.with(|owed| owed.excess.settled = None);
        account.given(0);
        account.taken(50, || Look { ran: TICK * 3 / 2, ..short() });
        assert_eq!(account.owed(), Ticks(2 * PARTS));
    }

    #[test]
    fn who_comes_back_owes_what_it_owed_before() {
        let (_others, before) = beside_others();
        before.ran(0, 20);
        let after = Account::of_this_thread(before.owed());
        assert_eq!(after.owed(), before.owed());
        assert!(after.due_before_more().is_some());
    }

    #[test]
    fn who_waits_for_answers_owes_nothing() {
        let (_others, account) = beside_others();
        // A twentieth of its thread.
        for turn in 0..10_000 {
            account.ran(turn * 20, turn * 20 + 1);
            assert_eq!(account.due_before_more(), None, "{turn}");
        }
        account.given(200_000);
        assert_eq!(account.due(200_000, short), Due::Nothing);
    }

    #[test]
    fn who_computes_takes_turns_soon_and_is_let_off_later() {
        let (_others, account) = beside_others();
        account.given(0);
        let dues: Vec<Due> = (1..=14).map(|tick| account.due(tick, short)).collect();
        assert_eq!((dues[0], &dues[1..10]), (Due::Nothing, &[Due::Place; 9][..]));
        assert_eq!(&dues[10..], [Due::Turn(TICK * 11), Due::Turn(TICK), Due::Turn(TICK), Due::Turn(TICK)]);
        account.ran(200, 201);
        assert_eq!(account.due_before_more(), None);
    }

    #[test]
    fn many_who_compute_take_turns_though_each_has_less_than_its_share() {
        let (_others, hostile) = (accounts(50), accounts(20));
        let mut turns = 0;
        for round in 0..20 {
            for (place, account) in hostile.iter().enumerate() {
                let tick = round * 20 + place as u32;
                account.given(tick);
                account.taken(tick + 1, long);
                assert!(account.owed().0 < BURST * PARTS, "it has not more than its share");
                turns += u32::from(account.due_before_more().is_some());
            }
        }
        assert!(turns > 300, "{turns} of 400");
    }

    #[test]
    fn who_seems_to_run_long_since_others_had_the_core_takes_no_turns() {
        let (_others, honest) = (accounts(50), accounts(20));
        for tick in 0..400 {
            let account = &honest[tick as usize % 20];
            account.given(tick);
            account.taken(tick + 1, || Look { missed: TICK * 2 / 5, ..long() });
            assert!(account.due_before_more().is_none(), "{tick}");
        }
    }

    #[test]
    fn where_all_compute_nobody_takes_turns() {
        let all_of_them = accounts(20);
        for round in 0..20 {
            for (place, account) in all_of_them.iter().enumerate() {
                let tick = round * 20 + place as u32;
                account.given(tick);
                account.taken(tick + 1, long);
                // In the first rounds nobody knows yet how many they are.
                assert!(round < 2 || account.due_before_more().is_none(), "{round}, {place}");
            }
        }
    }

    #[test]
    fn few_virtual_users_have_greater_shares() {
        let owes = |users: usize| {
            let accounts = accounts(users);
            accounts[0].with(|owed| owed.excess.settled = Some(0));
            // A quarter of its time.
            (0..1_000).for_each(|turn| accounts[0].ran(turn * 4, turn * 4 + 1));
            accounts[0].due_before_more().is_some()
        };
        assert_eq!([1, 2, 8, 9].map(owes), [false; 4]);
        assert_eq!([10, 32, 100].map(owes), [true; 3]);
    }

    #[test]
    fn who_is_no_virtual_user_of_the_thread_owes_nothing() {
        let account = Account::default();
        account.ran(0, 1_000);
        assert_eq!(account.due_before_more(), None);
    }
    #[tokio::test]
    async fn who_waited_for_long_has_not_had_its_thread_for_long() {
        let account = Account::default();
        account.0.seen.store(engine::ticks().wrapping_sub(1_000), Relaxed);
        let mut cpu = CpuMeter::new(account.clone(), Duration::ZERO);
        assert_eq!([cpu.outlasts(), cpu.outlasts()], [false, true]);
        // The one that looks for a tick is not told from others before it did.
        cpu.tick(Duration::ZERO);
        assert!(!cpu.outlasts());
        let call = std::pin::pin!(async { [cpu.outlasts(), cpu.outlasts()] });
        assert_eq!(account.charge_polls(call).await, [false; 2]);
    }
}
