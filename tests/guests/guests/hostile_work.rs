//! Works without end, or asks for more than it may have. `--var case=` chooses; what it does stands beside each case.

mod clock {
    wit_bindgen::generate!({
        inline: "
            package wasmload:hostile-clock;

            world timed {
                import wasi:clocks/monotonic-clock@0.2.0;
            }

            package wasi:clocks@0.2.0 {
                interface monotonic-clock {
                    now: func() -> u64;
                }
            }
        ",
        world: "wasmload:hostile-clock/timed",
        generate_all,
    });
}

use std::hint::black_box;
use std::time::Duration;

use clock::wasi::clocks::monotonic_clock;
use wasmload_sdk::prelude::*;
use wasmload_sdk::user;

/// How long `nibble` computes before it sleeps: just below the tick by which the host measures.
const NIBBLE_NANOSECONDS: u64 = 9_000_000;

/// How many turns of a loop are timed to tell how many such a stretch has.
const TIMED_TURNS: u64 = 1_000_000;

/// Calls of what may be called again and again.
const CALLS: u32 = 1_000_000;

const BLOCK_BYTES: usize = 1 << 20;

struct Worker;

impl Scenario for Worker {
    fn setup() -> Outcome<String> {
        if guests::case()? == "spin-in-setup" {
            spin();
        }
        Ok(String::new())
    }

    fn start(_setup_data: &str) -> Outcome<Self> {
        match guests::case()?.as_str() {
            "spin-in-start" => spin(),
            "trap-in-start" => std::process::abort(),
            _ => Ok(Self),
        }
    }

    fn iteration(&mut self) -> Outcome {
        match guests::case()?.as_str() {
            "spin" => spin(),
            "identify" => forever(|| drop(identify())),
            "variable" => forever(|| drop(variable("case"))),
            "nibble" => nibble(),
            "json" => read_json()?,
            "memory" => hoard(|| vec![1; BLOCK_BYTES]),
            "untouched-memory" => hoard(|| Vec::with_capacity(BLOCK_BYTES)),
            "abort" => std::process::abort(),
            "sleep" => user::sleep(Duration::MAX),
            "stop-test" => repeat(|turn| user::stop_test(&format!("reason {turn}"))),
            "stop-user" => repeat(|_| user::stop_user()),
            "mark-failure" => repeat(|turn| user::mark_failure(&format!("reason {turn}"))),
            "spin-in-stop" => {}
            other => return guests::unknown_case(other),
        }
        Ok(())
    }

    fn stop(&mut self) {
        if variable("case").as_deref() == Some("spin-in-stop") {
            spin();
        }
    }
}

/// Computes, and calls nobody.
fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Calls the host, and never waits.
fn forever(call: impl Fn()) -> ! {
    loop {
        call();
    }
}

fn repeat(call: impl Fn(u32)) {
    (0..guests::number("calls", CALLS).unwrap_or(CALLS)).for_each(call);
}

fn take_turns(turns: u64) {
    for turn in 0..turns {
        let _ = black_box(turn);
    }
}

/// Computes for less than a tick, gives way in words, and goes on.
fn nibble() -> ! {
    let before = monotonic_clock::now();
    take_turns(TIMED_TURNS);
    let took = monotonic_clock::now().saturating_sub(before).max(1);
    let turns = TIMED_TURNS * NIBBLE_NANOSECONDS / took;
    loop {
        take_turns(turns);
        user::sleep(Duration::ZERO);
    }
}

/// Has the host read megabytes for each of its calls.
fn read_json() -> Outcome {
    let response = get("/large").send();
    response.expect_status(200)?;
    response.expect(response.json("/0").is_some(), "there is nothing to read")?;
    forever(|| drop(response.json("/no/such/place")))
}

/// Asks for memory until there is none; allocating then traps.
fn hoard(block: impl Fn() -> Vec<u8>) {
    let mut blocks = Vec::new();
    // A guest can address 4 GiB; whoever lets it have them all must hear of it.
    while blocks.len() <= 4096 {
        blocks.push(black_box(block()));
    }
    user::mark_failure("it got all the memory there is");
}

scenario!(Worker);
