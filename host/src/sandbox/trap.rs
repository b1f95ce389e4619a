//! A trap, as a person wants to read it.

use std::fmt::{self, Write};

use wasmtime::WasmBacktrace;
use wasmtime::component::ResourceTableError;

use super::memory::Denied;
use super::state::truncate;
use crate::units::show_mib;

/// As much of a backtrace as is kept, in bytes.
const MAX_BACKTRACE_BYTES: usize = 16 << 10;

/// What ended a guest's call before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What happened, in one line.
    pub message: String,
    /// The wasm backtrace, a frame a line; empty where the guest was not running.
    pub backtrace: String,
}

/// Why the host ended a guest's call; shown as the trap's message.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostTrap {
    /// Guest code ran too long between two calls of the host.
    #[error("guest code ran longer than {limit:?} without calling the host; --max-cpu-time raises this bound")]
    CpuTime {
        /// The bound.
        limit: std::time::Duration,
    },
    /// Guest code called the host again and again, and was in no place where it could have been made to give way.
    #[error(
        "called the host for longer than {limit:?} without a loop or a function of its own; --max-cpu-time raises this bound"
    )]
    HostTime {
        /// The bound.
        limit: std::time::Duration,
    },
    /// A handle was used after its iteration ended.
    #[error("used a response's {what} after its iteration ended; its body is gone then")]
    ResponseGone {
        /// What was asked for.
        what: &'static str,
    },
    /// Too many handles.
    #[error("held more than {limit} responses or transactions; drop those that are no longer needed")]
    Handles {
        /// The bound.
        limit: usize,
    },
    /// Too large bodies at one time.
    #[error("held responses of more than {} MiB; drop those that are no longer needed, or discard bodies that are not read", .limit >> 20)]
    HeldBytes {
        /// The bound, in bytes.
        limit: usize,
    },
    /// There are no such data.
    #[error("asked for the data set '{0}', which the run does not have; give it with --data NAME=FILE")]
    NoData(String),
}

impl Trap {
    /// Reads what wasmtime reports.
    pub(super) fn new(error: &wasmtime::Error, memory_denied: Option<Denied>) -> Trap {
        let mut message = if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
            trap.to_string()
        } else if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            format!("the guest exited with code {}", exit.0)
        } else if let Some(ResourceTableError::Full) = error.downcast_ref() {
            "had too many calls of async functions, or handles of WASI, under way at one time; wait for what was started, \
             or drop it"
                .to_owned()
        } else {
            error.root_cause().to_string()
        };
        if let Some(Denied { limit, start }) = memory_denied {
            // What an interpreter takes before its scenario does anything is no small part of it.
            let start =
                start.map_or_else(String::new, |start| format!(", of which its start took {}", show_mib(start as u64)));
            message.push_str(&format!(
                ", after it was denied more than {} of memory{start}; --max-memory raises this bound",
                show_mib(limit as u64)
            ));
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>().map_or_else(String::new, frames);
        Trap { message: one_line(&message), backtrace }
    }
}

fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn frames(backtrace: &WasmBacktrace) -> String {
    let mut text = Beginning(String::new());
    for (place, frame) in backtrace.frames().iter().enumerate() {
        let line = if place > 0 { "\n" } else { "" };
        let written = match (frame.func_name(), frame.module().name()) {
            // Without the mangling of Rust's symbols.
            (Some(name), _) => write!(text, "{line}{place:>3}: {:#}", rustc_demangle::demangle(name)),
            (None, Some(module)) => write!(text, "{line}{place:>3}: {module}, function {}", frame.func_index()),
            (None, None) => write!(text, "{line}{place:>3}: function {}", frame.func_index()),
        };
        if written.is_err() {
            break;
        }
    }
    text.0
}

/// A text that takes what is written to it until it is full. Names in a component may be as long as itself, and a mangled
/// one a great deal longer when it is written out.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fitting = truncate(text, MAX_BACKTRACE_BYTES - self.0.len());
        self.0.push_str(fitting);
        if fitting.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_is_cut_while_it_is_written() {
        let mut text = Beginning(String::new());
        assert!(write!(text, "  0: {:#}", rustc_demangle::demangle("_ZN3foo3barE")).is_ok());
        assert_eq!(text.0, "  0: foo::bar");
        assert!(write!(text, "{}", "\u{e9}".repeat(MAX_BACKTRACE_BYTES)).is_err());
        assert!((MAX_BACKTRACE_BYTES - 1..=MAX_BACKTRACE_BYTES).contains(&text.0.len()));
        assert!(write!(text, "more").is_err());
    }
}
