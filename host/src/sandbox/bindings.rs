//! The contract, as wasmtime sees it: types and traits made from `wit/`.
//!
//! Only imports are bound here. Exports are looked up by interface, since each scenario has its own mix of them.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "async-imports",
    imports: {
        "wasmload:scenario/http.http-request": async | trappable,
        "wasmload:scenario/http.get": async | trappable,
        "wasmload:scenario/http.http-batch": async | trappable,
        "wasmload:scenario/user.sleep": async | trappable,
        "wasmload:scenario/async-http.http-request": async | store | trappable,
        "wasmload:scenario/async-user.sleep": async | store | trappable,
        default: trappable,
    },
    with: {
        "wasmload:scenario/http.response": super::responses::Response,
        "wasmload:scenario/metrics.transaction": super::imports::metrics::Transaction,
    },
    require_store_data_send: true,
});
