//! `wasmload:scenario/http` and its async form.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use wasmtime::component::{Accessor, HasSelf, Resource};

use crate::http::{Error, Exchange, Prepared, Request};
use crate::sandbox::bindings::wasmload::scenario::async_http;
use crate::sandbox::bindings::wasmload::scenario::http::{
    Header, Host, HostResponse, HttpError, Request as GuestRequest,
};
use crate::sandbox::responses::{Held, Label, Response};
use crate::sandbox::state::{MAX_TEXT_BYTES, Requested, State, truncate};
use crate::sandbox::trap::HostTrap;

use super::json::json_at;
use super::user::duration;

/// The most tags of a request; further ones are left out.
const MAX_TAGS: usize = 64;

/// A request on its way: what to send, and what to keep it under.
struct Outgoing {
    prepared: Prepared,
    label: Label,
}

/// A request under way.
struct Performing {
    exchange: Pin<Box<dyn Future<Output = Exchange> + Send>>,
    label: Label,
    requested: Requested,
}

impl State {
    /// Encodes a guest's request.
    fn prepare(&self, request: &GuestRequest) -> Outgoing {
        let given = request.headers.as_deref().unwrap_or_default();
        let headers: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let plain = Request {
            headers: &headers,
            body: request.body.as_deref().map(str::as_bytes).or(request.body_bytes.as_deref()),
            timeout: request.timeout.map(duration),
            max_redirects: request.max_redirects,
            discard_body: request.discard_body.unwrap_or(false),
            ..Request::new(&request.method, &request.url)
        };
        let prepared = if request.body.is_some() && request.body_bytes.is_some() {
            self.client
                .refuse(&plain, Error::InvalidRequest("it has both a body and body-bytes; give one of them".into()))
        } else {
            self.client.prepare(&plain)
        };
        let name = request.name.as_deref().map(|name| self.presentable(name).into());
        let tags =
            request.tags.as_ref().filter(|_| self.env.wants_tags).map(|tags| self.tags(tags)).unwrap_or_default();
        Outgoing { prepared, label: Label { name, tags } }
    }

    /// A request's tags, as many and as long as one may have.
    fn tags(&self, tags: &[(String, String)]) -> Box<[(String, String)]> {
        let text = |text: &str| truncate(text, MAX_TEXT_BYTES).to_owned();
        tags.iter().take(MAX_TAGS).map(|(key, value)| (text(key), text(value))).collect()
    }

    /// Encodes a guest's request and begins to perform it, which needs nothing of this virtual user meanwhile.
    fn perform(&mut self, request: &GuestRequest) -> wasmtime::Result<Performing> {
        self.host_call();
        self.check_held_bytes()?;
        let Outgoing { prepared, label } = self.prepare(request);
        let requested = self.request_of(prepared.heap_bytes());
        // Boxed once here: a future that is moved into another one takes its place twice there, and the virtual users'
        // stacks would hold copies of it.
        Ok(Performing { exchange: Box::pin(self.client.perform(prepared)), label, requested })
    }

    /// Keeps what came of a request, for the guest to look at.
    fn hold(&mut self, exchange: Exchange, label: Label) -> Resource<Response> {
        Resource::new_own(self.responses.insert(Held::new(exchange, label, self.delay)))
    }

    /// The response behind a handle, for a call that its iteration's end makes impossible.
    fn held(&mut self, this: &Resource<Response>, what: &'static str) -> wasmtime::Result<&mut Held> {
        self.host_call();
        self.responses.get(this.rep()).ok_or_else(|| HostTrap::ResponseGone { what }.into())
    }
}

/// A GET of that URL and nothing else.
fn get_request(url: String) -> GuestRequest {
    GuestRequest {
        method: "GET".to_owned(),
        url,
        headers: None,
        body: None,
        body_bytes: None,
        name: None,
        timeout: None,
        max_redirects: None,
        discard_body: None,
        tags: None,
    }
}

impl Host for State {
    // All that can be done before the first wait is done here, so that the future, of which each waiting virtual user has
    // one, holds little.
    fn http_request(&mut self, req: GuestRequest) -> impl Future<Output = wasmtime::Result<Resource<Response>>> + Send {
        let performing = self.check_handles(1).and_then(|()| self.perform(&req));
        async move {
            let Performing { exchange, label, requested } = performing?;
            let exchange = exchange.await;
            drop(requested);
            Ok(self.hold(exchange, label))
        }
    }

