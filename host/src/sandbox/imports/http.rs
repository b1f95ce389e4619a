//! `wasmload:scenario/http` and its async form.

use std::pin::Pin;

use futures_util::StreamExt;
use wasmtime::component::{Accessor, HasSelf, Resource};

use crate::http::{Error, Exchange, Prepared, Request};
use crate::sandbox::bindings::wasmload::scenario::async_http;
use crate::sandbox::bindings::wasmload::scenario::http::{
    Header, Host, HostResponse, HttpError, Request as GuestRequest,
};
use crate::sandbox::responses::{Held, Label, Response};
use crate::sandbox::state::State;
use crate::sandbox::trap::HostTrap;

use super::user::duration;

/// A request on its way: what to send, and what to keep it under.
struct Outgoing {
    prepared: Prepared,
    label: Label,
}

/// A request under way.
struct Performing {
    exchange: Pin<Box<dyn Future<Output = Exchange> + Send>>,
    label: Label,
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
            let why = "it has both a body and body-bytes; give one of them".to_owned();
            self.client.refuse(&plain, Error::InvalidRequest(why.into()))
        } else {
            self.client.prepare(&plain)
        };
        let name = request.name.as_deref().map(|name| self.presentable(name).into());
        let tags = request.tags.as_ref().filter(|_| self.env.wants_tags).cloned().unwrap_or_default();
        Outgoing { prepared, label: Label { name, tags: tags.into() } }
    }

    /// Encodes a guest's request and begins to perform it, which needs nothing of this virtual user meanwhile.
    fn perform(&mut self, request: &GuestRequest) -> wasmtime::Result<Performing> {
        self.host_call();
        self.check_held_bytes()?;
        let Outgoing { prepared, label } = self.prepare(request);
        // Boxed once here: a future that is moved into another one takes its place twice there, and the virtual users'
        // stacks would hold copies of it.
        Ok(Performing { exchange: Box::pin(self.client.perform(prepared)), label })
    }

    /// Keeps what came of a request, for the guest to look at.
    fn hold(&mut self, exchange: Exchange, label: Label) -> Resource<Response> {
        self.host_waited();
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
            let Performing { exchange, label } = performing?;
            let exchange = exchange.await;
            Ok(self.hold(exchange, label))
        }
    }

    fn get(&mut self, url: String) -> impl Future<Output = wasmtime::Result<Resource<Response>>> + Send {
        self.http_request(get_request(url))
    }

    async fn http_batch(&mut self, reqs: Vec<GuestRequest>) -> wasmtime::Result<Vec<Resource<Response>>> {
        self.check_handles(reqs.len())?;
        let at_once = self.env.limits.max_concurrent_requests.max(1);
        let performing = reqs.iter().map(|request| self.perform(request)).collect::<wasmtime::Result<Vec<_>>>()?;
        drop(reqs);
        let mut handles: Vec<_> = performing.iter().map(|_| None).collect();
        let under_way = (0..)
            .zip(performing)
            .map(|(place, Performing { exchange, label })| async move { (place, exchange.await, label) });
        let mut under_way = std::pin::pin!(futures_util::stream::iter(under_way).buffer_unordered(at_once));
        // Held at once, so that those that ended are counted also where the others are cut off.
        while let Some((place, exchange, label)) = under_way.next().await {
            let place: usize = place;
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
        let performing = accessor.with(|mut access| {
            let state = access.get();
            state.check_handles(1)?;
            state.perform(&req)
        })?;
        drop(req);
        let Performing { exchange, label } = performing;
        let exchange = exchange.await;
        Ok(accessor.with(|mut access| access.get().hold(exchange, label)))
    }
}

/// The value at an RFC 6901 pointer, as JSON text; a string without its quotes.
fn json_at(body: &[u8], pointer: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    match json.pointer(pointer)? {
        serde_json::Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// An error, as the contract spells it.
fn guest_error(error: &Error) -> HttpError {
    match error {
        Error::InvalidRequest(why) => HttpError::InvalidRequest(why.to_string()),
        Error::Denied(why) => HttpError::Denied(why.to_string()),
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
    fn pointers_give_json_and_bare_strings() {
        let body = br#"{"data":{"id":7,"name":"Oslo","tags":["a/b"]},"":1}"#;
        assert_eq!(json_at(body, "/data/id").as_deref(), Some("7"));
        assert_eq!(json_at(body, "/data/name").as_deref(), Some("Oslo"));
        assert_eq!(json_at(body, "/data/tags/0").as_deref(), Some("a/b"));
        assert_eq!(json_at(body, "/data/tags").as_deref(), Some(r#"["a/b"]"#));
        assert_eq!(json_at(body, "/").as_deref(), Some("1"));
        assert_eq!(json_at(body, "/nothing"), None);
        assert_eq!(json_at(b"no json", ""), None);
    }
}
