//! What tests share.

pub(crate) mod figures;
pub(crate) mod processes;
pub(crate) mod program;
pub(crate) mod running;
pub(crate) mod server;
