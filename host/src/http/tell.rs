//! Tells those who watch of each hop: when it is sent, and when it is over or was cut off.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::client::{Client, Options, Refused};
use super::deadline::Deadline;
use super::error::Error;
use super::exchange::Response;
use super::h1::Encoded;
use super::h2;
use super::meter::{Meter, Phase};
use super::observe::{Begun, ConnectionInfo, Hop, Outcome, SentAgain};
use crate::sample::Phases;

/// What stands for a value that nobody is to see.
const HIDDEN: &str = "***";

/// What is known of a hop besides its request and its outcome.
#[derive(Debug)]
pub(super) struct Way {
    number: u64,
    redirected: bool,
    /// Whether it has, or had, a connection.
    connected: bool,
    info: Option<Box<ConnectionInfo>>,
    reused: bool,
    again: Option<SentAgain>,
}

impl Way {
    fn new(redirected: bool) -> Self {
        Way { number: next_number(), redirected, connected: false, info: None, reused: false, again: None }
    }

    /// It goes over this connection.
    pub(super) fn take(&mut self, info: Option<&ConnectionInfo>, reused: bool, again: Option<SentAgain>) {
        let info = info.cloned().map(Box::new);
        *self = Way { connected: true, info, reused, again, ..*self };
    }
}

/// A hop that is under way. It is told of where it is dropped, too.
struct UnderWay<'a, 'm> {
    client: &'a Client,
    request: &'a Encoded,
    meter: &'a mut Meter<'m>,
    way: Way,
    started: SystemTime,
    /// What the meter said when it began.
    before: (Phases, u64, u64),
    told: bool,
}

impl Client {
    /// As [`Client::send`], told to the observer.
    pub(super) async fn observed_hop(
        &self,
        request: &Encoded,
        options: Options,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Response, Error> {
        let mut hop = UnderWay {
            client: self,
            request,
            way: Way::new(meter.transport.redirects > 0),
            started: SystemTime::now(),
            before: (meter.clock.phases, meter.bytes_sent, meter.bytes_received),
            told: false,
            meter,
        };
        let outcome = self.send(request, options, deadline, hop.meter, Some(&mut hop.way)).await;
        hop.tell(match &outcome {
            Ok(response) => Outcome::Response(response),
            Err(error) => Outcome::Failed(error),
        });
        outcome
    }

    /// Tells of a request that is sent now.
    pub(super) fn tell_begun(&self, request: &Encoded, way: &Way) {
        let Some(observer) = &self.0.observer else { return };
        observer.begun(&Begun {
            number: way.number,
            redirected: way.redirected,
            method: request.method(),
            url: &self.url_of(request),
            request_headers: &shown_headers(request, way),
            request_body: request.body(),
            connection: way.info.as_deref(),
            reused: way.reused,
            sent_again: way.again,
        });
    }

    /// Tells of a request that can't be sent.
    pub(super) fn tell_refused(&self, refused: &Refused) -> Error {
        if let Some(observer) = &self.0.observer {
            observer.hop(&Hop {
                number: next_number(),
                started: SystemTime::now(),
                redirected: false,
                method: refused.method(),
                url: &refused.url,
                request_headers: &[],
                request_body: None,
                outcome: Outcome::Failed(&refused.error),
                phases: Phases::default(),
                bytes_sent: 0,
                bytes_received: 0,
                connection: None,
                reused: false,
                sent_again: None,
            });
        }
        refused.error.clone()
    }
}

impl UnderWay<'_, '_> {
    fn tell(&mut self, outcome: Outcome<'_>) {
        self.told = true;
        let Some(observer) = &self.client.0.observer else { return };
        let UnderWay { request, meter, way, before, .. } = self;
        observer.hop(&Hop {
            number: way.number,
            started: self.started,
            redirected: way.redirected,
            method: request.method(),
            url: &self.client.url_of(request),
            request_headers: &shown_headers(request, way),
            request_body: request.body(),
            outcome,
            phases: meter.clock.phases.since(&before.0),
            bytes_sent: meter.bytes_sent - before.1,
            bytes_received: meter.bytes_received - before.2,
            connection: way.info.as_deref(),
            reused: way.reused,
            sent_again: way.again,
        });
    }

