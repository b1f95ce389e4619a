//! What is said of files that are wrong.

use super::*;

#[test]
fn mistakes_in_keys_and_values_say_where_and_what_to_write() {
    let cases = [
        ("run_time = 5", "1:1: `run_time` is no key; write `run-time`"),
        ("runTime = 5", "1:1: `runTime` is no key; write `run-time`"),
        ("run-tiem = 5", "1:1: `run-tiem` is no key; write `run-time`"),
        ("vus = 5", "1:1: `vus` is no key; write `users`"),
        ("duration = '5s'", "1:1: `duration` is no key; write `run-time`"),
        ("spawn_rate = 5", "1:1: `spawn_rate` is no key; write `spawn-rate`"),
        ("[[scenarios]]\ncomponent = 'x'", "1:3: `scenarios` is no key; write each scenario as [[scenario]]"),
        (
            "xylophone = 5",
            "1:1: `xylophone` is no key; `wasmload plan --schema` and `wasmload run --help` tell those there are",
        ),
        ("\nweight = 5", "2:1: `weight` is a key of a scenario; write it into a [[scenario]]"),
        ("users = 'ten'", "1:9: `users`: `ten` is no whole number from 0 on; write for example 10"),
        ("users = -1", "1:9: `users`: `-1` is no whole number from 0 on; write for example 10"),
        ("users = 1.5", "1:9: `users`: `1.5` is no whole number from 0 on; write for example 10"),
        ("spawn-rate = 'x'", "1:14: `spawn-rate`: `x` is no number; write for example 10 or 0.5"),
        ("users = true", "1:9: `users` takes a number, not true or false"),
        ("users = [1]", "1:9: `users` takes a number, not an array"),
        ("host = { a = 1 }", "1:8: `host` takes one value (URL), not a table"),
        ("threads = 0", "1:11: `threads`: 0 is not in 1..=1024"),
        ("quiet = 'yes'", "1:9: `quiet` takes true or false, not a text in quotes"),
        (
            "pacing = 10:00:00",
            "1:10: `pacing` takes one value (TIME), not a date or a time of day; write text in quotes",
        ),
        (
            "run-time = '10 parsecs'",
            "1:12: `run-time`: read `10 parsecs` as a duration: `parsecs` is no unit of it; write for example 10s",
        ),
        ("max-memory = '5 elephants'", "1:14: `max-memory`: read `5 elephants` as a size: "),
        ("name = ''", "1:8: `name`: it is empty; write one, or leave the key out"),
        ("rate = '2M/s'", "1:1: plan a rate of 2000000/s, which is more"),
        ("tls-min = '1.4'", "1:11: `tls-min`: `1.4` is none of its values; write `1.2` or `1.3`"),
        ("stages = '30s:100,50'", "1:10: `stages`: read stage 2 of `30s:100,50`: `50` has no time; write TIME:TARGET"),
        ("stages = ['30s:100', 5]", "1:10: `stages`: read stage 2 of `30s:100,5`: `5` has no time; write TIME:TARGET"),
        ("host = 'localhost:80'", "1:1: use 'localhost:80' as the target; --host wants an http or https URL"),
        ("threshold = ['response_time: p95 < 1s', 'resp: p95 < 1s']", "1:41: `threshold`: "),
        ("proxy = 'ftp://user:hunter2@x'", "1:9: `proxy`: "),
        ("secret = ['hunter2']", "1:11: `secret`: it is not NAME=SOURCE; write for example token=env:TOKEN"),
        ("var = { a = [1] }", "1:13: `var` takes texts for its names, not an array"),
        ("var = { 'a=b' = 1 }", "1:9: `var` has the name `a=b`, which is empty or has a = in it"),
        ("har-users = 3", "1:1: `har-users` is of no use without `har`; give that too"),
        (
            "max-memory = '1KiB'\nsecret = { a = 'env:NO_SUCH_VARIABLE' }",
            "2:1: read the secret 'a' from the environment variable",
        ),
        ("max-memory = '5GiB'", "1:1: use --max-memory: it wants between 64KiB and 4GiB"),
        ("max-vus = 5", "1:1: use --max-vus without a rate; it goes with --rate"),
        ("profile = 'nowhere.csv'", "1:1: read nowhere.csv, given with --profile: "),
        ("spawn-rate = 0", "1:1: start 0 virtual users a second; --spawn-rate wants a number above 0"),
        ("iterations = 0", "1:1: plan a run of no length; --iterations wants more than 0"),
        ("users = 0", "1:1: plan a run without virtual users; "),
        ("rate = 5\nmax-vus = 1\npreallocated-vus = 2", "3:1: make 2 virtual users ahead, of 1 at the most"),
    ];
    for (text, expected) in cases {
        let error = refused(&above_one(text));
        assert!(error.starts_with(&format!("plan.toml:{expected}")), "{text}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("--help for"), "{error}");
    }
}

#[test]
fn mistakes_in_a_scenario_are_told_of_it() {
    let cases = [
        ("threads = 5", "3:1: `threads` is a key of the whole plan; write it above the first [[scenario]]"),
        ("weight = 0", "3:10: `weight`: 0 is not in 1..=10000"),
        ("weight = 5", "3:1: `weight` is of no use without a load to share; write `users` or `rate` above the first"),
        (
            "weight = 5\nusers = 3",
            "3:1: `weight` is of no use beside `users`, which makes the load the scenario's own; leave one of them out (the other is on line 4)",
        ),
        ("users = 3\nrate = 5", "4:1: `rate` contradicts `users`; leave one of them out (the other is on line 3)"),
        (
            "stages = '1s:5'\nprofile = 'x.csv'",
            "4:1: `profile` contradicts `stages`; leave one of them out (the other is on line 3)",
        ),
        ("stages = '1s:5/s'\nwait = '1s'", "4:1: plan iterations at a rate with --wait, which paces"),
        ("users = 0", "3:1: plan a run without virtual users; "),
        ("env = 3", "3:1: `env` is no key; write `var`"),
        ("json = 'x'", "3:1: `json` is a key of the whole plan; "),
        ("name = ''", "3:8: `name`: "),
    ];
    for (text, expected) in cases {
        let error = refused(&in_one(text));
        assert!(error.starts_with(&format!("plan.toml:{expected}")), "{text}: {error}");
    }
}

#[test]
fn a_file_without_the_right_scenarios_says_what_to_write() {
    let cases = [
        ("", "1:1: there is no scenario; write [[scenario]], and below it component = \"scenario.wasm\""),
        ("users = 5", "1:1: there is no scenario; write [[scenario]]"),
        ("[scenario]\ncomponent = 'cities.wasm'", "1:2: `scenario` is a list; write [[scenario]], in two brackets"),
        ("scenario = ['cities.wasm']", "1:13: a scenario has keys; write [[scenario]]"),
        (
            "[[scenario]]\nname = 'a'",
            "1:1: the scenario has no component; write for example component = \"scenario.wasm\"",
        ),
        ("name = 'a'", "1:1: the scenario has no component; "),
        (
            "[[scenario]]\ncomponent = 'none.wasm'",
            "2:1: `component`: there is no file none.wasm; build it, or correct the path",
        ),
        ("component = 'none.wasm'", "1:1: `component`: there is no file none.wasm; build it, or correct the path"),
        ("component = 'http://example.org/a.wasm'", "1:13: `component`: fetch a scenario by plain http"),
        (
            "component = 'a.wasm'\n[[scenario]]\ncomponent = 'b.wasm'",
            "1:1: `component` stands above [[scenario]]; write it into the one that it belongs to (the other is on line 2)",
        ),
        ("run-time = 10m", "1:12: it is no TOML: "),
        ("users = 5\nusers = 6", "2:1: it is no TOML: duplicate key"),
    ];
    for (text, expected) in cases {
        let error = refused(text);
        assert!(error.starts_with(&format!("plan.toml:{expected}")), "{text}: {error}");
    }
    assert!(refused("run-time = 10m").ends_with("; text stands in quotes, as in run-time = \"10m\""));
}

#[test]
fn mistakes_between_scenarios_name_both_lines() {
    let twice = "[[scenario]]\ncomponent = 'cities.wasm'\n".repeat(2);
    let error = refused(&twice);
    assert_eq!(
        error,
        "plan.toml:3:1: two scenarios are called `cities`; give one of them another `name` (the other is on line 1)"
    );
    let error = refused(&two("rate = 5", "users = 3", "users = 4"));
    assert_eq!(
        error,
        "plan.toml:1:1: `rate` gives a load that no scenario shares: each has one of its own; leave it out"
    );
    let error = refused(&two("run-time = '1m'", "", "start = '1m'"));
    let expected = "plan.toml:9:1: `start` is not before the end of the run by `run-time`; start sooner, or run for longer (the other is on line 1)";
    assert_eq!(error, expected);
    let error = refused(&two("users = 1", "", ""));
    assert!(error.starts_with("plan.toml:1:1: start scenario `two`: plan a run without virtual users"), "{error}");
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_file() {
    let error = refused("vus = 5\nquiet = 3\n[[scenario]]\ncomponent = 5\nmax-traps = 0\n");
    let starts: Vec<&str> = error.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(starts, ["plan.toml:1:1", "plan.toml:2:9", "plan.toml:5:13"]);
}
