//! The bound on an exchange's time, kept by a timer that costs a usual request no timer operation.
//!
//! A timer lives as long as its connection. Nearly all requests have the same timeout, so each one's deadline is later
//! than the one the timer was last set to: the timer is left alone, and set forward only when it fires, once per
//! timeout instead of once per request. Only a deadline that is earlier than the timer's own resets it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::error::Error;

/// The instant at which an exchange has taken too long; none where that lies beyond what the clock can tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(start: Instant, timeout: Duration) -> Self {
        Deadline(start.checked_add(timeout))
    }

    pub(super) fn instant(self) -> Option<Instant> {
        self.0
    }
}

/// A reusable timer; empty until something had to wait.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once the deadline has passed. To be polled wherever an exchange is about to wait.
    pub(super) fn poll_expired(&mut self, context: &mut Context<'_>, deadline: Deadline) -> Poll<()> {
        let Some(deadline) = deadline.0 else { return Poll::Pending };
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= deadline || Instant::now() >= deadline {
                return Poll::Ready(());
            }
            // It was set for an earlier request on this connection.
            sleep.as_mut().reset(deadline);
        }
    }

    /// The future's output, or a timeout if the deadline passes first.
    pub(super) async fn bound<F: Future>(&mut self, deadline: Deadline, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_expired(context, deadline).map(|()| Err(Error::Timeout)),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    async fn expire(timer: &mut Timer, timeout: Duration) -> Duration {
        let start = Instant::now();
        let result = timer.bound(Deadline::after(start, timeout), pending::<()>()).await;
        assert_eq!(result, Err(Error::Timeout));
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn expires_at_the_deadline_whatever_it_was_set_to_before() {
        let mut timer = Timer::default();
        for seconds in [30, 1, 60, 5] {
            let taken = expire(&mut timer, Duration::from_secs(seconds)).await;
            assert!(taken >= Duration::from_secs(seconds), "{taken:?} for {seconds} s");
            assert!(taken < Duration::from_secs(seconds) + Duration::from_millis(2), "{taken:?} for {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_leaves_the_timer_alone_until_it_fires() {
        let mut timer = Timer::default();
        let first = Instant::now() + Duration::from_secs(30);
        let still_waiting = poll_fn(|context| Poll::Ready(timer.poll_expired(context, Deadline(Some(first))))).await;
        assert!(still_waiting.is_pending());

        tokio::time::advance(Duration::from_secs(10)).await;
        let second = Instant::now() + Duration::from_secs(30);
        let still_waiting = poll_fn(|context| Poll::Ready(timer.poll_expired(context, Deadline(Some(second))))).await;
        assert!(still_waiting.is_pending());
        assert_eq!(timer.0.as_ref().map(|sleep| sleep.deadline()), Some(first));

        assert_eq!(timer.bound(Deadline(Some(second)), pending::<()>()).await, Err(Error::Timeout));
        assert!(Instant::now() >= second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_beyond_the_clock_never_expires_and_sets_no_timer() {
        let mut timer = Timer::default();
        let deadline = Deadline::after(Instant::now(), Duration::MAX);
        let waited = timer.bound(deadline, tokio::time::sleep(Duration::from_secs(1_000_000))).await;
        assert_eq!(waited, Ok(()));
        assert!(timer.0.is_none());
    }
}
