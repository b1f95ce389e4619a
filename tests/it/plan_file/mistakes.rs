//! What people get wrong in plan files: each is told with its line and column, and with what to write, before any request.

use crate::support::program::Wasmload;
use crate::support::untouched::Untouched;

/// Runs that plan, which must be refused with exactly these lines; so it must be by `plan` and `check`.
#[track_caller]
fn assert_refused(text: &str, mistakes: &[&str]) {
    let expected = match mistakes {
        [one] => format!("error: failed to use the plan: plan.toml:{one}\n"),
        several => {
            let lines: String = several.iter().map(|line| format!("plan.toml:{line}\n")).collect();
            format!("error: failed to use the plan:\n{lines}")
        }
    };
    for command in ["run", "plan"] {
        let target = Untouched::new();
        let ran = Wasmload::with_plan(command, text).arg("--host").arg(target.url()).output().expect(104);
        target.assert_untouched();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", expected.as_str()), "{command}:\n{text}");
    }
}

/// A scenario, for plans that are wrong elsewhere.
const SCENARIO: &str = "[[scenario]]\ncomponent = \"guests/status_only.wasm\"\n";

/// As [`assert_refused`], with a scenario below these lines.
#[track_caller]
fn assert_top_refused(top: &str, mistake: &str) {
    assert_refused(&format!("{top}\n{SCENARIO}"), &[mistake]);
}

/// As [`assert_refused`], with a scenario above these lines, which begin at line 3.
#[track_caller]
fn assert_scenario_refused(keys: &str, mistake: &str) {
    assert_refused(&format!("{SCENARIO}{keys}\n"), &[mistake]);
}

#[test]
fn unknown_keys() {
    assert_top_refused("run_time = \"10s\"", "1:1: `run_time` is no key; write `run-time`");
    assert_top_refused("runtime = \"10s\"", "1:1: `runtime` is no key; write `run-time`");
    assert_top_refused("vus = 5", "1:1: `vus` is no key; write `users`");
    assert_top_refused("# k6's words\nduration = \"10s\"", "2:1: `duration` is no key; write `run-time`");
    let nothing = "1:1: `colour` is no key; `wasmload plan --schema` and `wasmload run --help` tell those there are";
    assert_top_refused("colour = \"red\"", nothing);
    assert_scenario_refused("wieght = 5", "3:1: `wieght` is no key; write `weight`");
    assert_scenario_refused("  hots = \"http://127.0.0.1\"", "3:3: `hots` is no key; write `host`");
}

#[test]
fn keys_in_the_wrong_place() {
    assert_top_refused("weight = 3", "1:1: `weight` is a key of a scenario; write it into a [[scenario]]");
    assert_scenario_refused(
        "threshold = \"failure_rate: < 1%\"",
        "3:1: `threshold` is a key of the whole plan; write it above the first [[scenario]]",
    );
    assert_refused(
        &format!("component = \"guests/status_only.wasm\"\n{SCENARIO}"),
        &[
            "1:1: `component` stands above [[scenario]]; write it into the one that it belongs to (the other is on line 2)",
        ],
    );
}

#[test]
fn wrong_units() {
    let times = "write for example 10s, 1m30s, 500ms, 250us, 2h, or 0.5 for half a second";
    assert_top_refused(
        "run-time = \"10 parsecs\"",
        &format!("1:12: `run-time`: read `10 parsecs` as a duration: `parsecs` is no unit of it; {times}"),
    );
    assert_top_refused(
        "rate = \"50/d\"",
        "1:8: `rate`: read `50/d` as a rate: `d` is no period; periods are s, m and h; write for example 500/s, 30/m, 2/h, \
         1.5k/s, or 500 for 500/s",
    );
    assert_scenario_refused(
        "max-memory = \"64 elephants\"",
        "3:14: `max-memory`: read `64 elephants` as a size: `elephants` is no unit of it; write for example 64MiB, 1GB, 4k \
         (of 1000 bytes), or 512 for 512 bytes",
    );
}

