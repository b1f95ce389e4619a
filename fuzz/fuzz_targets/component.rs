//! Components of any kind: see `host/src/component/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::component(input));
