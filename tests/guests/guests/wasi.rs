//! Calls WASI itself, in several of its patch versions at once, and logs what it got.

mod wasi {
    wit_bindgen::generate!({
        inline: r#"
            package wasmload:wasi-guest;

            world calls {
                import wasi:cli/stdout@0.2.0;
                import wasi:cli/stderr@0.2.0;
                import wasi:cli/environment@0.2.0;
                import wasi:clocks/wall-clock@0.2.6;
                import wasi:clocks/monotonic-clock@0.2.3;
                import wasi:random/random@0.2.1;
            }

            package wasi:io@0.2.0 {
                interface error {
                    resource error;
                }
                interface streams {
                    use error.{error};
                    variant stream-error { last-operation-failed(error), closed }
                    resource output-stream {
                        blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
                    }
                }
            }

            package wasi:cli@0.2.0 {
                interface stdout {
                    use wasi:io/streams@0.2.0.{output-stream};
                    get-stdout: func() -> output-stream;
                }
                interface stderr {
                    use wasi:io/streams@0.2.0.{output-stream};
                    get-stderr: func() -> output-stream;
                }
                interface environment {
                    get-environment: func() -> list<tuple<string, string>>;
                }
            }

            package wasi:clocks@0.2.6 {
                interface wall-clock {
                    record datetime { seconds: u64, nanoseconds: u32 }
                    now: func() -> datetime;
                }
            }

            package wasi:clocks@0.2.3 {
                interface monotonic-clock {
                    now: func() -> u64;
                }
            }

            package wasi:random@0.2.1 {
                interface random {
                    get-random-bytes: func(len: u64) -> list<u8>;
                }
            }
        "#,
        world: "wasmload:wasi-guest/calls",
        generate_all,
    });
}

use wasi::wasi::cli::{environment, stderr, stdout};
use wasi::wasi::clocks0_2_3::monotonic_clock;
use wasi::wasi::clocks0_2_6::wall_clock;
use wasi::wasi::random::random;
use wasmload_sdk::prelude::*;

fn play() -> Outcome {
    stdout::get_stdout().blocking_write_and_flush(b"printed to stdout\n").or_fail("stdout is closed")?;
    stderr::get_stderr().blocking_write_and_flush(b"printed to stderr\n").or_fail("stderr is closed")?;
    info!("environment: {:?}", environment::get_environment());

    let (earlier, later) = (monotonic_clock::now(), monotonic_clock::now());
    if later < earlier {
        fail!("the monotonic clock went backwards");
    }
    // 2020-01-01; a host that hands out no clock would give 1970.
    if wall_clock::now().seconds < 1_577_836_800 {
        fail!("the wall clock stands still");
    }
    info!("random: {:02x?}", random::get_random_bytes(8));
    Ok(())
}

iteration!(play);
