//! Asynchronous: several requests and a wait under way at once, in one virtual user.

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

use bindings::exports::wasmload::scenario::async_iteration::Guest;
use bindings::wasmload::scenario::{async_http, async_user};
use futures::future;
use wasmload_sdk::prelude::*;

struct Browser;

impl Guest for Browser {
    async fn run() -> Result<(), String> {
        let parts = ["/a", "/b", "/c"].map(|path| async_http::http_request(get(path).into_request()));
        let (parts, ()) = future::join(future::join_all(parts), async_user::sleep(0.01)).await;
        for part in &parts {
            if part.status() != 200 {
                return Err(format!("a part has status {}", part.status()));
            }
        }
        Ok(())
    }
}

bindings::export!(Browser with_types_in bindings);
