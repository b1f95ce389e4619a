//! Calls the host below its bindings, with handles that it never got and places that are not in its memory. `--var
//! case=` chooses; where the host lets one pass, the iteration does not fail, and says so in the log.

use wasmload_sdk::bindings::http;
use wasmload_sdk::prelude::*;

/// A handle that no test has.
const UNKNOWN: i32 = 77_777;

/// Beyond any memory of a guest.
const BEYOND: usize = 0xffff_fff0;

#[link(wasm_import_module = "wasmload:scenario/user@0.1.0")]
unsafe extern "C" {
    #[link_name = "log"]
    fn raw_log(level: i32, message: usize, length: usize);
    #[link_name = "variable"]
    fn raw_variable(name: usize, length: usize, result: usize);
    #[link_name = "sleep"]
    fn raw_sleep(seconds: f64);
}

#[link(wasm_import_module = "wasmload:scenario/http@0.1.0")]
unsafe extern "C" {
    #[link_name = "get"]
    fn raw_get(url: usize, length: usize) -> i32;
    #[link_name = "http-request"]
    fn raw_request(request: usize) -> i32;
    #[link_name = "http-batch"]
    fn raw_batch(requests: usize, length: usize, result: usize);
    #[link_name = "[method]response.status"]
    fn raw_status(response: i32) -> i32;
    #[link_name = "[method]response.mark-failure"]
    fn raw_mark_failure(response: i32, reason: usize, length: usize);
    #[link_name = "[resource-drop]response"]
    fn raw_drop_response(response: i32);
}

#[link(wasm_import_module = "wasmload:scenario/metrics@0.1.0")]
unsafe extern "C" {
    #[link_name = "[constructor]transaction"]
    fn raw_transaction(name: usize, length: usize) -> i32;
    #[link_name = "[method]transaction.end"]
    fn raw_end(transaction: i32);
    #[link_name = "[resource-drop]transaction"]
    fn raw_drop_transaction(transaction: i32);
}

/// A request as it lies in memory: words, of which those of one field follow those of the other.
#[repr(C, align(8))]
struct RawRequest([usize; 26]);

impl RawRequest {
    /// A GET of `/`.
    fn new() -> Self {
        let mut words = [0; 26];
        (words[0], words[1]) = text("GET");
        (words[2], words[3]) = text("/");
        Self(words)
    }

    /// With that many headers at that place.
    fn headers(mut self, place: usize, length: usize) -> Self {
        self.0[4..7].copy_from_slice(&[1, place, length]);
        self
    }

    fn place(&self) -> usize {
        self as *const Self as usize
    }
}

fn text(text: &str) -> (usize, usize) {
    bytes(text.as_bytes())
}

fn bytes(bytes: &[u8]) -> (usize, usize) {
    (bytes.as_ptr() as usize, bytes.len())
}

fn play() -> Outcome {
    get("/").send().expect_status(200)?;
    let case = guests::case()?;
    if !(forge_handle(&case) || forge_text(&case) || forge_request(&case)) {
        return guests::unknown_case(&case);
    }
    info!("{case} passed");
    Ok(())
}

/// Plays a case about handles; false where it is none.
fn forge_handle(case: &str) -> bool {
    // SAFETY: what is wrong with these calls is the host's to find; none writes to this guest's memory.
    unsafe {
        match case {
            "unknown-handle" => {
                raw_status(UNKNOWN);
            }
            "handle-0" => {
                raw_status(0);
            }
            "negative-handle" => {
                raw_status(-1);
            }
            "mark-unknown-handle" => raw_mark_failure(UNKNOWN, 0, 0),
            "drop-unknown-handle" => raw_drop_response(UNKNOWN),
            "drop-twice" => {
                let handle = response();
                raw_drop_response(handle);
                raw_drop_response(handle);
            }
            "use-dropped-handle" => {
                let handle = response();
                raw_drop_response(handle);
                raw_status(handle);
            }
            "transaction-as-response" => {
                raw_status(transaction());
            }
            "response-as-transaction" => raw_end(response()),
            "drop-transaction-twice" => {
                let handle = transaction();
                raw_drop_transaction(handle);
                raw_drop_transaction(handle);
            }
            _ => return false,
        }
    }
    true
}

fn response() -> i32 {
    http::get("/").take_handle() as i32
}

fn transaction() -> i32 {
    let (place, length) = text("forged");
    // SAFETY: the text is there.
    unsafe { raw_transaction(place, length) }
}

/// Plays a case about texts; false where it is none.
fn forge_text(case: &str) -> bool {
    let (name, length) = text("case");
    // SAFETY: what is wrong with these calls is the host's to find; where it writes back, it is to a place that is not
    // there.
    unsafe {
        match case {
            "text-beyond-memory" => raw_log(2, BEYOND, 8),
            "text-across-the-end" => raw_log(2, 16, BEYOND),
            "text-around-the-end" => raw_log(2, BEYOND, 0x20),
            "text-of-2-gib" => raw_log(2, 0, 1 << 31),
            "broken-utf-8" => log_bytes(b"\xff\xfe"),
            "surrogate" => log_bytes(b"\xed\xa0\x80"),
            "overlong-utf-8" => log_bytes(b"\xc0\xaf"),
            "cut-utf-8" => log_bytes(b"\xe2\x82"),
            "unknown-level" => raw_log(99, name, length),
            "url-beyond-memory" => {
                raw_get(BEYOND, 1);
            }
            "result-beyond-memory" => raw_variable(name, length, BEYOND),
            "result-out-of-place" => raw_variable(name, length, 3),
            "endless-nan" => raw_sleep(f64::from_bits(u64::MAX)),
            _ => return false,
        }
    }
    true
}

fn log_bytes(text: &[u8]) {
    let (place, length) = bytes(text);
    // SAFETY: the bytes are there; whether they are a text is the host's to find.
    unsafe { raw_log(2, place, length) }
}

/// Plays a case about requests; false where it is none.
fn forge_request(case: &str) -> bool {
    let mut result = [0usize; 2];
    let result = result.as_mut_ptr() as usize;
    let request = RawRequest::new();
    // SAFETY: what is wrong with these calls is the host's to find.
    unsafe {
        match case {
            "request-beyond-memory" => {
                raw_request(BEYOND);
            }
            "request-out-of-place" => {
                raw_request(request.place() + 1);
            }
            "headers-beyond-memory" => {
                raw_request(request.headers(BEYOND, 1).place());
            }
            "headers-without-end" => {
                raw_request(request.headers(16, 0x1000_0000).place());
            }
            "headers-around-the-end" => {
                raw_request(request.headers(16, 0x1000_0001).place());
            }
            "unknown-option" => {
                let mut request = request;
                request.0[4] = 2;
                raw_request(request.place());
            }
            "batch-beyond-memory" => raw_batch(BEYOND, 1, result),
            "batch-without-end" => raw_batch(request.place(), 0x0fff_ffff, result),
            _ => return false,
        }
    }
    true
}

iteration!(play);
