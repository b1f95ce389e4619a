use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A component in text form, as bytes.
fn bytes(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's component is well-formed")
}

fn read(text: &str) -> Component {
    Component::read(&bytes(text)).expect("it is a component")
}

/// A component that imports and exports instances of these names.
fn shape(imports: &[&str], exports: &[&str]) -> Shape {
    let mut text = "(component (component $inner) (instance $of (instantiate $inner))".to_owned();
    for name in imports {
        let _ = write!(text, "(import \"{name}\" (instance))");
    }
    for name in exports {
        let _ = write!(text, "(export \"{name}\" (instance $of))");
    }
    Shape::read(&bytes(&(text + ")"))).expect("it is a component")
}

#[test]
fn what_one_instance_takes_is_counted_at_all_depths() {
    let shape = read(
        r#"(component
            (core module $m (memory 17) (memory 1 2) (table 5 funcref) (table 7 9 funcref) (func))
            (core instance (instantiate $m))
            (core instance (instantiate $m))
            (component (core module (memory 2) (table 6 externref)) (import "not:the/outermost@1.0.0" (instance)))
        )"#,
    )
    .shape;
    assert_eq!((shape.memories, shape.memory_bytes), (3, 20 << 16));
    assert_eq!((shape.tables, shape.table_elements), (3, 7));
    assert_eq!((shape.core_instances, shape.imports), (2, Names::default()));
}

#[test]
fn what_is_offered_passes() {
    let imports = ["wasmload:scenario/http@0.1.0", "wasi:io/poll@0.2.12", "wasi:clocks/monotonic-clock@0.3.0"];
    assert_eq!(shape(&imports, &[]).check_imports(), Ok(()));
}

