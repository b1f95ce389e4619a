//! The client's own certificate, shown to an nginx that asks for one.

use super::{VERSIONS, opened};
use crate::support::certificates::{Authority, Identity};
use crate::support::figures::failures;
use crate::support::nginx::{Nginx, Site, Speaks, by_status};
use crate::support::program::{Ran, Wasmload, counts};

/// An nginx that knows its clients by this authority.
fn nginx(authority: &Authority) -> Nginx {
    let directives = "ssl_verify_client on; ssl_client_certificate clients.pem; location / { return 200 ok; }";
    Nginx::serve(Site { speaks: Speaks::Tls, directives, clients: Some(authority), ..Site::default() })
}

/// Makes ten requests over as many connections, with the client's certificate where there is one.
fn run(nginx: &Nginx, certificate: Option<&Identity>, flags: &str) -> Ran {
    let program = Wasmload::run("status_only").against_nginx(nginx).with("-q -i 10 --no-keepalive").with(flags);
    let Some(certificate) = certificate else { return program.output() };
    certificate.write(program.directory.path(), "client");
    program.with("--client-cert client.pem --client-key client.key").output()
}

#[test]
fn a_certificate_opens_the_door() {
    let authority = Authority::new();
    let certificate = authority.issue("client.test");
    for (version, _) in VERSIONS {
        for versions in ["--tls-max 1.2", "--tls-min 1.3"] {
            let (nginx, flags) = (nginx(&authority), format!("{version} {versions}"));
            let summary = run(&nginx, Some(&certificate), &flags).expect(0).summary();
            assert_eq!(counts(&summary["total"]), (10, 0), "{flags}: {:#}", summary["failures"]);
            assert_eq!(opened(&summary), 10, "{flags}");
            assert_eq!(by_status(&nginx.into_log()).into_iter().collect::<Vec<_>>(), [(200, 10)], "{flags}");
        }
    }
}

/// nginx takes the connection, and says so in a response.
#[test]
fn without_one_or_with_a_stranger_s_nginx_answers_400() {
    let authority = Authority::new();
    let stranger = Authority::new().issue("client.test");
    for (version, _) in VERSIONS {
        for certificate in [None, Some(&stranger)] {
            let nginx = nginx(&authority);
            let summary = run(&nginx, certificate, version).expect(0).summary();
            assert_eq!(counts(&summary["total"]), (10, 10), "{version}");
            assert_eq!(failures(&summary, "request"), [("status", "400", 10)], "{version}");
            assert_eq!(by_status(&nginx.into_log()).into_iter().collect::<Vec<_>>(), [(400, 10)], "{version}");
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused_before_any_load() {
    let authority = Authority::new();
    let mixed = Identity { key: authority.issue("other.test").key, ..authority.issue("client.test") };
    let nginx = nginx(&authority);
    let accepted = nginx.status().accepted;
    let refused = run(&nginx, Some(&mixed), "").expect(104);
    for word in ["client.key", "client.pem", "don't belong together", "--client-key"] {
        assert!(refused.stderr.contains(word), "`{word}` is missing: {}", refused.stderr);
    }
    // The one connection more is the one that asks.
    assert_eq!(nginx.status().accepted, accepted + 1);
}
