//! The addresses of this machine that connections come from.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

#[cfg(target_os = "linux")]
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use tokio::net::{TcpSocket, TcpStream};

use super::DialError;
use crate::http::error::{Error, describe};

/// Addresses that connections come from, spread over virtual users; without any, the system chooses.
#[derive(Debug, Default)]
pub(super) struct LocalAddresses {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
}

impl LocalAddresses {
    /// # Errors
    /// For an address that is none of this machine.
    pub(super) fn new(addresses: &[IpAddr]) -> Result<Self, DialError> {
        for &address in addresses {
            // Whether TCP may use it shows with UDP too, and that leaves nothing behind.
            UdpSocket::bind((address, 0)).map_err(|source| DialError::LocalAddress { address, source })?;
        }
        let (v4, v6) = addresses.iter().partition(|address| address.is_ipv4());
        Ok(LocalAddresses { v4, v6 })
    }

    /// Whether connections to that address can be made.
    pub(super) fn reach(&self, remote: IpAddr) -> bool {
        self.are_none() || !self.family_of(remote).is_empty()
    }

    /// Connects a virtual user, from its own one of the addresses.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub(super) async fn connect(&self, vu: u32, remote: SocketAddr) -> Result<TcpStream, Error> {
        let failed = |reason: Cow<'static, str>| Error::Connect(format!("{remote}: {reason}").into());
        let connected = if self.are_none() {
            TcpStream::connect(remote).await.map_err(|error| failed(describe(&error)))
        } else {
            let local = self.choose(vu, remote.ip()).ok_or_else(|| {
                let family = if remote.is_ipv4() { "IPv4" } else { "IPv6" };
                failed(format!("none of the local addresses is {family}; give one with --local-address").into())
            })?;
            let socket = bound_to(local).map_err(|error| failed(describe_bind(local, &error)))?;
            socket.connect(remote).await.map_err(|error| failed(describe_connect(local, &error)))
        }?;
        // Small requests must not wait for the acknowledgement of what went before.
        connected.set_nodelay(true).map_err(|error| failed(describe(&error)))?;
        Ok(connected)
    }

    fn choose(&self, vu: u32, remote: IpAddr) -> Option<IpAddr> {
        let fitting = self.family_of(remote);
        fitting.get((vu as usize).checked_rem(fitting.len())?).copied()
    }

    fn family_of(&self, remote: IpAddr) -> &[IpAddr] {
        if remote.is_ipv4() { &self.v4 } else { &self.v6 }
    }

    fn are_none(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// A socket with this end's address. Its port is chosen when it connects, where the system can do that.
fn bound_to(local: IpAddr) -> io::Result<TcpSocket> {
    let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    choose_port_late(&socket);
    socket.bind((local, 0).into())?;
    Ok(socket)
}

/// A port that is chosen before the destination is known must be free for all of them: then a connection that was
/// closed a minute ago keeps its port from everyone, and there are far fewer than without a local address.
#[cfg(target_os = "linux")]
fn choose_port_late(socket: &TcpSocket) {
    // Where the kernel doesn't know it, there are fewer ports, and that shows.
    let _ = setsockopt(socket, IpBindAddressNoPort, &true);
}

#[cfg(not(target_os = "linux"))]
fn choose_port_late(_: &TcpSocket) {}

fn describe_bind(local: IpAddr, error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        // Where the port is chosen early.
        io::ErrorKind::AddrInUse => no_port(local),
        io::ErrorKind::AddrNotAvailable => format!("{local} is no longer an address of this machine").into(),
        _ => describe(error),
    }
}

fn describe_connect(local: IpAddr, error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => no_port(local),
        _ => describe(error),
    }
}

fn no_port(local: IpAddr) -> Cow<'static, str> {
    format!("no port of {local} is left; give further addresses with --local-address").into()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn local(addresses: &[&str]) -> LocalAddresses {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect(text)).collect();
        let (v4, v6) = addresses.iter().partition(|address| address.is_ipv4());
        LocalAddresses { v4, v6 }
    }

    #[test]
    fn virtual_users_are_spread_over_the_addresses_of_the_family() {
        let local = local(&["127.0.0.1", "::1", "127.0.0.2", "127.0.0.3", "::2"]);
        let chosen = |vu, remote: &str| local.choose(vu, remote.parse().expect(remote)).map(|one| one.to_string());
        for (vu, v4, v6) in [(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 1, 2), (u32::MAX, 1, 2)] {
            assert_eq!(chosen(vu, "10.0.0.1"), Some(format!("127.0.0.{v4}")), "{vu}");
            assert_eq!(chosen(vu, "fd00::1"), Some(format!("::{v6}")), "{vu}");
        }
    }

    #[test]
    fn a_family_without_an_address_reaches_nothing() {
        let (v4, v6) = ("10.0.0.1".parse().expect("an address"), "fd00::1".parse().expect("an address"));
        assert!(local(&[]).reach(v4) && local(&[]).reach(v6));
        assert!(local(&["127.0.0.1"]).reach(v4) && !local(&["127.0.0.1"]).reach(v6));
    }

    #[tokio::test]
    async fn a_connection_comes_from_its_virtual_users_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let remote = listener.local_addr().expect("bound");
        let local = LocalAddresses::new(&[[127, 0, 0, 2].into(), [127, 0, 0, 3].into()]).expect("loopback");
        for (vu, expected) in [(0, "127.0.0.2"), (1, "127.0.0.3"), (2, "127.0.0.2")] {
            let stream = local.connect(vu, remote).await.expect("it listens");
            let (_, peer) = listener.accept().await.expect("connected");
            assert_eq!(peer.ip().to_string(), expected);
            assert_eq!(stream.nodelay().ok(), Some(true));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_port_is_chosen_only_for_a_destination() {
        for local in ["127.0.0.1", "::1"] {
            // Where the machine has no IPv6 there is nothing to test.
            let Ok(socket) = bound_to(local.parse().expect(local)) else { continue };
            let bound = socket.local_addr().expect("bound");
            assert_eq!((bound.ip().to_string(), bound.port()), (local.to_owned(), 0));
        }
    }

    #[test]
    fn what_is_used_up_is_told() {
        let local = [127, 0, 0, 2].into();
        let no_port = "no port of 127.0.0.2 is left; give further addresses with --local-address";
        assert_eq!(describe_bind(local, &io::ErrorKind::AddrInUse.into()), no_port);
        assert_eq!(describe_connect(local, &io::ErrorKind::AddrNotAvailable.into()), no_port);
        assert_eq!(
            describe_bind(local, &io::ErrorKind::AddrNotAvailable.into()),
            "127.0.0.2 is no longer an address of this machine"
        );
    }

    #[tokio::test]
    async fn an_unfitting_family_is_told() {
        let error = local(&["127.0.0.1"]).connect(0, "[::1]:80".parse().expect("an address")).await;
        let reason = "[::1]:80: none of the local addresses is IPv6; give one with --local-address";
        assert_eq!(error.expect_err("no address"), Error::Connect(reason.into()));
    }

    #[test]
    fn an_address_of_another_machine_is_refused_at_once() {
        // Of the range for documentation, which no machine has.
        let error = LocalAddresses::new(&[[192, 0, 2, 1].into()]).expect_err("not ours");
        assert_eq!(
            error.to_string(),
            "use the local address 192.0.2.1; --local-address wants addresses of this machine"
        );
    }
}
