//! The exchanges of some virtual users as an HTTP Archive 1.2, which browsers' developer tools open.
//!
//! Hops are copied where they happen, and written by a thread of its own: between them is a queue that is bounded in
//! bytes. What finds it full is left out and counted, so that the file never slows the load nor grows in memory.

mod cookies;
mod document;
mod format;
mod record;
#[cfg(test)]
mod specification;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use self::document::Document;
use self::format::Frame;
use self::record::Record;
use super::TraceError;
use super::beginning::Beginning;
use crate::http::{Hop, Observer, Watch};
use crate::secrets::Secrets;
use crate::units::show_count;

/// The most that waits to be written, in bytes, but for two bodies as large as they are kept.
const QUEUE_BYTES: u64 = 32 << 20;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HarLimits {
    /// Of how many virtual users; the first ones. Default: 1.
    pub vus: u32,
    /// How many exchanges, over all of them. Default: 10,000.
    pub entries: u64,
    /// How much of each body, in bytes; longer ones are cut. Default: 64 KiB.
    pub body_bytes: usize,
}

impl Default for HarLimits {
    fn default() -> Self {
        HarLimits { vus: 1, entries: 10_000, body_bytes: 64 << 10 }
    }
}

/// How many exchanges the file has, and how many it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HarCounts {
    /// In the file.
    pub kept: u64,
    /// Left out, whatever the reason.
    pub left_out: u64,
    /// Of those left out, how many came faster than they could be written; the others were more than
    /// [`HarLimits::entries`].
    pub too_fast: u64,
}

/// A file of exchanges that is being written.
#[derive(Debug)]
pub struct Har {
    path: PathBuf,
    intake: Arc<Intake>,
    /// None once it has ended.
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

/// What the threads of the load have of it.
#[derive(Debug)]
struct Intake {
    limits: HarLimits,
    /// How much of a body is copied.
    reach: usize,
    tally: Arc<Tally>,
    /// Without a bound of its own: `tally` bounds what is in it.
    queue: Sender<Message>,
}

#[derive(Debug)]
enum Message {
    /// An exchange, and the memory that it was counted with.
    Hop(Box<Record>, u64),
    End,
}

/// What the threads of the load and the one that writes share.
#[derive(Debug, Default)]
struct Tally {
    kept: AtomicU64,
    over_limit: AtomicU64,
    too_fast: AtomicU64,
    queued_bytes: AtomicU64,
}

impl Har {
    /// Opens the file, so that a path that can't be written is found before the load. What it held stays until the
    /// first exchange, or the end.
    ///
    /// # Errors
    /// Where the file can't be opened, or no thread started.
    pub fn create(path: PathBuf, limits: HarLimits, secrets: Arc<Secrets>) -> Result<Har, TraceError> {
        let file = match File::options().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => file,
            Err(source) => return Err(TraceError::Open { path, source }),
        };
        let frame = Frame { secrets, body_bytes: limits.body_bytes };
        let tally = Arc::new(Tally::default());
        let (queue, received) = channel();
        let thread = std::thread::Builder::new().name("har".to_owned());
        let shared = Arc::clone(&tally);
        let writer = thread.spawn(move || write(file, frame, &received, &shared)).map_err(TraceError::Thread)?;
        let intake = Arc::new(Intake { limits, reach: Beginning::reach(limits.body_bytes), tally, queue });
        Ok(Har { path, intake, writer: Mutex::new(Some(writer)) })
    }

    /// Ends the file: writes what waits, and what makes it complete. Called when the load has ended; exchanges from
    /// here on are not kept, and further calls do nothing.
    ///
    /// # Errors
    /// Where not all could be written.
    pub fn finish(&self) -> Result<HarCounts, TraceError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // One that is gone has failed, and says so below.
            let _ = self.intake.queue.send(Message::End);
            let panicked = |_| Err(io::Error::other("the thread that writes them panicked"));
            let result = writer.join().unwrap_or_else(panicked);
            result.map_err(|source| TraceError::Write { path: self.path.clone(), source })?;
        }
        Ok(self.intake.tally.counts())
    }
}

impl Watch for Har {
    /// What runs once is kept too.
    fn observer(&self, vu: u32) -> Option<Arc<dyn Observer>> {
        let intake = || Arc::clone(&self.intake);
        (vu <= self.intake.limits.vus).then(|| Arc::new(OfVu { intake: intake(), vu }) as Arc<dyn Observer>)
    }
}

/// The observer of one virtual user.
#[derive(Debug)]
struct OfVu {
    intake: Arc<Intake>,
    vu: u32,
}

impl Observer for OfVu {
    fn hop(&self, hop: &Hop<'_>) {
        self.intake.take(self.vu, hop);
    }
}

impl Intake {
    fn take(&self, vu: u32, hop: &Hop<'_>) {
        let tally = &self.tally;
        if !claim(&tally.kept, 1, self.limits.entries) {
            tally.over_limit.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let size = Record::size(hop, self.reach);
        let taken = claim(&tally.queued_bytes, size, QUEUE_BYTES.max(4 * self.reach as u64))
            && self.queue.send(Message::Hop(Box::new(Record::new(vu, hop, self.reach)), size)).is_ok();
        if !taken {
            tally.kept.fetch_sub(1, Ordering::Relaxed);
            tally.too_fast.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Tally {
    fn counts(&self) -> HarCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (kept, over_limit, too_fast) = (count(&self.kept), count(&self.over_limit), count(&self.too_fast));
        HarCounts { kept, left_out: over_limit + too_fast, too_fast }
    }
}

impl HarCounts {
    /// What the file says of itself; nothing where it has all.
    fn comment(self) -> Option<String> {
        let HarCounts { left_out, too_fast, .. } = self;
        let reasons = [(left_out - too_fast, "over the limit on their number"), (too_fast, "too fast to be written")];
        let parts = reasons.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts.map(|(count, why)| format!("{} {why}", show_count(count))).collect();
        (left_out > 0).then(|| format!("exchanges left out: {}", parts.join(", ")))
    }
}

/// Adds to a counter where that keeps it within its limit.
fn claim(counter: &AtomicU64, amount: u64, limit: u64) -> bool {
    let add = |count: u64| count.checked_add(amount).filter(|sum| *sum <= limit);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

/// Writes what comes until the end. Where none comes and the end doesn't either, there was no run, and the file stays
/// as it was.
fn write(file: File, frame: Frame, queue: &Receiver<Message>, tally: &Tally) -> io::Result<()> {
    let Ok(mut message) = queue.recv() else { return Ok(()) };
    // A pipe or a terminal has no length to set.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    let mut document = Document::new(BufWriter::new(file), frame)?;
    while let Message::Hop(record, size) = message {
        document.entry(&record)?;
        tally.queued_bytes.fetch_sub(size, Ordering::Relaxed);
        message = queue.recv().unwrap_or(Message::End);
    }
    document.finish(tally.counts().comment().as_deref())
}
