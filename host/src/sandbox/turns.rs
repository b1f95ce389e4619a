//! How virtual users that take too much of their thread leave the others their part of it.
//!
//! They take turns: one at a time runs until its next tick, after a wait in which the others have the thread to
//! themselves. How long that is follows from what its last turn took, which is more than a tick where the host worked
//! long for a call, and from what the others make of the wait: where they do next to nothing, it ends, and nobody waits
//! for a while. So a guest that computes without end costs the others of a busy thread an eighth of it, however many such
//! guests there are, and one that computes for long on an idle thread loses next to nothing.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::cpu::Excess;
use super::engine::TICK;
use crate::thread_time;

/// The share of a wait from which on the others count as being there.
const IDLE: f64 = 0.01;

/// How long a wait is at the least, before it is told whether the others are there.
const LEAST: Duration = TICK.saturating_mul(2);

/// How long nobody waits after a wait in which the others did nothing.
const RESPITE: Duration = Duration::from_millis(300);

/// How often what was taken one waits beside others who use the whole thread. What is longer than a tick is waited for
/// that often whatever share they use, since they were kept from using more.
const MOST_WAITED: f64 = 8.0;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(5);

/// From when on a time without giving the thread away is long.
pub(super) const LONG: Duration = Duration::from_millis(2);

/// The share of a thread that all have together who run for long, as long as they are not the greater part of its virtual
/// users: one part in so many.
const SHARE_OF_LONG: u32 = 16;

/// The time in which those are counted, in ticks.
pub(super) const WINDOW: u32 = 100;

/// What one thread knows of its turns.
#[derive(Debug)]
struct Turns {
    /// Held by who waits for the next turn.
    next: Arc<Mutex<()>>,
    /// Until when nobody waits.
    free_until: Option<Instant>,
    /// CPU time of those who take turns.
    taken: Duration,
    /// The thread's CPU time when it was looked at last, and when that was.
    looked: Duration,
    looked_at: Option<Instant>,
    long: Long,
}

thread_local! {
    static TURNS: RefCell<Turns> = RefCell::new(Turns {
        next: Arc::default(),
        free_until: None,
        taken: Duration::ZERO,
        looked: Duration::ZERO,
        looked_at: None,
        long: Long::default(),
    });
}

/// How long the thread had a core until now since this was asked last, and how long it had none.
pub(super) fn thread_ran(now: Instant) -> (Duration, Duration) {
    TURNS.with_borrow_mut(|turns| {
        let used = thread_time::used();
        let ran = used.saturating_sub(std::mem::replace(&mut turns.looked, used));
        let passed = now.saturating_duration_since(turns.looked_at.replace(now).unwrap_or(now));
        (ran, passed.saturating_sub(ran))
    })
}

/// How much of the time since [`thread_ran`] was asked last the thread had a core.
pub(super) fn thread_runs() -> Duration {
    thread_time::used().saturating_sub(TURNS.with_borrow(|turns| turns.looked))
}

/// Counts CPU time of one who takes turns.
pub(super) fn took(time: Duration) {
    TURNS.with_borrow_mut(|turns| turns.taken += time);
}

/// Those who run for long without giving their thread away. Each of many may have less than its share, and all of them
/// together next to everything. Times are in ticks.
#[derive(Debug, Default)]
struct Long {
    /// What they took beyond their share.
    excess: Excess,
    /// The time in which they are counted, and when it began.
    window: Window,
    began: u32,
    /// How many there were in this time, and in the one before it.
    now: u32,
    before: u32,
}

/// A time in which those are counted who run for long, by its number from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window(u32);

impl Long {
    fn ran(&mut self, ticks: u32, last: u32, counted: &mut Window, users: u32) -> bool {
        if self.window == Window::default() || last.wrapping_sub(self.began) > WINDOW {
            (self.before, self.now) = (self.now, 0);
            (self.began, self.window) = (last, Window(self.window.0 + 1));
        }
        if *counted != self.window {
            *counted = self.window;
            self.now += 1;
        }
        self.excess.charge(ticks, last, SHARE_OF_LONG);
        // Where they are most of the virtual users, there is hardly anybody to leave the thread to; where there are few
        // virtual users, each has a greater share for certain.
        if self.now.max(self.before) * 2 > users || users < SHARE_OF_LONG {
            self.excess.let_off();
        }
        self.excess.is_too_much()
    }
}

