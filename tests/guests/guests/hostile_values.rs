//! Hands the host values that are of the right type and make no sense. `--var case=` chooses; each iteration asks for `/`
//! at its end, so that a test sees that the guest went on.

use std::time::Duration;

use wasmload_sdk::bindings::{http, metrics, user};
use wasmload_sdk::prelude::*;

const ODD: [f64; 9] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -1.0,
    -0.0,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    // The smallest step above 0, which is no normal number.
    5e-324,
];

/// Texts that mean something to a terminal, to a file of results, or to the host's own tables.
const TEXTS: [&str; 9] = [
    "",
    "(other)",
    "\0",
    "\u{1b}[2J\u{1b}[31mred",
    "\r\nINFO scenario: forged",
    "\u{202e}desrever",
    "a,b\"c\";=1+1",
    "{\"a\": [",
    "\u{10ffff}\u{feff}\u{200b}",
];

/// As long as a text can be that still fits into the guest's memory twice.
const LONG_BYTES: usize = 8 << 20;

fn play() -> Outcome {
    match guests::case()?.as_str() {
        "times" => times(),
        "numbers" => ODD.iter().for_each(|&value| measure("number", value)),
        "texts" => TEXTS.iter().for_each(|text| name_all(text)),
        "long-texts" => name_all(&"n".repeat(LONG_BYTES)),
        "nested-json" => nested_json()?,
        other => return guests::unknown_case(other),
    }
    get("/").send().expect_status(200)
}

/// A time that never comes is left out where the host would wait for it.
fn times() {
    for value in ODD.into_iter().filter(|value| value.is_nan() || *value <= 1.0) {
        user::sleep(value);
    }
    for value in ODD {
        let mut request = get("/timed").into_request();
        request.timeout = Some(value);
        drop(http::http_request(&request));
        event("timed", value);
    }
    let mut request = get("/redirect").into_request();
    request.max_redirects = Some(u32::MAX);
    drop(http::http_request(&request));
}

fn event(name: &str, elapsed: f64) {
    let (method, name) = ("ODD".to_owned(), name.to_owned());
    metrics::record_event(&metrics::Event { method, name, elapsed, size: u32::MAX, failure: None });
}

fn measure(name: &str, value: f64) {
    add_counter(name, value);
    set_gauge(name, value);
    add_trend(name, value);
}

/// Gives that name to each thing that has one.
fn name_all(name: &str) {
    check(name, true);
    measure(name, 1.0);
    add_rate(name, true);
    Event::new(name, name, Duration::ZERO).failed(name).record();
    Transaction::start(name).fail(name);
    get("/named").name(name).tag(name, name).send().mark_failure(name);
    info!("{name}");
}

/// A body of nothing but opening brackets, which the server hands back.
fn nested_json() -> Outcome {
    let response = post("/echo").body("[".repeat(1 << 20)).send();
    response.expect_status(200)?;
    if let Some(found) = response.json(&"/0".repeat(1 << 10)) {
        fail!("found {found:?} in a text that is no JSON");
    }
    Ok(())
}

iteration!(play);
