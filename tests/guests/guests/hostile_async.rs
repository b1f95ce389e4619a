//! Starts what it never waits for. `--var case=` chooses, `--var count=N` says how often (default: 10,000).

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "async-scenario",
        with: {
            "wasmload:scenario/http@0.1.0": wasmload_sdk::bindings::http,
            "wasmload:scenario/user@0.1.0": wasmload_sdk::bindings::user,
            "wasmload:scenario/metrics@0.1.0": wasmload_sdk::bindings::metrics,
            "wasmload:scenario/data@0.1.0": wasmload_sdk::bindings::data,
        },
    });
}

use std::mem::forget;
use std::pin::Pin;
use std::task::{Context, Poll};

use bindings::exports::wasmload::scenario::async_iteration::Guest;
use bindings::wasmload::scenario::{async_http, async_user};
use futures::future;
use wasmload_sdk::prelude::*;

struct Starter;

impl Guest for Starter {
    async fn run() -> Result<(), String> {
        let count = guests::number("count", 10_000).map_err(Failure::into_reason)?;
        match variable("case").as_deref() {
            Some("sleeps") => start(count, |_| async_user::sleep(f64::INFINITY)).await,
            Some("naps") => start(count, |_| async_user::sleep(0.0)).await,
            Some("requests") => start(count, |_| async_http::http_request(get("/started").into_request())).await,
            Some("refused") => start(count, |_| async_http::http_request(get("none:").into_request())).await,
            Some("awaited") => {
                let requests = (0..count).map(|_| async_http::http_request(get("/awaited").into_request()));
                drop(future::join_all(requests).await);
            }
            other => return Err(format!("no case named {other:?}")),
        }
        Ok(())
    }
}

/// Starts that many calls, and neither waits for one nor takes it back.
async fn start<F: Future + 'static>(count: u32, call: impl Fn(u32) -> F) {
    for number in 0..count {
        let mut call = Box::pin(call(number));
        future::poll_fn(|context: &mut Context<'_>| {
            let _ = Pin::new(&mut call).poll(context);
            Poll::Ready(())
        })
        .await;
        forget(call);
    }
}

bindings::export!(Starter with_types_in bindings);