    fn get(&mut self, url: String) -> impl Future<Output = wasmtime::Result<Resource<Response>>> + Send {
        self.http_request(get_request(url))
    }

    async fn http_batch(&mut self, reqs: Vec<GuestRequest>) -> wasmtime::Result<Vec<Resource<Response>>> {
        self.host_call();
        self.check_handles(reqs.len())?;
        let _given = self.request_of(reqs.iter().map(guest_bytes).sum());
        let at_once = self.env.limits.max_concurrent_requests.max(1);
        let mut handles: Vec<_> = reqs.iter().map(|_| None).collect();
        let (mut waiting, mut under_way) = (reqs.into_iter().enumerate(), FuturesUnordered::new());
        loop {
            // Encoded only when their turn comes: a batch may be long.
            while under_way.len() < at_once
                && let Some((place, request)) = waiting.next()
            {
                let Performing { exchange, label, requested } = self.perform(&request)?;
                under_way.push(async move { (place, exchange.await, label, requested) });
            }
            let Some((place, exchange, label, requested)) = under_way.next().await else { break };
            drop(requested);
            // Held at once, so that those that ended are counted also where the others are cut off.
            handles[place] = Some(self.hold(exchange, label));
            self.check_held_bytes()?;
        }
        Ok(handles.into_iter().flatten().collect())
    }

    fn cookies(&mut self, url: String) -> wasmtime::Result<Vec<(String, String)>> {
        self.host_call();
        Ok(self.client.cookies(&url))
    }

    fn set_cookie(&mut self, url: String, cookie: String) -> wasmtime::Result<()> {
        self.host_call();
        self.client.set_cookie(&url, &cookie);
        Ok(())
    }

    fn clear_cookies(&mut self) -> wasmtime::Result<()> {
        self.host_call();
        self.client.clear_cookies();
        Ok(())
    }
}

impl HostResponse for State {
    fn status(&mut self, this: Resource<Response>) -> wasmtime::Result<u16> {
        self.host_call();
        Ok(self.responses.status(this.rep()))
    }

    fn error(&mut self, this: Resource<Response>) -> wasmtime::Result<Option<HttpError>> {
        self.host_call();
        Ok(self.responses.error(this.rep()).map(guest_error))
    }

    fn header(&mut self, this: Resource<Response>, name: String) -> wasmtime::Result<Option<String>> {
        let held = self.held(&this, "header")?;
        Ok(held.response().and_then(|response| response.header(&name)).map(|value| value.into_owned()))
    }

    fn headers(&mut self, this: Resource<Response>) -> wasmtime::Result<Vec<Header>> {
        let held = self.held(&this, "headers")?;
        let Some(response) = held.response() else { return Ok(Vec::new()) };
        Ok(response.headers().map(|(name, value)| (name.to_owned(), value.into_owned())).collect())
    }

    fn url(&mut self, this: Resource<Response>) -> wasmtime::Result<String> {
        Ok(self.held(&this, "url")?.exchange.url())
    }

    fn body_size(&mut self, this: Resource<Response>) -> wasmtime::Result<u32> {
        let held = self.held(&this, "body-size")?;
        let size = held.response().map_or(0, |response| response.body_size());
        Ok(u32::try_from(size).unwrap_or(u32::MAX))
    }

    fn body(&mut self, this: Resource<Response>) -> wasmtime::Result<Vec<u8>> {
        let held = self.held(&this, "body")?;
        Ok(held.response().map_or_else(Vec::new, |response| response.body().to_vec()))
    }

    fn text(&mut self, this: Resource<Response>) -> wasmtime::Result<String> {
        let held = self.held(&this, "text")?;
        Ok(held.response().map_or_else(String::new, |response| String::from_utf8_lossy(response.body()).into_owned()))
    }

    fn json(&mut self, this: Resource<Response>, pointer: String) -> wasmtime::Result<Option<String>> {
        let held = self.held(&this, "json")?;
        Ok(held.response().and_then(|response| json_at(response.body(), &pointer)))
    }

    fn elapsed(&mut self, this: Resource<Response>) -> wasmtime::Result<f64> {
        Ok(self.held(&this, "elapsed")?.exchange.phases.total().as_secs_f64())
    }

