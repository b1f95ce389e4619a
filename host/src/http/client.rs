//! One virtual user's client: prepares requests, performs them over its connections, and follows redirects.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::connection::Connection;
use super::context::Context;
use super::cookies::Jar;
use super::deadline::Deadline;
use super::error::Error;
use super::exchange::{Exchange, Response};
use super::h1::{self, Encoded, Parts, Rules, encode};
use super::meter::{Meter, PhaseClock};
use super::redirect;
use super::target::{OriginRef, Target};

/// A request as the guest gave it. Everything is borrowed, so it may lie in the guest's memory.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, for example `GET`.
    pub method: &'a str,
    /// An absolute URL, or one relative to the run's target.
    pub url: &'a str,
    /// Names and values, sent in this order.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; an empty one is sent as such, none is not.
    pub body: Option<&'a [u8]>,
    /// The bound on the exchange; by default the run's.
    pub timeout: Option<Duration>,
    /// How many redirects are followed at the most; by default as many as the run allows.
    pub max_redirects: Option<u32>,
    /// Whether the response's body is counted and dropped. Default: false.
    pub discard_body: bool,
}

impl<'a> Request<'a> {
    /// A request with a method, a URL and nothing else.
    pub fn new(method: &'a str, url: &'a str) -> Self {
        Request { method, url, headers: &[], body: None, timeout: None, max_redirects: None, discard_body: false }
    }
}

/// A request that has left the guest's memory and is ready to be sent, or to be told why it can't be.
#[derive(Debug)]
pub struct Prepared {
    subject: Subject,
    options: Options,
}

impl Prepared {
    /// The request's method, as given.
    pub fn method(&self) -> &str {
        self.subject.method()
    }

    /// As [`Exchange::default_name`].
    pub fn default_name(&self) -> &str {
        self.subject.default_name()
    }
}

/// What is asked for.
#[derive(Debug)]
pub(super) enum Subject {
    Request(Encoded),
    Refused(Box<Refused>),
}

/// A request that can't be sent.
#[derive(Debug)]
pub(super) struct Refused {
    method: String,
    pub(super) url: String,
    error: Error,
}

impl Subject {
    pub(super) fn method(&self) -> &str {
        match self {
            Subject::Request(request) => request.method(),
            Subject::Refused(refused) => &refused.method,
        }
    }

    pub(super) fn default_name(&self) -> &str {
        let target = match self {
            Subject::Request(request) => request.path_and_query(),
            Subject::Refused(refused) => &refused.url,
        };
        let end = target.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        &target[..end.unwrap_or(target.len())]
    }
}

#[derive(Clone, Copy, Debug)]
struct Options {
    timeout: Duration,
    max_redirects: u32,
    max_body_bytes: Option<u64>,
}

/// One virtual user's client. A clone shares its connections and cookies.
///
/// Several requests may be under way at once, each on a connection of its own. Connections belong to the tokio runtime
/// that they were opened on, so a client stays on one.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    context: Arc<Context>,
    interrupted: Arc<AtomicU64>,
    /// The connections that wait for a request, the one used last behind the others.
    #[expect(clippy::vec_box, reason = "a vector sets room for several aside, and most users keep one connection")]
    idle: Mutex<Vec<Box<Connection>>>,
    /// Made for the first cookie.
    jar: OnceLock<Box<Mutex<Jar>>>,
}

impl Client {
    /// A client without connections. `interrupted` is increased for each exchange that is dropped after its request was
    /// sent in part and before its response was complete.
    pub fn new(context: Arc<Context>, interrupted: Arc<AtomicU64>) -> Self {
        Client(Arc::new(Inner { context, interrupted, idle: Mutex::default(), jar: OnceLock::new() }))
    }

    /// Checks a request and puts it together for sending. What is wrong with it comes out as the exchange's
    /// [`Error::InvalidRequest`].
    pub fn prepare(&self, request: &Request<'_>) -> Prepared {
        match self.encode(request) {
            Ok(encoded) => Prepared { subject: Subject::Request(encoded), options: self.options(request) },
            Err(error) => self.refuse(request, error),
        }
    }

    /// A request that will not be sent; its exchange has this error.
    pub fn refuse(&self, request: &Request<'_>, error: Error) -> Prepared {
        let refused = Refused { method: request.method.to_owned(), url: request.url.to_owned(), error };
        Prepared { subject: Subject::Refused(Box::new(refused)), options: self.options(request) }
    }

