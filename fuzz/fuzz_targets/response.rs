//! Responses of any kind, through the reader of HTTP/1.1: see `host/src/http/h1/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::response(input));
