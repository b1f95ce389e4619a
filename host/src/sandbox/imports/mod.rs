//! The host's side of each interface of the contract.

pub(super) mod data;
pub(super) mod http;
mod json;
pub(super) mod metrics;
pub(super) mod stdio;
pub(super) mod user;

pub(super) use user::duration;

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p3;

use super::bindings::wasmload::scenario;
use super::state::State;
use crate::component::Shape;

/// Adds all that a scenario may import; the async interfaces only where the engine has support for them, and of WASI 0.3,
/// whose implementation is called experimental, only the packages that the component imports.
pub(super) fn add_to_linker(linker: &mut Linker<State>, shape: &Shape) -> wasmtime::Result<()> {
    type Has = HasSelf<State>;
    scenario::http::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::user::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::metrics::add_to_linker::<_, Has>(linker, |state| state)?;
    scenario::data::add_to_linker::<_, Has>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    if shape.is_async() {
        scenario::async_http::add_to_linker::<_, Has>(linker, |state| state)?;
        scenario::async_user::add_to_linker::<_, Has>(linker, |state| state)?;
        add_wasi_p3(linker, shape)?;
    }
    Ok(())
}

fn add_wasi_p3(linker: &mut Linker<State>, shape: &Shape) -> wasmtime::Result<()> {
    type Add = fn(&mut Linker<State>) -> wasmtime::Result<()>;
    let packages: [(&str, Add); 5] = [
        ("cli", p3::cli::add_to_linker),
        ("clocks", p3::clocks::add_to_linker),
        ("filesystem", p3::filesystem::add_to_linker),
        ("random", p3::random::add_to_linker),
        ("sockets", p3::sockets::add_to_linker),
    ];
    packages.into_iter().filter(|(package, _)| shape.imports_wasi_p3(package)).try_for_each(|(_, add)| add(linker))
}
