//! The program, tried from outside: the built binary runs real guests against real servers, and what it says is held
//! against what they saw.

mod asynchronous;
mod check;
mod cities;
mod cli;
mod compare;
mod connections;
mod data;
mod demo;
mod failures;
mod har;
mod hostile;
mod http;
mod http2;
mod keys;
mod lifecycle;
mod load;
mod metrics;
mod mixes;
mod nginx;
mod outputs;
mod percentiles;
mod plan_file;
mod proxies;
mod rates;
mod sources;
mod stages;
mod support;
mod tasks;
mod thresholds;
mod tls;
mod traps;
mod user;
mod verdicts;
mod wasi;
