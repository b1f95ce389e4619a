//! Servers that close connections between two requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use super::{opened, passed};
use crate::support::figures::{count, failures};
use crate::support::processes::wait_until;
use crate::support::program::Wasmload;
use crate::support::scripted::{FINE, Scripted};

/// After how many requests a server closes a connection.
const EACH: u64 = 100;

/// `FINE`, with the word that no other request may follow.
const LAST: &[u8] = b"HTTP/1.1 200 Fine\r\nconnection: close\r\ncontent-length: 4\r\n\r\nfine";

/// A server that closes a connection after so many requests, with that as its last answer; and how many it answered.
fn closing(last: &'static [u8]) -> (Scripted, Arc<AtomicU64>) {
    let answered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&answered);
    let server = Scripted::start(move |mut peer| {
        for left in (0..EACH).rev() {
            if peer.request()?.is_none() {
                break;
            }
            count.fetch_add(1, Ordering::Relaxed);
            peer.send(if left == 0 { last } else { FINE })?;
        }
        Ok(())
    });
    (server, answered)
}

/// A run of 20 virtual users against that server, with so many iterations each.
fn load(server: &Scripted, guest: &str, iterations: u64) -> Wasmload {
    Wasmload::run(guest).with(&format!("-u 20 --iterations-per-user {iterations} --host")).arg(server.url())
}

fn reconnects(summary: &Value) -> u64 {
    count(summary, "/total/connections/reconnects")
}

#[test]
fn connections_that_are_closed_with_a_word_fail_nothing_in_100_000_requests() {
    let (server, answered) = closing(LAST);
    let summary = passed(load(&server, "status_only", 5_000));
    assert_eq!((count(&summary, "/total/count"), answered.load(Ordering::Relaxed)), (100_000, 100_000));
    assert_eq!((opened(&summary), server.connections()), (1000, 1000));
    assert_eq!(reconnects(&summary), 0, "none was found dead");
}

#[test]
fn connections_that_are_closed_without_a_word_fail_nothing_in_100_000_requests() {
    let (server, answered) = closing(FINE);
    let summary = passed(load(&server, "status_only", 5_000));
    assert_eq!((count(&summary, "/total/count"), answered.load(Ordering::Relaxed)), (100_000, 100_000));
    assert_eq!((opened(&summary), server.connections()), (1000, 1000));
    // Whether that showed before the next request or under it: each virtual user found all but its last one dead.
    assert_eq!(reconnects(&summary), 1000 - 20);
}

/// The same with POST.
fn posts(server: &Scripted) -> Wasmload {
    load(server, "asks", 1_000).with("--var method=POST --var body=once --var url=/")
}

#[test]
fn connections_that_are_closed_with_a_word_fail_no_post() {
    let (server, answered) = closing(LAST);
    let summary = passed(posts(&server));
    assert_eq!((count(&summary, "/total/count"), answered.load(Ordering::Relaxed)), (20_000, 20_000));
    assert_eq!((opened(&summary), server.connections()), (200, 200));
    assert_eq!(reconnects(&summary), 0);
}

/// A POST that may have reached the server is not sent again, so it fails where the server was about to close the
/// connection; each that succeeded was answered once.
#[test]
fn connections_that_are_closed_without_a_word_have_no_post_sent_twice() {
    let (server, answered) = closing(FINE);
    let summary = posts(&server).with("-q -L off").output().expect(0).summary();
    let failed = count(&summary, "/total/failures");
    assert_eq!(answered.load(Ordering::Relaxed) + failed, 20_000);
    assert_eq!(opened(&summary), server.connections() as u64);
    let found_dead = failed + reconnects(&summary);
    // A virtual user opens another connection only where the last one was dead; its very last one may be so too.
    assert!((found_dead..=found_dead + 20).contains(&opened(&summary)), "{summary:#}");
    assert!(failures(&summary, "request").iter().all(|(kind, ..)| *kind == "protocol"), "{:#}", summary["failures"]);
}

/// A server that answers the first request of each connection, and at the second one closes it.
fn dying() -> (Scripted, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&read);
    let server = Scripted::start(move |mut peer| {
        for answer in [FINE, b""] {
            if peer.request()?.is_some() {
                count.fetch_add(1, Ordering::Relaxed);
                peer.send(answer)?;
            }
        }
        Ok(())
    });
    (server, read)
}

fn twice(server: &Scripted, method: &str) -> Value {
    let program = Wasmload::run("asks").with("-q -i 2 --var url=/ --var").arg(format!("method={method}"));
    program.arg("--host").arg(server.url()).output().expect(0).summary()
}

#[test]
fn what_may_be_done_twice_is_tried_again_on_another_connection() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let (server, read) = dying();
        let summary = twice(&server, method);
        assert_eq!((count(&summary, "/total/count"), count(&summary, "/total/failures")), (2, 0), "{method}");
        assert_eq!((opened(&summary), reconnects(&summary)), (2, 1), "{method}");
        assert_eq!((server.connections(), read.load(Ordering::Relaxed)), (2, 3), "{method}");
    }
}

#[test]
fn what_may_not_be_done_twice_is_not() {
    for method in ["POST", "PATCH"] {
        let (server, read) = dying();
        let summary = twice(&server, method);
        let text = "protocol error: the connection was closed without a response";
        assert_eq!(failures(&summary, "request"), [("protocol", text, 1)], "{method}");
        assert_eq!((opened(&summary), reconnects(&summary)), (1, 0), "{method}");
        assert_eq!((server.connections(), read.load(Ordering::Relaxed)), (1, 2), "{method}");
    }
}

#[test]
fn a_request_is_tried_again_only_once() {
    let first = AtomicBool::new(true);
    let server = Scripted::start(move |mut peer| {
        peer.request()?;
        if first.swap(false, Ordering::Relaxed) {
            peer.send(FINE)?;
            peer.request()?;
        }
        Ok(())
    });
    let summary = twice(&server, "GET");
    assert_eq!((count(&summary, "/total/count"), count(&summary, "/total/failures")), (2, 1));
    assert_eq!((opened(&summary), reconnects(&summary), server.connections()), (2, 1, 2));
}

/// The other server answers when this one has closed its connection, so the client has heard of that before it sends the
/// next POST, which is sent over another one.
#[test]
fn a_connection_that_was_closed_meanwhile_takes_no_post() {
    let closed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&closed);
    let closing = Scripted::start(move |mut peer| {
        peer.request()?;
        peer.send(FINE)?;
        drop(peer);
        counted.fetch_add(1, Ordering::Release);
        Ok(())
    });
    let other = Scripted::start(move |mut peer| {
        for iteration in 1.. {
            if peer.request()?.is_none() {
                break;
            }
            wait_until("the connection is closed", || closed.load(Ordering::Acquire) == iteration);
            peer.send(FINE)?;
        }
        Ok(())
    });
    let program = Wasmload::run("asks")
        .with("-i 3 --var method=POST --var url=/ --allow-host 127.0.0.1 --host")
        .arg(closing.url());
    let summary = passed(program.arg("--var").arg(format!("then={}/", other.url())));
    assert_eq!((closing.connections(), other.connections(), opened(&summary)), (3, 1, 4));
    assert_eq!(reconnects(&summary), 2);
}
