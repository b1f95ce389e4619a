//! Policies of any kind: see `host/src/cli/plan_file/policy/fuzz.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| wasmload::fuzzing::policy(input));
