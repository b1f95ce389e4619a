//! Write wasmload scenarios in Rust.
//!
//! A scenario is a WebAssembly component: a library crate with `crate-type = ["cdylib"]`, built for `wasm32-wasip2`. The
//! least that it can be is a function:
//!
//! ```
//! use wasmload_sdk::prelude::*;
//!
//! fn visit() -> Outcome {
//!     let home = get("/").send();
//!     home.check("says hello", |home| home.text().contains("hello"));
//!     home.expect_status(200)
//! }
//!
//! iteration!(visit);
//! ```
//!
//! A virtual user with a state of its own, such as a session, implements [`Scenario`]; one that draws among weighted tasks
//! implements [`TaskScenario`]. The host makes the requests, times them and counts them; a scenario only says what to
//! ask and whether the answer was right.
//!
//! A panic fails the iteration: its message and place go to the run's log, and the virtual user starts anew.

pub mod data;
mod encode;
mod failure;
pub mod json;
pub mod metrics;
mod multipart;
mod random;
mod request;
mod response;
mod scenario;
pub mod user;

#[expect(missing_docs, reason = "generated from the contract, which documents each item")]
pub mod bindings;
#[doc(hidden)]
pub mod exports;

pub use failure::{Failure, OrFail, Outcome};
pub use multipart::Multipart;
pub use random::{pick, random_below, random_u64, unique};
pub use request::{RequestBuilder, batch, delete, get, head, patch, post, put, request};
pub use response::{HttpError, Response};
pub use scenario::{Scenario, Task, TaskScenario, Wait};

/// What nearly every scenario uses.
pub mod prelude {
    pub use crate::data::{next_row, row_count};
    pub use crate::json::ToJson;
    pub use crate::metrics::{Event, Transaction, add_counter, add_rate, add_trend, check, set_gauge, transaction};
    pub use crate::user::{identify, secret, sleep, variable};
    pub use crate::{
        Failure, Multipart, OrFail, Outcome, RequestBuilder, Response, Scenario, Task, TaskScenario, Wait, batch,
        delete, get, head, patch, pick, post, put, random_below, random_u64, request, unique,
    };
    pub use crate::{debug, error, fail, info, iteration, object, scenario, tasks, trace, warn};
}
