//! Cookies of any kind, from servers and guests: see `host/src/http/cookies/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::cookies(input));
