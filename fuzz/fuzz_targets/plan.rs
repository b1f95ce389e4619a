//! Plan files of any kind: see `host/src/cli/plan_file/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::plan(input));