    /// Performs a request: the clock starts when the future is first polled. The future owns all it needs. Dropping it
    /// closes the connection it uses.
    pub fn perform(&self, prepared: Prepared) -> impl Future<Output = Exchange> + Send + use<> {
        self.clone().run(prepared)
    }

    /// The cookies that would be sent to that URL, as name and value; none for a malformed URL.
    pub fn cookies(&self, url: &str) -> Vec<(String, String)> {
        match (self.jar(), self.parse(url)) {
            (Some(jar), Ok(url)) => jar.get(&url),
            _ => Vec::new(),
        }
    }

    /// Takes a cookie as if it had come from that URL in a `Set-Cookie` header. A malformed one, or one that the URL's
    /// host can't set, is left out; so are all where the run has no cookies.
    pub fn set_cookie(&self, url: &str, cookie: &str) {
        if let (true, Ok(url)) = (self.0.context.config.cookies, self.parse(url)) {
            lock(self.0.jar.get_or_init(Box::default)).set(&url, cookie);
        }
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&self) {
        if let Some(mut jar) = self.jar() {
            jar.clear();
        }
    }

    /// How many connections wait for a request.
    pub fn idle_connections(&self) -> usize {
        lock(&self.0.idle).len()
    }

    fn options(&self, request: &Request<'_>) -> Options {
        let config = &self.0.context.config;
        Options {
            timeout: request.timeout.unwrap_or(config.timeout),
            max_redirects: request.max_redirects.unwrap_or(config.max_redirects),
            max_body_bytes: (!request.discard_body).then_some(config.max_body_bytes),
        }
    }

    fn encode(&self, request: &Request<'_>) -> Result<Encoded, Error> {
        let context = &*self.0.context;
        let target = Target::resolve(context.base.as_ref(), request.url)?;
        self.encode_for(request.method, target, request.headers, request.body)
    }

    fn encode_for(
        &self,
        method: &str,
        target: Target<'_>,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Encoded, Error> {
        let origin = target.origin.clone();
        let server = self.0.context.origin(&origin)?;
        let cookie = self.jar().and_then(|jar| {
            let url = format!("{}{}", server.prefix, target.path_and_query);
            jar.header(&Url::parse(&url).ok()?)
        });
        let parts = Parts { method, target, host_line: &server.host_line, headers, body, cookie: cookie.as_deref() };
        encode(parts, &self.0.context.defaults)
    }

    async fn run(self, prepared: Prepared) -> Exchange {
        let Prepared { subject, options } = prepared;
        let mut meter = Meter::start(&self.0.interrupted);
        let (outcome, last) = match &subject {
            Subject::Request(request) => self.follow(request, options, &mut meter).await,
            Subject::Refused(refused) => (Err(refused.error.clone()), None),
        };
        meter.finish();
        let Meter { bytes_sent, bytes_received, reconnects, .. } = meter;
        let phases = meter.clock.phases;
        drop(meter);
        Exchange { outcome, phases, bytes_sent, bytes_received, reconnects, subject, last, client: self }
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
        for followed in 0.. {
            let current = last.as_deref().unwrap_or(first);
            let next = match self.hop(current, options, deadline, meter).await {
                Ok(response) => self.next_hop(current, response, followed, options),
                Err(error) => ControlFlow::Break(Err(error)),
            };
            match next {
                ControlFlow::Continue(next) => last = Some(next),
                ControlFlow::Break(outcome) => return (outcome, last),
            }
        }
        (Err(Error::TooManyRedirects(options.max_redirects)), last)
    }

