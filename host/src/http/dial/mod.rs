//! The way from an origin to a connected byte stream: overrides, proxies, names, addresses, sockets.
//!
//! It owns which machine is connected to and how. It must not know what is spoken over the stream, nor keep track of
//! time: its caller bounds it, and drops it when it takes too long.

mod local;
mod race;
mod socks;
#[cfg(test)]
mod tests;
mod tunnel;

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::config::{Config, Versions};
use super::dns::Resolver;
use super::error::{Error, describe};
use super::meter::{Phase, PhaseClock};
use super::reach::Reach;
use super::route::{ConnectTo, Protocol, Proxies, Proxy, Resolve, authority};
use super::socket::Socket;
use super::target::{Host, Origin, Scheme};
use local::LocalAddresses;

/// Why connections can't be made as the settings say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Connections can't come from an address.
    #[error("use the local address {address}; --local-address wants addresses of this machine")]
    LocalAddress {
        /// The address.
        address: IpAddr,
        /// Why not.
        source: io::Error,
    },
    /// A path can't be that of a socket.
    #[error("use the socket {}; --unix-socket wants the path of a socket, of about 100 bytes at the most", path.display())]
    UnixSocket {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes the connections of a run.
#[derive(Debug)]
pub(super) struct Dialer {
    resolver: Resolver,
    local: LocalAddresses,
    resolve: Vec<Resolve>,
    connect_to: Vec<ConnectTo>,
    unix_socket: Option<PathBuf>,
    proxies: Proxies,
    forward: Option<Forward>,
    /// Whether HTTP/2 is spoken without asking.
    http2: bool,
}

/// A proxy that takes plain requests, in absolute form.
#[derive(Debug)]
pub(super) struct Forward {
    /// The `proxy-authorization` header with its line end; empty for a proxy without a user name.
    pub(super) authorization_line: Box<[u8]>,
}

/// A connected stream, and what it is connected to.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) socket: Socket,
    /// The other end, which may be a proxy; none for a socket in the file system.
    pub(super) remote: Option<SocketAddr>,
    /// This end; none for a socket in the file system.
    pub(super) local: Option<SocketAddr>,
    /// The proxy or the socket in the file system that the stream goes through, for people to read.
    pub(super) via: Option<String>,
}

/// A host and port.
#[derive(Clone, Copy, Debug, PartialEq)]
struct End<'a> {
    host: &'a Host,
    port: u16,
    /// The port that the URL has, by which it is judged.
    asked: u16,
    /// Who says that requests go there.
    named_by: NamedBy,
}

/// Who named a host.
#[derive(Clone, Copy, Debug, PartialEq)]
enum NamedBy {
    /// A request's URL: only some addresses may be connected to.
    Url,
    /// The run's settings, which may lead anywhere.
    Settings,
}

impl<'a> End<'a> {
    fn of_url(host: &'a Host, port: u16) -> Self {
        End { host, port, asked: port, named_by: NamedBy::Url }
    }
}

/// For whom a connection is made.
#[derive(Clone, Copy, Debug)]
struct Caller<'a> {
    reach: &'a Reach,
    vu: u32,
}