    /// The phase that it is in. HTTP/1.1 doesn't say, but for the bytes that it counts.
    fn phase(&self) -> Phase {
        if !self.way.connected || self.way.info.as_ref().is_some_and(|info| info.http2) {
            self.meter.clock.under_way()
        } else if self.meter.bytes_received > self.before.2 {
            Phase::Receive
        } else if self.meter.bytes_sent > self.before.1 {
            Phase::Wait
        } else {
            Phase::Send
        }
    }
}

impl Drop for UnderWay<'_, '_> {
    fn drop(&mut self) {
        if !self.told {
            self.meter.end(self.phase());
            self.tell(Outcome::CutOff);
        }
    }
}

fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// The headers as they are sent, but for what nobody is to see.
fn shown_headers<'a>(request: &'a Encoded, way: &Way) -> Vec<(&'a str, &'a str)> {
    let over_http2 = way.info.as_ref().is_some_and(|info| info.http2);
    request
        .headers()
        .filter(|(name, value)| !(over_http2 && h2::belongs_to_connection(name, value)))
        .map(|(name, value)| (name, if is_proxys(name) { HIDDEN } else { value }))
        .collect()
}

/// Whether a header has the credentials of a proxy, which come from the machine's settings and not from the scenario.
fn is_proxys(name: &str) -> bool {
    name.eq_ignore_ascii_case("proxy-authorization")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::http::testing::{Network, get, send};
    use crate::http::{Config, Observer, Request};

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// Notes what it is told of.
    #[derive(Clone, Debug, Default)]
    struct Notes(Arc<Mutex<Vec<String>>>);

    impl Notes {
        fn client(&self, network: &Network) -> Client {
            let context = Arc::clone(&network.client(Config::default()).0.context);
            Client::new(context, 1, Arc::clone(&network.interrupted), Some(Arc::new(self.clone())))
        }

        fn push(&self, note: String) {
            self.0.lock().expect("no test panicked with it").push(note);
        }

        #[track_caller]
        fn assert(&self, expected: &[&str]) {
            assert_eq!(*self.0.lock().expect("no test panicked with it"), expected);
        }
    }

    impl Observer for Notes {
        fn begun(&self, hop: &Begun<'_>) {
            let again = hop.sent_again.map(|again| format!(", {again:?}")).unwrap_or_default();
            self.push(format!("begun {} {}{again}", hop.method, hop.url));
        }

        fn hop(&self, hop: &Hop<'_>) {
            let (outcome, body) = match hop.outcome {
                Outcome::Response(response) => (response.status().to_string(), response.body().len()),
                Outcome::Failed(error) => (error.to_string(), 0),
                Outcome::CutOff => (format!("cut off, wait {:?}", hop.phases.wait), 0),
            };
            let again = hop.sent_again.map(|again| format!(", {again:?}")).unwrap_or_default();
            self.push(format!("{} {}: {outcome}, {body} bytes{again}", hop.method, hop.url));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hop_is_told_of_when_it_is_sent_and_when_it_is_over() {
        let (network, notes) = (Network::default(), Notes::default());
        network.respond(["HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n", OK]);
        get(&notes.client(&network), "/a").await;
        notes.assert(&[
            "begun GET http://base.test/a",
            "GET http://base.test/a: 302, 0 bytes",
            "begun GET http://base.test/b",
            "GET http://base.test/b: 200, 2 bytes",
        ]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hop_that_is_dropped_is_told_of_with_its_time() {
        let (network, notes) = (Network::default(), Notes::default());
        network.accept(|mut peer| async move {
            peer.request().await;
            peer.wait().await;
        });
        let client = notes.client(&network);
        timeout(Duration::from_secs(3), get(&client, "/slow")).await.expect_err("the server never answers");
        notes.assert(&["begun GET http://base.test/slow", "GET http://base.test/slow: cut off, wait 3s, 0 bytes"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hop_without_a_connection_is_told_of_once() {
        let (network, notes) = (Network::default(), Notes::default());
        let client = notes.client(&network);
        get(&client, "/").await;
        send(&client, &Request::new("no method", "/")).await;
        network.accept_late(Duration::from_secs(9), false, |peer| async move { peer.wait().await });
        timeout(Duration::from_secs(3), get(&client, "/late")).await.expect_err("connecting takes longer");
        notes.assert(&[
            "GET http://base.test/: no connection: no script, 0 bytes",
            "no method /: invalid request: \"no method\" is not an HTTP method, 0 bytes",
            "GET http://base.test/late: cut off, wait 0ns, 0 bytes",
        ]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_sent_again_is_told_of_twice() {
        let (network, notes) = (Network::default(), Notes::default());
        network.accept(|mut peer| async move {
            peer.request().await;
            peer.send(OK.as_bytes()).await;
            peer.request().await;
        });
        network.respond([OK]);
        let client = notes.client(&network);
        get(&client, "/1").await;
        get(&client, "/2").await;
        notes.assert(&[
            "begun GET http://base.test/1",
            "GET http://base.test/1: 200, 2 bytes",
            "begun GET http://base.test/2",
            "begun GET http://base.test/2, Closed",
            "GET http://base.test/2: 200, 2 bytes, Closed",
        ]);
    }
}
