//! What wit-bindgen makes of the contract in `wit/`: the plain calls that the rest of this crate wraps.
//!
//! A guest that wants a call as the contract has it finds it here. One that generates bindings for a world of its own maps
//! the shared interfaces to these, for example `with: { "wasmload:scenario/http@0.1.0": wasmload_sdk::bindings::http }`.

mod imports {
    wit_bindgen::generate!({ world: "imports", path: "../../wit", generate_all, pub_export_macro: true });
}

pub use imports::wasmload::scenario::{data, http, metrics, user};

// A component exports the interfaces whose export macro it expands, and no others. Each interface has a world of its own
// here, so that any mix of them can be put together; their union is one of the contract's worlds.

/// Exports the interface `iteration`.
pub mod iteration_export {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package wasmload:sdk-iteration; world with-iteration { export wasmload:scenario/iteration@0.1.0; }",
        world: "wasmload:sdk-iteration/with-iteration",
        pub_export_macro: true,
        export_macro_name: "export_iteration",
    });
    pub use exports::wasmload::scenario::iteration::Guest;
}

/// Exports the interface `lifecycle`.
pub mod lifecycle_export {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package wasmload:sdk-lifecycle; world with-lifecycle { export wasmload:scenario/lifecycle@0.1.0; }",
        world: "wasmload:sdk-lifecycle/with-lifecycle",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
    });
    pub use exports::wasmload::scenario::lifecycle::Guest;
}

/// Exports the interface `tasks`.
pub mod tasks_export {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package wasmload:sdk-tasks; world with-tasks { export wasmload:scenario/tasks@0.1.0; }",
        world: "wasmload:sdk-tasks/with-tasks",
        pub_export_macro: true,
        export_macro_name: "export_tasks",
        with: { "wasmload:scenario/http@0.1.0": crate::bindings::http },
        generate_all,
    });
    pub use exports::wasmload::scenario::tasks::Guest;
    pub use wasmload::scenario::task_types;
}

/// The little of WASI that the SDK calls itself. A component imports it only where it calls it.
mod wasi {
    wit_bindgen::generate!({
        inline: "
            package wasmload:sdk-wasi;

            world randomness {
                import wasi:random/random@0.2.0;
            }

            package wasi:random@0.2.0 {
                interface random {
                    get-random-u64: func() -> u64;
                }
            }
        ",
        world: "wasmload:sdk-wasi/randomness",
        generate_all,
        pub_export_macro: true,
    });
}

pub(crate) use wasi::wasi::random::random::get_random_u64;