#[test]
fn what_is_not_offered_is_named_with_what_to_do() {
    let imports = ["evil:corp/secrets@1.0.0", "wasi:http/outgoing-handler@0.2.0", "wasmload:scenario/http@2.0.0"];
    let error = shape(&imports, &[]).check_imports().unwrap_err().to_string();
    for expected in ["`evil:corp/secrets@1.0.0`", "wasmload:scenario/http", "version 0.1"] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn imports_are_told_by_what_they_are_for() {
    for (import, purpose) in [
        ("wasmload:scenario/http@0.1.0", Purpose::Requests),
        ("wasmload:scenario/async-http@0.1.3", Purpose::Requests),
        ("wasmload:scenario/user@0.1.0", Purpose::User),
        ("wasmload:scenario/unheard-of@0.1.0", Purpose::Other),
        ("wasi:clocks/wall-clock@0.2.6", Purpose::Clock),
        ("wasi:clocks/system-clock@0.3.0", Purpose::Clock),
        ("wasi:random/insecure-seed@0.2.0", Purpose::Random),
        ("wasi:cli/terminal-stdin@0.2.0", Purpose::Input),
        ("wasi:cli/terminal-stdout@0.2.0", Purpose::Output),
        ("wasi:filesystem/preopens@0.2.0", Purpose::Files),
        ("wasi:sockets/tcp@0.2.0", Purpose::Sockets),
        ("wasi:sockets/tcp@0.4.0", Purpose::Refused),
        ("wasi:http/types@0.2.0", Purpose::Refused),
        ("wasmload:scenario/http@0.2.0", Purpose::Refused),
        ("wasi:clocks", Purpose::Refused),
        ("", Purpose::Refused),
    ] {
        assert_eq!(Purpose::of(import), purpose, "{import}");
    }
}

#[test]
fn more_imports_than_are_kept_are_counted_and_refused() {
    let names: Vec<String> = (0..1_500).map(|at| format!("wasi:clocks/a{at}@0.2.0")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let shape = shape(&names, &[]);
    assert_eq!((shape.imports.kept.len(), shape.imports.more), (1_000, 500));
    let error = shape.check_imports().unwrap_err().to_string();
    assert!(error.contains("1500 imports are too many"), "{error}");
}

#[test]
fn names_and_errors_have_a_bound() {
    let long = format!("wasi:io/{}@0.2.0", "é".repeat(5_000));
    let named = shape(&[&long, &long], &[&long]);
    for name in named.imports.kept.iter().chain(&named.exports.kept) {
        assert!(name.ends_with('…') && name.len() <= MAX_NAME_BYTES + '…'.len_utf8(), "{name}");
    }
    let many: Vec<String> = (0..900).map(|at| format!("evil:corp/a{at}@1.0.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let imports = shape(&many, &[]).check_imports().unwrap_err().to_string();
    assert!(imports.len() < 5_000 && imports.ends_with("and 880 more"), "{imports}");
    let exports = shape(&[], &many).entry().unwrap_err().to_string();
    assert!(exports.len() < 5_000 && exports.contains("evil:corp/a19@1.0.0, and 880 more; export one"), "{exports}");
}

#[test]
fn exports_are_found_by_interface_in_any_patch_version() {
    let shape = shape(&[], &["other:thing/iteration@0.1.0", "wasmload:scenario/iteration@0.1.7"]);
    assert_eq!(shape.contract_export("iteration"), Some("wasmload:scenario/iteration@0.1.7"));
    assert_eq!((shape.contract_export("tasks"), shape.contract_versions()), (None, vec!["0.1.7"]));
    assert_eq!(shape.entry().map(|entry| entry.kind), Ok(Kind::Iteration));
    assert!(!shape.is_async());
}

#[test]
fn only_interfaces_can_be_run() {
    let shape =
        read("(component (core module $m) (export \"wasmload:scenario/iteration@0.1.0\" (core module $m)))").shape;
    assert_eq!((shape.exports.kept.len(), shape.other_exports.kept.len()), (0, 1));
    let error = shape.entry().unwrap_err().to_string();
    assert!(error.contains("the component exports no interface; export one of wasmload:scenario/iteration"), "{error}");
}

#[test]
fn a_component_is_one_kind_of_scenario() {
    let both = shape(&[], &["wasmload:scenario/tasks@0.1.0", "wasmload:scenario/iteration@0.1.0"]);
    assert_eq!(both.entry(), Err(ComponentError::SeveralEntries("iteration", "tasks")));
    let old = shape(&[], &["wasmload:scenario/iteration@0.2.0"]);
    assert!(matches!(old.entry(), Err(ComponentError::NoEntry { .. })));
}

#[test]
fn worlds_are_those_of_the_contract() {
    let worlds = include_str!("../../../wit/world.wit");
    let is_there = |world: &str| worlds.lines().any(|line| line == format!("world {world} {{"));
    let (http, async_http) = ("wasmload:scenario/http@0.1.0", "wasmload:scenario/async-http@0.1.0");
    for (import, exports, world) in [
        (http, &["iteration"][..], Some("scenario")),
        (http, &["iteration", "lifecycle"], Some("scenario-with-lifecycle")),
        (http, &["tasks", "lifecycle"], Some("task-scenario")),
        (http, &["tasks"], None),
        (async_http, &["iteration"], None),
        (async_http, &["async-iteration"], Some("async-scenario")),
        (http, &["async-iteration", "lifecycle"], Some("async-scenario-with-lifecycle")),
        (async_http, &["async-tasks", "lifecycle"], Some("async-task-scenario")),
        (http, &["lifecycle"], None),
    ] {
        let exports: Vec<String> = exports.iter().map(|name| format!("wasmload:scenario/{name}@0.1.0")).collect();
        let exports: Vec<&str> = exports.iter().map(String::as_str).collect();
        assert_eq!(shape(&[import], &exports).world(), world, "{exports:?}");
        assert!(world.is_none_or(is_there), "{world:?}");
    }
}

#[test]
fn async_interfaces_are_noticed() {
    assert!(shape(&["wasmload:scenario/async-http@0.1.0"], &[]).is_async());
    assert!(shape(&["wasi:clocks/monotonic-clock@0.3.0"], &[]).is_async());
    assert!(!shape(&["wasi:clocks/monotonic-clock@0.2.3"], &[]).is_async());
}

#[test]
fn a_memory_must_fit_its_bound() {
    let shape = Shape { memory_bytes: 17 << 16, ..Shape::default() };
    assert!(shape.check_memory(17 << 16).is_ok());
    let error = shape.check_memory(1 << 16).unwrap_err().to_string();
    assert!(error.contains("1.1 MiB") && error.contains("--max-memory"), "{error}");
}

/// What made a component with these modules, and that in its own `producers`.
fn origin(outermost: &str, modules: &[(&str, &str)]) -> (String, String) {
    let mut text = "(component ".to_owned();
    for (name, producers) in modules {
        let _ = write!(text, "(core module ${name} {producers})");
    }
    let origin = read(&format!("{text} {outermost})")).origin;
    let tools: Vec<_> = origin.tools.iter().map(|tool| format!("{} {}", tool.name, tool.version)).collect();
    (origin.language.unwrap_or_default(), tools.join(", "))
}

#[test]
fn languages_are_known_by_what_toolchains_leave() {
    let linker = r#"(@producers (processed-by "wit-component" "0.254.2"))"#;
    let rust = r#"(@producers (processed-by "rustc" "1.96.0 (ac68faa20 2026-05-25)") (processed-by "wit-bindgen-rust" "0.61.1"))"#;
    let c = r#"(@producers (language "C11" "") (processed-by "clang" "21.1.4"))"#;
    let adapter = r#"(@producers (language "Rust" "") (processed-by "rustc" "1.75.0"))"#;
    let own = |language: &str, tools: &str| (language.to_owned(), tools.to_owned());
    assert_eq!(origin("", &[]), own("", ""));
    assert_eq!(origin(linker, &[("main", "")]), own("", "wit-component 0.254.2"));
    assert_eq!(
        origin(linker, &[("main", rust)]),
        own("Rust", "rustc 1.96.0 (ac68faa20 2026-05-25), wit-component 0.254.2, wit-bindgen-rust 0.61.1")
    );
    let adapted = ("wit-component:adapter:wasi_snapshot_preview1", adapter);
    assert_eq!(origin(linker, &[("main", c), adapted]), own("C", "wit-component 0.254.2, clang 21.1.4"));
    let runtime = ("libcomponentize_py_runtime.so", "");
    assert_eq!(
        origin(linker, &[adapted, ("libpython3.14.so", ""), runtime]),
        own("Python", "componentize-py , CPython 3.14, wit-component 0.254.2")
    );
    let javascript = r#"(@producers (language "JavaScript" "") (processed-by "ComponentizeJS" "0.23.0"))"#;
    assert_eq!(
        origin(
            javascript,
            &[("main", r#"(@producers (language "C_plus_plus_14" "") (processed-by "rustc" "1.88.0"))"#)]
        ),
        own("JavaScript", "ComponentizeJS 0.23.0, rustc 1.88.0")
    );
    let qjs = ("componentize_qjs_runtime.wasm", rust);
    assert_eq!(origin("", &[qjs]).0, "JavaScript");
    assert_eq!(origin("", &[("main", r#"(@producers (processed-by "TinyGo" "0.41.0"))"#)]).0, "Go");
    assert_eq!(
        origin("", &[("main", r#"(@producers (language "Go" "go1.26") (processed-by "Go cmd/compile" "go1.26"))"#)]).0,
        "Go"
    );
    assert_eq!(origin("", &[("main", r#"(@producers (processed-by "clang" "21.1.4"))"#)]).0, "C or C++");
}

#[test]
fn what_is_wrong_with_notes_spoils_nothing() {
    let component = bytes(
        "(component (core module $main (@custom \"producers\" \"\\05x\")) (@custom \"component-name\" \"\\01\\ff\"))",
    );
    assert_eq!(Component::read(&component).map(|component| component.origin), Ok(Origin::default()));
}

#[test]
fn hosts_are_read_out_of_all_data() {
    let component = read(
        r#"(component
            (core module (memory 1) (data (i32.const 0) "https://a.test/") (data "http://b.test"))
            (component (core module (memory 1) (data (i32.const 0) "..https://c.test:8080/x")))
        )"#,
    );
    assert_eq!(component.hosts.kept, ["a.test", "b.test", "c.test:8080"]);
}

/// The beginning of a component.
const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// A section, whose bytes are fewer than 2^28.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    let mut left = content.len();
    while left >= 0x80 {
        section.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    section.push(left as u8);
    section.extend_from_slice(content);
    section
}

#[test]
fn numbers_that_promise_more_than_there_is_are_malformed() {
    for id in [2, 3, 10, 11] {
        // 4,294,967,295 of what the section holds.
        let hostile = [PREAMBLE, &section(id, b"\xff\xff\xff\xff\x0f")].concat();
        let (shape, whole) = (Shape::read(&hostile), Component::read(&hostile));
        let reads_it = matches!(id, 2 | 10 | 11);
        assert_eq!((shape.is_err(), whole.is_err()), (reads_it, reads_it), "section {id}");
    }
    assert!(matches!(Shape::read(b"\0asm\x0d\0\x01\0\x07\x05"), Err(ComponentError::Malformed(_))));
}

#[test]
fn depth_costs_no_stack() {
    let mut nested = PREAMBLE.to_vec();
    for _ in 0..3_000 {
        nested = [PREAMBLE, &section(4, &nested)].concat();
    }
    assert_eq!(Component::read(&nested), Ok(Component::default()));
}

/// A real component.
const REAL: &[u8] = include_bytes!("../../assets/cities.wasm");

/// Reads what is left of a component; whatever that says has bounds.
fn read_hostile(bytes: &[u8]) {
    let Ok(Component { shape, origin, hosts }) = Component::read(bytes) else { return };
    for names in [&shape.imports, &shape.exports, &shape.other_exports] {
        assert!(names.kept.len() <= MAX_ENTRIES);
    }
    assert!(origin.tools.len() <= 20 && hosts.kept.len() <= 20);
    let errors = [shape.check_imports().err(), shape.entry().err(), shape.check_memory(64 << 20).err()];
    assert!(errors.into_iter().flatten().all(|error| error.to_string().len() < 20_000));
    assert!(shape.contract_versions().len() <= 2 * MAX_ENTRIES);
    assert_eq!(Shape::read(bytes).as_ref(), Ok(&shape));
}

#[test]
fn a_real_component_is_read_however_it_is_cut_and_spoiled() {
    assert_eq!(Component::read(REAL).expect("it is whole").shape.world(), Some("scenario-with-lifecycle"));
    (0..REAL.len()).step_by(37).for_each(|length| read_hostile(&REAL[..length]));
    let mut random = ChaCha8Rng::seed_from_u64(0x5eed);
    for _ in 0..4_000 {
        let mut spoiled = REAL.to_vec();
        for _ in 0..random.random_range(1..=8) {
            let at = random.random_range(0..spoiled.len());
            let length = random.random_range(1..=64).min(spoiled.len() - at);
            match random.random_range(0..5) {
                0 => spoiled[at] = random.random(),
                1 => spoiled[at] ^= 1 << random.random_range(0..8),
                2 => spoiled[at..at + length].fill([0x00, 0x7f, 0x80, 0xff][random.random_range(0..4)]),
                3 => drop(spoiled.drain(at..at + length)),
                _ => {
                    let piece = spoiled[at..at + length].to_vec();
                    let to = random.random_range(0..spoiled.len());
                    drop(spoiled.splice(to..to, piece));
                }
            }
        }
        read_hostile(&spoiled);
    }
}

#[test]
fn laws_hold_for_what_is_nearly_a_component() {
    use rand::{RngExt, SeedableRng};
    let good = include_bytes!("../../assets/cities.wasm");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    for _ in 0..300 {
        let mut bytes = good[..random.random_range(0..=good.len())].to_vec();
        for _ in 0..random.random_range(0..4) {
            if let Some(place) = bytes.len().checked_sub(1) {
                let place = random.random_range(0..=place);
                bytes[place] = random.random();
            }
        }
        super::fuzz::check(&bytes);
    }
}
