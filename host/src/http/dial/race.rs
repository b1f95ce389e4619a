//! Happy eyeballs (RFC 8305): of several addresses, the first that takes the connection.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use crate::http::error::Error;

/// How long one attempt is alone before the next begins beside it; what RFC 8305 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address that takes it: each address in turn, the families alternating, the next as soon as an
/// attempt failed or took long. The other attempts are dropped. A single address takes no timer.
///
/// # Errors
/// The failure that came last.
pub(super) async fn race<T, F>(addresses: &[IpAddr], connect: impl Fn(IpAddr) -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    if let [address] = addresses {
        return connect(*address).await;
    }
    let mut failure = Error::Connect("the name has no address".into());
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    loop {
        match waiting.next() {
            Some(address) => attempts.push(connect(address)),
            None if attempts.is_empty() => return Err(of_many(failure, addresses.len())),
            None => {}
        }
        let ended = if waiting.len() == 0 {
            attempts.next().await
        } else {
            timeout(ATTEMPT_DELAY, attempts.next()).await.unwrap_or_default()
        };
        match ended {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(error)) => failure = error,
            // It takes long: the next begins beside it.
            None => {}
        }
    }
}

/// The addresses with their families alternating, beginning with the first one's; else in their order.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let begins_with_v4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv4() == begins_with_v4);
    let mut order = Vec::with_capacity(addresses.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    while order.len() < addresses.len() {
        order.extend(first.next().into_iter().chain(second.next()));
    }
    order
}

fn of_many(failure: Error, count: usize) -> Error {
    match failure {
        Error::Connect(reason) if count > 1 => {
            Error::Connect(format!("{reason} (the last of {count} addresses tried)").into())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::{Instant, sleep};

    use super::*;

    const NEVER: u64 = u64::MAX;

    /// What an attempt does, and after how many milliseconds.
    #[derive(Clone, Copy)]
    enum Plan {
        Connects(u64),
        Fails(u64),
    }

    /// How a race between attempts ended, and how it went.
    #[derive(Debug, PartialEq)]
    struct Outcome {
        winner: Result<IpAddr, Error>,
        /// When each attempt began, in milliseconds.
        starts: Vec<(IpAddr, u128)>,
        ended: u128,
        /// Attempts that were under way when the race was over.
        left: usize,
    }

    async fn run(plans: &[(&str, Plan)]) -> Outcome {
        let plans: Vec<(IpAddr, Plan)> =
            plans.iter().map(|(address, plan)| (address.parse().expect("an address"), *plan)).collect();
        let addresses: Vec<IpAddr> = plans.iter().map(|(address, _)| *address).collect();
        let (begin, starts, under_way) = (Instant::now(), RefCell::default(), Counter::default());
        let attempt = async |address: IpAddr| {
            let starts: &RefCell<Vec<_>> = &starts;
            starts.borrow_mut().push((address, begin.elapsed().as_millis()));
            let _guard = under_way.enter();
            let plan = plans.iter().find(|(planned, _)| *planned == address).expect("planned").1;
            let (Plan::Connects(after) | Plan::Fails(after)) = plan;
            sleep(Duration::from_millis(after)).await;
            match plan {
                Plan::Connects(_) => Ok(address),
                Plan::Fails(_) => Err(Error::Connect(format!("{address} failed").into())),
            }
        };
        let winner = race(&addresses, attempt).await;
        let ended = begin.elapsed().as_millis();
        Outcome { winner, starts: starts.take(), ended, left: under_way.0.get() }
    }

    /// Counts attempts that have neither ended nor been dropped.
    #[derive(Default)]
    struct Counter(Cell<usize>);

    struct Guard<'a>(&'a Counter);

    impl Counter {
        fn enter(&self) -> Guard<'_> {
            self.0.set(self.0.get() + 1);
            Guard(self)
        }
    }

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.0.set(self.0.0.get() - 1);
        }
    }

    fn outcome(winner: Result<&str, &str>, starts: &[(&str, u128)], ended: u128) -> Outcome {
        let address = |text: &str| text.parse().expect("an address");
        Outcome {
            winner: winner.map(address).map_err(|reason| Error::Connect(reason.to_owned().into())),
            starts: starts.iter().map(|(text, at)| (address(text), *at)).collect(),
            ended,
            left: 0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_address_that_connects_in_time_is_the_only_one_tried() {
        let quick = run(&[("::1", Plan::Connects(249)), ("10.0.0.1", Plan::Connects(0))]).await;
        assert_eq!(quick, outcome(Ok("::1"), &[("::1", 0)], 249));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_attempt_goes_on_beside_the_next() {
        let overtaken = run(&[("::1", Plan::Connects(NEVER)), ("10.0.0.1", Plan::Connects(50))]).await;
        assert_eq!(overtaken, outcome(Ok("10.0.0.1"), &[("::1", 0), ("10.0.0.1", 250)], 300));
        let slow_but_first = run(&[("::1", Plan::Connects(260)), ("10.0.0.1", Plan::Connects(50))]).await;
        assert_eq!(slow_but_first, outcome(Ok("::1"), &[("::1", 0), ("10.0.0.1", 250)], 260));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_attempt_is_followed_at_once() {
        let plans = [("::1", Plan::Fails(10)), ("10.0.0.1", Plan::Fails(20)), ("10.0.0.2", Plan::Connects(5))];
        assert_eq!(run(&plans).await, outcome(Ok("10.0.0.2"), &[("::1", 0), ("10.0.0.1", 10), ("10.0.0.2", 30)], 35));
    }

    #[tokio::test(start_paused = true)]
    async fn families_alternate_from_the_resolvers_first() {
        let plans: Vec<_> =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2"].map(|text| (text, Plan::Fails(0))).into();
        let starts = [("10.0.0.1", 0), ("::1", 0), ("10.0.0.2", 0), ("::2", 0), ("10.0.0.3", 0)];
        assert_eq!(run(&plans).await, outcome(Err("10.0.0.3 failed (the last of 5 addresses tried)"), &starts, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_failure_in_time_is_told() {
        let plans = [("::1", Plan::Fails(400)), ("10.0.0.1", Plan::Fails(10))];
        let starts = [("::1", 0), ("10.0.0.1", 250)];
        assert_eq!(run(&plans).await, outcome(Err("::1 failed (the last of 2 addresses tried)"), &starts, 400));
        assert_eq!(run(&[("::1", Plan::Fails(7))]).await, outcome(Err("::1 failed"), &[("::1", 0)], 7));
        assert_eq!(run(&[]).await, outcome(Err("the name has no address"), &[], 0));
    }
}
