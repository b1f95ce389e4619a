//! `wasmload compare`: what it says of two runs, and by which exit code.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::figures::{count, rows};
use crate::support::program::{Ran, Wasmload, counts};
use crate::support::running::Running;
use crate::support::server::Server;

/// Rows of a series that has a verdict: ten seconds, the first and the last one that are left out, and one in which the
/// load ends.
const SECONDS: u64 = 13;

/// A real run, too short for a verdict.
fn short() -> Value {
    short_of("-i 20")
}

/// Such a run of 20 requests by that load.
fn short_of(load: &str) -> Value {
    let server = Server::start();
    let summary = Wasmload::run("status_only").with("-q").with(load).against(&server).output().expect(0).summary();
    assert_eq!(counts(&summary["total"]), (20, 0));
    summary
}

/// That run with seconds enough for a verdict, each of 200 requests, of which so many failed, and which took that time.
fn lengthened(run: &Value, seconds: f64, failures: u64) -> Value {
    let mut run = run.clone();
    let mut second = rows(&run, "series")[0].clone();
    second["length_seconds"] = 1.0.into();
    second["requests"] = 200.into();
    second["failures"] = failures.into();
    for (name, time) in second["service_time_seconds"].as_object_mut().expect("a distribution") {
        *time = if name == "count" { 200.into() } else { seconds.into() };
    }
    if run["open_model"] == true {
        second["response_time_seconds"] = second["service_time_seconds"].clone();
        (second["iterations"], second["dropped_iterations"]) = (200.into(), 0.into());
    }
    run["series"] = vec![second; SECONDS as usize].into();
    run
}

/// Compares these two documents in a directory of their own.
fn compare(before: &str, after: &str, flags: &str) -> Ran {
    let program = Wasmload::new(["compare", "before.json", "after.json"]).with(flags);
    for (name, json) in [("before.json", before), ("after.json", after)] {
        fs::write(program.directory.path().join(name), json).expect("a temporary directory can be written to");
    }
    program.output()
}

fn compare_runs(before: &Value, after: &Value, flags: &str) -> Ran {
    compare(&before.to_string(), &after.to_string(), flags)
}

