//! Whole comparisons: what they look like, and what stands in them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::report::golden;
use crate::report::words::width;

/// A summary as the program writes it.
const RICH: &[u8] = include_bytes!("../report/golden/rich.json");

/// A run of a minute that took `time` for a request, in a sawtooth that no machine rounds differently.
fn run(time: f64, failing: u64) -> Value {
    let times = |count: u64, time: f64| {
        json!({"count": count, "mean": time, "p50": time * 0.875, "p90": time * 1.5, "p95": time * 2.0,
            "p99": time * 4.0, "max": time * 8.0})
    };
    let wave = move |at: u64, time: f64| time * (1.0 + ((at * 7 + failing) % 11) as f64 / 128.0);
    let blocks = |count: u64, failures: u64, time: f64| {
        let lists = |of: &dyn Fn(u64) -> Value| (0..60).map(of).collect::<Vec<_>>();
        json!({"count": lists(&|_| (count / 60).into()), "failures": lists(&|at| (failures / 60 * (at % 3)).into()),
            "mean_seconds": lists(&|at| wave(at, time).into())})
    };
    let figures = |name: &str, count: u64, failures: u64, time: f64| {
        json!({"scenario": "shop", "method": "GET", "name": name, "timed_by_guest": false, "count": count,
            "failures": failures, "rate_per_second": count as f64 / 60.0, "service_time_seconds": times(count, time),
            "blocks": blocks(count, failures, time)})
    };
    let second = |at: u64| {
        let time = wave(at, time);
        let vus = if at < 5 { at * 4 } else { 20 };
        json!({"length_seconds": 1.0, "vus": vus, "requests": 200, "failures": failing * (at % 3),
            "service_time_seconds": times(200, time)})
    };
    let load = "20 virtual users for 1m, started at 4/s";
    let iteration = json!({"scenario": "shop", "name": "shop", "count": 6_000, "failures": 0, "rate_per_second": 100.0,
        "elapsed_seconds": times(6_000, time * 2.0)});
    json!({
        "schema": "wasmload-summary/1", "version": "0.1.0", "started_at": "2026-01-01T00:00:00Z",
        "elapsed_seconds": 60.0, "end": {"reason": "completed"}, "scenarios": ["shop"], "seed": "42",
        "plan": {"scenarios": [{"name": "shop", "load": load}]}, "changes": [], "open_model": false,
        "vus": {"started": 20, "max": 20, "failed": 0}, "total": figures("", 12_000, failing * 60, time),
        "requests": [figures("/", 8_000, 0, time * 0.5), figures("/cart/{id}", 4_000, failing * 60, time * 2.0)],
        "iterations": [iteration], "tasks": [], "transactions": [], "warnings": [],
        "series": (0..60).map(second).collect::<Vec<_>>(), "block_ends_seconds": (1..=60).collect::<Vec<_>>(),
    })
}

/// [`run`], slower and with failures, over other names, and by another plan.
fn worse() -> Value {
    let mut document = run(0.015625, 3);
    document["requests"][0]["name"] = "/new".into();
    document["seed"] = "43".into();
    document["vus"]["max"] = 25.into();
    document["plan"]["scenarios"][0]["load"] = "25 virtual users for 1m, started at 4/s".into();
    document["changes"] = json!([{"at_seconds": 59.5, "what": "stopped", "factor": null}]);
    document["end"] = json!({"reason": "interrupted", "forced": false});
    document["warnings"] = json!([{"kind": "generator-saturated", "busy_share": 0.5}, {"kind": "of a later version"}]);
    document
}

/// [`run`] at a rate: requests waited a quarter of their time for a VU, and of a thousand iterations so many found
/// none.
fn open(time: f64, dropped: u64) -> Value {
    let mut document = run(time, 0);
    document["open_model"] = true.into();
    document["plan"]["scenarios"][0]["load"] = "100/s for 1m, at most 50 virtual users".into();
    for (at, second) in document["series"].as_array_mut().into_iter().flatten().enumerate() {
        let mut times = second["service_time_seconds"].clone();
        for (_, seconds) in times.as_object_mut().into_iter().flatten().filter(|(name, _)| *name != "count") {
            *seconds = seconds.as_f64().map(|seconds| seconds * 1.25).into();
        }
        second["response_time_seconds"] = times;
        second["iterations"] = 1_000.into();
        second["dropped_iterations"] = (dropped * (at as u64 % 3)).into();
    }
    document
}

