//! What is refused: with exit code 104, with words that say what, where and what to try, and before any request.

use std::fs;
use std::path::Path;

use crate::support::program::{Ran, Wasmload, guest};
use crate::support::untouched::Untouched;

/// Runs this scenario with these flags, in a directory with those files; it must be refused with all these words.
#[track_caller]
fn assert_refused(scenario: &Path, flags: &str, files: &[(&str, &[u8])], words: &[&str]) -> Ran {
    let target = Untouched::new();
    let program = Wasmload::new(["run".as_ref(), scenario.as_os_str()]).with(flags);
    for (name, content) in files {
        fs::write(program.directory.path().join(name), content).expect("a temporary directory can be written to");
    }
    // The flags may have one of their own.
    let program = if flags.contains("--host") { program } else { program.arg("--host").arg(target.url()) };
    let run = program.output().expect(104);
    target.assert_untouched();
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert_eq!(run.stdout, "", "an error is no result");
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
    run
}

#[track_caller]
fn assert_flags_refused(flags: &str, words: &[&str]) {
    assert_refused(&guest("status_only"), flags, &[], words);
}

#[test]
fn unknown_flags_and_commands() {
    assert_flags_refused("-i 1 --unknown", &["--unknown", "--help"]);
    assert_flags_refused("-i 1 --user 5", &["--user", "--users"]);
    let run = Wasmload::new(["walk"]).output().expect(104);
    assert!(run.stderr.contains("walk") && run.stderr.contains("--help"), "{}", run.stderr);
    let run = Wasmload::new(["run"]).output().expect(104);
    assert!(run.stderr.contains("<SCENARIO>") && run.stderr.contains("--help"), "{}", run.stderr);
    // Without a command there is nothing to do, and so no success.
    let run = Wasmload::new([] as [&str; 0]).output().expect(104);
    assert!(run.stderr.contains("Usage: wasmload <COMMAND>"), "{}", run.stderr);
}