fn document(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("no {}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// The verdicts in the document that a comparison wrote, by what they judge.
#[track_caller]
fn verdicts(comparison: &Value) -> Vec<[&str; 2]> {
    let rows = rows(comparison, "verdicts").iter();
    rows.map(|row| ["measure", "verdict"].map(|field| row[field].as_str().expect("a text"))).collect()
}

/// Runs of the demo side by side, for as long as a verdict needs: against the same target twice, and against one that takes
/// four times as long. Their times are the target's by far, and half as much again counts as no change. Virtual users
/// that started together would make requests in waves, some seconds with one more than others.
#[test]
fn a_slower_target_is_told_from_the_same_one() {
    let runs = ["100ms", "100ms", "400ms"].map(|latency| {
        let flags = format!("demo -q -u 80 -r 80 -t {SECONDS}s --latency {latency} --json summary.json");
        Running::start(Wasmload::new(flags.split_whitespace()))
    });
    let [before, again, slower] = runs.map(|run| run.finish().expect(0).summary());

    let same = compare_runs(&before, &again, "--tolerance 50% --json comparison.json").expect(0);
    assert!(same.stdout.ends_with("\nNothing tells against after.json.\n"), "{}", same.stdout);
    let comparison = document(&same.directory.path().join("comparison.json"));
    assert_eq!(comparison["worse"], false);
    let verdicts = verdicts(&comparison);
    assert_eq!(verdicts.len(), 5);
    assert!(verdicts.iter().all(|[_, verdict]| verdict.starts_with("within-")), "{}", same.stdout);

    let worse = compare_runs(&before, &slower, "--tolerance 50%").expect(96);
    for part in ["mean service time", "p50 service time", "p95 service time", "Welch's t-test"] {
        assert!(worse.stdout.contains(part), "`{part}` is missing:\n{}", worse.stdout);
    }
    let conclusion = "\nafter.json is worse: slower by service time (mean, p50, p95), fewer requests";
    assert!(worse.stdout.contains(conclusion), "{}", worse.stdout);
    compare_runs(&slower, &before, "--tolerance 50%").expect(0);
}

#[test]
fn what_is_slower_than_the_tolerance_allows_is_worse() {
    let run = short();
    let (before, after) = (lengthened(&run, 0.02, 0), lengthened(&run, 0.03, 0));
    let worse = compare_runs(&before, &after, "--json comparison.json").expect(96);
    assert!(worse.stdout.contains("+50.0 %"), "{}", worse.stdout);
    assert!(
        worse.stdout.ends_with("\nafter.json is worse: slower by service time (mean, p50, p95).\n"),
        "{}",
        worse.stdout
    );
    let comparison = document(&worse.directory.path().join("comparison.json"));
    assert_eq!((&comparison["schema"], &comparison["worse"]), (&"wasmload-comparison/1".into(), &true.into()));
    assert_eq!(comparison["test"]["name"], "welch-t-on-block-means");
    assert_eq!(count(&comparison, "/test/seconds/before"), SECONDS - 2);
    let [mean, p50, p95, rate, failures] = verdicts(&comparison)[..] else { panic!("{comparison:#}") };
    assert_eq!([mean, p50, p95].map(|[_, verdict]| verdict), ["worse"; 3]);
    assert_eq!([rate, failures], [["request-rate", "within-tolerance"], ["failure-rate", "within-tolerance"]]);

    let same = compare_runs(&before, &after, "--tolerance 60%").expect(0);
    assert!(same.stdout.contains("same within 60 %"), "{}", same.stdout);
    compare_runs(&after, &before, "").expect(0);
}

/// A slower target keeps more VUs busy, which is no other load; a plan of another rate is one.
#[test]
fn runs_at_a_rate_are_compared_by_what_was_planned() {
    let at = |rate: &str| short_of(&format!("--rate {rate} -i 20 --preallocated-vus 20 --max-vus 20"));
    let run = at("200/s");
    let (before, mut after) = (lengthened(&run, 0.02, 0), lengthened(&run, 0.03, 0));
    after["vus"]["max"] = 200.into();
    let judged = |after: &Value, code| {
        let ran = compare_runs(&before, after, "--json comparison.json").expect(code);
        let comparison = document(&ran.directory.path().join("comparison.json"));
        verdicts(&comparison).into_iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>()
    };
    let slower = judged(&after, 96);
    let times = ["response-time", "service-time"].map(|kind| ["mean", "p50", "p95"].map(|of| format!("{of}-{kind}")));
    assert_eq!(slower[..6], *times.concat().into_iter().map(|time| [time, "worse".to_owned()]).collect::<Vec<_>>());
    let others = ["request-rate", "failure-rate", "dropped-iterations"];
    assert_eq!(slower[6..], others.map(|measure| [measure, "within-tolerance"].map(str::to_owned)));

    let other = judged(&lengthened(&at("400/s"), 0.02, 0), 0);
    assert_eq!(other[6], ["request-rate", "other-load"]);
}

#[test]
fn failures_that_were_not_there_before_are_worse() {
    let run = short();
    let worse = compare_runs(&lengthened(&run, 0.02, 0), &lengthened(&run, 0.02, 20), "").expect(96);
    assert!(worse.stdout.contains("+10 pp"), "{}", worse.stdout);
    assert!(worse.stdout.ends_with("\nafter.json is worse: more failures.\n"), "{}", worse.stdout);
}

#[test]
fn two_short_runs_are_too_short_to_tell() {
    let told = compare_runs(&short(), &short(), "").expect(0);
    assert_eq!(told.stdout.matches("too short to tell").count(), 5, "{}", told.stdout);
    assert!(told.stdout.ends_with("\nNothing can be told of after.json.\n"), "{}", told.stdout);
    assert_eq!(told.stderr, "");
}

#[test]
fn a_quiet_comparison_says_it_by_its_code_and_its_file() {
    let run = short();
    let (before, after) = (lengthened(&run, 0.02, 0), lengthened(&run, 0.03, 0));
    let quiet = compare_runs(&before, &after, "-q --json comparison.json").expect(96);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    assert_eq!(document(&quiet.directory.path().join("comparison.json"))["worse"], true);
}

#[test]
fn what_cannot_be_compared_is_named_with_what_to_try() {
    let run = short().to_string();
    let other = run.replace("wasmload-summary/1", "wasmload-summary/2");
    let form = "failed to read `after.json` as a summary of a run: it is no JSON of that form";
    let cases = [
        (&run[..run.len() / 2], "", [form, "`wasmload run --json FILE`"]),
        ("{}", "", ["missing field `schema`", "`wasmload run --json FILE`"]),
        (&other, "", ["the format `wasmload-summary/2`, not `wasmload-summary/1`", "wasmload that wrote it"]),
        (&run, "--tolerance 0.05", ["--tolerance", "write for example 5% or 2.5%"]),
        (&run, "--json ./after.json", ["write to `./after.json` for --json", "give another file"]),
    ];
    for (after, flags, words) in cases {
        assert_refused(&compare(&run, after, flags), &words);
    }
    let missing = Wasmload::new(["compare", "before.json", "after.json"]).output();
    assert_refused(&missing, &["failed to read `before.json`", "`wasmload run --json FILE`", "No such file"]);
    assert_refused(&Wasmload::new(["compare", "before.json"]).output(), &["<AFTER>"]);
}

#[track_caller]
fn assert_refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(104), ""), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing: {}", ran.stderr);
    }
}

#[test]
fn a_comparison_that_cannot_be_written_is_shown_and_ends_with_1() {
    let run = short();
    let told = compare_runs(&run, &run, "--json missing/comparison.json").expect(1);
    assert!(told.stdout.ends_with("\nNothing can be told of after.json.\n"), "{}", told.stdout);
    let start = "error: failed to write the comparison to `missing/comparison.json`: ";
    assert!(told.stderr.starts_with(start), "{}", told.stderr);
}