/// [`open`], slower, with more VUs and dropped iterations.
fn slower() -> Value {
    let mut document = open(0.025, 20);
    document["vus"]["max"] = 50.into();
    document["changes"] = json!([
        {"at_seconds": 10.5, "what": "paused", "factor": null},
        {"at_seconds": 14.0, "what": "resumed", "factor": null},
    ]);
    document
}

fn compared(before: &Value, after: &Value) -> Comparison {
    let (before, after) = (before.to_string(), after.to_string());
    let before = Source { name: "before.json", json: before.as_bytes() };
    let after = Source { name: "after.json", json: after.as_bytes() };
    compare(before, after, &Options::default()).expect("two summaries")
}

fn json(comparison: &Comparison) -> String {
    let mut out = Vec::new();
    comparison.write_json(&mut out).expect("memory can be written to");
    String::from_utf8(out).expect("JSON is text")
}

#[test]
fn comparisons_look_as_they_did() {
    let (closed, rated) = (run(0.0125, 0), open(0.0125, 0));
    for (name, before, after) in
        [("same", &closed, closed.clone()), ("worse", &closed, worse()), ("open", &rated, slower())]
    {
        let comparison = compared(before, &after);
        for width in [80, 120] {
            let text = comparison.text(Look { width, ..Look::default() });
            golden::check_in("compare", &format!("{name}_{width}.txt"), &text);
        }
        golden::check_in("compare", &format!("{name}.json"), &json(&comparison));
    }
}

#[test]
fn a_run_is_not_worse_than_itself() {
    let same = compared(&run(0.0125, 1), &run(0.0125, 1));
    assert!(!same.is_worse());
    assert!(same.text(Look::default()).ends_with("\nNothing tells against after.json.\n"));
    assert!(same.notes.is_empty());
}

#[test]
fn worse_and_better_are_each_others_mirror() {
    assert!(compared(&run(0.0125, 0), &worse()).is_worse());
    assert!(!compared(&worse(), &run(0.0125, 0)).is_worse());
}

#[test]
fn what_was_made_by_the_program_can_be_compared() {
    let source = |name| Source { name, json: RICH };
    let comparison = compare(source("a"), source("b"), &Options::default()).expect("two summaries");
    assert!(!comparison.is_worse());
    let text = comparison.text(Look { width: 120, ..Look::default() });
    assert!(text.contains("SQL* insert audit row") && text.contains("  too short to tell\n"), "{text}");
    assert!(text.ends_with("\nNothing can be told of b.\n"), "{text}");
}

#[test]
fn names_of_one_run_have_no_change() {
    let document: Value = serde_json::from_str(&json(&compared(&run(0.0125, 0), &worse()))).expect("JSON");
    let names: Vec<_> = document["requests"].as_array().into_iter().flatten().collect();
    assert_eq!(names.len(), 3);
    assert!(names[0]["after"].is_null() && names[0]["change"].is_null() && names[2]["before"].is_null());
    assert_eq!(names[1]["change"]["mean"], 0.25);
}

/// Whatever the target makes of it: three times the VUs are no other load, and no ramp.
#[test]
fn runs_at_the_same_rate_have_the_same_load() {
    let comparison = compared(&open(0.0125, 0), &slower());
    let text = comparison.text(Look::default());
    assert!(!text.contains("not the same load") && !text.contains("most VUs"), "{text}");
    assert!(text.contains("! changed by hand: nothing before, 1 pause after"), "{text}");
    assert!(text.contains("over 58 seconds before and 54 after, ramps too."), "{text}");
    let document: Value = serde_json::from_str(&json(&comparison)).expect("JSON");
    assert_eq!(document["runs"]["after"]["open_model"], true);
    let rows = document["verdicts"].as_array().into_iter().flatten();
    let verdicts: Vec<_> = rows.map(|row| (row["measure"].as_str(), row["verdict"].as_str())).collect();
    assert_eq!(verdicts.len(), 9);
    assert_eq!(verdicts[0], (Some("mean-response-time"), Some("worse")));
    assert_eq!(verdicts[6], (Some("request-rate"), Some("within-tolerance")));
    assert_eq!(verdicts[8], (Some("dropped-iterations"), Some("worse")));
}

