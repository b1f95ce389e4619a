//! Hostile guests beside honest virtual users, in one run: the honest ones make all of their iterations and none fails,
//! the run ends by itself, its memory stays below a bound, the summary says what happened, and nobody is reached but the
//! run's target.

mod components;
mod floods;
mod forgeries;
mod hooks;
mod never_awaited;
mod places;
mod values;
mod wasi;
mod work;

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::figures::{count, rows};
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::running::Running;
use crate::support::scripted::Scripted;
use crate::support::server::{Request, Server};

/// Honest virtual users beside each hostile guest, and the iterations of each.
const HONEST_USERS: u64 = 50;
const HONEST_ITERATIONS: u64 = 20;

/// The most memory, in MiB, that a run with a hostile guest has resident where its case says nothing else: the program
/// and its compiler, the virtual users, and the 64 MiB that one guest may have.
const MIB: u64 = 192;

/// A hostile scenario, and what must come of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// The guest, and which of its cases it plays.
    guest: &'static str,
    case: &'static str,
    /// How often it does what it does, where the guest asks.
    count: u32,
    /// Its virtual users, and the iterations of each; 0 for as many as there are until the honest ones are done.
    users: u64,
    iterations: u64,
    /// More keys of its scenario, and of the run.
    keys: &'static str,
    run_keys: &'static str,
    fate: Fate,
    /// The kinds of all warnings, in any order, but for those that depend on the machine.
    warnings: &'static [&'static str],
    mib: u64,
}

