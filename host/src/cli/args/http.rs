//! How requests are made: the flags that `http::Config` is made of.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::hidden::Hidden;
use crate::http::{ConnectTo, NoProxy, Proxy, Resolve, TlsVersion};
use crate::units;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(in crate::cli) struct HttpArgs {
    /// Bound on a request that has none of its own, from its start to the last byte of its body
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_some_time)]
    pub(in crate::cli) timeout: Duration,

    /// Redirects followed for a request that does not say; 0 hands them to the scenario
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(in crate::cli) max_redirects: u32,

    /// The largest body that a response may have, after decompression
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_body_size: u64,

    /// The largest body that a request may have
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = units::parse_size)]
    pub(in crate::cli) max_request_size: u64,

    /// Requests of the whole run in a time, for example 500/s or 90/m; those over it wait [default: no bound]
    #[arg(long, value_name = "RATE", value_parser = parse_some_rate)]
    pub(in crate::cli) max_rps: Option<units::Rate>,

    /// The same to each host
    #[arg(long, value_name = "RATE", value_parser = parse_some_rate)]
    pub(in crate::cli) max_rps_per_host: Option<units::Rate>,

    /// Requests of one virtual user at one time, in a batch or by async functions; over HTTP/1.1, no more than
    /// --max-connections-per-host to one host
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) max_concurrent_requests: u32,

    /// Keep no cookies
    #[arg(long)]
    pub(in crate::cli) no_cookies: bool,

    /// The user-agent header of requests that have none [default: wasmload/ and the version]
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) user_agent: Option<String>,

    /// Speak HTTP/1.1 alone [default: over TLS HTTP/2 where the server chooses it, else HTTP/1.1]
    #[arg(long, conflicts_with = "http2_prior_knowledge")]
    pub(in crate::cli) http1_only: bool,

    /// Speak HTTP/2 alone, in cleartext too, without asking whether the server does
    #[arg(long)]
    pub(in crate::cli) http2_prior_knowledge: bool,

    #[command(flatten)]
    pub(in crate::cli) connections: ConnectionArgs,

    #[command(flatten)]
    pub(in crate::cli) tls: TlsArgs,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(in crate::cli) struct ConnectionArgs {
    /// HTTP/1.1 connections of one virtual user to one host; further requests wait
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) max_connections_per_host: u32,

    /// Open a new connection for each request
    #[arg(long)]
    pub(in crate::cli) no_keepalive: bool,

    /// How long a connection waits for its next request before it is closed
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = units::parse_duration)]
    pub(in crate::cli) idle_timeout: Duration,

    /// Bound on opening a connection: name lookup, connecting, a proxy's part and TLS together
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_some_time)]
    pub(in crate::cli) connect_timeout: Duration,

    /// Connect from this address of this machine; with several, virtual users take turns
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) local_address: Vec<IpAddr>,

    /// Give a name an address, for example shop.example:443:127.0.0.1; may be given several times
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub(in crate::cli) resolve: Vec<Resolve>,

    /// Connect to HOST2:PORT2 for requests to HOST1:PORT1; a part left empty stands for any host or port, or the same
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub(in crate::cli) connect_to: Vec<ConnectTo>,

    /// How long a resolved name holds; 0 looks it up for each connection
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::parse_duration)]
    pub(in crate::cli) dns_ttl: Duration,

    /// Send all requests through this Unix socket
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) unix_socket: Option<PathBuf>,

    /// Send requests through this proxy: http://, https://, socks5:// or socks5h://; an empty one for none [default: as
    /// http_proxy, https_proxy, all_proxy and no_proxy in the environment say]
    #[arg(long, value_name = "URL", value_parser = Hidden { flag: "--proxy <URL>", parse: parse_proxy })]
    pub(in crate::cli) proxy: Option<GivenProxy>,

    /// Hosts that are reached without the proxy, separated by commas: names with their subdomains, addresses, networks
    /// such as 10.0.0.0/8, or *
    #[arg(long, value_name = "HOSTS")]
    pub(in crate::cli) no_proxy: Option<NoProxy>,
}

/// What `--proxy` says; none for an empty one.
#[derive(Clone, Debug)]
pub(in crate::cli) struct GivenProxy(pub(in crate::cli) Option<Proxy>);

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(in crate::cli) struct TlsArgs {
    /// Accept a certificate that is expired, of another name or of an unknown issuer
    #[arg(long)]
    pub(in crate::cli) insecure: bool,

    /// Trust the certificates in this PEM file too; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) ca_cert: Vec<PathBuf>,

    /// Show this certificate, in PEM form, to servers that ask for one
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) client_cert: Option<PathBuf>,

    /// The private key of the client's certificate, in PEM form [default: in the certificate's file]
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(in crate::cli) client_key: Option<PathBuf>,

    /// The oldest version of TLS to accept
    #[arg(long, value_name = "VERSION", default_value = "1.2")]
    pub(in crate::cli) tls_min: GivenTlsVersion,

    /// The newest version of TLS to offer
    #[arg(long, value_name = "VERSION", default_value = "1.3")]
    pub(in crate::cli) tls_max: GivenTlsVersion,

    /// Take each TLS handshake in full, as a new visitor's first one is, instead of resuming the virtual user's sessions
    #[arg(long)]
    pub(in crate::cli) tls_no_resumption: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum GivenTlsVersion {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

impl From<GivenTlsVersion> for TlsVersion {
    fn from(version: GivenTlsVersion) -> TlsVersion {
        match version {
            GivenTlsVersion::Tls12 => TlsVersion::Tls12,
            GivenTlsVersion::Tls13 => TlsVersion::Tls13,
        }
    }
}

/// A time that is more than nothing.
fn parse_some_time(text: &str) -> Result<Duration, String> {
    match units::parse_duration(text) {
        Ok(Duration::ZERO) => Err("it has to be more than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// A rate that is more than nothing.
fn parse_some_rate(text: &str) -> Result<units::Rate, String> {
    match units::parse_rate(text) {
        Ok(rate) if rate.per_second() <= 0.0 => Err("it has to be more than 0".to_owned()),
        Ok(rate) => Ok(rate),
        Err(error) => Err(error.to_string()),
    }
}

/// Refuses what is no proxy without repeating it: there may be a password in it.
fn parse_proxy(text: &str) -> Result<GivenProxy, String> {
    if text.is_empty() {
        return Ok(GivenProxy(None));
    }
    text.parse().map(|proxy| GivenProxy(Some(proxy))).map_err(|error: crate::http::RouteError| error.to_string())
}
