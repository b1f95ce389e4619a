//! What the guests in `guests/` share: a test chooses among a guest's behaviours by `--var`.

use wasmload_sdk::prelude::*;

/// The number given with `--var NAME=NUMBER`, or the default where none was.
///
/// # Errors
/// Where it is no such number.
pub fn number(name: &str, default: u32) -> Outcome<u32> {
    match variable(name) {
        Some(text) => text.parse().or_fail("a variable is not a number"),
        None => Ok(default),
    }
}

/// The case to play, given with `--var case=NAME`.
///
/// # Errors
/// Where none was given.
pub fn case() -> Outcome<String> {
    variable("case").or_fail("give the case with --var case=NAME")
}

/// A failure that says that the guest does not know that case: a test that misspells one must not pass.
///
/// # Errors
/// Always.
pub fn unknown_case(case: &str) -> Outcome {
    Err(Failure::new(format!("no case named {case}")))
}
