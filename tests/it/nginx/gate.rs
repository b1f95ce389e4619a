//! A server that makes requests wait until a test lets them go.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use axum::Router;
use axum::extract::State;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

/// Answers the first requests at once, and holds all after them until it is opened. It ends when dropped.
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    door: Arc<Door>,
    _stop: oneshot::Sender<()>,
}

struct Door {
    at_once: u64,
    arrived: AtomicU64,
    held: AtomicU64,
    /// Without a permit, so that it holds whoever asks for one until it is closed.
    closed: Semaphore,
}

impl Gate {
    /// Starts one that answers that many at once.
    pub(super) fn start(at_once: u64) -> Gate {
        let door =
            Arc::new(Door { at_once, arrived: AtomicU64::new(0), held: AtomicU64::new(0), closed: Semaphore::new(0) });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&door));
        thread::spawn(move || serve(listener, router, stopped));
        Gate { address, door, _stop: stop }
    }

    /// How many requests were held.
    pub(super) fn held(&self) -> u64 {
        self.door.held.load(Ordering::Relaxed)
    }

    /// Answers all that are held, and all that come.
    pub(super) fn open(&self) {
        self.door.closed.close();
    }
}

fn serve(listener: std::net::TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("the runtime takes the socket");
        tokio::select! {
            served = axum::serve(listener, router) => served.expect("the gate serves"),
            _ = stopped => {}
        }
    });
}

async fn answer(State(door): State<Arc<Door>>) -> &'static str {
    if door.arrived.fetch_add(1, Ordering::Relaxed) >= door.at_once {
        door.held.fetch_add(1, Ordering::Relaxed);
        // An error is what opening the gate makes of it.
        drop(door.closed.acquire().await);
    }
    "ok"
}
