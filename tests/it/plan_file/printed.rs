//! `wasmload plan`: a plan looked over without being run, printed as a plan file, and described for editors.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::program::{Ran, Wasmload, guest, root};
use crate::support::server::Server;
use crate::support::untouched::Untouched;

const PLAN: &str = r#"# a plan with something of everything
host = "http://127.0.0.1:9"
rate = "50/s"
stages = "30s:500/s,5m:500/s,30s:0/s"
arrivals = "poisson"
max-vus = 300
seed = 7
threshold = ["response_time: p95 < 200ms", "failure_rate: < 1%"]
no-keepalive = true

[var]
region = "eu"

[[scenario]]
name = "browse"
component = "guests/status_only.wasm"
weight = 70

[[scenario]]
name = "buy"
component = "guests/asks.wasm"
weight = 30
var = { url = "/buy", method = "POST" }
tag = { team = "web" }
secret = { token = "env:TOKEN" }

[[scenario]]
name = "nightly"
component = "guests/tasks.wasm"
start = "2m"
users = 3
pacing = "10s"
task = ["browse", "buy"]
max-memory = "32MiB"
"#;

/// `wasmload plan plan.toml` with that text and these flags.
fn plan(text: &str, flags: &str) -> Ran {
    let mut program = Wasmload::with_plan("plan", text).with(flags);
    program.command.env("TOKEN", "hunter2-correct-horse");
    program.output()
}

/// What of a plan file is no comment.
fn keys(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[test]
fn a_plan_in_order_is_said_to_be_so_and_not_run() {
    let target = Untouched::new();
    let ran = plan(PLAN, &format!("--host {}", target.url())).expect(0);
    target.assert_untouched();
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("in order"), "{}", ran.stdout);
}

#[test]
fn what_is_printed_is_the_same_plan() {
    for flags in ["", "-u 10 -t 5m --pacing 1s", "--var region=us --tag a=b -i 100", "--stages 5m:100/s --threads 3"] {
        let printed = plan(PLAN, &format!("--print {flags}")).expect(0);
        assert_eq!(printed.stderr, "");
        let again = plan(&printed.stdout, "--print").expect(0);
        assert_eq!(again.stdout, printed.stdout, "{flags}");
        assert!(!printed.stdout.contains("hunter2"), "{}", printed.stdout);
    }
}

#[test]
fn settings_are_printed_as_keys_and_the_rest_as_comments() {
    let printed = plan(PLAN, "--print").expect(0).stdout;
    let found: BTreeSet<_> = keys(&printed).into_iter().collect();
    for line in [
        "rate = \"50/s\"",
        "arrivals = \"poisson\"",
        "max-vus = 300",
        "seed = 7",
        "no-keepalive = true",
        "weight = 70",
        "start = \"2m\"",
        "users = 3",
    ] {
        assert!(found.contains(line), "`{line}` is missing:\n{printed}");
    }
    assert_eq!(found.iter().filter(|line| line.starts_with("run-time")).count(), 0, "nobody set it:\n{printed}");
    assert_eq!(keys(&printed).iter().filter(|line| **line == "[[scenario]]").count(), 3, "{printed}");
    // Each scenario's load in words.
    for words in ["70 % of", "30 % of", "3 virtual users"] {
        let comments = printed.lines().filter(|line| line.starts_with('#'));
        assert!(comments.clone().any(|line| line.contains(words)), "`{words}` is missing:\n{printed}");
    }
}

#[test]
fn a_command_line_can_be_made_a_plan_file() {
    let flags = ["--rate", "1000/s", "-i", "6", "--var", "url=/it's \"quoted\"", "--print", "--seed", "5", "-q"];
    let program = Wasmload::new(["plan".as_ref(), guest("asks").as_os_str()]);
    let printed = flags.iter().fold(program, Wasmload::arg).output().expect(0).stdout;
    let server = Server::start();
    let summary = Wasmload::run_plan(&printed).against(&server).output().expect(0).summary();
    assert_eq!(server.requests().len(), 6);
    assert_eq!((&summary["open_model"], &summary["seed"]), (&Value::Bool(true), &Value::from("5")));
    assert!(server.paths().iter().all(|path| path.starts_with("/it's")), "{:?}", server.paths());
}

#[test]
fn secrets_that_stand_in_a_plan_are_not_printed() {
    let text =
        "component = \"guests/status_only.wasm\"\nsecret = { token = \"env:TOKEN\", password = \"s3cret-horse\" }\n";
    let printed = plan(text, "--print").expect(0).stdout;
    assert!(!printed.contains("s3cret-horse"), "{printed}");
    assert!(printed.contains("env:TOKEN"), "{printed}");
}

#[test]
fn the_schema_for_editors_knows_the_flags_of_a_run() {
    let ran = Wasmload::new(["plan", "--schema"]).output().expect(0);
    let schema: Value = serde_json::from_str(&ran.stdout).expect("the schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let properties = schema["properties"].as_object().expect("properties");
    for (key, property) in properties {
        let property = if key == "scenario" { &property["items"] } else { property };
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{key}: {property:#}");
    }
    // Each key is a flag of `run`, and each flag of `run` a key.
    let help = Wasmload::new(["run", "--help"]).output().expect(0).stdout;
    let flags = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let words = line.strip_prefix('-').and(Some(line))?.split_whitespace();
        words.take(2).find_map(|word| word.strip_prefix("--"))
    });
    // A policy belongs to the person who runs a plan, and not to who wrote it.
    let flags: BTreeSet<_> = flags.filter(|flag| !matches!(*flag, "help" | "version" | "policy" | "locked")).collect();
    let keys: BTreeSet<_> = properties.keys().map(String::as_str).collect();
    let own = ["component", "name", "scenario"].into();
    assert_eq!(keys.difference(&flags).copied().collect::<BTreeSet<_>>(), own);
    assert_eq!(flags.difference(&keys).count(), 0, "{flags:?}");
    // It is the one that is published.
    let published = std::fs::read_to_string(root().join("docs/plan.schema.json")).expect("docs/plan.schema.json");
    assert_eq!(published, ran.stdout);
}