#[test]
fn stages_without_a_time_or_of_two_kinds() {
    let form = "write TIME:TARGET, for example 30s:100 for virtual users or 30s:100/s for a rate";
    assert_top_refused(
        "stages = \"30s:10,20\"",
        &format!("1:10: `stages`: read stage 2 of `30s:10,20`: `20` has no time; {form}"),
    );
    assert_top_refused(
        "stages = [\"30s:10\", \"1m\"]",
        &format!("1:10: `stages`: read stage 2 of `30s:10,1m`: `1m` has no target; {form}"),
    );
    assert_top_refused(
        "stages = \"30s:10,30s:20/s\"",
        "1:10: `stages`: read stage 2 of `30s:10,30s:20/s`: `20/s` is a rate, but the stages before have numbers of virtual \
         users; give all of them a rate, or none",
    );
}

#[test]
fn values_of_another_type() {
    assert_top_refused("users = \"many\"", "1:9: `users`: `many` is no whole number from 0 on; write for example 10");
    assert_top_refused("users = -5", "1:9: `users`: `-5` is no whole number from 0 on; write for example 10");
    assert_top_refused("users = true", "1:9: `users` takes a number, not true or false");
    assert_top_refused("quiet = \"yes\"", "1:9: `quiet` takes true or false, not a text in quotes");
    assert_top_refused("run-time = [\"1m\"]", "1:12: `run-time` takes one value (TIME), not an array");
    assert_top_refused(
        "run-time = 10:00:00",
        "1:12: `run-time` takes one value (TIME), not a date or a time of day; write text in quotes",
    );
    assert_top_refused(
        "log-level = \"loud\"",
        "1:13: `log-level`: `loud` is none of its values; write `off`, `error`, `warn`, `info`, `debug` or `trace`",
    );
    assert_top_refused(
        "host = \"127.0.0.1:8080\"",
        "1:8: `host`: `127.0.0.1:8080`: relative URL without a base; write for example http://127.0.0.1:8080",
    );
    assert_scenario_refused("weight = 0", "3:10: `weight`: 0 is not in 1..=10000");
}

#[test]
fn components_that_are_missing() {
    let text = "[[scenario]]\nname = \"front\"\n";
    assert_refused(text, &["1:1: the scenario has no component; write for example component = \"scenario.wasm\""]);
    let text = "users = 1\n[[scenario]]\n  component = \"guests/missing.wasm\"\n";
    assert_refused(text, &["3:3: `component`: there is no file guests/missing.wasm; build it, or correct the path"]);
}

#[test]
fn loads_that_contradict_each_other() {
    let both = "leave one of them out";
    assert_top_refused(
        "users = 5\nrate = \"50/s\"",
        &format!("2:1: `rate` contradicts `users`; {both} (the other is on line 1)"),
    );
    assert_top_refused(
        "rate = \"50/s\"\n\nwait = \"1s\"",
        &format!("3:1: `wait` contradicts `rate`; {both} (the other is on line 1)"),
    );
    assert_top_refused(
        "stages = \"1m:5\"\nprofile = \"load.csv\"",
        &format!("2:1: `profile` contradicts `stages`; {both} (the other is on line 1)"),
    );
    assert_scenario_refused(
        "iterations-per-user = 5\nrate = \"50/s\"",
        &format!("4:1: `rate` contradicts `iterations-per-user`; {both} (the other is on line 3)"),
    );
    assert_top_refused(
        "rate = \"5/s\"\nstages = \"1m:10\"",
        "2:1: plan a rate that --stages changes to a number of virtual users; give rates there too, for example 1m:500/s",
    );
    assert_top_refused(
        "users = 2\nmax-vus = 5",
        "2:1: use --max-vus without a rate; it goes with --rate, or with --stages of rates",
    );
}

