//! A server that answers at once, but for one stall.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::scripted::{FINE, Scripted};

/// When a server stalls, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    /// How many requests are answered before it begins.
    pub(crate) after: usize,
    /// How long it lasts.
    pub(crate) lasts: Duration,
}

impl Stall {
    /// A server that stalls so.
    pub(crate) fn serve(self) -> Scripted {
        let begun = Arc::new(OnceLock::<Instant>::new());
        let answered = Arc::new(AtomicUsize::new(0));
        Scripted::start(move |mut peer| {
            while peer.request()?.is_some() {
                if answered.fetch_add(1, Ordering::Relaxed) >= self.after {
                    let over = *begun.get_or_init(Instant::now) + self.lasts;
                    thread::sleep(over.saturating_duration_since(Instant::now()));
                }
                peer.send(FINE)?;
            }
            Ok(())
        })
    }
}
