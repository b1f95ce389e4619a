//! What a run leaves: files for programs, and lines for people, with a terminal and without.

mod csv;
mod schema;
mod terminal;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::figures::{count, rows};
use crate::support::program::{Ran, Wasmload};
use crate::support::running::Running;
use crate::support::server::Server;

use csv::Table;

/// Files of a run's results.
const RESULTS: &str = "--json summary.json --csv run";

/// A run of each kind of thing that there is to count, with that guest.
fn run(guest: &str, flags: &str) -> Ran {
    Wasmload::run(guest).with(flags).against(&Server::start()).output().expect(0)
}

#[test]
fn the_summary_fits_its_schema() {
    let schema = schema::Schema::published();
    let demo = format!("demo -u 20 -i 200 --error-rate 0.1 --bug shared-user {RESULTS}");
    let runs = [
        Wasmload::new(demo.split_whitespace()).output().expect(0),
        run("metrics", "-u 2 -i 4"),
        run("tasks", "-u 2 -i 10 --graceful-stop 1ms -t 1s"),
        run("traps", "-u 2 -i 4 -L off"),
        run("iteration_fails", "-u 2 -i 4"),
    ];
    for run in &runs {
        schema.assert_fits(&run.summary());
    }
    // The tables that these runs are for are not empty.
    let filled = |table: &str| runs.iter().any(|run| !rows(&run.summary(), table).is_empty());
    for table in ["requests", "iterations", "tasks", "transactions", "checks", "metrics", "failures", "traps", "series"]
    {
        assert!(filled(table), "no run has {table}");
    }
}

/// The files of a run with failures of requests and of iterations.
struct Files {
    summary: Value,
    stats: Table,
    failures: Table,
    history: Table,
    exceptions: Table,
}

impl Files {
    fn of(run: &Ran) -> Files {
        let table = |name: &str| Table::read(&run.directory.path().join(format!("run_{name}.csv")));
        Files {
            summary: run.summary(),
            stats: table("stats"),
            failures: table("failures"),
            history: table("stats_history"),
            exceptions: table("exceptions"),
        }
    }
}

#[test]
fn csv_files_have_locust_s_columns() {
    const PERCENTILES: &str = "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%";
    let files = Files::of(&run("status_only", "-i 3 --csv run"));
    let stats = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
                 Max Response Time,Average Content Size,Requests/s,Failures/s";
    assert_eq!(files.stats.header(), format!("{stats},{PERCENTILES}"));
    assert_eq!(files.failures.header(), "Method,Name,Error,Occurrences,First Seen,Last Seen");
    let totals = "Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,\
                  Total Min Response Time,Total Max Response Time,Total Average Content Size";
    let history = "Timestamp,User Count,Type,Name,Requests/s,Failures/s";
    assert_eq!(files.history.header(), format!("{history},{PERCENTILES},{totals}"));
    assert_eq!(files.exceptions.header(), "Count,Message,Traceback,Nodes");
}

#[test]
fn csv_files_add_up_to_the_summary() {
    let demo = format!("demo -u 20 -i 400 --error-rate 0.1 {RESULTS}");
    let files = Files::of(&Wasmload::new(demo.split_whitespace()).output().expect(0));
    let (total, failed) = (count(&files.summary, "/total/count"), count(&files.summary, "/total/failures"));
    assert!(failed > 0);

    let (rows_of_names, aggregated) = files.stats.split_last();
    assert_eq!(aggregated.text("Name"), "Aggregated");
    assert_eq!((aggregated.count("Request Count"), aggregated.count("Failure Count")), (total, failed));
    let shown: Vec<_> = rows_of_names
        .iter()
        .map(|row| (row.text("Type"), row.text("Name"), row.count("Request Count"), row.count("Failure Count")))
        .collect();
    let known: Vec<_> = rows(&files.summary, "requests")
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().expect("a text");
            (text("method"), text("name"), count(row, "/count"), count(row, "/failures"))
        })
        .collect();
    assert_eq!(shown, known);

    assert_eq!(files.failures.sum("Occurrences"), failed);
    let (_, last) = files.history.split_last();
    assert_eq!((last.count("Total Request Count"), last.count("Total Failure Count")), (total, failed));
    let others = rows(&files.summary, "failures").iter().filter(|row| row["scope"] != "request");
    assert_eq!(files.exceptions.sum("Count"), others.map(|row| count(row, "/count")).sum::<u64>());
}