    /// One request and its response, over a kept connection where there is one. One that the server closed in the
    /// meantime shows only under the request; that is tried once more, where it can do no harm.
    async fn hop(
        &self,
        request: &Encoded,
        options: Options,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Response, Error> {
        let config = &self.0.context.config;
        let rules = Rules {
            without_body: request.method() == "HEAD",
            max_head_bytes: config.max_head_bytes,
            max_body_bytes: options.max_body_bytes,
        };
        let mut kept = self.take_idle(&request.origin);
        loop {
            let reused = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.open(request, deadline, meter).await?,
            };
            match h1::exchange(&mut connection, request, rules, deadline, meter).await {
                Ok((response, keep_alive)) => {
                    if keep_alive && config.keepalive {
                        self.put_idle(connection);
                    }
                    return Ok(response);
                }
                Err(failure) if reused && failure.unanswered && (failure.unsent || request.is_idempotent()) => {
                    meter.reconnects += 1;
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    /// Opens a connection, in a task of its own: handshakes call deep, and what this future is polled on is a virtual
    /// user's stack, of which every page once touched stays resident.
    async fn open(
        &self,
        request: &Encoded,
        deadline: Deadline,
        meter: &mut Meter<'_>,
    ) -> Result<Box<Connection>, Error> {
        let opening = boxed_opening(Arc::clone(&self.0.context), request.origin.clone(), deadline, meter.clock);
        match AbortOnDropHandle::new(tokio::spawn(opening)).await {
            Ok((opened, clock)) => {
                meter.clock = clock;
                opened
            }
            Err(error) => Err(Error::Other(format!("opening a connection failed: {error}").into())),
        }
    }

    /// The request that a response redirects to, or the end.
    fn next_hop(
        &self,
        request: &Encoded,
        response: Response,
        followed: u32,
        options: Options,
    ) -> ControlFlow<Result<Response, Error>, Box<Encoded>> {
        if response.sets_cookies() && self.0.context.config.cookies {
            self.take_cookies(request, &response);
        }
        if options.max_redirects == 0 {
            return ControlFlow::Break(Ok(response));
        }
        match redirect::location(&response) {
            None => ControlFlow::Break(Ok(response)),
            Some(_) if followed == options.max_redirects => {
                ControlFlow::Break(Err(Error::TooManyRedirects(options.max_redirects)))
            }
            Some(location) => match self.redirected(request, response.status(), &location) {
                Ok(next) => ControlFlow::Continue(Box::new(next)),
                Err(error) => ControlFlow::Break(Err(error)),
            },
        }
    }

    fn redirected(&self, request: &Encoded, status: u16, location: &str) -> Result<Encoded, Error> {
        let url = redirect::resolve(&self.url_of(request), location)?;
        let target = Target::of(self.0.context.base.as_ref(), &url)?;
        let same_origin = target.origin == request.origin;
        let (method, with_body) = redirect::method(status, request.method());
        let headers: Vec<_> =
            request.guest_headers().filter(|(name, _)| redirect::keeps_header(name, same_origin, with_body)).collect();
        self.encode_for(method, target, &headers, request.body().filter(|_| with_body))
    }

    fn take_cookies(&self, request: &Encoded, response: &Response) {
        let Ok(url) = Url::parse(&self.url_of(request)) else { return };
        let mut jar = lock(self.0.jar.get_or_init(Box::default));
        for (_, cookie) in response.headers().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            jar.set(&url, &cookie);
        }
    }

    /// The jar, where there ever was a cookie.
    fn jar(&self) -> Option<MutexGuard<'_, Jar>> {
        self.0.jar.get().map(|jar| lock(jar))
    }

    fn parse(&self, url: &str) -> Result<Url, Error> {
        let context = &*self.0.context;
        let target = Target::resolve(context.base.as_ref(), url)?;
        let url = format!("{}{}", context.origin(&target.origin)?.prefix, target.path_and_query);
        Url::parse(&url).map_err(|error| Error::invalid(error.to_string()))
    }

    pub(super) fn url_of(&self, request: &Encoded) -> String {
        let prefix = self.0.context.origin(&request.origin).map(|origin| &*origin.prefix).unwrap_or_default();
        format!("{prefix}{}", request.path_and_query())
    }

    /// The connection to that origin that was used last and is still good.
    fn take_idle(&self, origin: &OriginRef) -> Option<Box<Connection>> {
        let mut idle = lock(&self.0.idle);
        while let Some(place) = idle.iter().rposition(|connection| connection.origin == *origin) {
            let mut connection = idle.remove(place);
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    fn put_idle(&self, connection: Box<Connection>) {
        let limit = self.0.context.config.max_idle_connections;
        let mut idle = lock(&self.0.idle);
        if limit == 0 {
            return;
        }
        if idle.len() >= limit {
            idle.remove(0);
        }
        idle.push(connection);
    }
}

/// A connection or why there is none, and the clock that went on meanwhile.
type Opened = (Result<Box<Connection>, Error>, PhaseClock);

/// Opens a connection. Boxed, and not inlined, for the sake of the stack that it is called on: what moves a future has
/// room for it in its own frame.
#[inline(never)]
fn boxed_opening(
    context: Arc<Context>,
    origin: OriginRef,
    deadline: Deadline,
    clock: PhaseClock,
) -> Pin<Box<dyn Future<Output = Opened> + Send>> {
    Box::pin(async move { Connection::open(&context, origin, deadline, clock).await })
}

/// What is locked stays whole at every step, so a panic elsewhere doesn't spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
