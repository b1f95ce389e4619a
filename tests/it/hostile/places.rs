//! Guests that try to reach somebody else than the run's target: by URLs that are read in more than one way, redirects,
//! headers, what smuggles a second request into the first, and cookies.
//!
//! All of a test's requests are made in one run, one an iteration, each under its own name.

mod addresses;
mod messages;
mod urls;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::{Places, assert_honest_ones_are_done, warnings};
use crate::support::figures::{count, rows};
use crate::support::program::{Wasmload, counts};
use crate::support::running::Running;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// It is sent to the target, which is asked for that path and query.
    Target(&'static str),
    /// It is not sent: the run does not allow where it leads.
    Denied,
    /// It is not sent, since it is malformed.
    Invalid,
    /// The target redirects it to where the run does not allow.
    DeniedAfter(&'static str),
}

/// A request that a guest makes, under that name. In its texts stand `{target}` and `{elsewhere}` for the address and
/// port of the target and of whoever may not be reached, and `{port}` for the port that both have.
#[derive(Clone, Debug)]
struct Attempt {
    name: String,
    columns: Vec<(&'static str, String)>,
    verdict: Verdict,
}

impl Attempt {
    /// A GET of that URL.
    fn url(url: &str, verdict: Verdict) -> Attempt {
        Attempt { name: url.escape_default().to_string(), columns: vec![("url", url.to_owned())], verdict }
    }

    /// A GET of that URL, told apart from others of the same one by what is special about it.
    fn with(url: &str, columns: &[(&'static str, &str)], verdict: Verdict) -> Attempt {
        let mut attempt = Attempt::url(url, verdict);
        for (column, value) in columns {
            write!(attempt.name, " {column}={}", value.escape_default()).expect("writing to a text");
            attempt.columns.push((column, (*value).to_owned()));
        }
        attempt
    }

    /// As a row of the guest's data.
    fn row(&self, places: &Places) -> Value {
        let texts = self.columns.iter().map(|(column, text)| ((*column).to_owned(), places.fill_in(text).into()));
        let mut row: serde_json::Map<String, Value> = texts.collect();
        row.insert("name".to_owned(), self.name.clone().into());
        Value::Object(row)
    }
}

impl Places {
    /// The text with addresses and ports in it.
    fn fill_in(&self, text: &str) -> String {
        let (target, port) = (self.target.authority(), self.target.port().to_string());
        text.replace("{target}", &target).replace("{elsewhere}", &format!("127.0.0.2:{port}")).replace("{port}", &port)
    }
}

/// Makes each of them, beside the honest virtual users, and holds what becomes of it against its verdict.
#[track_caller]
fn assert_verdicts(attempts: &[Attempt]) {
    let places = Places::open();
    let summary = Running::start(program(&places, attempts)).finish().expect(0).summary();
    assert_honest_ones_are_done("places", &summary);
    let kinds = kinds(&summary);
    assert_eq!(kinds.len(), attempts.len(), "not one row for each attempt: {kinds:#?}");
    let wrong = attempts.iter().filter(|attempt| kinds.get(&*attempt.name) != Some(&kind(attempt.verdict)));
    let wrong: Vec<_> = wrong.map(|attempt| (&attempt.name, attempt.verdict, kinds.get(&*attempt.name))).collect();
    assert!(wrong.is_empty(), "verdicts that are others: {wrong:#?}");
    let asked = attempts.iter().filter_map(|attempt| path(attempt.verdict)).map(|path| places.fill_in(path));
    assert_eq!(paths(&places), sorted(asked));
    places.assert_nobody_else_was_reached("places");
    let requests = places.target.requests();
    let with_cookies: Vec<_> = requests.iter().filter(|request| request.header("cookie").is_some()).collect();
    assert!(with_cookies.is_empty(), "cookies of others: {with_cookies:#?}");
    let denied = attempts.iter().any(|attempt| kind(attempt.verdict) == "denied");
    assert_eq!(warnings(&summary).contains("requests-denied"), denied, "{}", summary["warnings"]);
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    texts
}

fn program(places: &Places, attempts: &[Attempt]) -> Wasmload {
    let rows: String = attempts.iter().map(|attempt| format!("{}\n", attempt.row(places))).collect();
    let plan = format!(
        r#"
        threads = 1
        [[scenario]]
        name = "honest"
        component = "guests/status_only.wasm"
        users = {}
        iterations-per-user = {}
        [[scenario]]
        name = "hostile"
        component = "guests/hostile_requests.wasm"
        users = 1
        iterations-per-user = {}
        data = {{ requests = "requests.jsonl:once" }}
        "#,
        super::HONEST_USERS,
        super::HONEST_ITERATIONS,
        attempts.len(),
    );
    let mut program = Wasmload::run_plan(&plan).file("requests.jsonl", rows).against(&places.target).with("-q");
    // Names by which a guest would reach whom it may not.
    for name in ["elsewhere.test", "xn--lsewhere-90a.test", "sub.elsewhere.test", "127.0.0.1.elsewhere.test"] {
        program = program.arg("--resolve").arg(format!("{name}:{}:127.0.0.2", places.target.port()));
    }
    program
}

/// The failure's kind; empty for a request that goes well.
fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Target(_) => "",
        Verdict::Denied | Verdict::DeniedAfter(_) => "denied",
        Verdict::Invalid => "invalid-request",
    }
}

/// What the target is asked for.
fn path(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Target(path) | Verdict::DeniedAfter(path) => Some(path),
        Verdict::Denied | Verdict::Invalid => None,
    }
}

/// The kind of each hostile request's failure by the request's name; empty for one that went well.
fn kinds(summary: &Value) -> BTreeMap<&str, &str> {
    let hostile = |row: &&Value| row["scenario"] == "hostile";
    let mut kinds = BTreeMap::new();
    for row in rows(summary, "requests").iter().filter(hostile) {
        assert_eq!(count(row, "/count"), 1, "{row:#}");
        let name = row["name"].as_str().expect("a name");
        let failed = rows(summary, "failures").iter().filter(hostile);
        let mut failed = failed.filter(|failure| failure["scope"] == "request" && failure["name"] == name);
        let kind = failed.next().and_then(|failure| failure["kind"].as_str()).unwrap_or_default();
        assert_eq!(counts(row).1, u64::from(!kind.is_empty()), "{row:#}");
        kinds.insert(name, kind);
    }
    kinds
}

/// What the target was asked for by the hostile guest, with queries and in order.
fn paths(places: &Places) -> Vec<String> {
    let asked = places.target.requests().into_iter().map(|request| match request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path,
    });
    let mut paths = sorted(asked);
    // All that the honest ones ask for.
    let honest = paths.iter().position(|path| path == "/").expect("honest requests");
    paths.drain(honest..honest + (super::HONEST_USERS * super::HONEST_ITERATIONS) as usize);
    paths
}
