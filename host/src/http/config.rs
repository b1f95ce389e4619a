//! How a run makes its requests.

use std::path::PathBuf;
use std::time::Duration;

/// How a run makes its requests, the same for all virtual users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bound on a whole exchange, redirects included, where the request has none of its own. Default: 30 s.
    pub timeout: Duration,
    /// How many redirects are followed at the most, where the request doesn't say; 0 hands the redirect itself over.
    /// Default: 10.
    pub max_redirects: u32,
    /// The largest body that is kept, in bytes after decoding. A discarded body has no bound, as nothing of it is held.
    /// Default: 64 MiB.
    pub max_body_bytes: u64,
    /// The largest head of a response, in bytes, interim responses included. It may have at most 128 headers. Default:
    /// 64 KiB.
    pub max_head_bytes: usize,
    /// The `user-agent` of requests that have none. Default: `wasmload/` and the version.
    pub user_agent: String,
    /// Whether connections are kept for the next request. Default: true.
    pub keepalive: bool,
    /// The most idle connections that one virtual user keeps, over all origins; beyond that, the oldest is closed.
    /// Default: 32.
    pub max_idle_connections: usize,
    /// Whether virtual users have cookie jars. Default: true.
    pub cookies: bool,
    /// Whether any certificate is taken for any server. Default: false.
    pub insecure: bool,
    /// PEM files of certificate authorities that are trusted beside the system's. Default: none.
    pub ca_certificates: Vec<PathBuf>,
    /// How long a resolved name holds; failures hold for a second at the most. Default: 60 s.
    pub dns_ttl: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            timeout: Duration::from_secs(30),
            max_redirects: 10,
            max_body_bytes: 64 << 20,
            max_head_bytes: 64 << 10,
            user_agent: concat!("wasmload/", env!("CARGO_PKG_VERSION")).to_owned(),
            keepalive: true,
            max_idle_connections: 32,
            cookies: true,
            insecure: false,
            ca_certificates: Vec::new(),
            dns_ttl: Duration::from_secs(60),
        }
    }
}
