//! The built program, run as a person would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::figures::count;
use super::server::Server;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

/// Where cargo puts what it builds, by where this test is.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    test.ancestors().nth(3).expect("target/release/deps/it").to_owned()
}

/// The program. `cargo xtask test` builds it before the tests.
pub(crate) fn wasmload() -> PathBuf {
    let path = target_directory().join("release").join("wasmload");
    assert!(path.exists(), "{} is missing; run the tests by `cargo xtask test`", path.display());
    path
}

/// The component of the test guest or example of that name. `cargo xtask guests` builds them.
pub(crate) fn guest(name: &str) -> PathBuf {
    let path = target_directory().join("guests").join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is missing; run the tests by `cargo xtask test`", path.display());
    path
}

/// The digest of a file, as another program tells it.
pub(crate) fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum starts");
    let text = String::from_utf8(output.stdout).expect("sha256sum prints ASCII");
    let digest = text.split_whitespace().next().unwrap_or_default().to_owned();
    assert_eq!(digest.len(), 64, "{text}");
    digest
}

/// A command line of the program, with a directory of its own.
pub(crate) struct Wasmload {
    pub(crate) command: Command,
    pub(crate) directory: TempDir,
}

impl Wasmload {
    /// The program with these arguments. Its compiled code is cached where all tests share it.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Wasmload {
        let directory = TempDir::new().expect("a temporary directory");
        let mut command = Command::new(wasmload());
        command
            .args(arguments)
            .env("XDG_CACHE_HOME", target_directory().join("test-cache"))
            .env_remove("NO_COLOR")
            .current_dir(directory.path());
        Wasmload { command, directory }
    }

    /// `wasmload run GUEST`, with its summary written as JSON.
    pub(crate) fn run(name: &str) -> Wasmload {
        Wasmload::new(["run".as_ref(), guest(name).as_os_str(), "--json".as_ref(), "summary.json".as_ref()])
    }

    /// With that server as the target.
    pub(crate) fn against(self, server: &Server) -> Wasmload {
        self.arg("--host").arg(server.url())
    }

    /// More arguments, separated by blanks.
    pub(crate) fn with(mut self, arguments: &str) -> Wasmload {
        self.command.args(arguments.split_whitespace());
        self
    }

    /// One more argument, taken whole.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Wasmload {
        self.command.arg(argument);
        self
    }

    /// Runs it to its end.
    pub(crate) fn output(mut self) -> Ran {
        let output = self.command.output().expect("the program starts");
        Ran::new(output, self.directory)
    }
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) directory: TempDir,
}

impl Ran {
    /// What a finished process left.
    pub(crate) fn new(output: Output, directory: TempDir) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr), directory }
    }

    /// The run, which must have ended with that exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The summary.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let path = self.directory.path().join("summary.json");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("no summary: {error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr));
        serde_json::from_str(&text).expect("the summary is JSON")
    }

    /// Messages that the scenario logged or printed, with the level before and the virtual user behind them, in order.
    pub(crate) fn log(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(scenario_line).collect()
    }

    /// All that the program left for people and programs to read.
    pub(crate) fn everything(&self) -> String {
        let mut all = format!("{}{}", self.stdout, self.stderr);
        for entry in std::fs::read_dir(self.directory.path()).expect("the run's directory is there") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file that the run wrote");
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        all
    }
}

/// What stands behind the time in a line of the scenario's log; none for other lines.
fn scenario_line(line: &str) -> Option<&str> {
    let (_time, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let (level, message) = rest.split_once(' ')?;
    (level.chars().all(|letter| letter.is_ascii_uppercase()) && message.starts_with("scenario: ")).then_some(rest)
}

/// The entry of that name in a list of the summary.
#[track_caller]
pub(crate) fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut entries = list.as_array().expect("a list").iter().filter(|entry| entry["name"] == name);
    let entry = entries.next().unwrap_or_else(|| panic!("no entry {name} in {list:#}"));
    assert!(entries.next().is_none(), "several entries {name} in {list:#}");
    entry
}

/// How many there were of what a row of the summary counts, and how many of them failed.
#[track_caller]
pub(crate) fn counts(row: &Value) -> (u64, u64) {
    (count(row, "/count"), count(row, "/failures"))
}
