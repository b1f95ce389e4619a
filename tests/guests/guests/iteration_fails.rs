//! Each iteration makes a request that succeeds, and fails for a reason of its own.

use wasmload_sdk::prelude::*;

fn visit() -> Outcome {
    get("/").send();
    fail!("the cart is empty")
}

iteration!(visit);
