//! Builds requests and sends them.

use std::time::Duration;

use crate::bindings::http;
use crate::encode;
use crate::json::{Json, ToJson};
use crate::multipart::Multipart;
use crate::response::Response;

/// A request of the method GET. See [`request`] for what the URL may be.
///
/// ```
/// use wasmload_sdk::prelude::*;
///
/// fn browse(id: u32) -> Outcome {
///     get("/").send().expect_status(200)?;
///     get(&format!("/items/{id}")).name("/items/{id}").query(&[("full", "1")]).send().expect_status(200)?;
///     Ok(())
/// }
/// ```
pub fn get(url: &str) -> RequestBuilder {
    request("GET", url)
}

/// A request of the method POST. See [`request`] for what the URL may be.
pub fn post(url: &str) -> RequestBuilder {
    request("POST", url)
}

/// A request of the method PUT. See [`request`] for what the URL may be.
pub fn put(url: &str) -> RequestBuilder {
    request("PUT", url)
}

/// A request of the method PATCH. See [`request`] for what the URL may be.
pub fn patch(url: &str) -> RequestBuilder {
    request("PATCH", url)
}

/// A request of the method DELETE. See [`request`] for what the URL may be.
pub fn delete(url: &str) -> RequestBuilder {
    request("DELETE", url)
}

/// A request of the method HEAD. See [`request`] for what the URL may be.
pub fn head(url: &str) -> RequestBuilder {
    request("HEAD", url)
}

/// A request of any method. The URL is absolute (http or https), or a path that the run resolves against its target,
/// given with `--host`.
pub fn request(method: &str, url: &str) -> RequestBuilder {
    RequestBuilder {
        request: http::Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: None,
            body: None,
            body_bytes: None,
            name: None,
            timeout: None,
            max_redirects: None,
            discard_body: None,
            tags: None,
        },
        content_type: None,
    }
}

/// Sends several requests at once, as a browser does for a page's parts, and waits for all. Responses stand in the order
/// of the requests. At most the run's `--max-concurrent-requests` are under way at one time.
pub fn batch(requests: impl IntoIterator<Item = RequestBuilder>) -> Vec<Response> {
    let requests: Vec<http::Request> = requests.into_iter().map(RequestBuilder::into_request).collect();
    http::http_batch(&requests).into_iter().map(Response::new).collect()
}

/// A request before it is sent. Nothing happens until [`send`](Self::send) or [`batch`].
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    request: http::Request,
    /// What the body is, where the call that gave it says so.
    content_type: Option<String>,
}

impl RequestBuilder {
    /// The name that the report counts this request under, for URLs with a part that changes: `/items/{id}`. Default:
    /// the URL's path, without its query.
    pub fn name(mut self, name: &str) -> Self {
        self.request.name = Some(name.to_owned());
        self
    }

