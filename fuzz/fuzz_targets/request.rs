//! Requests of any kind, as guests make them and servers redirect them: see `host/src/http/client/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::request(input));
