//! nginx, which writes down each request of a test.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::certificates::Authority;
use super::processes::{self, ServerProcess};
use super::program::Wasmload;

/// What an nginx does: by default, speak HTTP/1.1 and answer nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Site<'a> {
    pub(crate) speaks: Speaks,
    /// What it answers, in nginx's words. Relative paths are in its directory; `$kind` is `missing` or `busy` for a tenth
    /// of the requests each, and `fine` for the others.
    pub(crate) directives: &'a str,
    /// Who certifies its clients, for `clients.pem`; none by default.
    pub(crate) clients: Option<&'a Authority>,
    /// Whether a master process looks after one that works, so that it can be reloaded.
    pub(crate) reloadable: bool,
}

/// What an nginx understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1.1 in cleartext.
    #[default]
    Http1,
    /// HTTP/2 in cleartext.
    Http2,
    /// HTTP/1.1 and HTTP/2 over TLS.
    Tls,
}

/// A running nginx.
pub(crate) struct Nginx {
    server: ServerProcess,
    speaks: Speaks,
    address: SocketAddr,
}

impl Nginx {
    /// One that speaks HTTP/1.1 and does `directives`.
    #[track_caller]
    pub(crate) fn start(directives: &str) -> Nginx {
        Nginx::serve(Site { directives, ..Site::default() })
    }

    /// One that speaks TLS and does `directives`.
    #[track_caller]
    pub(crate) fn secure(directives: &str) -> Nginx {
        Nginx::serve(Site { speaks: Speaks::Tls, directives, ..Site::default() })
    }

    /// One that does that.
    #[track_caller]
    pub(crate) fn serve(site: Site<'_>) -> Nginx {
        let program = processes::find(&["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"]);
        let program = program.expect("nginx is missing; run the tests by `cargo xtask test`");
        let chosen = Cell::new(None);
        let server = ServerProcess::start("/status", "Active connections", |status, directory| {
            // A port that is given back may be the next one, too.
            let address = iter::repeat_with(processes::free_address).find(|free| *free != status);
            let address = address.expect("there is more than one port");
            chosen.set(Some(address));
            site.prepare(directory, &site.configuration(status, address));
            let mut command = Command::new(&program);
            command.arg("-p").arg(directory).args(["-e", "stderr", "-c"]).arg(directory.join("nginx.conf"));
            command
        });
        Nginx { server, speaks: site.speaks, address: chosen.get().expect("an address was chosen before it started") }
    }

    /// Its root.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.speaks == Speaks::Tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The directory with its files; those of the authority that certified it are `authority.pem` and `authority.key`.
    pub(crate) fn directory(&self) -> &Path {
        self.server.directory.path()
    }

    /// What it has to do and has done, this question included.
    pub(crate) fn status(&self) -> Status {
        let answer = processes::get(self.server.address, "/status").expect("nginx answers");
        let numbers: Vec<u64> = answer
            .split_once("worker: ")
            .map(|(_, status)| status.split_whitespace().filter_map(|word| word.parse().ok()).collect())
            .unwrap_or_default();
        // The worker; active connections; connections accepted and handled; requests; then what connections are doing.
        let [worker, active, accepted, _, requests, ..] = numbers[..] else { panic!("{answer}") };
        Status { worker, active, accepted, requests }
    }

    /// Has it read its configuration anew: the process that works finishes what it has begun and ends, while another one
    /// takes its place.
    pub(crate) fn reload(&self) {
        self.server.process.signal("HUP");
    }

    /// Ends it, and reads what it wrote down.
    #[track_caller]
    pub(crate) fn into_log(mut self) -> Vec<Line> {
        self.server.process.signal("QUIT");
        assert!(self.server.process.wait().success(), "{}", self.server.read("stderr"));
        self.server.read("access.log").lines().map(Line::parse).collect()
    }
}

impl Drop for Nginx {
    /// A master that is killed leaves its workers behind, and one that is asked to end doesn't.
    fn drop(&mut self) {
        if self.server.process.ended().is_none() {
            self.server.process.signal("TERM");
            self.server.process.wait();
        }
    }
}

