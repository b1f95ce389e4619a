//! Findings to try the formats on.

use super::{Finding, Verdict};
use crate::component::{Component, Hosts, Names, Origin, Shape, Tool};
use crate::run::Tasks;
use crate::sandbox::{Task, TaskSet, WaitTime};
use crate::source::Digest;

fn names(names: &[&str], more: u64) -> Names {
    Names { kept: names.iter().map(|name| (*name).to_owned()).collect(), more }
}

fn finding(component: Component, verdict: Verdict) -> Finding {
    let sha256 = Digest::of(b"");
    Finding {
        version: "1.2.3",
        source: "shops/shop.wasm".into(),
        pin: format!("shops/shop.wasm#sha256={sha256}"),
        sha256,
        size_bytes: 84_233,
        component,
        max_memory_bytes: 64 << 20,
        verdict,
    }
}

fn tool(name: &str, version: &str) -> Tool {
    Tool { name: name.into(), version: version.into() }
}

/// Text that would steer a terminal.
const HARMFUL: &str = "a\x1b[31mb\u{202e}c\u{7f}";

/// One made of tasks.
pub(super) fn tasks() -> Finding {
    let imports = [
        "wasmload:scenario/http@0.1.0",
        "wasmload:scenario/user@0.1.0",
        "wasi:clocks/wall-clock@0.2.6",
        "wasi:clocks/monotonic-clock@0.2.3",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:filesystem/types@0.2.6",
        "wasi:sockets/tcp@0.2.6",
    ];
    let shape = Shape {
        imports: names(&imports, 0),
        exports: names(&["wasmload:scenario/lifecycle@0.1.0", "wasmload:scenario/tasks@0.1.0"], 0),
        memories: 1,
        memory_bytes: 17 << 16,
        tables: 2,
        table_elements: 40,
        core_instances: 6,
        ..Shape::default()
    };
    let origin = Origin {
        language: Some("Rust".into()),
        tools: vec![tool("rustc", "1.96.0 (ac68faa20 2026-05-25)"), tool("wit-bindgen-rust", "0.61.1")],
    };
    let hosts = Hosts { kept: vec!["shop.example.org".into(), "127.0.0.1:8080".into()], more: 3 };
    let task = |(index, (name, weight, tags)): (u32, (&str, u32, &[&str]))| Task {
        index,
        name: name.into(),
        shown_name: name.into(),
        weight,
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
        shown_tags: tags.iter().map(|tag| (*tag).into()).collect(),
    };
    let described: [(&str, u32, &[&str]); 3] =
        [("browse", 70, &["read"]), ("search the whole catalogue", 20, &["read", "slow"]), (HARMFUL, 10, &[HARMFUL])];
    let wait = WaitTime::Between(std::time::Duration::from_secs(1), std::time::Duration::from_secs(3));
    let set = TaskSet { tasks: (0..).zip(described).map(task).collect(), wait, sequential: false };
    finding(Component { shape, origin, hosts }, Verdict::Accepted(Tasks::Described(set)))
}

/// One that a run would refuse, and that means harm.
pub(super) fn refused() -> Finding {
    let import = format!("evil:corp/{HARMFUL}@1.0.0");
    let shape = Shape {
        imports: names(&["wasi:http/types@0.2.10", &import, "wasi:random/random@0.2.0"], 7),
        exports: names(&["wasmload:scenario/iteration@0.1.0"], 0),
        other_exports: names(&[HARMFUL, "run"], 12),
        memories: 2,
        memory_bytes: 100 << 20,
        ..Shape::default()
    };
    let origin = Origin { language: Some(HARMFUL.into()), tools: vec![tool(HARMFUL, HARMFUL)] };
    let why = shape.check_imports().expect_err("they are not offered").to_string();
    let hosts = Hosts { kept: vec!["evil.example.org".into()], more: 0 };
    finding(Component { shape, origin, hosts }, Verdict::Refused { why, compiled: false })
}

/// One that says little, and could not tell its tasks.
pub(super) fn unknown() -> Finding {
    let shape = Shape { exports: names(&["wasmload:scenario/async-tasks@0.1.0"], 0), ..Shape::default() };
    finding(Component { shape, ..Component::default() }, Verdict::Accepted(Tasks::Unknown(HARMFUL.into())))
}
