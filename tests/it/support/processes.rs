//! Programs that run beside a test: waited for by looking, never by sleeping for long enough, and ended by their id.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take that takes a second; only a test that fails waits for so long.
const BOUND: Duration = Duration::from_secs(90);

/// How long to leave a condition alone before looking again.
const STEP: Duration = Duration::from_millis(5);

/// How often a server may find its port taken by somebody who was quicker.
const ATTEMPTS: usize = 5;

/// Looks again and again, until it is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < BOUND, "waited {} s for this: {what}", BOUND.as_secs());
        thread::sleep(STEP);
    }
}

/// A child process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it, with nothing to read; what it prints goes into `stdout` and `stderr` in that directory.
    pub(crate) fn start(command: &mut Command, directory: &Path) -> Process {
        let file = |name| File::create(directory.join(name)).expect("a temporary directory can be written to");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        Process(command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}")))
    }

    /// The number that the system knows it by.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends it the signal of that name, for example `INT`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is not installed everywhere.
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &self.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "no signal {name} for process {}", self.0.id());
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child can be waited for")
    }

    /// How it ended, once it has.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("a process ends", || {
            status = self.ended();
            status.is_some()
        });
        status.expect("it has ended")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server on a loopback port of its own, with a directory that goes when it does.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
}

impl ServerProcess {
    /// Starts the server that `command` makes, given where to listen and a directory. It is up as soon as it answers a GET
    /// of `path` with a text that has `sign` in it: whoever else got that port would answer something else.
    #[track_caller]
    pub(crate) fn start(path: &str, sign: &str, command: impl Fn(SocketAddr, &Path) -> Command) -> ServerProcess {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let directory = TempDir::new().expect("a temporary directory");
            let address = free_address();
            let mut process = Process::start(&mut command(address, directory.path()), directory.path());
            let mut up = false;
            wait_until("a server answers", || {
                up = get(address, path).is_ok_and(|answer| answer.contains(sign));
                up || process.ended().is_some()
            });
            if up {
                return ServerProcess { process, address, directory };
            }
            said = read(&directory.path().join("stderr"));
        }
        panic!("the server did not come up in {ATTEMPTS} attempts: {said}");
    }

    /// Its root.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The text of a file in its directory.
    pub(crate) fn read(&self, name: &str) -> String {
        read(&self.directory.path().join(name))
    }
}

/// What a server answers to a GET: head and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(BOUND))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The most memory that a process ever had resident, in bytes; none where it has ended.
pub(crate) fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    Some(kibibytes << 10)
}

/// The first of these programs that is there.
pub(crate) fn find(candidates: &[&str]) -> Option<PathBuf> {
    candidates.iter().map(PathBuf::from).find(|path| path.exists())
}

/// The text of a file; none where it is missing.
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A port that was free a moment ago, for a server that can't choose one itself.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    listener.local_addr().expect("a bound socket has an address")
}
