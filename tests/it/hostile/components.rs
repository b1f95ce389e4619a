//! Components that are too much for a compiler: refused before any load, by their size or by the time that they take.

use std::process::Command;

use crate::support::program::{Wasmload, guest};
use crate::support::running::Running;
use crate::support::untouched::Untouched;

/// How many functions the component has: nearly as many as there may be.
const FUNCTIONS: usize = 900_000;

/// A sequence of instructions that leaves nothing behind: `i32.const 1` and `drop`, again and again.
const FILLING: [u8; 3] = [0x41, 1, 0x1a];

/// The export by which the component is a scenario: an interface, with nothing in it.
const ITERATION: &str = "wasmload:scenario/iteration@0.1.0";

/// A valid component of 50 MB with nothing in it but functions.
fn large_component() -> Vec<u8> {
    // No locals, the filling, and the end; 57 bytes with its length.
    let body = [&[0][..], &FILLING.repeat(18), &[0x0b]].concat();
    let body = [&number(body.len())[..], &body].concat();
    let types = section(1, &[1, 0x60, 0, 0]);
    let functions = section(3, &[number(FUNCTIONS), vec![0; FUNCTIONS]].concat());
    let code = section(10, &[number(FUNCTIONS), body.repeat(FUNCTIONS)].concat());
    let module = [b"\0asm\x01\0\0\0", &types[..], &functions, &code].concat();
    // An instance without exports, which is exported.
    let instance = section(5, &[1, 1, 0]);
    let export = [&[1, 0, ITERATION.len() as u8], ITERATION.as_bytes(), &[5, 0, 0]].concat();
    [b"\0asm\x0d\0\x01\0", &section(1, &module)[..], &instance, &section(11, &export)].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &number(content.len())[..], content].concat()
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest ones first.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Runs that component with these flags: it is refused with exit code 104 and that text, in so much memory.
#[track_caller]
fn assert_refused(component: &[u8], flags: &str, text: &str, most_mib: u64) {
    let target = Untouched::new();
    let mut program = Wasmload::new(["run", "large.wasm"]).file("large.wasm", component).with(flags);
    // Whoever takes far more is to end of that, and not this machine.
    program.command = limited(&program.command, 4 << 20);
    let (ran, peak) = Running::start(program.with("--no-cache --host").arg(target.url())).finish_with_peak();
    let ran = ran.expect(104);
    target.assert_untouched();
    let unknown_flag = ran.stderr.contains("unexpected argument");
    assert!(ran.stderr.contains(text) && !unknown_flag, "{flags}: {}", ran.stderr);
    assert!(peak >> 20 <= most_mib, "{flags}: {} MiB", peak >> 20);
}

/// The same command, in so many KiB of addresses.
fn limited(command: &Command, kib: u64) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")]).arg(command.get_program());
    limited.args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    limited
}

#[test]
fn a_component_that_is_too_large_is_not_read() {
    let component = large_component();
    assert!((50..60).contains(&(component.len() / 1_000_000)), "{} bytes", component.len());
    assert_refused(&component, "--max-component-size 32MiB", "--max-component-size", 64);
}

#[test]
fn a_component_that_takes_too_long_is_given_up() {
    assert_refused(&large_component(), "--compile-timeout 1s", "--compile-timeout", 4096);
}

#[test]
fn a_component_that_multiplies_is_refused() {
    let component = std::fs::read(guest("multiplies")).expect("a test guest");
    assert_refused(&component, "", "instances", 512);
}