/// Counts that a virtual user, of so many of its thread, ran for long, and that so many ticks until that one are charged
/// to it; whether those who do so take more than their share. `counted` is when it was counted last.
pub(super) fn ran_long(ticks: u32, last: u32, counted: &mut Window, users: u32) -> bool {
    TURNS.with_borrow_mut(|turns| turns.long.ran(ticks, last, counted, users))
}

/// Returns when it is the turn of a virtual user that took too much, and ran for so long in its last turn; how long it
/// waited, or nothing where nobody has to.
pub(super) async fn wait(took: Duration) -> Duration {
    let asked = Instant::now();
    let next = TURNS.with_borrow(|turns| Arc::clone(&turns.next));
    let _next = next.lock().await;
    if TURNS.with_borrow(|turns| turns.free_until.is_some_and(|until| Instant::now() < until)) {
        tokio::task::yield_now().await;
        return Duration::ZERO;
    }
    let (begin, before) = (Instant::now(), others_time());
    loop {
        tokio::time::sleep(TICK).await;
        let waited = begin.elapsed();
        let others = others_time().saturating_sub(before).as_secs_f64() / waited.as_secs_f64().max(f64::EPSILON);
        match enough(waited, others, took) {
            Enough::No => {}
            Enough::Yes => return asked.elapsed(),
            Enough::Idle => {
                TURNS.with_borrow_mut(|turns| turns.free_until = Some(Instant::now() + RESPITE));
                return asked.elapsed();
            }
        }
    }
}

/// Whether one has waited long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enough {
    No,
    Yes,
    /// Nobody else wants the thread.
    Idle,
}

/// Whether that wait is long enough for a turn that took so long, beside others who used that share of it.
fn enough(waited: Duration, others: f64, took: Duration) -> Enough {
    if waited < LEAST {
        return Enough::No;
    }
    if others < IDLE {
        return Enough::Idle;
    }
    let a_tick = LEAST + TICK.mul_f64((MOST_WAITED - 2.0) * others.min(1.0));
    let more = took.saturating_sub(TICK).mul_f64(MOST_WAITED);
    if waited >= (a_tick + more).min(LONGEST) { Enough::Yes } else { Enough::No }
}

/// CPU time of this thread but for that of those who take turns.
fn others_time() -> Duration {
    thread_time::used().saturating_sub(TURNS.with_borrow(|turns| turns.taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_turns_leaves_a_busy_thread_seven_eighths() {
        // Where several take turns, one runs while the next one waits.
        assert_eq!(enough(TICK * 8 - TICK / 2, 1.0, TICK), Enough::No);
        assert_eq!(enough(TICK * 8, 1.0, TICK), Enough::Yes);
        assert_eq!(enough(TICK * 8, 7.0, TICK), Enough::Yes);
        assert_eq!(enough(TICK * 4, 0.5, TICK), Enough::No);
        assert_eq!(enough(TICK * 5, 0.5, TICK), Enough::Yes);
    }

    #[test]
    fn a_long_turn_is_waited_for_longer() {
        assert_eq!(enough(TICK * 39, 1.0, TICK * 5), Enough::No);
        assert_eq!(enough(TICK * 40, 1.0, TICK * 5), Enough::Yes);
        assert_eq!(enough(TICK * 36, 0.5, TICK * 5), Enough::No);
        assert_eq!(enough(TICK * 37, 0.5, TICK * 5), Enough::Yes);
        assert_eq!(enough(LONGEST, 1.0, Duration::from_secs(100)), Enough::Yes);
    }

    #[test]
    fn nobody_waits_for_those_who_are_not_there() {
        for took in [TICK, TICK * 100] {
            assert_eq!(enough(TICK, 0.0, took), Enough::No);
            assert_eq!(enough(TICK * 2, 0.001, took), Enough::Idle);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_one_after_the_other() {
        let begin = Instant::now();
        let turn = async || (wait(TICK).await, begin.elapsed());
        let ((one, one_ended), (_, other_ended)) = tokio::join!(turn(), turn());
        assert!(
            one >= LEAST && one_ended == one && other_ended >= one_ended,
            "{one:?}, {one_ended:?}, {other_ended:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_on_an_idle_thread() {
        TURNS.with_borrow_mut(|turns| turns.free_until = Some(Instant::now() + RESPITE));
        let begin = Instant::now();
        assert_eq!((wait(TICK).await, begin.elapsed()), (Duration::ZERO, Duration::ZERO));
        tokio::time::advance(RESPITE + TICK).await;
        assert!(wait(TICK).await >= LEAST);
    }
}