#[test]
fn weights_and_loads_that_go_nowhere() {
    assert_scenario_refused(
        "weight = 5",
        "3:1: `weight` is of no use without a load to share; write `users` or `rate` above the first [[scenario]]",
    );
    assert_refused(
        &format!("users = 9\n{SCENARIO}name = \"a\"\n{SCENARIO}name = \"b\"\nrate = \"5/s\"\nweight = 2\n"),
        &[
            "9:1: `weight` is of no use beside `rate`, which makes the load the scenario's own; leave one of them out (the \
           other is on line 8)",
        ],
    );
    assert_refused(
        &format!("users = 9\n{SCENARIO}users = 2\n"),
        &["1:1: `users` gives a load that no scenario shares: each has one of its own; leave it out"],
    );
    assert_refused(
        &format!("run-time = \"1m\"\n{SCENARIO}start = \"2m\"\n"),
        &[
            "4:1: `start` is not before the end of the run by `run-time`; start sooner, or run for longer (the other is on line 1)",
        ],
    );
}

#[test]
fn scenarios_that_are_written_in_another_way() {
    let scenarios = "1:3: `scenarios` is no key; write each scenario as [[scenario]]";
    assert_refused("[[scenarios]]\ncomponent = \"guests/status_only.wasm\"\n", &[scenarios]);
    assert_refused(
        "[scenario]\ncomponent = \"guests/status_only.wasm\"\n",
        &["1:2: `scenario` is a list; write [[scenario]], in two brackets, above the keys of each"],
    );
    assert_refused(
        &format!("{SCENARIO}\n{SCENARIO}"),
        &["4:1: two scenarios are called `status_only`; give one of them another `name` (the other is on line 1)"],
    );
    assert_refused("", &["1:1: there is no scenario; write [[scenario]], and below it component = \"scenario.wasm\""]);
    assert_refused(
        "# to do\n",
        &["1:1: there is no scenario; write [[scenario]], and below it component = \"scenario.wasm\""],
    );
}

#[test]
fn text_that_is_no_toml() {
    let quotes = "text stands in quotes, as in run-time = \"10m\"";
    let wanted = "string values must be quoted, expected literal string";
    assert_top_refused("run-time = 10m", &format!("1:12: it is no TOML: {wanted}; {quotes}"));
    assert_top_refused("host = \"http://127.0.0.1", "1:25: it is no TOML: invalid basic string, expected `\"`");
    assert_top_refused("run time = 5", "1:5: it is no TOML: key with no value, expected `=`");
    assert_refused("[[scenario]\n", &["1:12: it is no TOML: unclosed array table, expected `]`"]);
    assert_refused("users = 1\nusers = 2\n", &["2:1: it is no TOML: duplicate key"]);
}

#[test]
fn thresholds_that_are_none_or_about_nobody() {
    let expected = "1:14: `threshold`: read the threshold `service_tim: p95 < 1s` at character 1 (`service_tim: p95 < 1s`): \
                    `service_tim` is no metric; did you mean `service_time`?";
    assert_top_refused("threshold = [\"service_tim: p95 < 1s\"]", expected);
    assert_refused(
        &format!("threshold = \"requests{{scenario=front}}: count > 1\"\n{SCENARIO}"),
        &[
            "1:1: use the threshold `requests{scenario=front}: count > 1`: no scenario of the run is named `front`; the run has \
           `status_only`",
        ],
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = format!("vus = 5\nrun-time = \"soon\"\n{SCENARIO}wieght = 5\n");
    let times = "write for example 10s, 1m30s, 500ms, 250us, 2h, or 0.5 for half a second";
    let run_time = format!("2:12: `run-time`: read `soon` as a duration: `soon` does not start with a number; {times}");
    assert_refused(
        &text,
        &["1:1: `vus` is no key; write `users`", &run_time, "5:1: `wieght` is no key; write `weight`"],
    );
}
