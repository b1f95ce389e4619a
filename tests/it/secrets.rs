//! A secret that its scenario puts wherever it can is nowhere in what a run leaves.

use crate::support::program::Wasmload;
use crate::support::server::{Request, Server};

/// What files and requests write in some other way: blanks, quotes, reserved characters, and one that is not ASCII.
const SECRET: &str = "pa ss/w\"ö+rd&0815%";

/// The ways in which requests, JSON and Rust write it.
fn shapes() -> Vec<String> {
    let percent = |upper: bool, kept: &dyn Fn(u8) -> bool, blank: &str| -> String {
        let shape = |byte: u8| match byte {
            b' ' => blank.to_owned(),
            byte if kept(byte) => char::from(byte).to_string(),
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        SECRET.bytes().map(shape).collect()
    };
    let mut shapes = vec![SECRET.to_owned(), SECRET.replace('"', "\\\""), SECRET.replace('"', "\"\"")];
    for upper in [true, false] {
        shapes.push(percent(upper, &|_| false, "%20"));
        shapes.push(percent(upper, &|byte| byte.is_ascii_alphanumeric(), "%20"));
        shapes.push(percent(upper, &|byte| byte.is_ascii_alphanumeric(), "+"));
        shapes.push(percent(upper, &|byte| byte.is_ascii_alphanumeric() || b"/+&".contains(&byte), "%20"));
    }
    // What base64 makes of the middle of it, at each distance from the beginning of a group.
    for before in 0..3 {
        let coded = base64(format!("{}{SECRET}", &"xyz"[..before]).as_bytes());
        let whole = coded.trim_end_matches('=');
        shapes.push(whole[4..whole.len() - 3].to_owned());
    }
    shapes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let number = (0..3).fold(0_usize, |number, at| number << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        let digit = |at: usize| if at <= chunk.len() { char::from(DIGITS[number >> (18 - 6 * at) & 63]) } else { '=' };
        [0, 1, 2, 3].map(digit)
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[test]
fn the_other_way_to_base64_is_right() {
    assert_eq!([&b"user:pass"[..], b"a", b"ab"].map(base64), ["dXNlcjpwYXNz", "YQ==", "YWI="]);
}

/// What the target was sent, whole.
fn sent(requests: &[Request]) -> String {
    let lines = requests.iter().map(|request| {
        let (path, query, body) = (&request.path, &request.query, String::from_utf8_lossy(&request.body));
        format!("{} {path} {query:?} {:?} {body}", request.method, request.headers)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_secret_is_nowhere_in_what_a_run_leaves() {
    let server = Server::start();
    let outputs = "-i 4 -L trace --max-traps 9 --csv table --har exchanges.har --secret";
    let program = Wasmload::run("leaks").against(&server).with(outputs).arg(format!("key={SECRET}"));
    let ran = program.output().expect(108);

    // It was planted.
    let (requests, shapes) = (server.requests(), shapes());
    let sent = sent(&requests);
    let seen = shapes.iter().filter(|shape| sent.contains(shape.as_str())).count();
    assert!(seen >= 4, "{seen} of {shapes:?} in {sent}");

    // Each of these would have it.
    let read = |name: &str| std::fs::read_to_string(ran.directory.path().join(name)).expect(name);
    let files = ["summary.json", "exchanges.har", "table_stats.csv", "table_failures.csv", "table_exceptions.csv"];
    let mut places = vec![("standard output", ran.stdout.clone()), ("standard error", ran.stderr.clone())];
    places.extend(files.map(|name| (name, read(name))));
    for (place, text) in &places {
        assert!(text.contains("***"), "nothing is hidden in {place}: {text}");
    }
    let everything = ran.everything();
    for shape in &shapes {
        if let Some(at) = everything.find(shape.as_str()) {
            let around = everything[..at].rfind('\n').map_or(0, |start| start + 1);
            panic!("`{shape}` is in `{}`", everything[around..].lines().next().unwrap_or_default());
        }
    }
}
