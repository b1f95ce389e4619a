//! Asks for the front page, again and again.
//!
//! Build: cargo build --release --target wasm32-wasip2 --manifest-path examples/Cargo.toml --package hello
//! Run:   wasmload run examples/target/wasm32-wasip2/release/hello.wasm -u 50 -t 30s -H http://127.0.0.1:8080

use wasmload_sdk::prelude::*;

fn visit() -> Outcome {
    let home = get("/").send();
    home.check("the front page is not empty", |home| home.body_size() > 0);
    home.expect_status(200)
}

iteration!(visit);
