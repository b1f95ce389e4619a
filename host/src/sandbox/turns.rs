//! How virtual users that take too much of their thread leave the others their part of it.
//!
//! They take turns: one at a time runs for a tick, after a wait in which the others have the thread to themselves. How
//! long that is follows from what the others made of the last one: where they did nothing, nobody waits. So a guest
//! that computes without end costs the others of a busy thread an eighth of it, however many such guests there are, and
//! one that computes for long on an idle thread loses next to nothing.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::cpu::thread_time;
use super::engine::TICK;

/// The share of a wait from which on the others count as being there.
const IDLE: f64 = 0.01;

/// How long nobody waits after a wait in which the others did nothing.
const RESPITE: Duration = Duration::from_millis(300);

/// What one thread knows of its turns.
#[derive(Debug)]
struct Turns {
    /// Held by who waits for the next turn.
    next: Arc<Mutex<()>>,
    /// Until when nobody waits.
    free_until: Option<Instant>,
    /// How long the next one waits.
    wait: Duration,
    /// CPU time of those who take turns.
    taken: Duration,
    /// The thread's CPU time when it was looked at last.
    looked: Duration,
}

thread_local! {
    static TURNS: RefCell<Turns> = RefCell::new(Turns {
        next: Arc::default(),
        free_until: None,
        wait: wait_beside(0.0),
        taken: Duration::ZERO,
        looked: Duration::ZERO,
    });
}

/// Counts CPU time of one who takes turns.
pub(super) fn took(time: Duration) {
    TURNS.with_borrow_mut(|turns| turns.taken += time);
}

/// CPU time that the thread used since this was asked last: no virtual user had more of it in that time.
pub(super) fn thread_ran() -> Duration {
    let now = thread_time();
    TURNS.with_borrow_mut(|turns| now.saturating_sub(std::mem::replace(&mut turns.looked, now)))
}

/// Returns when it is the turn of a virtual user that took too much.
pub(super) async fn wait() {
    let next = TURNS.with_borrow(|turns| Arc::clone(&turns.next));
    let _next = next.lock().await;
    let (is_free, wait) =
        TURNS.with_borrow(|turns| (turns.free_until.is_some_and(|until| Instant::now() < until), turns.wait));
    if is_free {
        return tokio::task::yield_now().await;
    }
    let (begin, before) = (Instant::now(), others_time());
    tokio::time::sleep(wait).await;
    let others = others_time().saturating_sub(before).as_secs_f64() / begin.elapsed().as_secs_f64().max(f64::EPSILON);
    TURNS.with_borrow_mut(|turns| {
        turns.wait = wait_beside(others);
        turns.free_until = (others < IDLE).then(|| Instant::now() + RESPITE);
    });
}

/// CPU time of this thread but for that of those who take turns.
fn others_time() -> Duration {
    thread_time().saturating_sub(TURNS.with_borrow(|turns| turns.taken))
}

/// How long one waits for its turn beside others who use that share of the thread: from two ticks to eight.
fn wait_beside(share: f64) -> Duration {
    TICK.mul_f64(2.0 + 6.0 * share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_turns_leaves_a_busy_thread_seven_eighths() {
        let share = |others| TICK.as_secs_f64() / wait_beside(others).as_secs_f64();
        assert_eq!((share(1.0), share(0.0)), (0.125, 0.5));
        assert_eq!(share(7.0), share(1.0));
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_one_after_the_other() {
        TURNS.with_borrow_mut(|turns| (turns.free_until, turns.wait) = (None, TICK * 8));
        let begin = Instant::now();
        let one = async {
            wait().await;
            // What the others of this thread used is measured by a clock that does not stand still.
            TURNS.with_borrow_mut(|turns| (turns.free_until, turns.wait) = (None, TICK * 8));
            begin.elapsed()
        };
        let other = async {
            wait().await;
            begin.elapsed()
        };
        assert_eq!(tokio::join!(one, other), (TICK * 8, TICK * 16));
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
