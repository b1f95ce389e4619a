//! Performs a request: over a connection of its virtual user, hop by hop where it is redirected.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::client::{Client, Options, Prepared, Subject};
use super::deadline::{Deadline, Timer};
use super::error::{Error, Failure};
use super::exchange::{Exchange, Response};
use super::h1::{self, Encoded, Rules};
use super::meter::{Meter, Phase};
use super::observe::SentAgain;
use super::open::{Opened, Opener, Progress};
use super::pool::{Grant, Lease, Wish};
use super::target::OriginRef;
use super::tell::Way;
use super::{h2, reaper, redirect};

impl Client {
    pub(super) async fn run(self, prepared: Prepared) -> Exchange {
        let Prepared { subject, options } = prepared;
        if let (Some(throttle), Subject::Request(request)) = (&self.0.context.throttle, &subject) {
            // Boxed, as virtual users of a run without bounds shall not pay for it. The clock starts behind it: what a run
            // denies itself is no time of its target.
            Box::pin(throttle.pass(self.origin_of(request))).await;
        }
        let mut meter = Meter::start(&self.0.interrupted);
        let (outcome, last) = match &subject {
            Subject::Request(request) => self.follow(request, options, &mut meter).await,
            Subject::Refused(refused) => (Err(self.tell_refused(refused)), None),
        };
        meter.finish();
        let Meter { bytes_sent, bytes_received, transport, .. } = meter;
        let phases = meter.clock.phases;
        drop(meter);
        Exchange { outcome, phases, bytes_sent, bytes_received, transport, subject, last, client: self }
    }

    /// Sends a request, and those that redirects lead to. Returns the last of these too.
    async fn follow(
        &self,
        first: &Encoded,
        options: Options,
        meter: &mut Meter<'_>,
    ) -> (Result<Response, Error>, Option<Box<Encoded>>) {
        let deadline = Deadline::after(meter.started(), options.timeout);
        let mut last: Option<Box<Encoded>> = None;
        loop {
            let current = last.as_deref().unwrap_or(first);
            let next = match self.hop(current, options, deadline, meter).await {
                Ok(response) => self.next_hop(current, response, options, meter),
                Err(error) => ControlFlow::Break(Err(error)),
            };
            match next {
                ControlFlow::Continue(next) => {
                    if let Err(error) = self.wait_for_slot(&next, deadline, meter).await {
                        return (Err(error), Some(next));
                    }
                    last = Some(next);
                }
                ControlFlow::Break(outcome) => return (outcome, last),
            }
        }
    }

    /// Waits until a further hop may start, where the run's rate is bounded: within its request, whose clock goes on.
    async fn wait_for_slot(&self, next: &Encoded, deadline: Deadline, meter: &mut Meter<'_>) -> Result<(), Error> {
        let Some(throttle) = &self.0.context.throttle else { return Ok(()) };
        meter.clock.enter(Phase::Blocked);
        let mut timer = Timer::default();
        let slot = Box::pin(timer.bound(deadline, throttle.pass(self.origin_of(next))));
        slot.await.inspect_err(|_| meter.clock.cut())?;
        meter.end(Phase::Blocked);
        Ok(())
    }

    /// The request that a response redirects to, or the end.
    fn next_hop(
        &self,
        request: &Encoded,
        response: Response,
        options: Options,
        meter: &mut Meter<'_>,
    ) -> ControlFlow<Result<Response, Error>, Box<Encoded>> {
        self.take_cookies(request, &response);
        if options.max_redirects == 0 {
            return ControlFlow::Break(Ok(response));
        }
        match redirect::location(&response) {
            None => ControlFlow::Break(Ok(response)),
            Some(_) if meter.transport.redirects == options.max_redirects => {
                ControlFlow::Break(Err(Error::TooManyRedirects(options.max_redirects)))
            }
            Some(location) => match self.redirected(request, response.status(), &location) {
                Ok(next) => {
                    meter.transport.redirects += 1;
                    ControlFlow::Continue(Box::new(next))
                }
                Err(error) => ControlFlow::Break(Err(error)),
            },
        }
    }

