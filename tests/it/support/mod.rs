//! What tests share.

pub(crate) mod certificates;
pub(crate) mod figures;
pub(crate) mod http2;
pub(crate) mod nginx;
pub(crate) mod plans;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod running;
pub(crate) mod scripted;
pub(crate) mod server;
pub(crate) mod stalling;
pub(crate) mod tls;
pub(crate) mod untouched;
