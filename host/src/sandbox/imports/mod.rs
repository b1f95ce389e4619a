//! The host's side of each interface of the contract.

pub(super) mod data;
pub(super) mod http;
pub(super) mod metrics;
pub(super) mod stdio;
pub(super) mod user;

pub(super) use user::duration;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::wasmload::scenario;
use super::state::State;

/// Adds all that a scenario may import; the async interfaces only where the engine has support for them.
pub(super) fn add_to_linker(linker: &mut Linker<State>, is_async: bool) -> wasmtime::Result<()> {
    type Has = HasSelf<State>;
    scenario::http::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::user::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::metrics::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::data::add_to_linker::<_, Has>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    if is_async {
        scenario::async_http::add_to_linker::<_, Has>(linker, |state| state)?;
        scenario::async_user::add_to_linker::<_, Has>(linker, |state| state)?;
        wasmtime_wasi::p3::add_to_linker(linker)?;
    }
    Ok(())
}
