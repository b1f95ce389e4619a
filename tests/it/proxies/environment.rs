//! Proxies that the environment names, and hosts that go without one.

use super::server::{Kind, Rules};
use super::{Proxy, passed, target, visits};
use crate::support::certificates::Authority;
use crate::support::program::Wasmload;
use crate::support::scripted::Scripted;
use crate::support::tls;

fn proxy(target: &Scripted) -> Proxy {
    Proxy::start(Rules { kind: Kind::Http, target: target.address(), wants: None })
}

fn with_variable(mut program: Wasmload, name: &str, value: &str) -> Wasmload {
    program.command.env(name, value);
    program
}

/// Requests to a server that is reached with a proxy and without one; and whether that variable brings the proxy in.
struct Trial {
    target: Scripted,
    proxy: Proxy,
    url: String,
}

impl Trial {
    fn new(host: &str) -> Trial {
        let target = target();
        let url = format!("http://{host}:{}", target.address().port());
        Trial { proxy: proxy(&target), target, url }
    }

    /// As given to the program, which finds the server at its loopback address without the proxy.
    fn program(&self) -> Wasmload {
        visits(&self.url).arg("--resolve=*:*:127.0.0.1")
    }

    fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    /// Runs it: were the requests handed to the proxy, all of them, or none?
    #[track_caller]
    fn is_proxied(&self, program: Wasmload) -> bool {
        let before = self.proxy.requests().len();
        passed(program);
        assert!(self.target.connections() > 0);
        match self.proxy.requests().len() - before {
            0 => false,
            3 => true,
            other => panic!("{other} of 3 requests went through the proxy"),
        }
    }
}

#[test]
fn variables_name_the_proxy_for_cleartext() {
    let trial = Trial::new("shop.test");
    assert!(!trial.is_proxied(trial.program()));
    for (variable, proxied) in [
        ("http_proxy", true),
        ("all_proxy", true),
        ("ALL_PROXY", true),
        ("https_proxy", false),
        // What a CGI server sets to a request's header.
        ("HTTP_PROXY", false),
    ] {
        let program = with_variable(trial.program(), variable, &trial.proxy_url());
        assert_eq!(trial.is_proxied(program), proxied, "{variable}");
    }
}

#[test]
fn variables_name_the_proxy_for_tls() {
    let authority = Authority::new();
    let config = tls::server(&authority.issue("shop.test"));
    let target = Scripted::secure(config, |mut peer| peer.serve(|_, _| Ok(())));
    let url = format!("https://shop.test:{}", target.address().port());
    for (variable, tunnels) in
        [("https_proxy", 1), ("HTTPS_PROXY", 1), ("all_proxy", 1), ("ALL_PROXY", 1), ("http_proxy", 0)]
    {
        let proxy = proxy(&target);
        let program = visits(&url).with("--resolve *:*:127.0.0.1 --ca-cert authority.pem");
        authority.identity().write(program.directory.path(), "authority");
        passed(with_variable(program, variable, &format!("http://{}", proxy.address)));
        assert_eq!(proxy.requests().len(), tunnels, "{variable}");
    }
}

#[test]
fn hosts_can_be_spared() {
    let trial = Trial::new("www.shop.test");
    for (value, proxied) in [
        ("shop.test", false),
        (".shop.test", false),
        ("other.test, www.shop.test", false),
        ("*", false),
        ("other.test", true),
        ("hop.test", true),
    ] {
        for variable in ["no_proxy", "NO_PROXY"] {
            let program = with_variable(trial.program(), "http_proxy", &trial.proxy_url());
            let program = with_variable(program, variable, value);
            assert_eq!(trial.is_proxied(program), proxied, "{variable}={value}");
        }
        let program = trial.program().arg("--proxy").arg(trial.proxy_url()).arg("--no-proxy").arg(value);
        assert_eq!(trial.is_proxied(program), proxied, "--no-proxy {value}");
    }
}

#[test]
fn the_environment_spares_this_machine_and_the_flag_does_not() {
    for host in ["127.0.0.1", "localhost"] {
        let trial = Trial::new(host);
        let program = with_variable(trial.program(), "http_proxy", &trial.proxy_url());
        assert!(!trial.is_proxied(program), "{host}");
        let program = trial.program().arg("--proxy").arg(trial.proxy_url());
        assert!(trial.is_proxied(program), "{host}");
    }
}

#[test]
fn the_flag_goes_before_the_environment() {
    let trial = Trial::new("shop.test");
    let program = with_variable(trial.program(), "http_proxy", &trial.proxy_url());
    assert!(!trial.is_proxied(program.arg("--proxy").arg("")), "an empty one is none");
    // Nobody looks at a variable that is not used.
    let program = with_variable(trial.program(), "http_proxy", "ftp://no.proxy");
    assert!(trial.is_proxied(program.arg("--proxy").arg(trial.proxy_url())));
}

#[test]
fn a_variable_that_names_no_proxy_is_refused() {
    let trial = Trial::new("shop.test");
    let ran = with_variable(trial.program(), "http_proxy", "http://name:hunter2@proxy.test:x").output().expect(104);
    for word in ["the environment variable http_proxy", "`x` is no port", "write for example http://proxy.example:3128"]
    {
        assert!(ran.stderr.contains(word), "`{word}` is missing: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
