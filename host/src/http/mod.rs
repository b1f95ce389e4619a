//! HTTP: one client per virtual user, from the socket up to the contract's requests and responses.
//!
//! It owns connections, phases, redirects, cookies and content codings, and says what failed in words that the contract
//! has. It must not know guests, statistics or schedules: a [`Request`] borrows plain text, an [`Exchange`] carries
//! what was measured.
//!
//! What makes it quick: a request is put together in one buffer and written in one call; a response is read into a
//! buffer that the whole thread shares and kept in one allocation; the clock is read three times; timers are left
//! alone. A client that waits for its user holds its connections, and no buffers.
//!
//! A URL with a user name or password is refused; an `authorization` header carries them.

mod client;
mod config;
mod connection;
mod context;
mod cookies;
mod deadline;
mod decode;
mod dial;
mod dns;
mod error;
mod exchange;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod h1;
mod h2;
mod meter;
mod observe;
mod open;
mod perform;
mod pool;
mod reach;
mod reaper;
mod redirect;
mod route;
mod socket;
mod target;
mod tell;
#[cfg(test)]
mod testing;
mod throttle;
mod tls;

pub use client::{Client, Prepared, Request};
pub use config::{ClientCertificate, Config, TlsConfig, TlsVersion, Versions};
pub use context::{Context, ContextError};
pub use dial::DialError;
pub use error::Error;
pub use exchange::{Exchange, Response};
pub use observe::{Begun, ConnectionInfo, Hop, Observer, Outcome, SentAgain, TlsInfo, Watch};
pub use reach::{HostPattern, Hosts};
pub use route::{ConnectTo, NoProxy, Proxies, Proxy, Resolve, RouteError};
pub use throttle::{HeldBack, RateLimits};
pub use tls::TlsError;
