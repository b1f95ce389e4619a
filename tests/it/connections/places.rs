//! Where connections lead, and where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::thread;

use super::{opened, passed};
use crate::support::figures::{count, number};
use crate::support::processes::wait_until;
use crate::support::program::Wasmload;
use crate::support::scripted::{FINE, Peer, Scripted, listen, unanswering};
use crate::support::server::Server;

/// One request after the other, to that URL's root.
fn visits(url: &str, arguments: &str) -> Wasmload {
    Wasmload::run("status_only").with(arguments).arg("--host").arg(url)
}

fn port(server: &Server) -> String {
    server.authority().rsplit_once(':').expect("an address with its port").1.to_owned()
}

/// A server that finds nothing wrong, on that listener.
fn fine_on(listener: TcpListener) -> Scripted {
    Scripted::on(listener, |mut peer| peer.serve(|_, _| Ok(())))
}

#[test]
fn virtual_users_are_spread_over_the_local_addresses() {
    let server = fine_on(listen("127.0.0.1:0"));
    let arguments = "-u 6 --iterations-per-user 5 --no-keepalive --local-address 127.0.0.2 --local-address 127.0.0.3";
    passed(visits(&server.url(), arguments));
    let mut connections = BTreeMap::<IpAddr, usize>::new();
    for peer in server.peers() {
        *connections.entry(peer.ip()).or_default() += 1;
    }
    let expected = [([127, 0, 0, 2], 15), ([127, 0, 0, 3], 15)].map(|(address, count)| (IpAddr::from(address), count));
    assert_eq!(connections, BTreeMap::from(expected));
}

#[test]
fn a_virtual_user_stays_with_its_local_address() {
    let server = fine_on(listen("127.0.0.1:0"));
    let arguments = "-i 10 --no-keepalive --local-address 127.0.0.2 --local-address 127.0.0.3";
    passed(visits(&server.url(), arguments));
    let addresses: BTreeSet<IpAddr> = server.peers().iter().map(|peer| peer.ip()).collect();
    assert_eq!((server.connections(), addresses.len()), (10, 1), "{addresses:?}");
}

#[test]
fn a_name_has_the_address_given_for_it() {
    let server = Server::start();
    let authority = format!("shop.test:{}", port(&server));
    let program = visits(&format!("http://{authority}"), "-i 3");
    let summary = passed(program.arg(format!("--resolve={authority}:127.0.0.1")));
    assert_eq!(server.connections(), 1);
    assert!(server.requests().iter().all(|request| request.header("host") == Some(&*authority)));
    assert_eq!(count(&summary, "/total/phases/dns/requests"), 0, "nothing was looked up");
}

#[test]
fn another_server_is_connected_to_and_asked_for_the_same_host() {
    let server = Server::start();
    let program = visits("http://shop.test", "-i 3");
    passed(program.arg(format!("--connect-to=shop.test:80:127.0.0.1:{}", port(&server))));
    assert_eq!(server.connections(), 1);
    assert!(server.requests().iter().all(|request| request.header("host") == Some("shop.test")));
}

#[test]
fn a_name_is_looked_up_for_each_new_connection_and_no_other() {
    let server = Server::start();
    let url = format!("http://localhost:{}", port(&server));
    // However long an answer holds, to find it again is a lookup too, if a quick one.
    for (arguments, lookups) in
        [("", 1), ("--no-keepalive", 5), ("--no-keepalive --dns-ttl 0", 5), ("--no-keepalive --dns-ttl 1h", 5)]
    {
        let summary = passed(visits(&url, "-i 5").with(arguments));
        assert_eq!(count(&summary, "/total/phases/dns/requests"), lookups, "{arguments}");
        assert_eq!(opened(&summary), lookups, "{arguments}");
    }
}

#[test]
fn servers_of_ipv6_are_reached() {
    // Where the machine has no IPv6 there is nothing to test.
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let server = fine_on(listener);
    passed(visits(&server.url(), "-i 3"));
    assert_eq!(server.connections(), 1);
    passed(visits(&server.url(), "-i 3 --local-address 127.0.0.1 --local-address ::1"));
    assert!(server.peers().iter().all(|peer| peer.ip() == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
}

#[test]
fn an_address_that_refuses_connections_is_left_for_the_next() {
    let server = Server::start();
    let authority = format!("shop.test:{}", port(&server));
    // Nobody listens at the first of these.
    let program = visits(&format!("http://{authority}"), "-i 3");
    let summary = passed(program.arg(format!("--resolve={authority}:127.0.0.9,127.0.0.1")));
    assert_eq!((server.requests().len(), opened(&summary)), (3, 1));
}

#[test]
fn an_address_that_does_not_answer_is_overtaken_by_the_next() {
    let server = Server::start();
    let authority = format!("shop.test:{}", port(&server));
    let (_silent, _waiting) = unanswering(&format!("127.0.0.9:{}", port(&server)));
    let program = visits(&format!("http://{authority}"), "-i 3");
    let summary = passed(program.arg(format!("--resolve={authority}:127.0.0.9,127.0.0.1")));
    assert_eq!((server.requests().len(), opened(&summary)), (3, 1));
    // It was given a quarter of a second's lead.
    assert!(number(&summary, "/total/phases/connect/time_seconds/max") >= 0.25, "{summary:#}");
}

#[test]
fn all_requests_go_through_a_socket_in_the_file_system() {
    let program = visits("http://shop.test", "-i 3 --unix-socket server.sock");
    let listener = UnixListener::bind(program.directory.path().join("server.sock")).expect("a socket");
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let (mut peer, mut hosts) = (Peer::new(stream), Vec::new());
        while let Some(request) = peer.request().expect("a request") {
            hosts.push(request.header("host").expect("a host").to_owned());
            peer.send(FINE).expect("the client takes it");
        }
        hosts
    });
    let summary = passed(program);
    wait_until("the server has seen its client go", || server.is_finished());
    assert_eq!(server.join().expect("a client"), ["shop.test"; 3]);
    assert_eq!(opened(&summary), 1);
    assert_eq!(count(&summary, "/total/phases/dns/requests"), 0);
}
