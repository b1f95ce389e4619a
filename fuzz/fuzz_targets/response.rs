//! Responses of any kind, through the reader of HTTP/1.1: see `host/src/http/h1/fuzz.rs`.

#![no_main]
#![expect(dead_code, unused_imports, reason = "of the included modules, this uses one function")]

use libfuzzer_sys::fuzz_target;

// Only these modules of wasmload, and not the library: it would bring wasmtime along, which takes minutes to build with
// coverage, and whose coverage would drown that of the reader.
#[path = "../../host/src/http/mod.rs"]
mod http;
#[path = "../../host/src/sample.rs"]
mod sample;

fuzz_target!(|input: &[u8]| http::fuzz::check(input));
