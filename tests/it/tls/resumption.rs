//! Sessions: which handshakes resume one, and that each virtual user has its own.

use std::collections::BTreeMap;

use super::{VERSIONS, opened, run};
use crate::support::figures::count;
use crate::support::nginx::Line;

/// Four virtual users, told apart by their addresses, and a connection for every request.
const LOAD: &str = "-u 4 --iterations-per-user 10 --no-keepalive --local-address 127.0.0.11 \
                    --local-address 127.0.0.12 --local-address 127.0.0.13 --local-address 127.0.0.14";

/// For each client in order, which of its connections resumed a session.
#[track_caller]
fn resumed(log: &[Line]) -> BTreeMap<&str, Vec<bool>> {
    let mut clients: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in log {
        clients.entry(line.client.as_str()).or_default().push(line.resumed.expect("it came over TLS"));
    }
    clients
}

#[test]
fn a_virtual_user_resumes_its_own_sessions_and_no_others() {
    for (versions, protocol) in [("--tls-max 1.2", "TLSv1.2"), ("--tls-min 1.3", "TLSv1.3")] {
        for (version, _) in VERSIONS {
            let flags = format!("{LOAD} {versions} {version}");
            let (summary, log) = run("", &flags);
            assert!(log.iter().all(|line| line.tls == protocol), "{flags}");
            let clients = resumed(&log);
            assert_eq!(clients.len(), 4, "{flags}");
            for (client, resumed) in clients {
                let mut expected = vec![true; 10];
                expected[0] = false;
                assert_eq!(resumed, expected, "{flags}: {client}");
            }
            assert_eq!(opened(&summary), 40, "{flags}");
            assert_eq!(count(&summary, "/total/connections/tls_full"), 4, "{flags}");
        }
    }
}

#[test]
fn nothing_is_resumed_where_it_is_switched_off() {
    for versions in ["--tls-max 1.2", "--tls-min 1.3"] {
        let flags = format!("{LOAD} {versions} --tls-no-resumption");
        let (summary, log) = run("", &flags);
        assert!(log.iter().all(|line| line.resumed == Some(false)), "{flags}");
        assert_eq!(opened(&summary), 40, "{flags}");
        assert_eq!(count(&summary, "/total/connections/tls_resumed"), 0, "{flags}");
    }
}

#[test]
fn a_server_without_tickets_has_nothing_to_resume() {
    for versions in ["--tls-max 1.2", "--tls-min 1.3"] {
        let flags = format!("{LOAD} {versions}");
        let (summary, log) = run("ssl_session_tickets off; ssl_session_cache off;", &flags);
        assert!(log.iter().all(|line| line.resumed == Some(false)), "{flags}");
        assert_eq!(count(&summary, "/total/connections/tls_full"), opened(&summary), "{flags}");
    }
}
