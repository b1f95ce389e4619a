//! One virtual user's client: what it keeps between requests, and how a request is prepared for sending.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use url::Url;

use super::context::Context;
use super::cookies::Jar;
use super::error::Error;
use super::exchange::{Exchange, Response};
use super::h1::{Encoded, Parts, encode};
use super::observe::Observer;
use super::pool::Pool;
use super::redirect;
use super::target::Target;
use super::tls::Sessions;

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
    pub(super) subject: Subject,
    pub(super) options: Options,
}

impl Prepared {
    /// The request's method, as given.
    pub fn method(&self) -> &str {
        self.subject.method()
    }

    /// Memory that it takes, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.subject.heap_bytes()
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
    pub(super) error: Error,
}

impl Refused {
    pub(super) fn method(&self) -> &str {
        &self.method
    }
}

impl Subject {
    pub(super) fn method(&self) -> &str {
        match self {
            Subject::Request(request) => request.method(),
            Subject::Refused(refused) => &refused.method,
        }
    }

    /// Memory that it takes, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Subject::Request(request) => request.wire.capacity(),
            Subject::Refused(refused) => refused.method.capacity() + refused.url.capacity(),
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

/// The most redirects that a request may ask for.
const MAX_REDIRECTS: u32 = 100;

/// How much is kept of the method and URL of a request that can't be sent, in bytes; more than any report shows.
const MAX_REFUSED_BYTES: usize = 16 << 10;

#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) timeout: Duration,
    pub(super) max_redirects: u32,
    pub(super) max_body_bytes: Option<u64>,
}

/// One virtual user's client. A clone shares its connections and cookies.
///
/// Several requests may be under way at once: over HTTP/1.1 each on a connection of its own, over HTTP/2 on one.
/// Connections belong to the tokio runtime that they were opened on, so a client stays on one.
#[derive(Clone, Debug)]
pub struct Client(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) context: Arc<Context>,
    pub(super) vu: u32,
    pub(super) interrupted: Arc<AtomicU64>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) pool: Arc<Pool>,
    pub(super) sessions: Sessions,
    /// Made for the first cookie.
    jar: OnceLock<Box<Mutex<Jar>>>,
}

impl Client {
    /// A client without connections, of the virtual user of that number. `interrupted` is increased for each exchange
    /// that is dropped after its request was sent in part and before its response was complete. The observer is told of
    /// what is exchanged.
    pub fn new(
        context: Arc<Context>,
        vu: u32,
        interrupted: Arc<AtomicU64>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let pool = Arc::new(Pool::new(context.bounds()));
        let sessions = Sessions::default();
        Client(Arc::new(Inner { context, vu, interrupted, observer, pool, sessions, jar: OnceLock::new() }))
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
        let beginning = |text: &str| match text.split(['?', '#']).next() {
            _ if text.len() <= MAX_REFUSED_BYTES => text.to_owned(),
            Some(path) if path.len() <= MAX_REFUSED_BYTES => path.to_owned(),
            // Its end may be that of a secret's beginning, which would not be known as one.
            _ => "(too long to be shown)".to_owned(),
        };
        let refused = Refused { method: beginning(request.method), url: beginning(request.url), error };
        Prepared { subject: Subject::Refused(Box::new(refused)), options: self.options(request) }
    }

    /// Performs a request: the clock starts when the future is first polled. The future owns all it needs. Dropping it
    /// closes the connection it uses; over HTTP/2 it resets its stream.
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

    /// How many connections are kept: those that wait for a request, and those of HTTP/2.
    pub fn kept_connections(&self) -> usize {
        self.0.pool.kept()
    }

    fn options(&self, request: &Request<'_>) -> Options {
        let config = &self.0.context.config;
        Options {
            timeout: request.timeout.unwrap_or(config.timeout),
            max_redirects: request.max_redirects.map_or(config.max_redirects, |own| own.min(MAX_REDIRECTS)),
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
        let context = &*self.0.context;
        let origin = target.origin.clone();
        let server = context.origin(&origin)?;
        context.check_reach(&origin, headers)?;
        let cookie = self.jar().and_then(|jar| {
            let url = format!("{}{}", server.prefix, target.path_and_query);
            jar.header(&Url::parse(&url).ok()?)
        });
        let forward = context.dialer.forward(server.scheme, &server.host, server.port);
        let prefix = forward.map_or("", |_| &*server.prefix);
        let proxy_line = forward.map_or(&b""[..], |forward| &forward.authorization_line);
        let (host_line, cookie) = (&*server.host_line, cookie.as_deref());
        let parts = Parts { method, target, prefix, host_line, headers, body, cookie, proxy_line };
        context.check_size(&parts)?;
        encode(parts, &context.defaults)
    }

    /// The request that a redirect leads to.
    ///
    /// # Errors
    /// Where it leads nowhere that requests go to.
    pub(super) fn redirected(&self, request: &Encoded, status: u16, location: &str) -> Result<Encoded, Error> {
        let url = redirect::resolve(&self.url_of(request), location)?;
        let target = Target::of(self.0.context.base.as_ref(), &url).map_err(|error| match error {
            Error::InvalidRequest(why) => redirect::bad(location, &why),
            other => other,
        })?;
        let same_origin = target.origin == request.origin;
        let (method, with_body) = redirect::method(status, request.method());
        let headers: Vec<_> =
            request.guest_headers().filter(|(name, _)| redirect::keeps_header(name, same_origin, with_body)).collect();
        self.encode_for(method, target, &headers, request.body().filter(|_| with_body))
    }

    /// Keeps the cookies that a response sets.
    pub(super) fn take_cookies(&self, request: &Encoded, response: &Response) {
        if !(response.sets_cookies() && self.0.context.config.cookies) {
            return;
        }
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
        context.check_reach(&target.origin, &[])?;
        let url = format!("{}{}", context.origin(&target.origin)?.prefix, target.path_and_query);
        Url::parse(&url).map_err(|error| Error::invalid(error.to_string()))
    }

    /// The origin that a request goes to, as URLs begin with it.
    pub(super) fn origin_of<'a>(&'a self, request: &'a Encoded) -> &'a str {
        self.0.context.origin(&request.origin).map_or("", |origin| &origin.prefix)
    }

    pub(super) fn url_of(&self, request: &Encoded) -> String {
        format!("{}{}", self.origin_of(request), request.path_and_query())
    }
}

/// What is locked stays whole at every step, so a panic elsewhere doesn't spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
