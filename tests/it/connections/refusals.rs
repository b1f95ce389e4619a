//! Flags that can't be meant: refused with exit code 104, in words that say what, where and what to try, and before any
//! connection is made.

use std::fs;
use std::io::ErrorKind;

use crate::support::certificates::Authority;
use crate::support::program::Wasmload;
use crate::support::scripted::listen;

/// Runs with that flag and value against a server that nobody may connect to. All words must be in the message.
#[track_caller]
fn assert_refused(flags: &[&str], words: &[&str]) {
    let target = listen("127.0.0.1:0");
    target.set_nonblocking(true).expect("a socket can be told not to block");
    let url = format!("http://{}", target.local_addr().expect("a bound listener has an address"));
    let program = Wasmload::run("status_only").with("-i 1 --host").arg(url);
    let authority = Authority::new();
    authority.issue("client.test").write(program.directory.path(), "client");
    authority.issue("other.test").write(program.directory.path(), "other");
    fs::write(program.directory.path().join("text.pem"), "no certificate").expect("a temporary directory");
    let run = flags.iter().fold(program, |program, flag| program.arg(flag)).output().expect(104);
    // The kernel keeps a connection for whoever asks, so none escapes this.
    let accepted = target.accept().map(|(_, peer)| peer);
    assert!(accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "there was a connection");
    assert!(run.stderr.starts_with("error: ") && run.stdout.is_empty(), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}

#[test]
fn addresses_for_names() {
    for (value, what) in [
        ("shop.test", "the port is missing"),
        ("shop.test:80", "the address is missing"),
        ("shop.test:x:127.0.0.1", "`x` is no port; ports are 1 to 65535"),
        ("shop.test:80:localhost", "`localhost` is no address, and names are not looked up"),
        ("shop.test:80:127.0.0.1,", "`` is no address"),
        ("+shop.test:80:127.0.0.1", "leave the sign out"),
    ] {
        let words = ["'--resolve <HOST:PORT:ADDRESS>'", what, "write for example example.com:443:127.0.0.1"];
        assert_refused(&["--resolve", value], &words);
    }
}

#[test]
fn other_servers_to_connect_to() {
    for (value, what) in [
        ("shop.test", "the first port is missing"),
        ("shop.test:80", "the second host is missing"),
        ("shop.test:x:127.0.0.1:80", "`x` is no port"),
        ("shop.test:80:127.0.0.1:65536", "`65536` is no port"),
    ] {
        let words = ["'--connect-to <HOST1:PORT1:HOST2:PORT2>'", what, "write for example example.com:443:"];
        assert_refused(&["--connect-to", value], &words);
    }
}

#[test]
fn proxies() {
    for (value, what) in [
        ("ftp://proxy.test:1", "`ftp` is not among http, https, socks5 and socks5h"),
        ("http://", "`` is no host"),
        ("proxy.test:70000", "`70000` is no port"),
        ("http://proxy.test/path", "it has a path, which a proxy has not"),
        ("socks5://name@proxy.test", "user name and password must both be there"),
    ] {
        assert_refused(&["--proxy", value], &["'--proxy <URL>'", what, "write for example http://proxy.example:3128"]);
    }
    for (value, what) in [("10.0.0.0/33", "`/33` is no length of a network"), ("http://shop.test", "is no address")] {
        let words = ["'--no-proxy <HOSTS>'", what, "write for example example.com,.internal,10.0.0.0/8"];
        assert_refused(&["--no-proxy", value], &words);
    }
}

#[test]
fn local_addresses_and_sockets() {
    assert_refused(&["--local-address", "here"], &["'--local-address <ADDRESS>'", "'here'"]);
    // Of a range that is kept free for documentation, which no machine has.
    let words = ["the local address 198.51.100.1", "--local-address wants addresses of this machine"];
    assert_refused(&["--local-address", "198.51.100.1"], &words);
    let words = ["use the socket xxx", "--unix-socket wants the path of a socket, of about 100 bytes at the most"];
    assert_refused(&["--unix-socket", &"x".repeat(200)], &words);
}

#[test]
fn versions() {
    let words = ["--tls-min 1.3 is newer than --tls-max 1.2", "raise the one or lower the other"];
    assert_refused(&["--tls-min", "1.3", "--tls-max", "1.2"], &words);
    assert_refused(&["--tls-min", "1.1"], &["'--tls-min <VERSION>'", "1.2, 1.3"]);
    let words = ["'--http1-only' cannot be used with '--http2-prior-knowledge'"];
    assert_refused(&["--http1-only", "--http2-prior-knowledge"], &words);
}

#[test]
fn certificates_and_keys() {
    const MISSING: [&str; 2] = ["failed to read missing.pem, given with", "No such file or directory"];
    assert_refused(&["--ca-cert", "missing.pem"], &MISSING);
    assert_refused(&["--client-cert", "missing.pem"], &MISSING);
    assert_refused(&["--client-cert", "client.pem", "--client-key", "missing.pem"], &MISSING);
    for flag in ["--ca-cert", "--client-cert"] {
        assert_refused(&[flag, "text.pem"], &["find a certificate in text.pem, given with", flag, "it wants PEM"]);
    }
    assert_refused(&["--client-key", "client.key"], &["--client-cert <FILE>"]);
    assert_refused(
        &["--client-cert", "client.pem"],
        &["private key in client.pem", "give its PEM file with --client-key"],
    );
    let words = ["other.key", "client.pem", "they don't belong together"];
    assert_refused(&["--client-cert", "client.pem", "--client-key", "other.key"], &words);
}

#[test]
fn numbers_and_times() {
    assert_refused(&["--max-connections-per-host", "0"], &["'--max-connections-per-host <N>'", "0 is not in 1.."]);
    for flag in ["--connect-timeout", "--idle-timeout", "--dns-ttl"] {
        assert_refused(&[flag, "soon"], &[flag, "write for example 10s, 1m30s"]);
    }
    assert_refused(&["--max-body-size", "large"], &["--max-body-size", "write for example 64MiB"]);
    assert_refused(&["--user-agent", "a\nb"], &["user agent \"a\\nb\"", "control character"]);
}
