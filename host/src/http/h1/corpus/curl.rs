//! The corpus through the program curl, over loopback.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::{Bytes, Case, Failure, Outcome, Taken, corpus};

/// What stands between the bodies that curl prints.
const MARK: &str = "<<<the end of a transfer>>>";

/// The path of a request that shows whether curl uses the connection of the one before it.
const AGAIN: &str = "/again";

#[test]
fn curl_agrees_or_the_difference_is_known() {
    let version = Command::new("curl").arg("--version").output();
    let version = version.expect("curl is missing; run the tests by `cargo xtask test`").stdout;
    let version = String::from_utf8_lossy(&version).lines().next().unwrap_or_default().to_owned();
    let corpus = Arc::new(corpus());
    let outcomes = outcomes(&corpus, listen(&corpus));
    let judged = corpus.iter().zip(&outcomes).map(|(case, outcome)| case.judge("curl", case.curl.as_ref(), outcome));
    let wrong: Vec<_> = judged.flatten().collect();
    assert!(wrong.is_empty(), "with {version}:\n{}", wrong.join("\n"));
}

/// Serves the corpus by number, for as long as the test runs.
fn listen(corpus: &Arc<Vec<Case>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let corpus = Arc::clone(corpus);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let corpus = Arc::clone(&corpus);
            thread::spawn(move || serve(stream, &corpus));
        }
    });
    address
}

/// What curl makes of each case.
fn outcomes(corpus: &[Case], address: SocketAddr) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.len() < corpus.len() {
        let output = run(&config(corpus, outcomes.len(), address));
        let mut transfers = split(&output).into_iter();
        // Curl gives all further ones up where it takes an error for one of its own.
        for case in &corpus[outcomes.len()..] {
            let Some(transfer) = transfers.next() else { break };
            let again = if case.close { None } else { transfers.next() };
            outcomes.push(transfer.outcome(case, again.is_some_and(|again| again.connects == 0)));
        }
    }
    outcomes
}

/// All transfers from a case on, one behind the other, as a configuration for one process.
fn config(corpus: &[Case], first: usize, address: SocketAddr) -> String {
    let mut config = String::new();
    for (index, case) in corpus.iter().enumerate().skip(first) {
        let head = if case.method == "HEAD" { "head\n" } else { "" };
        write_transfer(&mut config, address, &format!("/{index}"), head);
        if !case.close {
            write_transfer(&mut config, address, AGAIN, "");
        }
    }
    config
}

fn write_transfer(config: &mut String, address: SocketAddr, path: &str, more: &str) {
    if !config.is_empty() {
        config.push_str("next\n");
    }
    write!(
        config,
        "url = http://{address}{path}\n{more}http1.1\ncompressed\nsilent\nnoproxy = *\nmax-time = 60\n\
         write-out = \"{MARK} %{{exitcode}} %{{http_code}} %{{num_connects}}\\n\"\n"
    )
    .expect("a string takes all");
}

fn run(config: &str) -> Vec<u8> {
    let mut command = Command::new("curl");
    // The first keeps a person's own configuration out, the second takes ours from standard input.
    command.args(["--disable", "--config", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut curl = command.spawn().expect("curl starts");
    let mut stdin = curl.stdin.take().expect("piped");
    stdin.write_all(config.as_bytes()).expect("curl reads its configuration");
    drop(stdin);
    curl.wait_with_output().expect("curl ends").stdout
}

/// What curl says of one transfer.
struct Transfer {
    body: Vec<u8>,
    exit_code: u32,
    status: u16,
    /// How many connections it opened for it.
    connects: u32,
}

impl Transfer {
    fn outcome(self, case: &Case, keep_alive: bool) -> Outcome {
        if self.exit_code != 0 {
            return Outcome::Failure(Failure::Fails);
        }
        // To HEAD, it prints the response's head.
        let body = if case.method == "HEAD" { Vec::new() } else { self.body };
        Outcome::Response(Taken { status: self.status, body: Bytes(body), keep_alive })
    }
}

fn split(mut output: &[u8]) -> Vec<Transfer> {
    let mut transfers = Vec::new();
    while let Some(at) = memchr::memmem::find(output, MARK.as_bytes()) {
        let rest = &output[at + MARK.len()..];
        let end = memchr::memchr(b'\n', rest).expect("a whole line");
        let line = std::str::from_utf8(&rest[..end]).expect("numbers");
        let numbers: Vec<u32> = line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [exit_code, status, connects] = numbers[..] else { panic!("not three numbers: {line}") };
        let status = u16::try_from(status).expect("a status");
        transfers.push(Transfer { body: output[..at].to_vec(), exit_code, status, connects });
        output = &rest[end + 1..];
    }
    transfers
}

/// The path of the next request; none where the connection ends.
fn read_path(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).split(' ').nth(1).map(ToOwned::to_owned)
}

fn serve(mut stream: TcpStream, corpus: &[Case]) {
    while let Some(path) = read_path(&mut stream) {
        let index = path.trim_start_matches('/').parse().ok();
        let Some(case) = index.and_then(|index: usize| corpus.get(index)) else {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            return;
        };
        // Curl may have seen enough before it has taken all.
        let _ = stream.write_all(&case.wire.0);
        if case.close {
            return;
        }
    }
}
