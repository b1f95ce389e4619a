//! The program, tried from outside: the built binary runs real guests against real servers, and what it says is held
//! against what they saw.

mod asynchronous;
mod cities;
mod cli;
mod data;
mod demo;
mod http;
mod lifecycle;
mod load;
mod metrics;
mod nginx;
mod outputs;
mod percentiles;
mod sources;
mod support;
mod tasks;
mod traps;
mod user;
mod verdicts;
mod wasi;
