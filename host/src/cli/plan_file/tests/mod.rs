//! Plan files as people write them, and what they come to.

mod mistakes;
mod printed;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::*;
use crate::cli::args::{Arguments, Command};
use crate::http::Versions;
use crate::plan::ScenarioPlan;
use crate::profile::{ClosedModel, Model, OpenModel};

/// A folder with a component, `cities.wasm`.
pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets")
}

/// Those of `wasmload run plan.toml` and these flags.
pub(super) fn given(flags: &[&str]) -> Given {
    let line = ["wasmload", "run", "plan.toml"].iter().chain(flags);
    match Arguments::try_parse_from(line).expect("flags that go together").command {
        Command::Run(args) => args.given,
        other => panic!("{other:?} is another command"),
    }
}

fn load_with(text: &str, flags: &[&str]) -> anyhow::Result<Loaded> {
    load_file(&folder().join("plan.toml"), text, &given(flags), Loads::Planned, None)
}

fn plan_with(text: &str, flags: &[&str]) -> Plan {
    load_with(text, flags).unwrap_or_else(|error| panic!("{text}: {error}")).plan
}

fn plan(text: &str) -> Plan {
    plan_with(text, &[])
}

/// What is said of a wrong file, without the words before it; a scenario at its end if it has none.
fn refused_with(text: &str, flags: &[&str]) -> String {
    let error = load_with(text, flags).expect_err(text).to_string();
    let error = error.replace(&format!("{}/", folder().display()), "");
    error.strip_prefix("use the plan:").expect("it is of the plan").trim_start().to_owned()
}

fn refused(text: &str) -> String {
    refused_with(text, &[])
}

/// A file with those keys above one scenario.
fn above_one(text: &str) -> String {
    format!("{text}\n[[scenario]]\ncomponent = \"cities.wasm\"\n")
}

/// A file with those keys in its one scenario.
fn in_one(text: &str) -> String {
    format!("[[scenario]]\ncomponent = \"cities.wasm\"\n{text}\n")
}

/// A file with those keys above two scenarios with those keys.
fn two(top: &str, one: &str, other: &str) -> String {
    let scenario =
        |name: &str, text: &str| format!("[[scenario]]\nname = \"{name}\"\ncomponent = \"cities.wasm\"\n{text}\n");
    format!("{top}\n{}{}", scenario("one", one), scenario("two", other))
}

fn closed(scenario: &ScenarioPlan) -> &ClosedModel {
    match &scenario.model {
        Model::Closed(model) => model,
        Model::Open(model) => panic!("{model:?} is open"),
    }
}

fn open(scenario: &ScenarioPlan) -> &OpenModel {
    match &scenario.model {
        Model::Open(model) => model,
        Model::Closed(model) => panic!("{model:?} is closed"),
    }
}

const WHOLE: &str = r#"
host = "http://127.0.0.1:8080"
rate = "500/s"
run-time = "10m"
threshold = ["response_time: p95 < 200ms", "failure_rate: < 1%"]
json = "out/summary.json"
threads = 2
seed = 7

[var]
region = "eu"

[[scenario]]
component = "cities.wasm"
weight = 70

[[scenario]]
name = "buy"
component = "cities.wasm"
weight = 30
data = { users = "users.csv:once" }
var = { plan = "gold" }
tag = { team = "web" }
secret = { token = "hunter2" }

[[scenario]]
name = "nightly"
component = "cities.wasm"
start = "2m"
users = 3
host = "http://127.0.0.1:9090"
"#;

#[test]
fn a_plan_of_three_scenarios_is_what_it_says() {
    let loaded = load_with(WHOLE, &[]).expect("it is in order");
    assert_eq!(loaded.output.json, Some(folder().join("out/summary.json")));
    let plan = loaded.plan;
    assert_eq!((plan.threads, plan.seed, plan.thresholds.len(), plan.max_vus()), (2, 7, 2, 2_503));
    let [cities, buy, nightly] = &plan.scenarios[..] else { panic!("{} scenarios", plan.scenarios.len()) };
    assert_eq!([&cities.name, &buy.name, &nightly.name], ["cities", "buy", "nightly"]);
    assert_eq!((open(cities).max_vus, open(cities).preallocated_vus), (1_750, 35));
    assert_eq!((open(buy).max_vus, open(buy).deal.count_below(1_000)), (750, 300));
    assert_eq!(buy.variables.clone().into_iter().collect::<Vec<_>>().len(), 2);
    assert_eq!(cities.variables.get("region").map(String::as_str), Some("eu"));
    assert_eq!((buy.data[0].path.clone(), buy.tags["team"].as_str()), (folder().join("users.csv"), "web"));
    assert_eq!((buy.secrets["token"].as_str(), cities.secrets.len()), ("hunter2", 0));
    assert_eq!(nightly.host.as_ref().map(url::Url::as_str), Some("http://127.0.0.1:9090/"));
    assert_eq!((closed(nightly).max_users(), nightly.start), (3, Duration::from_secs(120)));
    assert_eq!(plan.length(), Some(Duration::from_secs(600)));
}