    /// Adds a header. The host adds `host`, `content-length`, `accept-encoding`, `user-agent` and `cookie` itself, where
    /// they are not given; [`json`](Self::json), [`form`](Self::form) and [`multipart`](Self::multipart) add
    /// `content-type`, where it is not given.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.get_or_insert_default().push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an `authorization` header with that bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &["Bearer ", token].concat())
    }

    /// Adds an `authorization` header with those basic credentials.
    pub fn basic(self, username: &str, password: &str) -> Self {
        let credentials = encode::base64([username, ":", password].concat().as_bytes());
        self.header("authorization", &["Basic ", &credentials].concat())
    }

    /// Adds to the URL's query, escaped. The report leaves queries out of a request's name.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let url = &mut self.request.url;
        // A fragment never reaches the server, and would swallow a query put behind it.
        url.truncate(url.find('#').unwrap_or(url.len()));
        if !pairs.is_empty() {
            match url.find('?') {
                None => url.push('?'),
                Some(start) if start + 1 < url.len() && !url.ends_with('&') => url.push('&'),
                Some(_) => {}
            }
            encode::push_pairs(url, pairs);
        }
        self
    }

    /// The body as text.
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.request.body = Some(text.into());
        self.request.body_bytes = None;
        self.content_type = None;
        self
    }

    /// The body as bytes.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.request.body_bytes = Some(bytes.into());
        self.request.body = None;
        self.content_type = None;
        self
    }

    /// A JSON object as the body, and the header `content-type: application/json`. See [`object!`](crate::object).
    pub fn json(self, body: &Json) -> Self {
        self.json_text(body.as_str())
    }

    /// Any value as a JSON body, and the header `content-type: application/json`.
    pub fn json_value(self, body: &impl ToJson) -> Self {
        self.json_text(body.to_json())
    }

    /// Text that is JSON as the body, and the header `content-type: application/json`.
    pub fn json_text(self, text: impl Into<String>) -> Self {
        self.body(text).typed("application/json")
    }

    /// A form as the body, and the header `content-type: application/x-www-form-urlencoded`.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        encode::push_pairs(&mut body, fields);
        self.body(body).typed("application/x-www-form-urlencoded")
    }

    /// A form with files as the body, and the header `content-type: multipart/form-data` with its boundary.
    pub fn multipart(self, form: &Multipart) -> Self {
        let (content_type, body) = form.encode();
        self.bytes(body).typed(&content_type)
    }

    fn typed(mut self, content_type: &str) -> Self {
        self.content_type = Some(content_type.to_owned());
        self
    }

    /// Bounds the whole exchange, from the call to the body's last byte. Default: the run's `--timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(timeout.as_secs_f64());
        self
    }

    /// How many redirects to follow at the most; 0 hands the redirect itself to the scenario. Default: the run's
    /// `--max-redirects`.
    pub fn max_redirects(mut self, most: u32) -> Self {
        self.request.max_redirects = Some(most);
        self
    }

    /// Counts the body's bytes and drops them as they arrive: the response's body is empty.
    pub fn discard_body(mut self) -> Self {
        self.request.discard_body = Some(true);
        self
    }

    /// Labels the request, to filter thresholds and outputs by.
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.request.tags.get_or_insert_default().push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the request and waits for the whole response. A failed request is a response too; its status is 0.
    pub fn send(self) -> Response {
        Response::new(http::http_request(&self.into_request()))
    }

    /// The request as the contract has it.
    pub fn into_request(mut self) -> http::Request {
        if let Some(content_type) = self.content_type {
            let headers = self.request.headers.get_or_insert_default();
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type".to_owned(), content_type));
            }
        }
        self.request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_joins_the_one_that_is_there() {
        let url = |url: &str| get(url).query(&[("a", "1"), ("b", "x y")]).into_request().url;
        assert_eq!(url("/"), "/?a=1&b=x+y");
        assert_eq!(url("/?"), "/?a=1&b=x+y");
        assert_eq!(url("/?c=3"), "/?c=3&a=1&b=x+y");
        assert_eq!(url("/?c=3&"), "/?c=3&a=1&b=x+y");
        assert_eq!(url("/#part"), "/?a=1&b=x+y");
        assert_eq!(get("/?c=3").query(&[]).into_request().url, "/?c=3");
    }

    #[test]
    fn the_last_body_given_counts() {
        let request = post("/").body("text").bytes([1, 2]).into_request();
        assert_eq!((request.body, request.body_bytes), (None, Some(vec![1, 2])));
        let request = post("/").bytes([1, 2]).json(&crate::object! { "a": 1 }).into_request();
        assert_eq!((request.body.as_deref(), request.body_bytes), (Some(r#"{"a":1}"#), None));
    }

    fn headers(request: RequestBuilder) -> Vec<(String, String)> {
        request.into_request().headers.unwrap_or_default()
    }

    #[test]
    fn the_content_type_is_that_of_the_last_body() {
        let typed = |content_type: &str| vec![("content-type".to_owned(), content_type.to_owned())];
        let json = || post("/").json_text("{}");
        assert_eq!(headers(json()), typed("application/json"));
        assert_eq!(headers(json().form(&[("a", "1")])), typed("application/x-www-form-urlencoded"));
        assert_eq!(headers(json().body("text")), []);
        assert_eq!(headers(json().bytes([1])), []);
        let multipart = json().multipart(&Multipart::new().text("a", "1"));
        assert_eq!(headers(multipart.clone()), typed("multipart/form-data; boundary=wasmload-multipart-boundary"));
        let request = multipart.into_request();
        assert!(request.body.is_none() && request.body_bytes.is_some_and(|body| body.starts_with(b"--wasmload-")));
    }

    #[test]
    fn a_content_type_of_one_s_own_stays_alone() {
        let own = |request: RequestBuilder| request.header("Content-Type", "application/vnd.api+json");
        let expected = [("Content-Type".to_owned(), "application/vnd.api+json".to_owned())];
        assert_eq!(headers(own(post("/")).json_text("{}")), expected);
        assert_eq!(headers(own(post("/").json_text("{}"))), expected);
    }

    #[test]
    fn headers_keep_their_order() {
        let request = get("/").header("x-b", "1").bearer("t").basic("ann", "secret").into_request();
        let expected = [("x-b", "1"), ("authorization", "Bearer t"), ("authorization", "Basic YW5uOnNlY3JldA==")];
        let headers = request.headers.expect("headers were added");
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_not_set_is_left_to_the_run() {
        let request = get("/").into_request();
        assert_eq!(request.method, "GET");
        assert!(request.headers.is_none() && request.timeout.is_none() && request.max_redirects.is_none());
        let request = get("/").timeout(Duration::from_millis(250)).discard_body().tag("page", "home").into_request();
        assert_eq!((request.timeout, request.discard_body), (Some(0.25), Some(true)));
        assert_eq!(request.tags, Some(vec![("page".to_owned(), "home".to_owned())]));
    }
}