#[test]
fn traps_are_exceptions_with_their_backtrace() {
    let files = Files::of(&run("traps", "-u 2 -i 4 -L off --csv run"));
    let known = rows(&files.summary, "traps");
    assert_eq!(files.exceptions.rows().len(), known.len());
    for (row, trap) in files.exceptions.rows().iter().zip(known) {
        assert_eq!(row.count("Count"), count(trap, "/count"));
        assert_eq!(Some(row.text("Message")), trap["message"].as_str());
        assert_eq!(Some(row.text("Traceback")), trap["backtrace"].as_str());
        assert!(!row.text("Traceback").is_empty());
    }
    assert_eq!(files.exceptions.sum("Count"), 4);
}

#[test]
fn results_can_go_into_a_folder_and_replace_older_ones() {
    let server = Server::start();
    let program = Wasmload::run("status_only").with("-i 2 --csv results/today").against(&server);
    let folder = program.directory.path().join("results");
    fs::create_dir(&folder).expect("a temporary directory can be written to");
    let old = folder.join("today_stats.csv");
    fs::write(&old, "x".repeat(100_000)).expect("a temporary directory can be written to");
    let run = program.output().expect(0);
    let stats = Table::read(&old);
    let (_, aggregated) = stats.split_last();
    assert_eq!(aggregated.count("Request Count"), count(&run.summary(), "/total/count"));
    for name in ["failures", "stats_history", "exceptions"] {
        Table::read(&folder.join(format!("today_{name}.csv")));
    }
}

#[test]
fn quiet_says_nothing_and_writes_its_files() {
    let run = run("status_only", "-q -i 5");
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(count(&run.summary(), "/total/count"), 5);
}

#[test]
fn without_a_terminal_the_summary_is_plain_text_on_standard_output() {
    let run = run("iteration_fails", "-i 5");
    assert_eq!(run.stderr, "");
    for line in ["5 requests", "GET /", "iteration_fails", "the cart is empty"] {
        assert!(run.stdout.contains(line), "`{line}` is missing:\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "{:?}", run.stdout);
}

#[test]
fn without_a_terminal_progress_is_lines() {
    let server = Server::start();
    let mut run = Running::start(Wasmload::run("sleeper").with("-u 3").against(&server));
    let line = run.stderr_line("req/s");
    run.interrupt();
    let ended = run.finish().expect(105);
    let parts: Vec<&str> = line.split("  ").collect();
    let [clock, vus, rate, failed, p50, p95] = parts[..] else { panic!("{line}") };
    assert_eq!((clock, vus, failed), ("00:05", "3 VUs", "0 % failed"));
    assert!(rate.ends_with(" req/s") && p50.starts_with("p50 ") && p95.starts_with("p95 "), "{line}");
    assert!(!ended.stderr.contains('\x1b'), "{:?}", ended.stderr);
    assert!(!ended.stdout.contains("req/s"), "progress is no result:\n{}", ended.stdout);
}

#[test]
fn the_log_goes_to_its_file() {
    let flags = "-i 2 --var case=identify --log-file run.log";
    let run = run("user_control", flags);
    assert_eq!(run.stderr, "");
    let log = read(run.directory.path(), "run.log");
    for line in ["id 1, iteration 0, scenario user_control", "id 1, iteration 1, scenario user_control"] {
        assert_eq!(log.matches(line).count(), 1, "{log}");
    }
    assert!(!log.contains('\x1b'), "{log:?}");
    assert!(!run.stdout.contains("iteration 0"), "{}", run.stdout);
}

#[test]
fn the_log_level_chooses_lines() {
    let levels = [("off", 0), ("error", 1), ("warn", 2), ("info", 3), ("debug", 4), ("trace", 5)];
    for (level, expected) in levels {
        let run = run("user_control", &format!("-i 1 --var case=log -L {level}"));
        let lines = run.stderr.lines().filter(|line| line.contains("a line at ")).count();
        assert_eq!(lines, expected, "{level}:\n{}", run.stderr);
    }
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
