//! All goes well but a check.

use wasmload_sdk::prelude::*;

fn visit() -> Outcome {
    let front = get("/").send();
    front.check("is a teapot", |front| front.status() == 418);
    front.expect_status(200)
}

iteration!(visit);
