//! Requests without a response: each kind of failure arises from its situation, says what happened, has its time in the
//! phase that it happened in, and leaves the virtual user able to make the next request.

mod answers;
mod bombs;
mod certificates;
mod reaching;
mod requests;
mod times;

use serde_json::Value;

use crate::support::figures::{failures, number, rows};
use crate::support::program::{Ran, Wasmload, counts, named};
use crate::support::scripted::Scripted;

/// What is known of a request that failed, and of the one behind it.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The kind and the reason in the summary.
    kind: String,
    reason: String,
    /// What the scenario saw.
    seen: String,
    /// The phases that took any time.
    phases: Vec<String>,
    /// How many requests the virtual user made afterwards, and how many of them failed.
    next: (u64, u64),
}

impl Outcome {
    /// The failure of that kind, with the text that the scenario sees; the phase that failed is the last one.
    fn told(kind: &str, text: &str, phases: &[&str]) -> Outcome {
        let (variant, lead) = match kind {
            "invalid-request" => ("InvalidRequest", "invalid request"),
            "dns" => ("Dns", "name not resolved"),
            "connect" => ("Connect", "no connection"),
            "tls" => ("Tls", "TLS handshake failed"),
            "protocol" => ("Protocol", "protocol error"),
            other => panic!("a failure of the kind {other} has no text"),
        };
        Outcome::of(kind, &format!("{lead}: {text}"), &format!("{variant}({text:?})"), phases)
    }

    /// A request that outlasted its bound.
    fn timed_out(phases: &[&str]) -> Outcome {
        Outcome::of("timeout", "timed out", "Timeout", phases)
    }

    /// A body of more than so many bytes.
    fn too_large(limit: u64, phases: &[&str]) -> Outcome {
        let reason = format!("body larger than {limit} bytes");
        Outcome::of("body-too-large", &reason, &format!("BodyTooLarge({limit})"), phases)
    }

    fn of(kind: &str, reason: &str, variant: &str, phases: &[&str]) -> Outcome {
        Outcome {
            kind: kind.to_owned(),
            reason: reason.to_owned(),
            seen: format!("INFO scenario: HttpError::{variant} vu=1"),
            phases: phases.iter().map(|phase| (*phase).to_owned()).collect(),
            next: (1, 0),
        }
    }

    /// What a run of `asks` shows, whose first request failed.
    #[track_caller]
    fn read(ran: &Ran) -> Outcome {
        let summary = ran.summary();
        let seen = ran.log();
        let [(kind, reason, 1), ..] = failures(&summary, "request")[..] else { panic!("no failure: {summary:#}") };
        let ([seen], [_, _]) = (&seen[..], rows(&summary, "requests")) else { panic!("{seen:?}, {summary:#}") };
        Outcome {
            kind: kind.to_owned(),
            reason: reason.to_owned(),
            seen: (*seen).to_owned(),
            phases: phases(first(&summary)),
            next: counts(named(&summary["requests"], "/fine")),
        }
    }
}

/// The figures of the request that fails.
#[track_caller]
fn first(summary: &Value) -> &Value {
    rows(summary, "requests").iter().find(|row| row["name"] != "/fine").expect("there are two requests")
}

/// The phases that a request had.
fn phases(row: &Value) -> Vec<String> {
    let phases = row["phases"].as_object().expect("phases by name");
    phases.iter().filter(|(_, phase)| phase["requests"] != 0).map(|(name, _)| name.clone()).collect()
}

/// Asks for that URL, which fails, and then for what the server at `--host` answers. Any host may be asked.
fn asks(server: &Scripted, url: &str) -> Wasmload {
    let program = Wasmload::run("asks").with("-q -i 1 --var then=/fine --host").arg(server.url());
    let program = program.with("--allow-host * --allow-host 127.0.0.0/8");
    program.arg("--var").arg(format!("url={url}"))
}

#[track_caller]
fn assert_fails(program: Wasmload, expected: &Outcome) -> Ran {
    let ran = program.output().expect(0);
    assert_eq!(&Outcome::read(&ran), expected, "{}", ran.stderr);
    ran
}

/// A server at which nothing goes wrong.
fn fine() -> Scripted {
    Scripted::bad(|_, _| Ok(()))
}

/// Runs with a bound on time that all but the failing request has to fit into, and that is raised where it does not: how
/// much time the rest takes is the machine's matter. The failing request takes at least the bound.
#[track_caller]
fn assert_outlasts(program: impl Fn(&str) -> Wasmload, expected: impl Fn(f64) -> Outcome) {
    const BOUNDS: [f64; 4] = [0.1, 0.5, 2.5, 12.5];
    for seconds in BOUNDS {
        let ran = program(&format!("{seconds}s")).output().expect(0);
        let (outcome, expected) = (Outcome::read(&ran), expected(seconds));
        if outcome == expected {
            let summary = ran.summary();
            return assert!(number(first(&summary), "/service_time_seconds/min") >= seconds, "{summary:#}");
        }
        assert!(seconds < BOUNDS[BOUNDS.len() - 1], "{outcome:#?} instead of {expected:#?}");
    }
}
