//! A component's WIT.

use std::panic;
use std::sync::Mutex;

use anyhow::{Context, bail};
use wit_component::{DecodedWasm, WitPrinter};

use crate::terminal::is_harmful;

/// The WIT of a component that can be read; ready to be shown, since documentation in it may be anything.
///
/// # Errors
/// What of it has no form in WIT.
pub(super) fn of(bytes: &[u8]) -> anyhow::Result<String> {
    const WHAT: &str = "print the component's WIT";
    // Its readers know what toolchains make, and panic at some of what they don't; what they say then helps nobody. The
    // hook is the process's, and so it is left to others as it was.
    static HOOK: Mutex<()> = Mutex::new(());
    let alone = HOOK.lock();
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let printed = panic::catch_unwind(|| printed(bytes));
    panic::set_hook(hook);
    drop(alone);
    let Ok(printed) = printed else { bail!("{WHAT}: it has a form that no toolchain makes") };
    let text = printed.context(WHAT)?;
    Ok(text.chars().map(|c| if is_harmful(c) && c != '\n' { ' ' } else { c }).collect())
}

fn printed(bytes: &[u8]) -> anyhow::Result<String> {
    let decoded = wit_component::decode(bytes)?;
    let mut printer = WitPrinter::default();
    match &decoded {
        DecodedWasm::WitPackage(resolve, package) => printer.print(resolve, *package, &[])?,
        DecodedWasm::Component(resolve, world) => {
            let package = resolve.worlds[*world].package.context("it is in no package")?;
            let others: Vec<_> = resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != package).collect();
            printer.print(resolve, package, &others)?;
        }
    }
    Ok(printer.output.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_s_wit_has_its_imports_exports_and_their_types() {
        let wit = of(include_bytes!("../../../assets/cities.wasm")).expect("toolchains made it");
        for line in ["  import wasmload:scenario/http@0.1.0;", "  interface http {", "    resource response {"] {
            assert!(wit.lines().any(|other| other == line), "{line} is missing: {wit}");
        }
        assert!(wit.contains("export wasmload:scenario/iteration@0.1.0;"), "{wit}");
    }

    #[test]
    fn what_has_no_form_in_wit_is_an_error() {
        let component = wat::parse_str("(component (core module $m) (export \"m\" (core module $m)))");
        let error = of(&component.expect("it is well-formed")).expect_err("a module has no form in WIT");
        assert!(format!("{error:#}").starts_with("print the component's WIT: "), "{error:#}");
    }
}
