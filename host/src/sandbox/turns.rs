//! How virtual users that take too much of their thread leave the others their part of it.
//!
//! They take turns: one at a time runs until its next tick, after a wait in which the others have the thread to
//! themselves. How long that is follows from what the last turn took, which is more than a tick where the host worked
//! long for a call, and from what the others made of the last wait: where they did nothing, nobody waits. So a guest that
//! computes without end costs the others of a busy thread an eighth of it, however many such guests there are and however
//! they compute, and one that computes for long on an idle thread loses next to nothing.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::engine::TICK;
use crate::thread_time;

/// The share of a wait from which on the others count as being there.
const IDLE: f64 = 0.01;

/// How long nobody waits after a wait in which the others did nothing.
const RESPITE: Duration = Duration::from_millis(300);

/// How often what was taken one waits beside others who use the whole thread. What is longer than a tick is waited for
/// that often whatever the others use, since they were kept from using it.
const MOST_WAITED: f64 = 8.0;

/// What one thread knows of its turns.
#[derive(Debug)]
struct Turns {
    /// Held by who waits for the next turn.
    next: Arc<Mutex<()>>,
    /// Until when nobody waits.
    free_until: Option<Instant>,
    /// How often a tick that was taken the next one waits.
    factor: f64,
    /// CPU time of those who take turns.
    taken: Duration,
    /// What of it was waited for.
    paid: Duration,
    /// The thread's CPU time when it was looked at last.
    looked: Duration,
}

thread_local! {
    static TURNS: RefCell<Turns> = RefCell::new(Turns {
        next: Arc::default(),
        free_until: None,
        factor: factor_beside(0.0),
        taken: Duration::ZERO,
        paid: Duration::ZERO,
        looked: Duration::ZERO,
    });
}

/// Counts CPU time of one who takes turns.
pub(super) fn took(time: Duration) {
    TURNS.with_borrow_mut(|turns| turns.taken += time);
}

/// CPU time that the thread used since this was asked last: no virtual user had more of it in that time.
pub(super) fn thread_ran() -> Duration {
    let now = thread_time::used();
    TURNS.with_borrow_mut(|turns| now.saturating_sub(std::mem::replace(&mut turns.looked, now)))
}

/// Returns when it is the turn of a virtual user that took too much; how long it waited.
pub(super) async fn wait() -> Duration {
    let asked = Instant::now();
    let next = TURNS.with_borrow(|turns| Arc::clone(&turns.next));
    let _next = next.lock().await;
    if TURNS.with_borrow_mut(Turns::is_free) {
        tokio::task::yield_now().await;
        return asked.elapsed();
    }
    let (begin, before) = (Instant::now(), others_time());
    tokio::time::sleep(TURNS.with_borrow_mut(Turns::pay)).await;
    let others = others_time().saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64().max(f64::EPSILON);
    TURNS.with_borrow_mut(|turns| turns.waited_beside(others));
    asked.elapsed()
}

impl Turns {
    /// Whether nobody waits now.
    fn is_free(&mut self) -> bool {
        let is_free = self.free_until.is_some_and(|until| Instant::now() < until);
        if is_free {
            self.paid = self.taken;
        }
        is_free
    }

    /// How long to wait for what was taken until now.
    fn pay(&mut self) -> Duration {
        let taken = self.taken.saturating_sub(std::mem::replace(&mut self.paid, self.taken));
        TICK.mul_f64(self.factor) + taken.saturating_sub(TICK).mul_f64(MOST_WAITED)
    }

    /// One has waited, and the others used that share of the thread.
    fn waited_beside(&mut self, share: f64) {
        self.factor = factor_beside(share);
        self.free_until = (share < IDLE).then(|| Instant::now() + RESPITE);
    }
}

/// CPU time of this thread but for that of those who take turns.
fn others_time() -> Duration {
    thread_time::used().saturating_sub(TURNS.with_borrow(|turns| turns.taken))
}

/// How often a tick one waits for its turn beside others who use that share of the thread, from twice on. Where several
/// take turns, one runs while the next one waits.
fn factor_beside(share: f64) -> f64 {
    2.0 + (MOST_WAITED - 2.0) * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever comes next waits for eight times what was taken.
    fn beside_busy_others() {
        TURNS.with_borrow_mut(|turns| turns.waited_beside(1.0));
    }

    #[test]
    fn who_takes_turns_leaves_a_busy_thread_seven_eighths() {
        let share = |others| 1.0 / factor_beside(others);
        assert_eq!((share(1.0), share(0.0)), (0.125, 0.5));
        assert_eq!(share(7.0), share(1.0));
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_one_after_the_other() {
        beside_busy_others();
        let one = async {
            let waited = wait().await;
            // What the others of this thread used is measured by a clock that does not stand still.
            beside_busy_others();
            waited
        };
        assert_eq!(tokio::join!(one, wait()), (TICK * 8, TICK * 16));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_turn_is_waited_for_longer() {
        beside_busy_others();
        took(TICK * 5);
        assert_eq!(wait().await, TICK * 40);
        beside_busy_others();
        assert_eq!(wait().await, TICK * 8);
        TURNS.with_borrow_mut(|turns| turns.waited_beside(0.5));
        took(TICK * 5);
        assert_eq!(wait().await, TICK * (5 + 32));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_on_an_idle_thread() {
        TURNS.with_borrow_mut(|turns| turns.free_until = Some(Instant::now() + RESPITE));
        let begin = Instant::now();
        wait().await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        tokio::time::advance(RESPITE).await;
        wait().await;
        assert!(begin.elapsed() > RESPITE);
    }
}
