//! What is told of a component before it is run.

use std::fs;

use serde_json::{Value, json};

use crate::support::program::{Ran, Wasmload, guest, named, sha256};

/// What is said of the guest of that name, with these arguments.
#[track_caller]
fn inspect(name: &str, arguments: &str, code: i32) -> Ran {
    Wasmload::new(["inspect".as_ref(), guest(name).as_os_str()]).with(arguments).output().expect(code)
}

#[track_caller]
fn as_json(name: &str, arguments: &str, code: i32) -> Value {
    let ran = inspect(name, &format!("--json {arguments}"), code);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn a_scenario_is_told_in_words() {
    let ran = inspect("status_only", "", 0);
    let path = guest("status_only");
    for line in [
        format!("  pin      {}#sha256={}", path.display(), sha256(&path)),
        "  kind     iteration without a lifecycle; contract wasmload:scenario 0.1.0, world scenario".to_owned(),
        "  makes HTTP requests, through wasmload:scenario/http".to_owned(),
        "  wasmload:scenario/iteration@0.1.0".to_owned(),
    ] {
        assert!(ran.stdout.lines().any(|other| other == line), "`{line}` is missing: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("  made by  Rust: rustc 1."), "{}", ran.stdout);
    assert!(ran.stdout.contains(" MiB of memory at its start (within --max-memory's default of 64.0 MiB), 1"));
    assert!(ran.stdout.ends_with("\n✓ a run would take it\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
}

#[test]
fn what_it_reads_of_its_surroundings_is_told() {
    let ran = inspect("wasi", "--no-run", 0);
    for words in
        ["reads the clock, through wasi:clocks/", "draws random numbers (from the run's seed), through wasi:random/"]
    {
        assert!(ran.stdout.contains(words), "`{words}` is missing: {}", ran.stdout);
    }
    assert!(ran.stdout.contains("prints (into the log), through wasi:cli/stdout"), "{}", ran.stdout);
    assert!(ran.stdout.contains("it was not compiled (--no-run)"), "{}", ran.stdout);
    let data = as_json("data", "--no-run", 0);
    assert_eq!(named(&data["imports"], "wasmload:scenario/data@0.1.0")["purpose"], "data");
}

#[test]
fn an_import_that_is_not_offered_is_a_refusal() {
    let ran = inspect("imports_unknown", "", 104);
    assert!(ran.stdout.contains("asks for what is not offered (it will be refused), through evil:corp/secrets@1.0.0"));
    let refusal = "✗ a run would refuse it: it would fail to link the component's imports: `evil:corp/secrets@1.0.0`:";
    assert!(ran.stdout.contains(refusal), "{}", ran.stdout);
    let found = as_json("imports_unknown", "", 104);
    let import = named(&found["imports"], "evil:corp/secrets@1.0.0");
    assert_eq!((&import["offered"], &import["purpose"]), (&json!(false), &json!("refused")));
    assert_eq!((&found["verdict"]["accepted"], &found["verdict"]["compiled"]), (&json!(false), &json!(false)));
    // A run says the same.
    let run = Wasmload::run("imports_unknown").output().expect(104);
    let refusal = found["verdict"]["refusal"].as_str().expect("a text");
    assert!(run.stderr.contains(refusal), "`{refusal}` is missing: {}", run.stderr);
}

#[test]
fn tasks_are_asked_for() {
    let ran = inspect("tasks", "", 0);
    for line in
        ["  browse      70  70.0 %  read", "  search      20  20.0 %  read, slow", "  buy         10  10.0 %  write"]
    {
        assert!(ran.stdout.lines().any(|other| other == line), "`{line}` is missing: {}", ran.stdout);
    }
    let found = as_json("async_tasks", "", 0);
    let contract =
        json!({"versions": ["0.1.0"], "kind": "async-tasks", "lifecycle": true, "world": "async-task-scenario"});
    assert_eq!(found["contract"], contract);
    assert_eq!((&found["tasks"]["state"], &found["tasks"]["wait"]), (&json!("described"), &json!({"kind": "none"})));
    assert_eq!(named(&found["tasks"]["list"], "pair"), &json!({"name": "pair", "weight": 3, "tags": []}));
    assert_eq!(as_json("tasks", "--no-run", 0)["tasks"], json!({"state": "not-asked"}));
    assert_eq!(as_json("hello", "", 0)["tasks"], Value::Null);
}

#[test]
fn a_description_makes_no_requests() {
    let found = as_json("describe_asks", "", 0);
    assert_eq!(found["tasks"]["list"][0]["name"], "denied, denied, failed", "the last one has no target");
}

#[test]
fn a_scenario_that_does_not_say_what_its_tasks_are_is_told_apart_from_one_that_is_refused() {
    let ran = inspect("describe_traps", "", 0);
    assert!(
        ran.stdout.contains("  ! it did not say which, with no variables and secrets to go by: "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.ends_with("✓ a run would take it, once it says what its tasks are\n"), "{}", ran.stdout);
    let found = as_json("describe_traps", "", 0);
    assert_eq!((&found["tasks"]["state"], &found["verdict"]["accepted"]), (&json!("failed"), &json!(true)));
    let run = |variables: &str| Wasmload::run("describe_traps").with("-q -i 1").with(variables).output();
    run("").expect(104);
    run("--var shop=books").expect(0);
}

#[test]
fn json_tells_bytes_and_what_an_instance_takes() {
    let path = guest("hello");
    let found = as_json("hello", "", 0);
    assert_eq!(found["schema"], "wasmload-component/1");
    assert_eq!(found["sha256"], sha256(&path));
    assert_eq!(found["pin"], format!("{}#sha256={}", path.display(), sha256(&path)));
    assert_eq!(found["size_bytes"], fs::metadata(&path).expect("the guest is there").len());
    assert_eq!(found["made_by"]["language"], "Rust");
    assert_eq!((&found["takes"]["memories"], &found["takes"]["memory_fits"]), (&json!(1), &json!(true)));
    assert_eq!(found["verdict"], json!({"accepted": true, "compiled": true, "refusal": null}));
}

#[test]
fn wit_is_printed() {
    let ran = inspect("lifecycle", "--wit", 0);
    for line in
        ["  import wasmload:scenario/http@0.1.0;", "  export wasmload:scenario/lifecycle@0.1.0;", "  interface http {"]
    {
        assert!(ran.stdout.lines().any(|other| other == line), "`{line}` is missing: {}", ran.stdout);
    }
    // Without its imports' bodies it would not be WIT that can be read.
    assert!(ran.stdout.contains("http-request: func(req: request) -> response;"), "{}", ran.stdout);
}

#[test]
fn what_is_no_component_is_told_as_a_run_tells_it() {
    let whole = fs::read(guest("hello")).expect("the guest is there");
    let cases: [(&str, &[u8]); 5] = [
        ("core.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0"),
        ("notes.txt", b"to do: write a scenario\n"),
        ("empty.wasm", b""),
        ("cut.wasm", &whole[..whole.len() / 2]),
        ("plan.yaml", b"users: 5\n"),
    ];
    for (name, content) in cases {
        assert_told_alike(name, |command| Wasmload::new([command, name]).file(name, content));
    }
    assert_told_alike("missing.wasm", |command| Wasmload::new([command, "missing.wasm"]));
}

/// A run and `inspect` must refuse it with the same words, which say what file it is.
#[track_caller]
fn assert_told_alike(name: &str, program: impl Fn(&str) -> Wasmload) {
    let told = program("run").with("-i 1").output().expect(104).stderr;
    assert!(told.contains(name), "{told}");
    for arguments in ["", "--json", "--wit", "--no-run"] {
        let ran = program("inspect").with(arguments).output().expect(104);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", told.as_str()), "{name} {arguments}");
    }
}

#[test]
fn a_plan_file_is_no_component() {
    let ran = Wasmload::new(["inspect", "plan.toml"]).file("plan.toml", "users = 5\n").output().expect(104);
    assert!(ran.stderr.contains("perhaps a plan (give one of the components that it names)"), "{}", ran.stderr);
}
