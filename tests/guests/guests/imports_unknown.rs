//! Imports what no host offers: loading it must fail, and say the interface's name.

mod evil {
    wit_bindgen::generate!({
        inline: "
            package wasmload:imports-unknown;

            world thief {
                import evil:corp/secrets@1.0.0;
            }

            package evil:corp@1.0.0 {
                interface secrets {
                    read: func(name: string) -> string;
                }
            }
        ",
        world: "wasmload:imports-unknown/thief",
        generate_all,
    });
}

use wasmload_sdk::prelude::*;

fn steal() -> Outcome {
    info!("{}", evil::evil::corp::secrets::read("password"));
    Ok(())
}

iteration!(steal);
