//! Components that are in order, and small, and become something huge: all are refused.

use super::{LoadError, component, load};

/// A scenario that does nothing, with that before it.
fn scenario_with(before: &str) -> Vec<u8> {
    component(&format!(
        r#"(component
          {before}
          (core module $guest (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
          (core instance $guest (instantiate $guest))
          (func $run (result (result (error string)))
            (canon lift (core func $guest "run") (memory (core memory $guest "memory"))))
          (instance $iteration (export "run" (func $run)))
          (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))"#
    ))
}

#[track_caller]
fn refusal(bytes: &[u8]) -> LoadError {
    load(bytes).map(|_| "a scenario").expect_err("it is refused")
}

/// Component of that many levels, each of which instantiates the one below it twice.
fn doubling(levels: u32) -> Vec<u8> {
    let mut text =
        String::from("(component $level0 (core module $small (memory 1)) (core instance (instantiate $small)))");
    for level in 1..=levels {
        let below = level - 1;
        text.push_str(&format!(
            "(component $level{level} (alias outer 1 $level{below} (component $below))
               (instance (instantiate $below)) (instance (instantiate $below)))"
        ));
    }
    text.push_str(&format!("(instance (instantiate $level{levels}))"));
    scenario_with(&text)
}

#[test]
fn nothing_special_before_a_scenario_is_fine() {
    assert!(load(&scenario_with("")).is_ok());
}

/// Few enough that whoever compiles them sees an end; the test guest `multiplies` is one of which nobody does.
#[test]
fn components_that_multiply_are_refused() {
    refusal(&doubling(12));
}

#[test]
fn memories_without_number_are_refused() {
    let instances = "(core instance (instantiate $small))".repeat(10_000);
    refusal(&scenario_with(&format!("(core module $small (memory 1)) {instances}")));
    let module = |number| format!("(core module $m{number} (memory 0)) (core instance (instantiate $m{number}))");
    refusal(&scenario_with(&(0..10_000).map(module).collect::<String>()));
    let memories = "(memory 0)".repeat(10_000);
    refusal(&scenario_with(&format!("(core module $m {memories}) (core instance (instantiate $m))")));
}

#[test]
fn memories_without_end_are_refused() {
    for memory in [
        "(memory 65536)",
        "(memory 1025)",
        "(memory i64 0x1000000000000)",
        "(memory i64 1025)",
        "(memory 512) (memory 513)",
        // Threads could wait in one for ever, and nobody counts what it grows by.
        "(memory 1 2 shared)",
    ] {
        refusal(&scenario_with(&format!("(core module $m {memory}) (core instance (instantiate $m))")));
    }
}

/// An element takes as much of the host's memory as a pointer, whether anything is in it or not.
#[test]
fn tables_without_end_are_refused() {
    for table in ["(table 0xffffffff funcref)", "(table 10000001 funcref)", "(table 10000000 funcref)"] {
        refusal(&scenario_with(&format!("(core module $m {table}) (core instance (instantiate $m))")));
    }
    // Together they take more than the 64 MiB that one virtual user may have.
    let tables = "(table 1000000 funcref)".repeat(90);
    refusal(&scenario_with(&format!("(core module $m {tables}) (core instance (instantiate $m))")));
}

#[test]
fn types_without_end_are_refused() {
    let types = "(type (func))".repeat(1_000_001);
    refusal(&scenario_with(&format!("(core module $m {types}) (core instance (instantiate $m))")));
    let doubled = |level: u32| format!("(type $t{level} (tuple $t{} $t{}))", level - 1, level - 1);
    let doubled: String = (1..=40).map(doubled).collect();
    refusal(&scenario_with(&format!("(type $t0 (tuple u8 u8)) {doubled}")));
}

#[test]
fn functions_without_end_are_refused() {
    let locals = "(local i64)".repeat(50_001);
    refusal(&scenario_with(&format!("(core module $m (func {locals}))")));
    let parameters = "(param i64)".repeat(1_001);
    refusal(&scenario_with(&format!("(core module $m (func {parameters}))")));
}

/// Components in components in components; each has nothing in it but the next.
#[test]
fn nesting_without_end_is_refused() {
    let mut bytes = component("(component)");
    for _ in 0..2_000 {
        let length = bytes.len();
        let length = [0, 7, 14, 21, 28].map(|shift| (length >> shift) as u8 & 0x7f | if shift < 28 { 0x80 } else { 0 });
        bytes = [&b"\0asm\x0d\0\x01\0\x04"[..], &length, &bytes].concat();
    }
    refusal(&bytes);
}

/// What is said about it stays short, and is only text.
#[test]
fn imports_without_number_are_told_in_few_words() {
    let imports: String = (0..10_000).map(|number| format!(r#"(import "evil:corp/i{number}" (instance))"#)).collect();
    let said = refusal(&scenario_with(&imports)).to_string();
    assert!(said.contains("evil:corp/i0") && said.len() < 10_000, "{} bytes", said.len());
}
