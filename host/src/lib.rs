//! wasmload: a load generator whose scenarios are WebAssembly components.
//!
//! Data flows one way: flags, [`plan`], [`schedule`], [`vu`], [`sample`], [`metrics`], [`report`]. A module uses only
//! modules of lower layers; `ARCHITECTURE.md` has the map, and `cargo xtask lint` holds the code to it.

#![forbid(unsafe_code)]

pub mod cli;
pub mod compare;
pub mod component;
pub mod control;
pub mod data;
pub mod date;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub(crate) mod guards;
pub mod http;
pub mod metrics;
pub(crate) mod near;
pub mod plan;
pub mod profile;
pub mod report;
pub mod run;
pub mod sample;
pub mod sandbox;
pub mod schedule;
pub mod secrets;
pub mod source;
pub mod target;
pub(crate) mod terminal;
pub(crate) mod thread_time;
pub mod trace;
pub mod units;
pub mod vu;