    /// One request and its response, told to the observer.
    async fn hop(
        &self,
        request: &Encoded,
        options: Options,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Response, Error> {
        if self.0.observer.is_none() {
            return self.send(request, options, deadline, meter, None).await;
        }
        // Boxed, as virtual users that nobody watches shall not pay for it.
        Box::pin(self.observed_hop(request, options, deadline, meter)).await
    }

    /// One request and its response. That a kept connection was closed by the server in the meantime shows only under the
    /// request; that is tried once more on another one, where it can do no harm.
    pub(super) async fn send(
        &self,
        request: &Encoded,
        options: Options,
        deadline: Deadline,
        meter: &mut Meter<'_>,
        mut way: Option<&mut Way>,
    ) -> Result<Response, Error> {
        let mut again = None;
        loop {
            let taken = self.connection(request, again.is_some(), deadline, meter).await?;
            let reused = taken.reused;
            if let Some(way) = &mut way {
                way.take(taken.opened.info(), reused, again);
                self.tell_begun(request, way);
            }
            match self.exchange(taken, request, options, deadline, meter).await {
                Ok(response) => return Ok(response),
                Err(failure) if again.is_none() && may_be_sent_again(&failure, reused, request) => {
                    again = Some(if failure.refused { SentAgain::Refused } else { SentAgain::Closed });
                    // A stream that was refused leaves its connection as it is.
                    meter.transport.reconnects += u32::from(reused && failure.unanswered);
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    /// A connection for a request, kept or new.
    async fn connection(
        &self,
        request: &Encoded,
        fresh: bool,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Taken<'_>, Error> {
        let may_share = self.0.context.may_share(&request.origin);
        let now = meter.clock.last();
        let mut wish = Wish { origin: &request.origin, may_share, fresh, waited: false, now };
        loop {
            match self.0.pool.take(wish) {
                Grant::Kept(connection, lease) => {
                    meter.transport.reconnects += lease.found_dead;
                    return Ok(Taken { opened: Opened::Http1(connection), lease: Some(lease), reused: true });
                }
                Grant::Shared(channel) => {
                    return Ok(Taken { opened: Opened::Http2(channel), lease: None, reused: true });
                }
                Grant::Open(lease) => {
                    meter.transport.reconnects += lease.found_dead;
                    let opened = self.open(&request.origin, deadline, meter).await?;
                    return Ok(self.settle(opened, lease));
                }
                Grant::Wait(woken) => {
                    meter.clock.enter(Phase::Blocked);
                    // Boxed: rare, and what waits for it has a stack to keep small.
                    Box::pin(Timer::default().bound(deadline, woken)).await.inspect_err(|_| meter.clock.cut())?;
                    meter.end(Phase::Blocked);
                    (wish.waited, wish.now) = (true, meter.clock.last());
                }
            }
        }
    }

    /// Opens a connection, in a task of its own: handshakes call deep, and what this future is polled on is a virtual
    /// user's stack, of which every page once touched stays resident.
    async fn open(&self, origin: &OriginRef, deadline: Deadline, meter: &mut Meter<'_>) -> Result<Opened, Error> {
        let progress = Progress { clock: meter.clock, transport: meter.transport };
        let opening = boxed_opening(self.clone(), origin.clone(), deadline, progress);
        // For who drops this meanwhile.
        meter.clock.enter(Phase::Connect);
        match AbortOnDropHandle::new(tokio::spawn(opening)).await {
            Ok((opened, progress)) => {
                (meter.clock, meter.transport) = (progress.clock, progress.transport);
                opened
            }
            Err(error) => Err(Error::Other(format!("opening a connection failed: {error}").into())),
        }
    }

    /// Tells the pool which version a new connection speaks.
    fn settle<'a>(&self, opened: Opened, mut lease: Lease<'a>) -> Taken<'a> {
        match &opened {
            Opened::Http2(channel) if self.0.pool.keeps() => {
                self.see_to(lease.share(channel, Instant::now()));
                Taken { opened, lease: None, reused: false }
            }
            _ => {
                lease.opened();
                Taken { opened, lease: Some(lease), reused: false }
            }
        }
    }

    /// Sends a request over a connection, which is kept where it may serve another one.
    async fn exchange(
        &self,
        taken: Taken<'_>,
        request: &Encoded,
        options: Options,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Response, Failure> {
        let context = &*self.0.context;
        let rules = Rules {
            without_body: request.method() == "HEAD",
            max_head_bytes: context.config.max_head_bytes,
            max_body_bytes: options.max_body_bytes,
        };
        match taken.opened {
            Opened::Http1(mut connection) => {
                let (response, keep) = h1::exchange(&mut connection, request, rules, deadline, meter).await?;
                if let Some(lease) = taken.lease.filter(|_| keep) {
                    self.see_to(lease.keep(connection, meter.clock.last()));
                }
                Ok(response)
            }
            Opened::Http2(channel) => {
                meter.transport.http2 += 1;
                let prefix = context.origin(&request.origin).map_or("", |origin| &*origin.prefix);
                // Boxed: large, and most virtual users have no need of it.
                Box::pin(h2::exchange(&channel, request, prefix, rules, deadline, meter)).await
            }
        }
    }

    /// Sees to it that idle connections are closed in time, where `due` says that this is not yet done.
    fn see_to(&self, due: Option<Instant>) {
        if let Some(due) = due {
            reaper::register(due, Arc::downgrade(&self.0.pool));
        }
    }
}

/// A connection that a request has got.
struct Taken<'a> {
    opened: Opened,
    /// The place of a connection for one request at a time.
    lease: Option<Lease<'a>>,
    reused: bool,
}

/// Whether a request may go over another connection after this failure.
fn may_be_sent_again(failure: &Failure, reused: bool, request: &Encoded) -> bool {
    failure.refused || reused && failure.unanswered && (failure.unsent || request.is_idempotent())
}

/// A connection or why there is none, and what was measured meanwhile.
type Opening = (Result<Opened, Error>, Progress);

/// Opens a connection. Boxed, and not inlined, for the sake of the stack that it is called on: what moves a future has
/// room for it in its own frame.
#[inline(never)]
fn boxed_opening(
    client: Client,
    origin: OriginRef,
    deadline: Deadline,
    mut progress: Progress,
) -> Pin<Box<dyn Future<Output = Opening> + Send>> {
    Box::pin(async move {
        let inner = &*client.0;
        let opener = Opener {
            context: &inner.context,
            vu: inner.vu,
            sessions: &inner.sessions,
            observed: inner.observer.is_some(),
        };
        let opened = opener.open(&origin, deadline.instant(), &mut progress).await;
        (opened, progress)
    })
}