/// What becomes of hostile iterations.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Each ends well.
    Fine,
    /// Each fails, for a reason that has this in it.
    Failure(&'static str),
    /// Each ends with a trap, whose message has this in it.
    Trap(&'static str),
    /// Some end with a trap, whose message has this in it, and the others well.
    Traps(&'static str),
    /// Each ends, with a trap or without.
    Ended,
    /// None ends by itself: each virtual user's first one is cut off as the run ends.
    CutOff,
    /// There is none: each instance traps before its first one, with this in the message.
    NoStart(&'static str),
}

impl Case {
    /// One virtual user and one iteration of that case, which ends well.
    const fn new(guest: &'static str, case: &'static str) -> Case {
        Case {
            guest,
            case,
            count: 1,
            users: 1,
            iterations: 1,
            keys: "",
            run_keys: "",
            fate: Fate::Fine,
            warnings: &[],
            mib: MIB,
        }
    }

    /// The run as a plan file. Both scenarios share one thread.
    fn plan(&self) -> String {
        let Case { guest, case, count, users, iterations, keys, run_keys, .. } = self;
        // What is to be cut off is so at once; what ends by itself gets the time for it.
        let graceful_stop = if matches!(self.fate, Fate::CutOff) { "0s" } else { "60s" };
        let bound = if *iterations == 0 { String::new() } else { format!("iterations-per-user = {iterations}") };
        format!(
            r#"
            threads = 1
            graceful-stop = "{graceful_stop}"
            {run_keys}
            [[scenario]]
            name = "honest"
            component = "guests/status_only.wasm"
            users = {HONEST_USERS}
            iterations-per-user = {HONEST_ITERATIONS}
            [[scenario]]
            name = "hostile"
            component = "guests/{guest}.wasm"
            users = {users}
            {bound}
            var = {{ case = "{case}", count = "{count}" }}
            {keys}
            "#
        )
    }
}

/// A server that runs may talk to, and one beside it, at another address with the same port, that none may.
struct Places {
    target: Server,
    elsewhere: Scripted,
}

impl Places {
    fn open() -> Places {
        loop {
            let target = Server::start();
            // Somebody else may have that port there.
            if let Ok(listener) = TcpListener::bind(("127.0.0.2", target.port())) {
                return Places { target, elsewhere: Scripted::on(listener, |_| Ok(())) };
            }
        }
    }

    /// Runs that plan against the target, and gives the most memory too that was resident, in bytes.
    fn run(&self, plan: &str) -> (Ran, u64) {
        let program = Wasmload::run_plan(plan).against(&self.target).with("-q");
        Running::start(program).finish_with_peak()
    }

    /// Nobody was reached but the target, and that by requests that are its own.
    #[track_caller]
    fn assert_nobody_else_was_reached(&self, what: &str) {
        assert_eq!(self.elsewhere.connections(), 0, "{what}: connections to where nobody may go");
        for request in self.target.requests() {
            assert!(is_clean(&request, &self.target.authority()), "{what}: {request:#?}");
        }
    }
}

/// Whether a request is for that host alone, without a header that none of the guests can have set.
fn is_clean(request: &Request, authority: &str) -> bool {
    let hosts: Vec<_> = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).collect();
    matches!(hosts[..], [(_, host)] if host == authority) && request.header("x-injected").is_none()
}

/// Runs each case beside the honest virtual users, and holds what comes of it against what must.
#[track_caller]
fn assert_harmless(cases: &[Case]) {
    for case in cases {
        let places = Places::open();
        let (ran, peak) = places.run(&case.plan());
        let (ran, what) = (ran.expect(0), format!("{} {}", case.guest, case.case));
        let summary = ran.summary();
        assert_honest_ones_are_done(&what, &summary);
        assert_fate(&what, case, &summary);
        assert_eq!(warnings(&summary), case.warnings.iter().copied().collect(), "{what}: {}", summary["warnings"]);
        places.assert_nobody_else_was_reached(&what);
        let mib = peak >> 20;
        assert!((1..=case.mib).contains(&mib), "{what}: {mib} MiB instead of at most {}", case.mib);
    }
}

/// The honest scenario went as if there were no other.
#[track_caller]
fn assert_honest_ones_are_done(what: &str, summary: &Value) {
    let all = HONEST_USERS * HONEST_ITERATIONS;
    assert_eq!(counts(named(&summary["iterations"], "honest")), (all, 0), "{what}");
    let requests: Vec<_> = rows(summary, "requests").iter().filter(|row| row["scenario"] == "honest").collect();
    let [row] = requests[..] else { panic!("{what}: {requests:#?}") };
    assert_eq!(counts(row), (all, 0), "{what}");
}

/// The hostile scenario came to what it must, and the summary says so.
#[track_caller]
fn assert_fate(what: &str, case: &Case, summary: &Value) {
    let all = case.users * case.iterations;
    let hostile = counts(named(&summary["iterations"], "hostile"));
    let cut_off = count(summary, "/interrupted/iterations");
    match case.fate {
        // What has no bound of its own goes on for as long as the honest ones do.
        Fate::Fine if case.iterations == 0 => {
            assert!(
                hostile.0 >= case.users && hostile.1 == 0 && cut_off == 0,
                "{what}: {hostile:?}, {cut_off} cut off"
            );
        }
        Fate::Fine => assert_eq!((hostile, cut_off), ((all, 0), 0), "{what}: {:#}", summary["failures"]),
        Fate::CutOff => assert_eq!((hostile, cut_off), ((0, 0), case.users), "{what}: {:#}", summary["failures"]),
        Fate::Failure(reason) => {
            assert_eq!((hostile, cut_off), ((all, all), 0), "{what}: {:#}", summary["failures"]);
            assert_eq!(failures_with(summary, "iteration", "marked", reason), all, "{what}: {:#}", summary["failures"]);
        }
        Fate::Trap(message) => {
            assert_eq!((hostile, cut_off), ((all, all), 0), "{what}: {:#}", summary["failures"]);
            assert_eq!(failures_with(summary, "iteration", "trap", message), all, "{what}: {:#}", summary["failures"]);
            assert_eq!(traps_with(summary, message), all, "{what}: {:#}", summary["traps"]);
        }
        Fate::Ended => assert_eq!((hostile.0, cut_off), (all, 0), "{what}: {:#}", summary["failures"]),
        Fate::Traps(message) => {
            assert_eq!((hostile.0, cut_off), (all, 0), "{what}: {:#}", summary["failures"]);
            assert!((1..all).contains(&hostile.1), "{what}: {hostile:?}");
            assert_eq!(
                failures_with(summary, "iteration", "trap", message),
                hostile.1,
                "{what}: {:#}",
                summary["failures"]
            );
        }
        Fate::NoStart(message) => {
            assert_eq!((hostile, cut_off), ((0, 0), 0), "{what}: {:#}", summary["failures"]);
            assert_eq!(count(summary, "/vus/failed"), case.users, "{what}");
            let hooks = failures_with(summary, "lifecycle", "trap", message);
            assert!(hooks >= case.users && hooks == traps_with(summary, message), "{what}: {:#}", summary["failures"]);
        }
    }
}

/// How many hostile failures there were of that scope and kind, for a reason that has that text in it.
#[track_caller]
fn failures_with(summary: &Value, scope: &str, kind: &str, text: &str) -> u64 {
    let fits = |row: &&Value| {
        row["scenario"] == "hostile" && row["scope"] == scope && row["kind"] == kind && says(row, "reason", text)
    };
    rows(summary, "failures").iter().filter(fits).map(|row| count(row, "/count")).sum()
}

/// How many hostile traps there were with that text in their message.
#[track_caller]
fn traps_with(summary: &Value, text: &str) -> u64 {
    let fits = |row: &&Value| row["scenario"] == "hostile" && says(row, "message", text);
    rows(summary, "traps").iter().filter(fits).map(|row| count(row, "/count")).sum()
}

fn says(row: &Value, field: &str, text: &str) -> bool {
    row[field].as_str().is_some_and(|said| said.contains(text))
}

/// The kinds of all warnings, but for those about time: whether threads had any left, and who had to wait for it, is the
/// machine's matter too.
#[track_caller]
fn warnings(summary: &Value) -> BTreeSet<&str> {
    let kinds = rows(summary, "warnings").iter().filter_map(|row| row["kind"].as_str());
    kinds.filter(|kind| !["generator-saturated", "vus-held-back"].contains(kind)).collect()
}
