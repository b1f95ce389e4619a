//! Floods the host with something, in each iteration. `--var case=` chooses, `--var count=N` says how often (default: a
//! million).

mod output {
    wit_bindgen::generate!({
        inline: "
            package wasmload:hostile-output;

            world prints {
                import wasi:cli/stdout@0.2.0;
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
            }
        ",
        world: "wasmload:hostile-output/prints",
        generate_all,
    });
}

use std::mem::forget;
use std::time::Duration;

use output::wasi::cli::stdout;
use wasmload_sdk::prelude::*;
use wasmload_sdk::user::{LogLevel, log, mark_failure, set_cookie};

/// What one call may write at the most, by WASI's contract.
const PRINTED_BYTES: usize = 4096;

const MIB: usize = 1 << 20;

fn play() -> Outcome {
    let count = guests::number("count", 1_000_000)?;
    match guests::case()?.as_str() {
        "log" => log_messages(&"m".repeat(MIB), count),
        "log-lines" => log_messages(&"m\n".repeat(MIB / 2), count),
        "print" => print(&[b'p'; PRINTED_BYTES], count)?,
        "print-lines" => print(&[b'\n'; PRINTED_BYTES], count)?,
        "cookies" => cookies(count)?,
        "names" => (0..count).for_each(|number| name_all(&number.to_string())),
        "requests" => (0..count).for_each(|number| drop(refused().name(&number.to_string()).send())),
        "reasons" => (0..count).for_each(|number| refused().name("/").send().mark_failure(&number.to_string())),
        "tags" => (0..count).for_each(tag),
        "iteration-reasons" => fail!("for reason {}", random_u64()),
        "responses" => (0..count).for_each(|_| forget(refused().send())),
        "bodies" => (0..count).for_each(|_| forget(post("/echo").bytes(vec![1; MIB]).send())),
        "sent-bodies" => (0..count).for_each(|_| forget(post("/").bytes(vec![1; MIB]).send())),
        "refused-urls" => (0..count).for_each(|_| forget(get(&["none:", &"u".repeat(MIB)].concat()).send())),
        "refused-headers" => (0..count).for_each(|_| forget(get("/").header(&" ".repeat(MIB), "1").send())),
        "transactions" => (0..count).for_each(|_| forget(Transaction::start("open"))),
        "batch" => drop(batch((0..count).map(|_| get("/batched")))),
        other => return heavy(other, count as usize),
    }
    Ok(())
}

/// One request that is large in some way.
fn heavy(case: &str, count: usize) -> Outcome {
    let request = match case {
        "long-header" => get("/heavy").header("x-long", &"h".repeat(count)),
        "headers" => (0..count).fold(get("/heavy"), |request, _| request.header("x", "1")),
        "long-url" => get(&["/heavy?", &"u".repeat(count)].concat()),
        "long-method" => request(&"M".repeat(count), "/heavy"),
        "body" => post("/heavy").bytes(untouched(count)),
        "tags-at-once" => {
            (0..count).fold(refused().tag("shop", "1"), |request, tag| request.tag(&tag.to_string(), "1"))
        }
        other => return guests::unknown_case(other),
    };
    drop(request.send());
    Ok(())
}

/// A request that nobody sends: the host says at once what is wrong with it, and counts it.
fn refused() -> RequestBuilder {
    get("none:")
}

fn log_messages(message: &str, count: u32) {
    (0..count).for_each(|_| log(LogLevel::Error, message));
}

fn print(bytes: &[u8], count: u32) -> Outcome {
    let stdout = stdout::get_stdout();
    (0..count).try_for_each(|_| stdout.blocking_write_and_flush(bytes).or_fail("standard output is closed"))
}

/// Cookies as large as there are, of the target and of hosts below it, and a request that would carry them.
fn cookies(count: u32) -> Outcome {
    let value = "v".repeat(4_000);
    (0..count).for_each(|number| set_cookie("/", &format!("n{number}={value}; path=/p{number}")));
    (0..count).for_each(|number| set_cookie("/", &format!("n{number}=v")));
    get("/heavy").send().expect_status(200)
}

/// Gives that name to each thing that has one, but for requests.
fn name_all(name: &str) {
    check(name, true);
    add_counter(name, 1.0);
    set_gauge(name, 1.0);
    add_rate(name, true);
    add_trend(name, 1.0);
    Event::new(name, name, Duration::ZERO).record();
    Transaction::start(name).fail(name);
    mark_failure(name);
}

fn tag(number: u32) {
    let tag = number.to_string();
    drop(refused().tag("shop", &tag).tag(&tag, "1").send());
}

/// So many bytes that nobody has written to yet, and that take no room until somebody does.
#[expect(clippy::uninit_vec, reason = "that nobody touched it is the point")]
fn untouched(count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count);
    // SAFETY: all bytes of a guest's memory can be read, and any bytes are a value of this type.
    unsafe { bytes.set_len(count) };
    bytes
}

iteration!(play);
