//! The `wasmload` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wasmload::cli::main()
}
