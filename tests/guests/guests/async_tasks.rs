//! Asynchronous tasks: one that makes two requests at once, one that waits and then makes one.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "async-task-scenario",
        with: {
            "wasmload:scenario/http@0.1.0": wasmload_sdk::bindings::http,
            "wasmload:scenario/user@0.1.0": wasmload_sdk::bindings::user,
            "wasmload:scenario/metrics@0.1.0": wasmload_sdk::bindings::metrics,
            "wasmload:scenario/data@0.1.0": wasmload_sdk::bindings::data,
        },
        generate_all,
    });
}

use bindings::exports::wasmload::scenario::{async_tasks, lifecycle};
use bindings::wasmload::scenario::task_types::{Description, Task, WaitTime};
use bindings::wasmload::scenario::{async_http, async_user};
use futures::future;
use wasmload_sdk::prelude::*;

struct Visitor;

impl lifecycle::Guest for Visitor {
    fn setup() -> Result<String, String> {
        Ok(String::new())
    }

    fn start(_setup_data: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}

    fn teardown(_setup_data: String) {}
}

impl async_tasks::Guest for Visitor {
    fn describe() -> Description {
        let task = |name: &str, weight| Task { name: name.to_owned(), weight, tags: Vec::new() };
        Description { tasks: vec![task("pair", 3), task("late", 1)], wait: WaitTime::NoWait, sequential: false }
    }

    async fn run_task(index: u32) -> Result<(), String> {
        match index {
            0 => drop(future::join(visit("/left"), visit("/right")).await),
            1 => {
                async_user::sleep(0.01).await;
                visit("/late").await;
            }
            other => return Err(format!("no task {other}")),
        }
        Ok(())
    }
}

async fn visit(path: &str) -> u16 {
    async_http::http_request(get(path).into_request()).await.status()
}

bindings::export!(Visitor with_types_in bindings);