    fn mark_failure(&mut self, this: Resource<Response>, reason: String) -> wasmtime::Result<()> {
        let reason = self.presentable(&reason).into_owned();
        self.held(&this, "mark-failure")?.mark_failure(&reason);
        Ok(())
    }

    fn mark_success(&mut self, this: Resource<Response>) -> wasmtime::Result<()> {
        self.held(&this, "mark-success")?.mark_success();
        Ok(())
    }

    fn drop(&mut self, this: Resource<Response>) -> wasmtime::Result<()> {
        self.host_call();
        if let Some(held) = self.responses.remove(this.rep()) {
            self.count(&held);
        }
        Ok(())
    }
}

impl async_http::Host for State {}

impl async_http::HostWithStore<State> for HasSelf<State> {
    async fn http_request(accessor: &Accessor<State, Self>, req: GuestRequest) -> wasmtime::Result<Resource<Response>> {
        // What waits for its place takes memory too.
        let (places, waiting) = accessor.with(|mut access| {
            let state = access.get();
            state.host_call();
            state.check_handles(1)?;
            state.check_held_bytes()?;
            wasmtime::error::Ok((Arc::clone(&state.requests), state.request_of(guest_bytes(&req))))
        })?;
        // Nobody closes it.
        let _place = places.acquire_owned().await;
        let performing = accessor.with(|mut access| access.get().perform(&req))?;
        drop((req, waiting));
        let Performing { exchange, label, requested } = performing;
        let exchange = exchange.await;
        drop(requested);
        Ok(accessor.with(|mut access| access.get().hold(exchange, label)))
    }
}

/// Memory that a request takes as its guest gave it, in bytes.
fn guest_bytes(request: &GuestRequest) -> usize {
    let GuestRequest { method, url, headers, body, body_bytes, name, tags, .. } = request;
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let pairs = |pairs: &Option<Vec<(String, String)>>| {
        pairs.iter().flatten().map(|pair| size_of_val(pair) + pair.0.len() + pair.1.len()).sum::<usize>()
    };
    let body = text(body) + body_bytes.as_ref().map_or(0, Vec::len);
    size_of_val(request) + method.len() + url.len() + text(name) + pairs(headers) + pairs(tags) + body
}

/// An error, as the contract spells it.
fn guest_error(error: &Error) -> HttpError {
    match error {
        Error::InvalidRequest(why) => HttpError::InvalidRequest(why.to_string()),
        Error::Denied(why) => HttpError::Denied(why.to_string()),
        Error::DeniedAddress(_) => HttpError::Denied("its name leads where the run may not go".to_owned()),
        Error::Dns(why) => HttpError::Dns(why.to_string()),
        Error::Connect(why) => HttpError::Connect(why.to_string()),
        Error::Tls(why) => HttpError::Tls(why.to_string()),
        Error::Timeout => HttpError::Timeout,
        Error::Protocol(why) => HttpError::Protocol(why.to_string()),
        Error::BodyTooLarge(limit) => HttpError::BodyTooLarge(u32::try_from(*limit).unwrap_or(u32::MAX)),
        Error::TooManyRedirects(limit) => HttpError::TooManyRedirects(*limit),
        Error::Other(why) => HttpError::Other(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_guest_hands_over_with_a_request_is_counted() {
        let bytes = |change: fn(&mut GuestRequest)| {
            let mut request = get_request("http://shop.test".to_owned());
            let before = guest_bytes(&request);
            change(&mut request);
            guest_bytes(&request) - before
        };
        assert_eq!(bytes(|_| {}), 0);
        assert_eq!(bytes(|request| request.method.push_str(&"x".repeat(1_000))), 1_000);
        assert_eq!(bytes(|request| request.name = Some("x".repeat(1_000))), 1_000);
        assert_eq!(bytes(|request| request.body = Some("x".repeat(1_000))), 1_000);
        assert_eq!(bytes(|request| request.body_bytes = Some(vec![0; 1_000])), 1_000);
        // Pairs take memory that are empty.
        let pair = size_of::<(String, String)>();
        assert_eq!(bytes(|request| request.headers = Some(vec![Default::default(); 1_000])), 1_000 * pair);
        assert_eq!(bytes(|request| request.tags = Some(vec![Default::default(); 1_000])), 1_000 * pair);
        assert!(guest_bytes(&get_request("x".repeat(1_000))) > 1_000);
    }
}
