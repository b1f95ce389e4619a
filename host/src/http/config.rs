//! How a run makes its requests.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::route::{ConnectTo, Proxies, Resolve};

/// How a run makes its requests, the same for all virtual users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether no request is made at all: each fails as denied. Default: false.
    pub offline: bool,
    /// The bound on a whole exchange, redirects included, where the request has none of its own. Default: 30 s.
    pub timeout: Duration,
    /// The bound on opening a connection: looking its name up, connecting, a proxy's part, and TLS. Default: 10 s.
    pub connect_timeout: Duration,
    /// How many redirects are followed at the most, where the request doesn't say; 0 hands the redirect itself over.
    /// Default: 10.
    pub max_redirects: u32,
    /// The largest body that is kept, in bytes after decoding. A discarded body has no bound, as nothing of it is held,
    /// unless it is coded: decoding takes time, so there the bound is 256 MiB. Default: 64 MiB.
    pub max_body_bytes: u64,
    /// The largest head of a response, in bytes, interim responses included. It may have at most 128 headers. Default:
    /// 64 KiB.
    pub max_head_bytes: usize,
    /// The `user-agent` of requests that have none. Default: `wasmload/` and the version.
    pub user_agent: String,
    /// Which versions of HTTP are spoken. Default: HTTP/2 where a TLS server chooses it, else HTTP/1.1.
    pub versions: Versions,
    /// Whether connections are kept for the next request. Default: true.
    pub keepalive: bool,
    /// The most connections that one virtual user has to one origin, of those that serve one request at a time: all of
    /// HTTP/1.1, and those of HTTP/2 that are not kept. Further requests wait. Default: 6, as browsers have.
    pub max_connections_per_host: usize,
    /// The most idle connections that one virtual user keeps, over all origins; beyond that, the oldest is closed.
    /// Default: 32.
    pub max_idle_connections: usize,
    /// How long a connection may wait for its next request before it is closed. Default: 90 s.
    pub idle_timeout: Duration,
    /// Whether virtual users have cookie jars. Default: true.
    pub cookies: bool,
    /// How long a resolved name holds; failures hold for a second at the most. Default: 60 s.
    pub dns_ttl: Duration,
    /// Addresses of this machine that connections come from, spread over virtual users. Default: none, the system
    /// chooses.
    pub local_addresses: Vec<IpAddr>,
    /// Names that have given addresses instead of being looked up. Default: none.
    pub resolve: Vec<Resolve>,
    /// Hosts and ports that are connected to in place of those in URLs. Default: none.
    pub connect_to: Vec<ConnectTo>,
    /// A socket in the file system that all connections go to. Default: none.
    pub unix_socket: Option<PathBuf>,
    /// The proxies that connections go through. Default: none.
    pub proxies: Proxies,
    /// What TLS trusts and offers.
    pub tls: TlsConfig,
}

/// Versions of HTTP that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// Over TLS, HTTP/2 where the server chooses it, else HTTP/1.1; in cleartext HTTP/1.1.
    #[default]
    Negotiated,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone, without asking.
    Http2,
}

/// What TLS trusts and offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Whether any certificate is taken for any server. Default: false.
    pub insecure: bool,
    /// PEM files of certificate authorities that are trusted beside the system's. Default: none.
    pub ca_certificates: Vec<PathBuf>,
    /// The certificate that the client shows where it is asked for one. Default: none.
    pub client_certificate: Option<ClientCertificate>,
    /// The oldest version that is accepted. Default: TLS 1.2.
    pub min_version: TlsVersion,
    /// The newest version that is offered. Default: TLS 1.3.
    pub max_version: TlsVersion,
    /// Whether a virtual user resumes its own earlier sessions. Default: true.
    pub resumption: bool,
}

/// The files of a client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A PEM file of the certificate, and of those between it and its authority.
    pub certificate: PathBuf,
    /// A PEM file of its private key; may be the same file.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            offline: false,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_redirects: 10,
            max_body_bytes: 64 << 20,
            max_head_bytes: 64 << 10,
            user_agent: concat!("wasmload/", env!("CARGO_PKG_VERSION")).to_owned(),
            versions: Versions::default(),
            keepalive: true,
            max_connections_per_host: 6,
            max_idle_connections: 32,
            idle_timeout: Duration::from_secs(90),
            cookies: true,
            dns_ttl: Duration::from_secs(60),
            local_addresses: Vec::new(),
            resolve: Vec::new(),
            connect_to: Vec::new(),
            unix_socket: None,
            proxies: Proxies::default(),
            tls: TlsConfig::default(),
        }
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        TlsConfig {
            insecure: false,
            ca_certificates: Vec::new(),
            client_certificate: None,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            resumption: true,
        }
    }
}