#[test]
fn files_that_are_no_component() {
    const HOW: [&str; 3] = ["wasm32-wasip2", "componentize-js", "componentize-py"];
    let cases: [(&str, &[u8], &str); 5] = [
        ("core.wasm", b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0", "a core WebAssembly module"),
        ("notes.txt", b"to do: write a scenario\n", "a text file"),
        ("scenario.py", b"import os\nprint('hello')\n", "a text file"),
        ("empty.wasm", b"", "empty"),
        ("scenario.wat", b"(component)\n", "WebAssembly in text form"),
    ];
    for (name, content, what) in cases {
        let run = assert_refused(Path::new(name), "-i 1", &[(name, content)], &[name, what]);
        for way in HOW {
            assert!(run.stderr.contains(way), "`{way}` is missing: {}", run.stderr);
        }
    }
    // What turns a module into a component is another tool's work.
    let [(core, content, _), ..] = cases;
    assert_refused(Path::new(core), "-i 1", &[(core, content)], &["wasm-tools component new"]);
}

#[test]
fn files_that_cannot_be_read() {
    assert_refused(Path::new("missing.wasm"), "-i 1", &[], &["missing.wasm", "No such file"]);
    assert_refused(Path::new("."), "-i 1", &[], &["read .", "Is a directory"]);
}

#[test]
fn a_truncated_component() {
    let whole = fs::read(guest("status_only")).expect("the guest is there");
    for length in [9, whole.len() / 2, whole.len() - 1] {
        let files: [(&str, &[u8]); 1] = [("cut.wasm", &whole[..length])];
        assert_refused(Path::new("cut.wasm"), "-i 1", &files, &["cut.wasm", "cut short"]);
    }
    // No more than the preamble is a whole component, with nothing in it.
    let files: [(&str, &[u8]); 1] = [("cut.wasm", &whole[..8])];
    assert_refused(Path::new("cut.wasm"), "-i 1", &files, &["cut.wasm", "exports no interface"]);
}

#[test]
fn a_host_that_is_no_http_url() {
    for host in ["127.0.0.1:8080", "localhost:8080", "localhost", "ftp://127.0.0.1", "//127.0.0.1", "http://"] {
        assert_flags_refused(&format!("-i 1 --host {host}"), &["--host", "http://127.0.0.1:8080"]);
    }
}

#[test]
fn loads_of_nothing() {
    assert_flags_refused("-i 1 -u 0", &["--users", "at least 1"]);
    assert_flags_refused("-i 1 -u many", &["--users", "many"]);
    assert_flags_refused("-i 0", &["--iterations", "more than 0"]);
    assert_flags_refused("--iterations-per-user 0", &["--iterations-per-user", "more than 0"]);
    assert_flags_refused("-t 0", &["--run-time", "more than 0"]);
    for rate in ["0", "NaN", "inf"] {
        assert_flags_refused(&format!("-i 1 --spawn-rate {rate}"), &["--spawn-rate", "above 0"]);
    }
    assert_flags_refused("-i 1 --threads 0", &["--threads", "1..=1024"]);
}

#[test]
fn times_that_are_none() {
    for flag in ["--run-time", "--graceful-stop", "--timeout", "--max-cpu-time"] {
        for time in ["soon", "5x", "1m30", "NaN", "1e3s"] {
            let words = [flag, time, "write for example 10s, 1m30s"];
            assert_flags_refused(&format!("-i 1 {flag} {time}"), &words);
        }
    }
}

#[test]
fn data_that_cannot_be_used() {
    for flag in ["rows", "rows=", "=rows.csv"] {
        assert_flags_refused(&format!("-i 1 --data {flag}"), &["--data", flag, "users=users.csv:once"]);
    }
    assert_flags_refused("-i 1 --data rows=missing.csv", &["missing.csv", "No such file"]);
    let cases: [(&str, &str, &[&str]); 4] = [
        ("short.csv", "name,age\nAnn,41\nBob\n", &["short.csv, line 3", "1 column", "has 2"]),
        ("bare.csv", "name,age\n", &["bare.csv", "no rows", "a header line and at least one row"]),
        ("broken.jsonl", "{\"a\":1}\n{\"a\"\n", &["broken.jsonl, line 2", "not JSON"]),
        ("list.jsonl", "{\"a\":1}\n[2]\n", &["list.jsonl, line 2"]),
    ];
    for (name, content, words) in cases {
        let files: [(&str, &[u8]); 1] = [(name, content.as_bytes())];
        assert_refused(&guest("status_only"), &format!("-i 1 --data rows={name}"), &files, words);
    }
}

#[test]
fn results_that_could_not_be_written() {
    const WHY: &str = "No such file or directory";
    assert_flags_refused("-i 1 --json missing/summary.json", &["write", "`missing/summary.json`", WHY]);
    assert_flags_refused("-i 1 --json .", &["write", "`.`", "Is a directory"]);
    assert_flags_refused("-i 1 --csv missing/run", &["write", "`missing/run_stats.csv`", WHY]);
    assert_flags_refused("-i 1 --log-file missing/log", &["log file missing/log", WHY]);
}

#[test]
fn nothing_where_there_has_to_be_something() {
    let scenario = guest("status_only");
    for flag in ["--timeout", "--connect-timeout"] {
        assert_refused(&scenario, &format!("-i 1 {flag} 0"), &[], &[flag, "more than 0"]);
    }
    for flag in ["--max-concurrent-requests", "--max-connections-per-host", "--har x.har --har-entries"] {
        assert_refused(&scenario, &format!("-i 1 {flag} 0"), &[], &["0"]);
    }
}

#[test]
fn one_file_for_two_outputs() {
    let expected = ["same.json", "--json", "--har", "a file of its own"];
    assert_refused(&guest("status_only"), "-i 1 --json same.json --har same.json", &[], &expected);
}

#[test]
fn variables_secrets_and_certificates() {
    assert_flags_refused("-i 1 --var name", &["--var", "'name' is not NAME=VALUE"]);
    let words = ["'key'", "environment variable WASMLOAD_TEST_UNSET"];
    assert_flags_refused("-i 1 --secret key=env:WASMLOAD_TEST_UNSET", &words);
    assert_flags_refused("-i 1 --secret key=file:missing.txt", &["'key'", "missing.txt", "No such file"]);
    assert_flags_refused("-i 1 --ca-cert missing.pem", &["missing.pem", "No such file"]);
    let files: [(&str, &[u8]); 1] = [("ca.pem", b"not a certificate\n")];
    assert_refused(
        &guest("status_only"),
        "-i 1 --ca-cert ca.pem",
        &files,
        &["ca.pem", "find a certificate in ca.pem, given with --ca-cert"],
    );
}