/// A run at a rate against one of so many VUs: their rates tell nothing of the target.
#[test]
fn runs_of_different_models_have_different_loads() {
    let text = compared(&run(0.0125, 0), &open(0.0125, 0)).text(Look { width: 160, ..Look::default() });
    let note = "! planned load: \"20 virtual users for 1m, started at 4/s\" before, \"100/s for 1m, at most 50 virtual users\" after";
    assert!(text.contains(note) && text.contains("not the same load"), "{text}");
    assert!(!text.contains("response time"), "{text}");
}

/// A run of stages, which has no number of VUs of its own.
#[test]
fn a_run_without_a_steady_part_is_noted() {
    let mut stages = run(0.0125, 0);
    for (at, second) in stages["series"].as_array_mut().into_iter().flatten().enumerate() {
        second["vus"] = at.into();
    }
    let text = compared(&run(0.0125, 0), &stages).text(Look::default());
    let note = "  ! number of VUs: steady before, never steady for half of the run after\n";
    assert!(text.contains(note) && text.contains("over 53 seconds before and 58 after. "), "{text}");
}

#[test]
fn the_wrong_file_is_named() {
    let (right, wrong) = (Source { name: "right.json", json: RICH }, Source { name: "wrong.json", json: b"" });
    for (before, after) in [(right, wrong), (wrong, right)] {
        let error = compare(before, after, &Options::default()).expect_err("no summary").to_string();
        assert!(error.starts_with("read `wrong.json` as a summary"), "{error}");
    }
}

#[test]
fn lines_fit_at_every_width_and_colours_change_only_colours() {
    let comparison = compared(&run(0.0125, 0), &worse());
    for columns in 40..160 {
        for line in comparison.text(Look { width: columns, ..Look::default() }).lines() {
            assert!(width(line) <= columns, "{line:?} is wider than {columns}");
            assert_eq!(line, line.trim_end());
        }
    }
    let plain = comparison.text(Look::default());
    let colored = comparison.text(Look { color: true, ..Look::default() });
    let mut parts = colored.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let stripped = parts.fold(first, |text, part| text + part.split_once('m').expect("an ended colour").1);
    assert_ne!(colored, plain);
    assert_eq!(stripped, plain);
    assert!(comparison.text(Look { unicode: false, ..Look::default() }).is_ascii());
}

#[test]
fn a_terminal_finds_nothing_to_obey() {
    let mut document = run(0.0125, 0);
    for place in [
        "/started_at",
        "/seed",
        "/version",
        "/end/reason",
        "/scenarios/0",
        "/plan/scenarios/0/load",
        "/requests/0/method",
        "/requests/0/name",
    ] {
        *document.pointer_mut(place).expect("a place in it") = "\x1b[2J".into();
    }
    let text = compared(&run(0.0125, 0), &document).text(Look::default());
    assert!(!text.contains('\x1b') && text.contains("\\u{1b}[2J"), "{text}");
}

#[test]
fn every_field_is_documented() {
    fn fields(value: &Value, found: &mut BTreeSet<String>) {
        value.as_array().into_iter().flatten().for_each(|item| fields(item, found));
        for (name, value) in value.as_object().into_iter().flatten() {
            found.insert(name.clone());
            fields(value, found);
        }
    }
    let mut found = BTreeSet::new();
    let document = json(&compared(&run(0.0125, 0), &worse()));
    fields(&serde_json::from_str(&document).expect("JSON"), &mut found);
    let page = include_str!("../../../docs/compare.md");
    let missing: Vec<_> = found.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn a_tolerance_is_a_percentage() {
    let read = |text: &str| text.parse::<Tolerance>().map(Tolerance::share);
    assert_eq!(read("5%"), Ok(Tolerance::default().share()));
    assert_eq!((read(" 2.5 % "), read("0%"), read("1000%")), (Ok(0.025), Ok(0.0), Ok(10.0)));
    for text in ["5", "0.05", "", "%", "-1%", "1001%", "nan%", "inf%", "five%"] {
        let message = read(text).expect_err("no percentage").to_string();
        assert!(message.contains(&format!("`{text}`")) && message.contains("write for example 5%"), "{message}");
    }
}