#[test]
fn values_are_written_in_toml_s_types() {
    let text = r#"
        users = 0x10
        spawn-rate = 2.5
        run-time = 90
        no-cookies = true
        http1-only = false
        http2-prior-knowledge = true
        threshold = "failure_rate: < 1%"
        local-address = ["127.0.0.1", "127.0.0.2"]
        no-proxy = ["a.test", "b.test"]
        tags = ["a", "b"]
        exclude-tags = "c,d"
        task = "buy"
        data = ["rows=rows.csv"]
        [var]
        number = 5
        switch = true
        "sp ace" = "x=y"
    "#;
    let plan = plan(&above_one(text));
    let scenario = &plan.scenarios[0];
    assert_eq!((closed(scenario).max_users(), closed(scenario).spawn_rate), (16, Some(2.5)));
    assert_eq!(closed(scenario).run_time, Some(Duration::from_secs(90)));
    assert_eq!((plan.http.cookies, plan.http.versions), (false, Versions::Http2));
    assert_eq!((plan.thresholds.len(), plan.http.local_addresses.len()), (1, 2));
    let tasks = &scenario.tasks;
    assert_eq!(
        (&tasks.tags[..], &tasks.exclude_tags[..]),
        (&["a".to_owned(), "b".to_owned()][..], &["c".to_owned(), "d".to_owned()][..])
    );
    assert_eq!((tasks.names[0].as_str(), scenario.data[0].name.as_str()), ("buy", "rows"));
    let variables = ["number", "switch", "sp ace"].map(|name| scenario.variables[name].as_str());
    assert_eq!(variables, ["5", "true", "x=y"]);
    assert_eq!(
        closed(&self::plan(&above_one("stages = ['1s:5', '2s:9']")).scenarios[0]).length(),
        Some(Duration::from_secs(3))
    );
}

#[test]
fn paths_are_seen_from_the_file_s_folder() {
    let text = r#"
        json = "a/b.json"
        har = "/c.har"
        ca-cert = ["d.pem"]
        component = "cities.wasm"
        data = { rows = "e.csv:random" }
    "#;
    let loaded = load_with(text, &["--client-cert", "f.pem"]).expect("it is in order");
    assert_eq!(loaded.output.json, Some(folder().join("a/b.json")));
    assert_eq!(loaded.output.har, Some("/c.har".into()));
    assert_eq!(loaded.plan.http.tls.ca_certificates, [folder().join("d.pem")]);
    assert_eq!(loaded.plan.scenarios[0].data[0].path, folder().join("e.csv"));
    // Those of flags are seen from where the program is called.
    let certificate = loaded.plan.http.tls.client_certificate.expect("a flag names it");
    assert_eq!(certificate.certificate, PathBuf::from("f.pem"));
    let pinned = format!("component = 'https://example.org/a.wasm#sha256={}'", "0".repeat(64));
    assert_eq!(plan(&pinned).scenarios[0].source.to_string(), "https://example.org/a.wasm");
    // What is no URL is a path, whatever is in it.
    let odd = load_with("component = 'a://b.wasm'", &[]).expect_err("there is none").to_string();
    assert!(odd.contains(&format!("there is no file {}", folder().join("a://b.wasm").display())), "{odd}");
    let secret = refused("component = 'cities.wasm'\nsecret = { a = 'file:nowhere' }");
    assert!(secret.starts_with("plan.toml:2:1: read the secret 'a' from nowhere: "), "{secret}");
}

