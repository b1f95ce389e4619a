//! Rows of files that scenarios read.

use std::fs;

use crate::support::figures::failures;
use crate::support::program::{Wasmload, counts, named};
use crate::support::server::Server;

/// A run of `data` with a file of that name and content, in its own directory.
fn with_file(server: &Server, file: &str, content: impl AsRef<[u8]>) -> Wasmload {
    let program = Wasmload::run("data").against(server).with("-q");
    fs::write(program.directory.path().join(file), content).expect("the run's directory takes a file");
    program
}

/// CSV with the ids from 0 up.
fn rows(count: usize) -> String {
    let rows: String = (0..count).map(|id| format!("{id},name {id}\n")).collect();
    format!("id,name\n{rows}")
}

/// The ids that the server was asked for, in order.
fn ids(server: &Server) -> Vec<String> {
    server.requests().into_iter().filter_map(|request| Some(request.query?.strip_prefix("id=")?.to_owned())).collect()
}

#[test]
fn rows_given_out_once_reach_one_virtual_user_each() {
    let server = Server::start();
    let program = with_file(&server, "rows.csv", rows(60)).with("--data rows=rows.csv:once -u 5 --threads 2");
    let summary = program.output().expect(0).summary();
    let mut found: Vec<usize> = ids(&server).iter().map(|id| id.parse().expect("a number")).collect();
    found.sort_unstable();
    assert_eq!(found, (0..60).collect::<Vec<_>>());
    // Each row, and for each virtual user one iteration that found none.
    let iterations = named(&summary["iterations"], "data");
    assert_eq!(counts(iterations), (65, 0));
    assert_eq!(named(&summary["requests"], "/row")["count"], 60);
    assert_eq!(summary["vus"]["failed"], 0);
}

#[test]
fn rows_in_a_circle_begin_again() {
    for order in ["", ":circular"] {
        let server = Server::start();
        let program = with_file(&server, "rows.csv", rows(3)).arg("--data").arg(format!("rows=rows.csv{order}"));
        program.with("-i 7").output().expect(0);
        assert_eq!(ids(&server), ["0", "1", "2", "0", "1", "2", "0"], "{order}");
    }
}

#[test]
fn a_circle_is_shared_by_all_virtual_users() {
    let server = Server::start();
    let program = with_file(&server, "rows.csv", rows(4)).with("--data rows=rows.csv -u 5 --threads 2");
    program.with("--iterations-per-user 8").output().expect(0);
    for id in 0..4 {
        assert_eq!(ids(&server).iter().filter(|other| **other == id.to_string()).count(), 10, "{id}");
    }
}

/// The ids that a run with rows at random asks for, sorted: the order in which virtual users come is not the seed's.
fn draw_at_random(arguments: &str) -> Vec<String> {
    let server = Server::start();
    let program = with_file(&server, "rows.csv", rows(5)).with("--data rows=rows.csv:random").with(arguments);
    let summary = program.output().expect(0).summary();
    let mut ids = ids(&server);
    assert_eq!(counts(named(&summary["requests"], "/row")), (ids.len() as u64, 0));
    ids.sort();
    ids
}

#[test]
fn rows_at_random_repeat_with_the_seed_whatever_the_threads() {
    let first = draw_at_random("--seed 1 -u 3 --iterations-per-user 20 --threads 1");
    assert_eq!(first.len(), 60);
    // The seed is fixed, so this holds each time: of 60 draws, all five rows came up.
    assert!((0..5).all(|id| first.contains(&id.to_string())), "{first:?}");
    assert_eq!(first, draw_at_random("--seed 1 -u 3 --iterations-per-user 20 --threads 2"));
    assert_ne!(first, draw_at_random("--seed 2 -u 3 --iterations-per-user 20 --threads 1"));
}

#[test]
fn virtual_users_draw_rows_of_their_own() {
    let server = Server::start();
    let program = with_file(&server, "rows.csv", rows(5)).with("--data rows=rows.csv:random --seed 1 -u 2");
    let ran = program.with("--iterations-per-user 20").output().expect(0);
    let draws = ["vu=1", "vu=2"].map(|vu| {
        let own = ran.log().into_iter().filter_map(|line| line.strip_suffix(vu)).map(str::to_owned);
        own.collect::<Vec<_>>()
    });
    assert_eq!((draws[0].len(), draws[1].len()), (20, 20));
    assert_ne!(draws[0], draws[1]);
}

#[test]
fn columns_arrive_by_name_from_csv_and_json_lines() {
    for (file, content) in [
        ("rows.csv", "id,name\n1,\"Ann, B.\"\n"),
        ("rows.jsonl", "{\"id\": 1, \"name\": \"Ann, B.\"}\n"),
        ("rows.ndjson", "\n{\"id\": \"1\", \"name\": \"Ann, B.\"}\n"),
    ] {
        let server = Server::start();
        let program = with_file(&server, file, content).arg("--data").arg(format!("rows={file}:once"));
        let ran = program.output().expect(0);
        assert_eq!(ids(&server), ["1"], "{file}");
        let row = r#"INFO scenario: row: [("id", "1"), ("name", "Ann, B.")] vu=1"#;
        assert_eq!(ran.log(), [row, "INFO scenario: no row left of 1 vu=1"], "{file}");
    }
}

#[test]
fn a_bad_file_is_refused_with_its_line_before_any_request() {
    for (file, content, expected) in [
        ("rows.csv", &b"id,name\n1,Ann\n2\n"[..], &["rows.csv", "line 3", "column"][..]),
        ("rows.csv", b"id,id\n1,2\n", &["rows.csv", "line 1", "'id'"]),
        ("rows.csv", b"id\n\xff\n", &["rows.csv", "line 2", "UTF-8"]),
        ("rows.csv", b"id,name\n", &["rows.csv", "no rows"]),
        ("rows.jsonl", b"{\"id\": 1}\n{\"id\": }\n", &["rows.jsonl", "line 2", "JSON"]),
        ("rows.jsonl", b"{\"id\": 1}\n\n[1]\n", &["rows.jsonl", "line 3", "object"]),
    ] {
        let server = Server::start();
        let program = with_file(&server, file, content).arg("--data").arg(format!("rows={file}"));
        let ran = program.with("-i 1").output().expect(104);
        assert_eq!(server.connections(), 0, "{file}");
        for text in expected {
            assert!(ran.stderr.contains(text), "{text} is not in: {}", ran.stderr);
        }
    }
}

#[test]
fn files_that_are_not_there_or_share_a_name_are_refused() {
    for (arguments, expected) in [
        ("--data rows=nowhere.csv", "nowhere.csv"),
        ("--data rows=rows.csv --data rows=rows.csv", "'rows'"),
        ("--data rows", "NAME=FILE"),
    ] {
        let server = Server::start();
        let ran = with_file(&server, "rows.csv", rows(1)).with(arguments).with("-i 1").output().expect(104);
        assert_eq!(server.connections(), 0, "{arguments}");
        assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
    }
}

#[test]
fn a_set_that_the_run_does_not_have_traps_with_what_to_do() {
    let server = Server::start();
    let program = with_file(&server, "rows.csv", rows(1)).with("--data rows=rows.csv --var data=users -i 2");
    let summary = program.output().expect(0).summary();
    assert_eq!(server.connections(), 0);
    let reason = "asked for the data set 'users', which the run does not have; give it with --data NAME=FILE";
    assert_eq!(failures(&summary, "iteration"), [("trap", reason, 2)]);
}
