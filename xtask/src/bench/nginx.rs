//! The server that the load goes to: an nginx of one process on a free loopback port, pinned to a core.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::process;

/// How long nginx may take to answer; it takes some hundredths of a second.
const START_BOUND: Duration = Duration::from_secs(10);

/// A running nginx. Ended, and its directory removed, when dropped.
pub(super) struct Nginx {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Nginx {
    /// Starts it with room for that many idle connections, and waits until it accepts one.
    ///
    /// # Errors
    /// Where it can't start or doesn't accept; with what it says about it.
    pub(super) fn start(program: &Path, core: usize, connections: u32) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory for nginx")?;
        let address = free_address()?;
        let config = directory.path().join("nginx.conf");
        fs::write(&config, configuration(address, connections)).context("failed to write nginx's configuration")?;
        let files = directory.path().join("files");
        fs::create_dir(&files)
            .and_then(|()| fs::write(files.join("large"), large()))
            .context("failed to write a file")?;
        let child = process::pinned(core, program)
            .arg("-p")
            .arg(directory.path())
            .args(["-e", "error.log", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start nginx")?;
        let mut nginx = Self { child, address, directory };
        nginx.wait_until_it_accepts()?;
        Ok(nginx)
    }

    /// Its root, without a final slash; it answers every path alike, but for `/large`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait_until_it_accepts(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            // First the process: were the port taken meanwhile, somebody else would accept.
            if let Some(status) = self.child.try_wait()? {
                bail!("nginx ended with {status}: {}", self.error_log());
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if start.elapsed() > START_BOUND {
                bail!("nginx did not accept a connection within {} s: {}", START_BOUND.as_secs(), self.error_log());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn error_log(&self) -> String {
        fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It has nothing to save. An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago; nginx can't be asked to choose one.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    Ok(listener.local_addr()?)
}

/// JSON of 4 MiB: a list of zeros.
fn large() -> String {
    format!("[{}0]", "0,".repeat(2 << 20))
}

/// One process that does everything: a master's worker would run as another user, under a name that differs between
/// distributions. The backlog is for thousands of virtual users that connect at once. nginx closes idle connections as
/// soon as less than a sixteenth of its room is left, so there is twice what is needed.
fn configuration(address: SocketAddr, connections: u32) -> String {
    let room = u64::from(connections) * 2 + 64;
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log error;
events {{
    worker_connections {room};
}}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address} backlog=65535;
        location / {{
            return 200 \"ok\";
        }}
        location = /large {{
            root files;
        }}
    }}
}}
"
    )
}