#[test]
fn a_scenario_s_keys_win_over_those_above() {
    let top = "host = 'http://a.test'\nmax-traps = 3\nwait = '1s'\nrun-time = '1m'\nvar = { x = '1', y = '1' }\ntask = ['a']\n[tag]\nt = '1'";
    let own = "host = 'http://b.test'\nmax-traps = 4\nwait = '2s'\nrun-time = '2m'\nvar = { y = '2' }\ntask = ['b', 'c']\n[scenario.tag]\nu = '2'";
    let plan = plan(&two(top, "", own));
    let told = |scenario: &ScenarioPlan| {
        let model = closed(scenario);
        let host = scenario.host.as_ref().map(ToString::to_string);
        format!(
            "{host:?} {} {:?} {:?} {:?} {:?} {:?}",
            scenario.max_traps, model.wait, model.run_time, scenario.variables, scenario.tasks.names, scenario.tags
        )
    };
    assert_eq!(
        told(&plan.scenarios[0]),
        r#"Some("http://a.test/") 3 Constant(1s) Some(60s) {"x": "1", "y": "1"} ["a"] {"t": "1"}"#
    );
    assert_eq!(
        told(&plan.scenarios[1]),
        r#"Some("http://b.test/") 4 Constant(2s) Some(120s) {"x": "1", "y": "2"} ["b", "c"] {"t": "1", "u": "2"}"#
    );
}

#[test]
fn who_has_no_load_shares_that_above_by_weight() {
    let users = |text: &str| plan(text).scenarios.iter().map(|scenario| scenario.model.max_vus()).collect::<Vec<_>>();
    assert_eq!(users(&two("users = 10", "weight = 70", "weight = 30")), [7, 3]);
    assert_eq!(users(&two("users = 10", "", "")), [5, 5]);
    assert_eq!(users(&two("users = 10", "users = 3", "")), [3, 10]);
    // Nobody said how many: one each.
    assert_eq!(users(&two("", "", "")), [1, 1]);
    assert_eq!(users(&two("iterations = 10", "", "")), [1, 1]);
    assert_eq!(users(&two("", "users = 4", "")), [4, 1]);
    assert_eq!(users(&two("rate = 100\nmax-vus = 5", "weight = 9", "")), [5, 1]);
}

#[test]
fn loads_of_both_models_stand_side_by_side() {
    let plan = plan(&two("wait = '1s'\nrun-time = '1m'", "rate = 5\nstart = '20s'", "users = 2\nrun-time = '5s'"));
    assert_eq!(open(&plan.scenarios[0]).run_time, Some(Duration::from_secs(40)));
    assert_eq!(closed(&plan.scenarios[1]).run_time, Some(Duration::from_secs(5)));
    assert!(format!("{:?}", closed(&plan.scenarios[1]).wait).contains("1s"));
    // How virtual users wait is nothing to a rate, however it is written.
    assert_eq!(open(&self::plan(&two("pacing = '1s'", "stages = '9s:5/s'", "")).scenarios[0]).max_rate(), 5.0);
}

#[test]
fn flags_win_over_the_file_and_what_contradicts_them_goes() {
    let load = |text: &str, flags: &[&str]| plan_with(&above_one(text), flags).scenarios[0].model.describe();
    assert_eq!(load("users = 5", &["-u", "9"]), load("users = 9", &[]));
    assert_eq!(load("users = 5\nspawn-rate = 2", &["--rate", "9/s"]), load("rate = 9", &[]));
    assert_eq!(load("rate = 5\nmax-vus = 9\narrivals = 'poisson'", &["-u", "9"]), load("users = 9", &[]));
    assert_eq!(load("stages = '9s:5/s'\nmax-vus = 9", &["--stages", "3s:9"]), load("stages = '3s:9'", &[]));
    assert_eq!(load("users = 5\nspawn-rate = 2", &["--stages", "3s:9"]), load("stages = '3s:9'", &[]));
    assert_eq!(load("users = 5\nstages = '9s:5'", &["-u", "9"]), load("users = 9", &[]));
    assert_eq!(load("users = 5\nspawn-rate = 2", &["-u", "9"]), load("users = 9\nspawn-rate = 2", &[]));
    assert_eq!(load("users = 5\nwait = '1s'", &["--rate", "9/s"]), load("rate = 9", &[]));
    assert_eq!(load("rate = 5\niterations = 3", &["-u", "9"]), load("users = 9\niterations = 3", &[]));
    assert_eq!(load("users = 5\nrun-time = 5", &["-t", "9s"]), load("users = 5\nrun-time = 9", &[]));
}

