//! Traps in each `--var every=N`th iteration (default: each), after a request. `--var how=` chooses: `abort` (default),
//! `panic`, `stack` (overflows it) or `memory` (asks for more until there is none).

use std::hint::black_box;

use wasmload_sdk::prelude::*;

struct Member {
    /// How many iterations this instance has run: a fresh one starts at 0 again.
    here: u32,
}

impl Scenario for Member {
    fn start(_setup_data: &str) -> Outcome<Self> {
        Ok(Self { here: 0 })
    }

    fn iteration(&mut self) -> Outcome {
        get("/").header("x-iterations-here", &self.here.to_string()).send().expect_status(200)?;
        self.here += 1;
        if (identify().iteration + 1).is_multiple_of(guests::number("every", 1)?) {
            trap(variable("how").as_deref().unwrap_or("abort"))?;
        }
        Ok(())
    }
}

fn trap(how: &str) -> Outcome {
    match how {
        "abort" => std::process::abort(),
        "panic" => panic!("a deliberate panic"),
        "stack" => fail!("the stack held {} frames", deepen(0)),
        "memory" => fail!("memory held {} blocks", fill()),
        other => guests::unknown_case(other),
    }
}

#[expect(unconditional_recursion, reason = "overflows the stack on purpose")]
fn deepen(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    deepen(frame[0] + 1) + black_box(frame)[63]
}

fn fill() -> usize {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    loop {
        blocks.push(black_box(vec![1; 1 << 20]));
        // A guest can address 4 GiB; whoever lets it have them all must hear of it.
        if blocks.len() > 4096 {
            return blocks.len();
        }
    }
}

scenario!(Member);
