//! One request as `--var` says, and then another one. What came instead of a response to the first is logged; the second
//! must go well.
//!
//! `method` (default GET), `url` (default /), `header` as `NAME: VALUE`, `body`, `timeout` in milliseconds, `redirects`,
//! `discard=yes`, and `then`, the second one's URL; without it there is none.

use std::time::Duration;

use wasmload_sdk::prelude::*;

fn ask() -> Outcome {
    let response = first()?.send();
    if let Some(error) = response.error() {
        info!("{error:?}");
    }
    drop(response);
    match variable("then") {
        Some(url) => get(&url).send().expect_status(200),
        None => Ok(()),
    }
}

fn first() -> Outcome<RequestBuilder> {
    let text = |name, default: &str| variable(name).unwrap_or_else(|| default.to_owned());
    let mut asked = request(&text("method", "GET"), &text("url", "/"));
    if let Some(header) = variable("header") {
        let (name, value) = header.split_once(": ").or_fail("a header is NAME: VALUE")?;
        asked = asked.header(name, value);
    }
    if let Some(body) = variable("body") {
        asked = asked.body(body);
    }
    if variable("timeout").is_some() {
        asked = asked.timeout(Duration::from_millis(guests::number("timeout", 0)?.into()));
    }
    if variable("redirects").is_some() {
        asked = asked.max_redirects(guests::number("redirects", 0)?);
    }
    Ok(if variable("discard").is_some() { asked.discard_body() } else { asked })
}

iteration!(ask);