/// How an origin is reached.
#[derive(Debug, PartialEq)]
enum Way<'a> {
    /// By a socket in the file system.
    Unix(&'a Path),
    Direct(End<'a>),
    /// By a proxy that gets the requests themselves.
    Forward(&'a Proxy),
    /// By a proxy that connects its stream to this end.
    Through(&'a Proxy, End<'a>),
}

impl Dialer {
    /// # Errors
    /// For a local address or a socket's path that can't be used.
    pub(super) fn new(config: &Config) -> Result<Self, DialError> {
        if let Some(path) = &config.unix_socket {
            // It may be made later, but not with every path.
            std::os::unix::net::SocketAddr::from_pathname(path)
                .map_err(|source| DialError::UnixSocket { path: path.clone(), source })?;
        }
        if config.proxies.http.is_some() || config.proxies.https.is_some() {
            for entry in config.proxies.none_for.ignored() {
                tracing::warn!("no_proxy in the environment: ignored {entry}");
            }
        }
        let forward = config.proxies.http.as_ref().filter(|proxy| !proxy.protocol.is_socks());
        Ok(Dialer {
            resolver: Resolver::new(config.dns_ttl),
            local: LocalAddresses::new(&config.local_addresses)?,
            resolve: config.resolve.clone(),
            connect_to: config.connect_to.clone(),
            unix_socket: config.unix_socket.clone(),
            forward: forward
                .map(|proxy| Forward { authorization_line: proxy.authorization_line().into_bytes().into() }),
            proxies: config.proxies.clone(),
            http2: config.versions == Versions::Http2,
        })
    }

    #[cfg(test)]
    pub(super) fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// The proxy that requests to this origin are sent to in absolute form; none where they go to the server itself,
    /// or to a proxy that doesn't look at them.
    pub(super) fn forward(&self, scheme: Scheme, host: &Host, port: u16) -> Option<&Forward> {
        let forward = self.forward.as_ref()?;
        matches!(self.way(scheme, End::of_url(host, port)), Way::Forward(_)).then_some(forward)
    }

    /// Connects to an origin, for a virtual user, at an address that is within its reach. `secure_proxy` takes the TLS
    /// handshake with an https proxy.
    ///
    /// Nothing bounds the time that this takes. Where it is dropped, the clock knows which phase was under way.
    ///
    /// # Errors
    /// [`Error::Dns`], [`Error::Denied`], [`Error::Connect`], and those of `secure_proxy`.
    pub(super) async fn dial<F>(
        &self,
        origin: &Origin,
        reach: &Reach,
        vu: u32,
        clock: &mut PhaseClock,
        secure_proxy: F,
    ) -> Result<Dialed, Error>
    where
        F: AsyncFnOnce(&Host, TcpStream) -> Result<Box<TlsStream<TcpStream>>, Error>,
    {
        let caller = Caller { reach, vu };
        match self.way(origin.scheme, End::of_url(&origin.host, origin.port)) {
            Way::Unix(path) => dial_unix(path, clock).await,
            Way::Direct(end) => Ok(Dialed::directly(self.connect(end, caller, clock).await?)),
            Way::Forward(proxy) => self.dial_proxy(proxy, None, caller, clock, secure_proxy).await,
            Way::Through(proxy, end) => self.dial_proxy(proxy, Some(end), caller, clock, secure_proxy).await,
        }
    }

    /// As curl decides: a socket in the file system goes before all else; whether there is a proxy is a matter of the
    /// URL's host, whatever `connect_to` makes of it; and where that makes something of it, a proxy is told to connect
    /// there, since a request in absolute form would still name the URL's host. HTTP/2 without asking is the server's
    /// affair too, since few proxies speak it with their clients.
    fn way<'a>(&'a self, scheme: Scheme, end: End<'a>) -> Way<'a> {
        if let Some(path) = &self.unix_socket {
            return Way::Unix(path);
        }
        let other = ConnectTo::find(&self.connect_to, end.host, end.port).map(|(host, port)| {
            // Where only the port is another one, the host is still the URL's.
            let named_by = if host == end.host { NamedBy::Url } else { NamedBy::Settings };
            End { host, port, asked: end.port, named_by }
        });
        match self.proxies.find(scheme, end.host, end.port) {
            None => Way::Direct(other.unwrap_or(end)),
            Some(proxy) => {
                let tunnels = scheme == Scheme::Https || proxy.protocol.is_socks() || other.is_some() || self.http2;
                if tunnels { Way::Through(proxy, other.unwrap_or(end)) } else { Way::Forward(proxy) }
            }
        }
    }

    /// Connects to a proxy, and through it to `end` where there is one.
    async fn dial_proxy<F>(
        &self,
        proxy: &Proxy,
        end: Option<End<'_>>,
        caller: Caller<'_>,
        clock: &mut PhaseClock,
        secure_proxy: F,
    ) -> Result<Dialed, Error>
    where
        F: AsyncFnOnce(&Host, TcpStream) -> Result<Box<TlsStream<TcpStream>>, Error>,
    {
        let looked_up;
        let end = match end {
            Some(end) if proxy.protocol == Protocol::Socks5 => {
                looked_up = self.first_address(end, caller, clock).await?;
                Some(End { host: &looked_up, ..end })
            }
            other => other,
        };
        let proxy_end = End { host: &proxy.host, port: proxy.port, asked: proxy.port, named_by: NamedBy::Settings };
        let tcp = self.connect(proxy_end, caller, clock).await.map_err(|error| blame(proxy, error))?;
        let (remote, local) = (tcp.peer_addr().ok(), tcp.local_addr().ok());
        clock.enter(Phase::Connect);
        let socket = pass(proxy, end, tcp, secure_proxy).await;
        clock.end(Phase::Connect);
        let socket = socket.map_err(|error| blame(proxy, error))?;
        Ok(Dialed { socket, remote, local, via: Some(proxy.to_string()) })
    }

    /// For a proxy that wants an address and takes but one, as curl does it.
    async fn first_address(&self, end: End<'_>, caller: Caller<'_>, clock: &mut PhaseClock) -> Result<Host, Error> {
        let addresses = self.addresses(end, caller.reach, clock).await?;
        let first = addresses.first().ok_or_else(|| Error::Dns("the name has no address".into()))?;
        Ok(Host::Address(*first))
    }

    /// Connects to the first of a host's addresses that takes the connection.
    async fn connect(&self, end: End<'_>, caller: Caller<'_>, clock: &mut PhaseClock) -> Result<TcpStream, Error> {
        let addresses = self.addresses(end, caller.reach, clock).await?;
        clock.enter(Phase::Connect);
        let connected = self.connect_any(&addresses, end.port, caller.vu).await;
        clock.end(Phase::Connect);
        connected
    }

    /// Leaves out the addresses that no local address can reach, unless that leaves none.
    async fn connect_any(&self, addresses: &[IpAddr], port: u16, vu: u32) -> Result<TcpStream, Error> {
        let reachable: Vec<IpAddr> = addresses.iter().copied().filter(|address| self.local.reach(*address)).collect();
        let addresses = if reachable.is_empty() { addresses } else { &reachable };
        race::race(addresses, |address| self.local.connect(vu, SocketAddr::new(address, port))).await
    }

    /// The addresses of a host: those given for it, itself, or those that its name is looked up to.
    ///
    /// Every address that this machine connects to comes out of here; what the run's settings did not give is judged
    /// here, behind the lookup.
    async fn addresses(&self, end: End<'_>, reach: &Reach, clock: &mut PhaseClock) -> Result<Arc<[IpAddr]>, Error> {
        if let Some(given) = Resolve::find(&self.resolve, end.host, end.port) {
            return Ok(given.into());
        }
        let found = match end.host {
            Host::Address(address) => Arc::new([*address]),
            Host::Name(name) => {
                clock.enter(Phase::Dns);
                let answer = self.resolver.resolve(name).await;
                clock.end(Phase::Dns);
                answer?
            }
        };
        match end.named_by {
            NamedBy::Settings => Ok(found),
            NamedBy::Url => reach.admit(end.host, end.asked, found),
        }
    }
}

impl Dialed {
    fn directly(tcp: TcpStream) -> Self {
        Dialed { remote: tcp.peer_addr().ok(), local: tcp.local_addr().ok(), via: None, socket: Socket::Tcp(tcp) }
    }
}

async fn dial_unix(path: &Path, clock: &mut PhaseClock) -> Result<Dialed, Error> {
    clock.enter(Phase::Connect);
    let connected = UnixStream::connect(path).await;
    clock.end(Phase::Connect);
    let via = path.display().to_string();
    match connected {
        Ok(stream) => Ok(Dialed { socket: Socket::Unix(stream), remote: None, local: None, via: Some(via) }),
        Err(error) => Err(Error::Connect(format!("{via}: {}", describe(&error)).into())),
    }
}

/// Makes of a connection to a proxy what the client speaks over: one to `end`, or to the proxy itself where there is
/// none.
async fn pass<F>(proxy: &Proxy, end: Option<End<'_>>, tcp: TcpStream, secure_proxy: F) -> Result<Socket, Error>
where
    F: AsyncFnOnce(&Host, TcpStream) -> Result<Box<TlsStream<TcpStream>>, Error>,
{
    let socket = match proxy.protocol {
        Protocol::Https => Socket::Tls(secure_proxy(&proxy.host, tcp).await?),
        _ => Socket::Tcp(tcp),
    };
    let Some(End { host, port, .. }) = end else { return Ok(socket) };
    let passed = if proxy.protocol.is_socks() {
        socks::open(socket, host, port, proxy.credentials.as_ref()).await
    } else {
        tunnel::open(socket, &authority(host, port), &proxy.authorization_line()).await
    };
    passed.map_err(|reason| Error::Connect(format!("no way to {}: {reason}", authority(host, port)).into()))
}

/// The same error, with the proxy as its place.
fn blame(proxy: &Proxy, error: Error) -> Error {
    let at_proxy = |reason: Cow<'static, str>| format!("the proxy {proxy}: {reason}").into();
    match error {
        Error::Dns(reason) => Error::Dns(at_proxy(reason)),
        Error::Connect(reason) => Error::Connect(at_proxy(reason)),
        Error::Tls(reason) => Error::Tls(at_proxy(reason)),
        other => other,
    }
}
