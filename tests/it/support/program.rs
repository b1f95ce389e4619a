//! The built program, run as a person would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

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
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("no summary: {error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr)
        });
        serde_json::from_str(&text).expect("the summary is JSON")
    }
}
