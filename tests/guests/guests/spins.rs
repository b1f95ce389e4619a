//! Asks for `/`, and in iteration `--var at=N` (from 0; default: none) computes without end. With `--var user=ID` only
//! that virtual user does.

use std::hint::black_box;

use wasmload_sdk::prelude::*;

fn visit() -> Outcome {
    get("/").send().expect_status(200)?;
    let me = identify();
    if guests::number("user", me.id)? == me.id && guests::number("at", u32::MAX)? == me.iteration {
        let mut turns = 0u64;
        loop {
            turns = black_box(turns.wrapping_add(1));
        }
    }
    Ok(())
}

iteration!(visit);
