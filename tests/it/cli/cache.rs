//! Compiled code on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

use crate::support::program::{Ran, Wasmload, guest};
use crate::support::server::Server;

/// The program, with a cache of its own in `home`.
fn wasmload(home: &TempDir, arguments: &[&str]) -> Ran {
    let mut program = Wasmload::new(arguments);
    program.command.env("XDG_CACHE_HOME", home.path());
    program.output().expect(0)
}

/// Makes a run, whose result does not matter.
fn run(home: &TempDir, server: &Server, name: &str, flags: &[&str]) {
    let (guest, url) = (guest(name), server.url());
    let scenario = guest.to_str().expect("a path of UTF-8");
    wasmload(home, &[&["run", scenario, "-q", "-i", "1", "-H", &url], flags].concat());
}

/// The compiled code in the cache, each with when it was written. What wasmtime notes beside it does not count.
fn compiled(home: &TempDir) -> Vec<(PathBuf, SystemTime)> {
    let mut found = Vec::new();
    collect(home.path(), &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, found: &mut Vec<(PathBuf, SystemTime)>) {
    for entry in fs::read_dir(directory).expect("the cache can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, found);
        } else if !name.contains('.') {
            // Dots mark notes, and what is being written.
            let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
            found.push((path, written.expect("a file has a time")));
        }
    }
}

#[test]
fn a_second_run_takes_its_code_from_the_cache() {
    let (home, server) = (TempDir::new().expect("a temporary directory"), Server::start());
    run(&home, &server, "status_only", &[]);
    let first = compiled(&home);
    assert!(!first.is_empty(), "the first run keeps its code");
    run(&home, &server, "status_only", &[]);
    assert_eq!(compiled(&home), first, "the second writes nothing");
    run(&home, &server, "iteration_fails", &[]);
    let both = compiled(&home);
    assert!(both.len() > first.len(), "another scenario has code of its own");
    assert!(first.iter().all(|file| both.contains(file)));
}

#[test]
fn without_the_cache_nothing_is_written() {
    let (home, server) = (TempDir::new().expect("a temporary directory"), Server::start());
    run(&home, &server, "status_only", &["--no-cache"]);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fs::read_dir(home.path()).expect("the directory is there").count(), 0);
}

#[test]
fn the_cache_is_shown_and_cleaned() {
    let (home, server) = (TempDir::new().expect("a temporary directory"), Server::start());
    let directory = home.path().join("wasmload");
    assert_eq!(wasmload(&home, &["cache", "dir"]).stdout, format!("{}\n", directory.display()));
    assert!(!directory.exists(), "asking makes nothing");

    run(&home, &server, "status_only", &[]);
    assert!(compiled(&home).iter().all(|(path, _)| path.starts_with(&directory)));
    // What is not the program's own stays.
    fs::write(home.path().join("neighbour"), "").expect("the directory is the test's");
    let cleaned = wasmload(&home, &["cache", "clean"]).stdout;
    assert_eq!(cleaned, format!("removed {}\n", directory.display()));
    assert!(!directory.exists() && home.path().join("neighbour").exists());
    let cleaned = wasmload(&home, &["cache", "clean"]).stdout;
    assert_eq!(cleaned, format!("nothing to remove in {}\n", directory.display()));
}