impl Wasmload {
    /// With that nginx as the target, whose certificate is trusted.
    pub(crate) fn against_nginx(self, nginx: &Nginx) -> Wasmload {
        let program = self.arg("--host").arg(nginx.url());
        match nginx.speaks {
            Speaks::Tls => program.arg("--ca-cert").arg(nginx.directory().join("authority.pem")),
            Speaks::Http1 | Speaks::Http2 => program,
        }
    }
}

/// What an nginx says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    /// The process that says so.
    pub(crate) worker: u64,
    /// Connections that are open.
    pub(crate) active: u64,
    /// Connections that ever were.
    pub(crate) accepted: u64,
    pub(crate) requests: u64,
}

impl Site<'_> {
    /// Writes the files that its configuration names.
    fn prepare(self, directory: &Path, configuration: &str) {
        let authority = Authority::new();
        authority.issue("127.0.0.1").write(directory, "server");
        authority.identity().write(directory, "authority");
        if let Some(clients) = self.clients {
            clients.identity().write(directory, "clients");
        }
        fs::write(directory.join("nginx.conf"), configuration).expect("a temporary directory can be written to");
    }

    /// Where nothing has to be reloaded, everything is in one process. A worker that root starts stays root, so that it may
    /// use the directory. The log is buffered, and written out as nginx quits.
    fn configuration(self, status: SocketAddr, address: SocketAddr) -> String {
        let Site { speaks, directives, reloadable, .. } = self;
        let listen = match speaks {
            Speaks::Http1 => "",
            Speaks::Http2 => "http2",
            Speaks::Tls => "ssl http2",
        };
        let master = if reloadable { "on; user root" } else { "off" };
        format!(
            "daemon off;
master_process {master};
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    log_format test '$status $connection $connection_requests $request_time $ssl_session_reused $ssl_protocol '
                    '$request_length $bytes_sent $remote_addr $request';
    access_log access.log test buffer=64k;
    keepalive_requests 1000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    split_clients $connection-$connection_requests $kind {{ 10% missing; 10% busy; * fine; }}
    server {{
        listen {status};
        location = /status {{ access_log off; add_header worker $pid; stub_status; }}
    }}
    server {{
        listen {address} {listen} backlog=1024;
        {directives}
    }}
}}
"
        )
    }
}

/// A line of the access log.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) status: u16,
    /// The connection's number.
    pub(crate) connection: u64,
    /// How many requests that connection had, this one included.
    pub(crate) on_connection: u64,
    /// From the first byte of the request to the last of the response, in whole milliseconds.
    pub(crate) seconds: f64,
    /// Whether the connection's handshake resumed a session; none in cleartext.
    pub(crate) resumed: Option<bool>,
    /// The version of TLS.
    pub(crate) tls: String,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_sent: u64,
    /// The client's address.
    pub(crate) client: String,
    pub(crate) request: String,
}

impl Line {
    fn parse(line: &str) -> Line {
        let mut words = line.splitn(10, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("a broken line in the access log: {line}"));
        let whole = |word: &str| word.parse().expect("a number");
        Line {
            status: word().parse().expect("a status"),
            connection: whole(word()),
            on_connection: whole(word()),
            seconds: word().parse().expect("a number"),
            resumed: match word() {
                "r" => Some(true),
                "." => Some(false),
                _ => None,
            },
            tls: word().to_owned(),
            bytes_read: whole(word()),
            bytes_sent: whole(word()),
            client: word().to_owned(),
            request: word().to_owned(),
        }
    }
}

/// How many lines there are of each status.
pub(crate) fn by_status(log: &[Line]) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    for line in log {
        *counts.entry(line.status).or_insert(0) += 1;
    }
    counts
}

/// How many connections had a request.
pub(crate) fn connections(log: &[Line]) -> usize {
    log.iter().map(|line| line.connection).collect::<BTreeSet<_>>().len()
}
