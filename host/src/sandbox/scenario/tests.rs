//! The loader against components that are broken, and against ones that are in order and ask for too much: it gives an
//! error or a scenario, and never comes to harm.

mod greedy;
mod mutations;

use super::*;
use crate::plan::Limits;

/// A small scenario with a little of everything that a component is made of.
const GOOD: &str = r#"
    (component
      (import "wasmload:scenario/user@0.1.0" (instance $user
        (export "variable" (func (param "name" string) (result (option string))))
        (export "stop-user" (func))))
      (type $thing (resource (rep i32)))
      (core func $new (canon resource.new $thing))
      (core func $drop (canon resource.drop $thing))
      (core module $room
        (memory (export "memory") 1)
        (data (i32.const 8) "case")
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
          (global.set $next (i32.add (global.get $next) (local.get 3)))
          (i32.sub (global.get $next) (local.get 3))))
      (core instance $room (instantiate $room))
      (core func $variable (canon lower (func $user "variable")
        (memory (core memory $room "memory")) (realloc (core func $room "realloc"))))
      (core func $stop (canon lower (func $user "stop-user")))
      (core module $guest
        (type $called (func))
        (import "user" "variable" (func $variable (param i32 i32 i32)))
        (import "user" "stop" (func $stop))
        (import "things" "new" (func $new (param i32) (result i32)))
        (import "things" "drop" (func $drop (param i32)))
        (import "room" "memory" (memory 1))
        (table 2 funcref)
        (elem (i32.const 0) func $stop $count)
        (func $count (local $turn i32)
          (loop $again
            (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $turn) (i32.const 9)))))
        (func (export "run") (result i32)
          (call $drop (call $new (i32.const 7)))
          (call $variable (i32.const 8) (i32.const 4) (i32.const 64))
          (call_indirect (type $called) (i32.load (i32.const 64)))
          (i32.const 0)))
      (core instance $guest (instantiate $guest
        (with "user" (instance (export "variable" (func $variable)) (export "stop" (func $stop))))
        (with "things" (instance (export "new" (func $new)) (export "drop" (func $drop))))
        (with "room" (instance $room))))
      (func $run (result (result (error string)))
        (canon lift (core func $guest "run") (memory (core memory $room "memory"))))
      (instance $iteration (export "run" (func $run)))
      (export "wasmload:scenario/iteration@0.1.0" (instance $iteration)))
"#;

/// A component from its text.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Loads a component for one virtual user.
fn load(bytes: &[u8]) -> Result<Scenario, LoadError> {
    Scenario::load(
        bytes,
        &EngineOptions { max_vus: 1, run_vus: 1, limits: Limits::default(), wasi_p3: true, cache: None },
    )
}

#[test]
fn the_good_one_loads() {
    let scenario = load(&component(GOOD)).unwrap();
    assert!(!scenario.has_lifecycle() && !scenario.has_tasks());
}

#[test]
fn what_is_no_component_is_refused() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"#!/bin/sh\n", &[0xff; 1_000]] {
        assert!(load(bytes).is_err(), "{bytes:?}");
    }
    for text in ["(module)", "(component)", r#"(component (core module (func (export "run"))))"#] {
        assert!(load(&component(text)).is_err(), "{text}");
    }
}

#[test]
fn a_component_that_is_cut_short_anywhere_is_refused() {
    let good = component(GOOD);
    let loads: Vec<_> = (0..good.len()).filter(|length| load(&good[..*length]).is_ok()).collect();
    // It can do without its last section, the names of things.
    assert!(matches!(loads[..], [length] if good[length] == 0), "{loads:?} of {} bytes", good.len());
}
