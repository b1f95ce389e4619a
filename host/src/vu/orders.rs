//! Iterations that are due, handed to the virtual users of one thread that are free.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// Where a thread's pacing hands out iterations, and its virtual users wait for them. Nobody who hands out ever waits.
#[derive(Debug, Default)]
pub struct Orders {
    state: Mutex<State>,
    /// Somebody came free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Those who wait, the one that came last behind the others. It is served first: so no more virtual users are used
    /// than are needed, and those keep their connections.
    free: Vec<Arc<Seat>>,
    closed: bool,
}

/// One virtual user's place.
#[derive(Debug, Default)]
pub struct Seat {
    /// When the iteration that was handed out was due.
    due: Mutex<Option<Instant>>,
    handed: Notify,
}

impl Seat {
    /// The place of a virtual user that is made for an iteration that is due already, if there is one.
    pub fn new(due: Option<Instant>) -> Arc<Seat> {
        Arc::new(Seat { due: Mutex::new(due), handed: Notify::new() })
    }

    /// Takes what was handed out, if anything.
    pub(super) fn take(&self) -> Option<Instant> {
        lock(&self.due).take()
    }
}

impl Orders {
    /// Hands out an iteration that is due; false where nobody is free.
    pub fn hand_out(&self, due: Instant) -> bool {
        let Some(seat) = lock(&self.state).free.pop() else { return false };
        *lock(&seat.due) = Some(due);
        seat.handed.notify_one();
        true
    }

    /// How many virtual users wait.
    pub fn free(&self) -> usize {
        lock(&self.state).free.len()
    }

    /// Returns once another virtual user waits than did before.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Says that nothing more will be handed out.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        for seat in state.free.drain(..) {
            seat.handed.notify_one();
        }
    }

    /// Waits for an iteration: when it was due; none where there will be no more.
    pub(super) async fn next(&self, seat: &Arc<Seat>) -> Option<Instant> {
        if let Some(due) = seat.take() {
            return Some(due);
        }
        {
            let mut state = lock(&self.state);
            if state.closed {
                return None;
            }
            state.free.push(Arc::clone(seat));
        }
        self.freed.notify_one();
        seat.handed.notified().await;
        seat.take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn iterations_go_to_who_came_last() {
        let orders = Arc::new(Orders::default());
        let due = Instant::now();
        assert!(!orders.hand_out(due), "nobody is there");
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let orders = Arc::clone(&orders);
                tokio::spawn(async move { orders.next(&Seat::new(None)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(orders.free(), 2);
        assert!(orders.hand_out(due));
        orders.close();
        let [first, second] = waiters.try_into().expect("two");
        assert_eq!((first.await.ok(), second.await.ok()), (Some(None), Some(Some(due))));
        assert_eq!(orders.next(&Seat::new(None)).await, None);
        assert_eq!(orders.next(&Seat::new(Some(due))).await, Some(due), "what was handed out is done all the same");
    }
}
