//! Scenarios by URL: over TLS, pinned, or not at all; and pins of files.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::support::program::{Wasmload, guest, sha256};
use crate::support::server::Server;

/// A web server that gives a scenario to whoever trusts its authority. It ends when dropped.
struct Shelf {
    address: SocketAddr,
    /// The authority's certificate, in a file for whoever is to trust it.
    authority: PathBuf,
    connections: Arc<AtomicUsize>,
    _directory: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Shelf {
    fn with(content: Vec<u8>) -> Shelf {
        let directory = TempDir::new().expect("a temporary directory");
        let authority = directory.path().join("authority.pem");
        let issued = Issued::new();
        std::fs::write(&authority, &issued.authority).expect("a temporary directory can be written to");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("a bound socket has an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        thread::spawn({
            let connections = Arc::clone(&connections);
            move || serve(listener, &issued.acceptor(), &content.into(), &connections, stopped)
        });
        Shelf { address, authority, connections, _directory: directory, _stop: stop }
    }

    /// The scenario's URL, with that behind it.
    fn url(&self, fragment: &str) -> String {
        format!("https://{}/scenarios/visit.wasm{fragment}", self.address)
    }

    /// A run of what is at that URL, which trusts the authority as a system would that has it installed.
    fn run(&self, url: &str, target: &Server) -> Wasmload {
        let mut program = Wasmload::new(["run", url, "--json", "summary.json"]).with("-i 2").against(target);
        program.command.env("SSL_CERT_FILE", &self.authority).env_remove("SSL_CERT_DIR");
        program
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// An authority, and the server's certificate that it signed.
struct Issued {
    authority: String,
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Issued {
    fn new() -> Issued {
        let key = || KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names are fine names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key()).expect("a self-signed certificate");
        let server_key = key();
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address is a name");
        let certificate = server.signed_by(&server_key, &authority).expect("a signed certificate");
        Issued { authority: authority.pem(), certificate: certificate.der().clone(), key: server_key }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key in PKCS #8");
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key);
        TlsAcceptor::from(Arc::new(config.expect("the key is the certificate's")))
    }
}

fn serve(
    listener: TcpListener,
    acceptor: &TlsAcceptor,
    content: &Arc<[u8]>,
    connections: &AtomicUsize,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes the socket");
        let accept = async {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(give(stream, acceptor.clone(), Arc::clone(content)));
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
}

/// Answers one request with the content. What goes wrong here, the client's side shows.
async fn give(stream: tokio::net::TcpStream, acceptor: TlsAcceptor, content: Arc<[u8]>) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let found = head.starts_with(b"GET /scenarios/visit.wasm HTTP/1.1\r\n");
    let (status, body) = if found { ("200 OK", &*content) } else { ("404 Not Found", &b""[..]) };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

fn scenario() -> Vec<u8> {
    std::fs::read(guest("status_only")).expect("the guest is there")
}

#[test]
fn the_right_pin_runs_what_was_fetched() {
    let (shelf, target) = (Shelf::with(scenario()), Server::start());
    let url = shelf.url(&format!("#sha256={}", sha256(&guest("status_only"))));
    let summary = shelf.run(&url, &target).output().expect(0).summary();
    assert_eq!(summary["scenarios"], serde_json::json!(["visit"]));
    assert_eq!(summary["iterations"][0]["failures"], 0);
    assert_eq!(target.requests().len(), 2);
    assert_eq!(shelf.connections(), 1);
}

#[test]
fn a_wrong_pin_is_refused_with_both_digests() {
    let (shelf, target) = (Shelf::with(scenario()), Server::start());
    let [found, expected] = ["status_only", "hello"].map(|name| sha256(&guest(name)));
    let run = shelf.run(&shelf.url(&format!("#sha256={expected}")), &target).output().expect(104);
    let told = format!("its digest is sha256={found}, and the pin says sha256={expected}");
    assert!(run.stderr.contains(&told) && run.stderr.contains(&shelf.url("")), "{}", run.stderr);
    assert_eq!(target.connections(), 0);
}

#[test]
fn without_a_whole_pin_nothing_is_fetched() {
    let (shelf, target) = (Shelf::with(scenario()), Server::start());
    let short = format!("#sha256={}", &sha256(&guest("status_only"))[..62]);
    for fragment in ["", "#sha256=", &short, "#md5=d41d8cd98f00b204e9800998ecf8427e"] {
        let run = shelf.run(&shelf.url(fragment), &target).output().expect(104);
        for word in ["without a pin", "#sha256=", "sha256sum", &shelf.url("")] {
            assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
        }
    }
    assert_eq!((shelf.connections(), target.connections()), (0, 0));
}

#[test]
fn plain_http_is_refused_pinned_or_not() {
    let (plain, target) = (Server::start(), Server::start());
    let url = format!("{}/visit.wasm#sha256={}", plain.url(), sha256(&guest("status_only")));
    let run = Wasmload::new(["run", &url]).with("-i 1").against(&target).output().expect(104);
    assert!(run.stderr.contains("plain http") && run.stderr.contains("use https"), "{}", run.stderr);
    assert_eq!((plain.connections(), target.connections()), (0, 0));
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused() {
    let (shelf, target) = (Shelf::with(scenario()), Server::start());
    let other = Shelf::with(Vec::new());
    let url = shelf.url(&format!("#sha256={}", sha256(&guest("status_only"))));
    let run = other.run(&url, &target).output().expect(104);
    assert!(run.stderr.contains("fetch") && run.stderr.contains("certificate"), "{}", run.stderr);
    assert_eq!(target.connections(), 0);
}

#[test]
fn what_is_fetched_has_to_be_a_component_too() {
    let (shelf, target) = (Shelf::with(b"<html>not found</html>".to_vec()), Server::start());
    let missing = format!("https://{}/elsewhere.wasm#sha256={}", shelf.address, sha256(&guest("status_only")));
    let run = shelf.run(&missing, &target).output().expect(104);
    assert!(run.stderr.contains("elsewhere.wasm") && run.stderr.contains("404"), "{}", run.stderr);
    // `printf '<html>not found</html>' | sha256sum`
    let pin = "#sha256=23c62f7de04040a4949182f3ca7f84a99b7106c3040e11734aae9e1329c0691b";
    let run = shelf.run(&shelf.url(pin), &target).output().expect(104);
    assert!(run.stderr.contains("a text file, perhaps source code, not a WebAssembly component"), "{}", run.stderr);
    assert_eq!(target.connections(), 0);
}

#[test]
fn a_pinned_file_runs_as_long_as_it_is_the_same() {
    let server = Server::start();
    let pin = |name: &str| format!("{}#sha256={}", guest("status_only").display(), sha256(&guest(name)));
    for command in ["run", "check"] {
        let right = Wasmload::new([command, &pin("status_only"), "-i", "1"]).against(&server);
        right.output().expect(0);
        let wrong = Wasmload::new([command, &pin("hello"), "-i", "1"]).against(&server).output().expect(104);
        let told = format!("its digest is sha256={}, and the pin says", sha256(&guest("status_only")));
        assert!(wrong.stderr.contains(&told), "{}", wrong.stderr);
        let short = format!("{}#sha256=12", guest("status_only").display());
        let short = Wasmload::new([command, &short, "-i", "1"]).against(&server).output().expect(104);
        assert!(short.stderr.contains("write #sha256= and the 64 hexadecimal digits"), "{}", short.stderr);
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_plan_file_pins_its_components_and_may_be_pinned_itself() {
    let server = Server::start();
    let plan = |digest: &str| {
        format!("iterations = 1\n[[scenario]]\ncomponent = \"guests/status_only.wasm#sha256={digest}\"\n")
    };
    let right = plan(&sha256(&guest("status_only")));
    Wasmload::with_plan("run", &right).against(&server).output().expect(0);
    let printed = Wasmload::with_plan("plan", &right).arg("--print").output().expect(0).stdout;
    assert!(printed.contains(&format!("status_only.wasm#sha256={}\"", sha256(&guest("status_only")))), "{printed}");
    for command in ["run", "check", "plan"] {
        let wrong = Wasmload::with_plan(command, &plan(&sha256(&guest("hello")))).output().expect(104);
        assert!(wrong.stderr.contains("status_only.wasm: its digest is sha256="), "{}", wrong.stderr);
    }
    let short = Wasmload::with_plan("plan", &plan("12")).output().expect(104);
    assert!(short.stderr.contains("plan.toml:3:13: `component`: read the pin of"), "{}", short.stderr);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_plan_file_that_was_changed_does_not_fit_its_pin() {
    let text = format!("iterations = 1\ncomponent = \"{}\"\n", guest("status_only").display());
    let digest = sha256(&Wasmload::new([""; 0]).file("plan.toml", &text).directory.path().join("plan.toml"));
    let plan = |text: &str| Wasmload::new(["plan", &format!("plan.toml#sha256={digest}")]).file("plan.toml", text);
    plan(&text).output().expect(0);
    let changed = plan(&text.replace('1', "2")).output().expect(104);
    assert!(changed.stderr.contains("accept plan.toml: its digest is"), "{}", changed.stderr);
}
