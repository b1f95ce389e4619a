//! Closes connections that wait for too long, also those of virtual users that ask for nothing.
//!
//! A thread has one task and one timer for all its virtual users, each of which is looked at about once in an idle
//! timeout.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Weak;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep_until};

use super::pool::Pool;

/// How many virtual users are looked at without a break. Closing connections takes system calls, and other tasks of the
/// thread have requests to send.
const AT_ONCE: usize = 64;

/// From how many virtual users on those are looked for that are gone.
const FEW: usize = 64;

#[derive(Default)]
struct Reaper {
    /// Whom to look at, by when; the number tells apart those of the same instant.
    due: BTreeMap<(Instant, u64), Weak<Pool>>,
    next_number: u64,
    /// How many there were when those that are gone were last taken out.
    alive: usize,
    task: Option<JoinHandle<()>>,
}

thread_local! {
    static REAPER: RefCell<Reaper> = RefCell::default();
}

/// Looks at that virtual user's connections at `due`, and again as long as it has any. All who ask on one thread have the
/// same idle timeout, so what is asked for later is due later.
pub(super) fn register(due: Instant, pool: Weak<Pool>) {
    REAPER.with_borrow_mut(|reaper| {
        reaper.add(due, pool);
        // The task ends when it has nothing to wait for, and with its runtime.
        if reaper.task.as_ref().is_none_or(JoinHandle::is_finished) {
            reaper.task = Some(tokio::spawn(run()));
        }
    });
}

async fn run() {
    while let Some(due) = REAPER.with_borrow(Reaper::first) {
        sleep_until(due).await;
        reap(Instant::now()).await;
    }
    REAPER.with_borrow_mut(|reaper| reaper.task = None);
}

async fn reap(now: Instant) {
    let mut looked_at = 0;
    while let Some(pool) = REAPER.with_borrow_mut(|reaper| reaper.take_due(now)) {
        let next = pool.upgrade().and_then(|pool| pool.reap(now));
        if let Some(next) = next {
            REAPER.with_borrow_mut(|reaper| reaper.add(next, pool));
        }
        looked_at += 1;
        if looked_at % AT_ONCE == 0 {
            yield_now().await;
        }
    }
}

impl Reaper {
    fn add(&mut self, due: Instant, pool: Weak<Pool>) {
        // Virtual users that trap again and again would else leave one behind each, for the idle timeout.
        if self.due.len() >= FEW.max(2 * self.alive) {
            self.due.retain(|_, pool| pool.strong_count() > 0);
            self.alive = self.due.len();
        }
        self.due.insert((due, self.next_number), pool);
        self.next_number += 1;
    }

    fn first(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    fn take_due(&mut self, now: Instant) -> Option<Weak<Pool>> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::http::testing::{Network, get};
    use crate::http::{Client, Config};

    /// When connections ended, as servers saw it.
    type Ends = Arc<Mutex<Vec<Duration>>>;

    /// A client whose connections wait for 10 s, and when they end, from now.
    fn client(connections: usize) -> (Client, Ends) {
        let (network, ends, start) = (Network::default(), Ends::default(), Instant::now());
        for _ in 0..connections {
            let ends = Arc::clone(&ends);
            network.accept(move |mut peer| async move {
                while peer.request().await.is_some() {
                    peer.send(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
                ends.lock().expect("not poisoned").push(start.elapsed());
            });
        }
        (network.client(Config { idle_timeout: Duration::from_secs(10), ..Config::default() }), ends)
    }

    fn seconds(ends: &Ends) -> Vec<f64> {
        ends.lock().expect("not poisoned").iter().map(Duration::as_secs_f64).collect()
    }

    /// How many clients are looked after, and whether there is a task for them.
    fn state() -> (usize, bool) {
        REAPER.with_borrow(|reaper| (reaper.due.len(), reaper.task.is_some()))
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_are_closed_in_time_though_nobody_asks_for_anything() {
        let (client, ends) = client(3);
        get(&client, "/").await;
        sleep(Duration::from_secs(4)).await;
        tokio::join!(get(&client, "/"), get(&client, "http://two.test/"), get(&client, "http://three.test/"));
        assert_eq!((client.kept_connections(), state()), (3, (1, true)), "one look at a time serves them all");
        sleep(Duration::from_secs(5)).await;
        get(&client, "http://two.test/").await;
        sleep(Duration::from_millis(4999)).await;
        assert_eq!((client.kept_connections(), seconds(&ends)), (3, vec![]));
        sleep(Duration::from_secs(60)).await;
        assert_eq!((client.kept_connections(), seconds(&ends)), (0, vec![14.0, 14.0, 19.0]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_ends_when_nothing_is_left_and_begins_anew() {
        let (client, ends) = client(2);
        assert_eq!(state(), (0, false));
        for _ in 0..2 {
            get(&client, "/").await;
            assert_eq!(state(), (1, true));
            sleep(Duration::from_secs(11)).await;
            assert_eq!(state(), (0, false));
        }
        assert_eq!(seconds(&ends), [10.0, 21.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_gone_is_forgotten_when_it_would_have_been_looked_at() {
        let (client, ends) = client(1);
        get(&client, "/").await;
        drop(client);
        sleep(Duration::from_secs(1)).await;
        assert_eq!((seconds(&ends), state()), (vec![0.0], (1, true)), "its connections went with it");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(state(), (0, false));
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_are_gone_do_not_pile_up() {
        let (alive, _ends) = client(1);
        get(&alive, "/").await;
        for _ in 0..10 * FEW {
            let (client, _ends) = client(1);
            get(&client, "/").await;
            assert!(state().0 <= FEW);
        }
        sleep(Duration::from_secs(11)).await;
        assert_eq!((alive.kept_connections(), state()), (0, (0, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn other_tasks_go_on_while_many_connections_are_closed() {
        let clients: Vec<_> = (0..3 * AT_ONCE).map(|_| client(1).0).collect();
        for client in &clients {
            get(client, "/").await;
        }
        let mut kept = vec![clients.len()];
        sleep(Duration::from_secs(10)).await;
        while kept.last() != Some(&0) {
            kept.push(clients.iter().map(Client::kept_connections).sum());
            yield_now().await;
        }
        kept.dedup();
        let steps: Vec<_> = (0..=3).rev().map(|left| left * AT_ONCE).collect();
        assert!(kept.ends_with(&steps[1..]), "{kept:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_clients_share_one_task() {
        let clients: Vec<_> = (0..100).map(|_| client(1)).collect();
        for (client, _) in &clients {
            get(client, "/").await;
        }
        assert_eq!(state(), (100, true));
        sleep(Duration::from_secs(11)).await;
        assert!(clients.iter().all(|(_, ends)| seconds(ends) == [10.0]));
        assert_eq!(state(), (0, false));
    }
}
