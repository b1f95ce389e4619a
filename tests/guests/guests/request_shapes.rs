//! One request of each shape that the contract allows, and of some that it does not. `--var case=` chooses; a failure
//! says what the guest saw instead of what it should have.

use std::time::Duration;

use wasmload_sdk::bindings::http;
use wasmload_sdk::prelude::*;
use wasmload_sdk::{HttpError, user};

fn play() -> Outcome {
    match guests::case()?.as_str() {
        "headers" => {
            get("/echo").header("X-First", "1").header("x-second", "2").header("x-first", "3").send().expect_status(200)
        }
        "broken-header" => expect_invalid(get("/echo").header("x-a", "1\r\nx-b: 2")),
        "body" => post("/echo").body("text ü").send().expect_status(200),
        "body-bytes" => post("/echo").bytes([0, 255, 13, 10]).send().expect_status(200),
        "both-bodies" => both_bodies(),
        "json" => post("/echo").json(&object! { "name": "Ann", "age": 41 }).send().expect_status(200),
        "form" => put("/echo").form(&[("a b", "c&d")]).send().expect_status(200),
        "name" => get("/items/7?full=1").name("/items/{id}").send().expect_status(200),
        "query" => get("/echo").query(&[("q", "a b")]).send().expect_status(200),
        "tags" => get("/echo").tag("page", "home").send().expect_status(200),
        "timeout" => timeout(),
        "max-redirects" => get("/redirect").max_redirects(0).send().expect_status(302),
        "redirects" => get("/redirect").send().expect_status(200),
        "discard-body" => discard_body(),
        "batch" => order_of_a_batch(),
        "cookies" => cookies(),
        "response" => response(),
        other => guests::unknown_case(other),
    }
}

fn expect_invalid(request: RequestBuilder) -> Outcome {
    let response = request.send();
    match response.error() {
        Some(HttpError::InvalidRequest(_)) if response.status() == 0 => Ok(()),
        error => fail!("expected an invalid request, got {error:?} and status {}", response.status()),
    }
}

fn both_bodies() -> Outcome {
    let mut request = post("/echo").body("text").into_request();
    request.body_bytes = Some(b"bytes".to_vec());
    match http::http_request(&request).error() {
        Some(HttpError::InvalidRequest(_)) => Ok(()),
        error => fail!("expected an invalid request, got {error:?}"),
    }
}

fn timeout() -> Outcome {
    let response = get("/never").timeout(Duration::from_millis(50)).send();
    match response.error() {
        Some(HttpError::Timeout) => Ok(()),
        error => fail!("expected a timeout, got {error:?} and status {}", response.status()),
    }
}

fn discard_body() -> Outcome {
    let response = get("/echo").discard_body().send();
    response.expect_status(200)?;
    response.expect(response.body().is_empty(), "the body was kept")?;
    response.expect(response.body_size() > 0, "the body was not counted")
}

fn order_of_a_batch() -> Outcome {
    let responses = batch((0..10).map(|place| get(&format!("/item/{place}"))));
    for (place, response) in responses.iter().enumerate() {
        response.expect(response.url().ends_with(&format!("/item/{place}")), "a response is out of order")?;
    }
    if responses.len() != 10 {
        fail!("10 requests brought {} responses", responses.len());
    }
    Ok(())
}

fn cookies() -> Outcome {
    user::set_cookie("/", "theme=dark; Path=/");
    get("/set-cookie").send().expect_status(200)?;
    info!("cookies: {:?}", user::cookies("/"));
    get("/echo").send().expect_status(200)?;
    user::clear_cookies();
    if !user::cookies("/").is_empty() {
        fail!("cookies were left after clearing");
    }
    get("/echo").name("/echo without cookies").send().expect_status(200)
}

/// Logs all that a response can tell.
fn response() -> Outcome {
    let response = get("/json").send();
    info!("status: {}", response.status());
    info!("url: {}", response.url());
    info!("content-type: {:?}", response.header("CONTENT-TYPE"));
    info!("headers: {:?}", response.headers());
    info!("size: {}, bytes: {}, text: {}", response.body_size(), response.body().len(), response.text());
    info!("string: {:?}", response.json("/data/name"));
    info!("number: {:?}", response.json("/data/id"));
    info!("nothing: {:?}", response.json("/data/none"));
    response.expect(response.elapsed() > Duration::ZERO, "it took no time")
}

iteration!(play);