#[test]
fn flags_win_in_each_scenario_but_leave_loads_of_their_own() {
    let text = two(
        "threshold = ['failure_rate: < 1%']\nusers = 10",
        "host = 'http://a.test'\nvar = { x = '1', y = '1' }",
        "users = 3\nrun-time = 5",
    );
    let plan = plan_with(
        &text,
        &["-H", "http://b.test", "--var", "x=2", "-t", "9s", "-u", "20", "--threshold", "checks: > 99%"],
    );
    for scenario in &plan.scenarios {
        assert_eq!(scenario.host.as_ref().map(url::Url::as_str), Some("http://b.test/"));
        assert_eq!((scenario.variables["x"].as_str(), scenario.model.length()), ("2", Some(Duration::from_secs(9))));
    }
    assert_eq!(plan.scenarios[0].variables["y"], "1");
    assert_eq!(plan.scenarios.iter().map(|scenario| scenario.model.max_vus()).collect::<Vec<_>>(), [20, 3]);
    assert_eq!(plan.thresholds.iter().map(ToString::to_string).collect::<Vec<_>>(), ["checks: > 99%"]);
    let versions = plan_with(&above_one("http1-only = true"), &["--http2-prior-knowledge"]).http.versions;
    assert_eq!(versions, Versions::Http2);
    let error = refused_with(&above_one("rate = 5"), &["--wait", "1s"]);
    assert_eq!(
        error,
        "plan.toml:1:1: `rate` contradicts --wait; leave one of them out (the other is on the command line)"
    );
    let error = load_with(&two("", "users = 3", "users = 3"), &["-u", "9"]).expect_err("nobody shares it").to_string();
    assert!(error.contains("`users` gives a load that no scenario shares"), "{error}");
}

#[test]
fn without_a_file_flags_are_told_what_is_wrong_as_flags() {
    let flags = |flags: &[&str]| {
        let mut given = given(flags);
        given.0.insert("scenario".to_owned(), vec!["a.wasm".into()]);
        load(&"a.wasm".parse().expect("a path"), &given, &PolicyFileArgs::default(), Loads::Planned)
            .map(|loaded| loaded.plan)
    };
    let plan = flags(&["-u", "5", "--tag", "team=web"]).expect("it is in order");
    assert_eq!((plan.scenarios[0].name.as_str(), plan.max_vus()), ("a", 5));
    assert_eq!(plan.scenarios[0].tags["team"], "web");
    let error = flags(&["--stages", "9s:5/s", "--wait", "1s"]).expect_err("they contradict each other").to_string();
    assert!(error.starts_with("plan iterations at a rate with --wait, which"), "{error}");
    assert!(flags(&["-u", "0"]).expect_err("nobody").to_string().starts_with("plan a run without virtual users"));
}

#[test]
fn what_is_tried_has_one_virtual_user_each_and_no_rules() {
    let text = two("rate = 100\nthreshold = ['checks: > 99%']\nthreads = 2", "weight = 3\nstart = '9s'", "users = 50");
    let tried =
        load_file(&folder().join("plan.toml"), &text, &given(&[]), Loads::Tried(Some(4)), None).expect("in order").plan;
    assert_eq!((tried.max_vus(), tried.threads, tried.thresholds.len(), tried.length()), (2, 1, 0, None));
    for scenario in &tried.scenarios {
        assert_eq!(
            (closed(scenario).iterations, scenario.start, scenario.tasks.each_once),
            (Some(4), Duration::ZERO, true)
        );
    }
}

#[test]
fn a_scenario_without_an_end_ends_with_the_others() {
    let ends = |text: &str| -> Vec<_> { plan(text).scenarios.iter().map(ScenarioPlan::end).collect() };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(ends(&two("", "stages = '20s:5'", "users = 2\nstart = '5s'")), [seconds(20), seconds(20)]);
    assert_eq!(ends(&two("", "users = 1", "users = 2\nstart = '5s'")), [None, None]);
    assert_eq!(ends(&two("", "stages = '20s:5'", "users = 2\niterations = 9")), [seconds(20), None]);
    let late = refused(&two("", "stages = '20s:5'", "users = 2\nstart = '20s'"));
    assert!(late.contains("`start` is not before the end of the other scenarios"), "{late}");
}
