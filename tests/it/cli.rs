//! The command line: what it offers, what it refuses and how it says so, and what is left on disk.

mod cache;
mod refusals;

use std::collections::BTreeSet;

use crate::support::program::{Wasmload, guest};
use crate::support::server::Server;

/// The flags of each command: one that comes or goes has to be named here too.
const RUN: [&str; 8] = ["--help --version", LOAD, POLICY, SCENARIO, HTTP, SANDBOX, OUTPUT, HELD_TO];
const CHECK: [&str; 6] = ["--help --version --verbose --iterations --seed", SCENARIO, HTTP, SANDBOX, OUTPUT, HELD_TO];
const PLAN: [&str; 8] = ["--help --version --print --schema", LOAD, POLICY, SCENARIO, HTTP, SANDBOX, OUTPUT, HELD_TO];
const COMPARE: [&str; 1] = ["--help --version --tolerance --quiet --json"];
const DEMO: [&str; 7] = ["--help --version", LOAD, POLICY, BEHAVIOUR, HTTP, SANDBOX, OUTPUT];
const TARGET: [&str; 2] = ["--help --version --port", BEHAVIOUR];

const LOAD: &str = "--users --spawn-rate --rate --stages --profile --arrivals --max-vus --preallocated-vus --pacing \
                    --wait --run-time --iterations --iterations-per-user";
const POLICY: &str = "--threshold --graceful-stop --threads --seed";
const SCENARIO: &str = "--host --allow-host --var --secret --data --task --tags --exclude-tags --tag";
const HTTP: &str = "--timeout --max-redirects --max-body-size --max-request-size --max-rps --max-rps-per-host --max-concurrent-requests --no-cookies --user-agent \
                    --http1-only --http2-prior-knowledge --max-connections-per-host --no-keepalive --idle-timeout \
                    --connect-timeout --local-address --resolve --connect-to --dns-ttl --unix-socket --proxy \
                    --no-proxy --insecure --ca-cert --client-cert --client-key --tls-min --tls-max \
                    --tls-no-resumption";
const SANDBOX: &str = "--max-memory --max-cpu-time --max-stack --max-log-lines --max-log-size --max-traps --max-names \
                       --max-component-size --compile-timeout --virtual-epoch --no-wasi-p3 --no-cache";
const HELD_TO: &str = "--policy --locked";
const OUTPUT: &str = "--quiet --json --csv --har --har-users --har-entries --log-level --log-file";
const BEHAVIOUR: &str = "--latency --error-rate --bug";

/// The flags that a help text explains: those at the start of a line, with words behind them or on the next line.
fn explained_flags(help: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut lines = help.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(flag) = line.split_whitespace().take(2).find(|word| word.starts_with("--")) else { continue };
        if !line.trim_start().starts_with('-') {
            continue;
        }
        let behind = line.split_once(flag).map_or("", |(_, behind)| behind);
        let below = lines.peek().is_some_and(|next| !next.trim().is_empty() && !next.trim_start().starts_with('-'));
        // A value's name is no explanation.
        let beside = behind.split_whitespace().any(|word| !word.starts_with('<'));
        assert!(beside || below, "{flag} is not explained:\n{help}");
        found.insert(flag);
    }
    found
}

#[test]
fn help_explains_every_flag() {
    for (command, expected) in [
        ("run", &RUN[..]),
        ("check", &CHECK),
        ("plan", &PLAN),
        ("compare", &COMPARE),
        ("demo", &DEMO),
        ("target", &TARGET),
    ] {
        let help = Wasmload::new([command, "--help"]).output().expect(0);
        let expected = expected.iter().flat_map(|flags| flags.split_whitespace()).collect();
        assert_eq!(explained_flags(&help.stdout), expected, "{command}");
        assert_eq!(help.stderr, "");
    }
}

#[test]
fn help_lists_every_command() {
    let help = Wasmload::new(["--help"]).output().expect(0);
    for command in ["run", "check", "plan", "compare", "demo", "target", "cache"] {
        let line = help.stdout.lines().find(|line| line.starts_with(&format!("  {command} ")));
        assert!(line.is_some_and(|line| line.split_whitespace().count() > 2), "{command}:\n{}", help.stdout);
        // Whatever a list says is there, is there.
        Wasmload::new([command, "--help"]).output().expect(0);
    }
    let version = Wasmload::new(["--version"]).output().expect(0);
    assert_eq!(version.stdout, format!("wasmload {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_run_whose_requests_fail_is_still_a_run() {
    // Nobody listens on a port that was bound and given back.
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let address = address.expect("a free loopback port");
    let run = Wasmload::run("status_only").with(&format!("-i 1 -H http://{address}")).output().expect(0);
    assert_eq!(run.summary()["total"]["failures"], 1);
}

#[test]
fn a_result_that_cannot_be_written_ends_with_1() {
    let server = Server::start();
    // It can be opened, and is full.
    let run = Wasmload::run("status_only").with("-i 1 --csv /dev/full/").against(&server).output().expect(104);
    assert!(run.stderr.contains("/dev/full/_stats.csv"), "{}", run.stderr);
    // It opens, and takes nothing.
    let program = Wasmload::new(["run".as_ref(), guest("status_only").as_os_str()]);
    let run = program.with("-i 1 --json /dev/full").against(&server).output().expect(1);
    assert!(run.stderr.starts_with("error: failed to write the summary to `/dev/full`: "), "{}", run.stderr);
    assert!(run.stdout.contains("1 request"), "what could be shown is shown:\n{}", run.stdout);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_scenario_that_cannot_run_ends_with_107() {
    let server = Server::start();
    let setup = Wasmload::run("setup_fails").with("-u 2 -i 2").against(&server).output().expect(107);
    assert!(setup.stdout.contains("the database is not empty"), "{}", setup.stdout);
    let start = Wasmload::run("start_fails").with("-u 2 -i 2 --var failing=1,2").against(&server).output().expect(107);
    assert!(start.stdout.contains("no account left"), "{}", start.stdout);
    assert_eq!(server.connections(), 0);
    // One of two is a worse run, and a run.
    Wasmload::run("start_fails").with("-u 2 -i 2 --var failing=1").against(&server).output().expect(0);
}

#[test]
fn a_scenario_that_stops_the_test_ends_with_108() {
    let server = Server::start();
    let flags = "-u 1 -i 5 --var case=stop-test --var at=1";
    let run = Wasmload::run("user_control").with(flags).against(&server).output().expect(108);
    assert!(run.stdout.contains("the disk is full"), "{}", run.stdout);
    assert_eq!(server.requests().len(), 2);
}
