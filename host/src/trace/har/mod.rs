//! The exchanges of some virtual users as an HTTP Archive 1.2, which browsers' developer tools open.
//!
//! Hops are copied where they happen, and written by a thread of its own: between them is a queue that is bounded in
//! bytes. What finds it full is left out and counted, so that the load never waits for the file, nor does memory grow.
//! The load does share the processors with that thread: hiding secrets in a large body and writing it takes up to a
//! millisecond, until the file is full.

mod cookies;
mod document;
mod format;
mod record;
#[cfg(test)]
mod specification;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// How large the file may be, in bytes, but for its end. Default: 256 MiB.
    pub file_bytes: u64,
}

impl Default for HarLimits {
    fn default() -> Self {
        HarLimits { vus: 1, entries: 10_000, body_bytes: 64 << 10, file_bytes: 256 << 20 }
    }
}

/// How many exchanges the file has, and how many it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HarCounts {
    /// In the file.
    pub kept: u64,
    /// Left out, whatever the reason.
    pub left_out: u64,
    /// Of those left out, how many came faster than they could be written. Then what is kept is not the first ones:
    /// others are missing in between.
    pub too_fast: u64,
    /// Of those left out, how many there was no room for in the file ([`HarLimits::file_bytes`]). Others, unless
    /// writing failed, were more than [`HarLimits::entries`].
    pub over_size: u64,
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
    /// The load is over: the file gets its end.
    End,
    /// There was no load, or it failed.
    Abandon,
}

/// What the threads of the load and the one that writes share.
#[derive(Debug, Default)]
struct Tally {
    kept: AtomicU64,
    over_entries: AtomicU64,
    over_size: AtomicU64,
    too_fast: AtomicU64,
    /// Lost because writing had failed.
    unwritten: AtomicU64,
    queued_bytes: AtomicU64,
    /// The file has no room for more.
    full: AtomicBool,
    /// Nothing is written any more.
    ended: AtomicBool,
}

impl Har {
    /// Opens the file, so that a path that can't be written is found before the load. What it held stays until the
    /// first exchange, or the end.
    ///
    /// # Errors
    /// Where the file can't be opened, or no thread started.
    pub fn create(path: PathBuf, limits: HarLimits, secrets: Arc<Secrets>) -> Result<Har, TraceError> {
        let (file, new) = match open(&path) {
            Ok(opened) => opened,
            Err(source) => return Err(TraceError::Open { path, source }),
        };
        let output = Output { file, new: new.then(|| path.clone()), limits };
        let frame = Frame { secrets, body_bytes: limits.body_bytes };
        let tally = Arc::new(Tally::default());
        let (queue, received) = channel();
        let thread = std::thread::Builder::new().name("har".to_owned());
        let shared = Arc::clone(&tally);
        let writer = thread.spawn(move || output.write(frame, &received, &shared)).map_err(TraceError::Thread)?;
        let intake = Arc::new(Intake { limits, reach: Beginning::reach(limits.body_bytes), tally, queue });
        Ok(Har { path, intake, writer: Mutex::new(Some(writer)) })
    }

    /// Ends the file: writes what waits, and what makes it complete. Called when the load has ended; exchanges from
    /// here on are not kept, and further calls do nothing.
    ///
    /// # Errors
    /// Where not all could be written.
    pub fn finish(&self) -> Result<HarCounts, TraceError> {
        self.end(Message::End).map_err(|source| TraceError::Write { path: self.path.clone(), source })?;
        Ok(self.intake.tally.counts())
    }

    fn end(&self, message: Message) -> io::Result<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(()) };
        // One that is gone has failed, and says so below.
        let _ = self.intake.queue.send(message);
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes them panicked")))
    }
}

impl Drop for Har {
    /// Without a run, leaves no file that was not there; after one that failed, the file is whole.
    fn drop(&mut self) {
        // Whoever wanted to know has asked.
        let _ = self.end(Message::Abandon);
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
        if tally.ended.load(Ordering::Relaxed) {
            return add(&tally.unwritten);
        }
        if tally.full.load(Ordering::Relaxed) {
            return add(&tally.over_size);
        }
        if !claim(&tally.kept, 1, self.limits.entries) {
            return add(&tally.over_entries);
        }
        let size = Record::size(hop, self.reach);
        if !claim(&tally.queued_bytes, size, QUEUE_BYTES.max(4 * self.reach as u64)) {
            tally.kept.fetch_sub(1, Ordering::Relaxed);
            add(&tally.too_fast);
        } else if self.queue.send(Message::Hop(Box::new(Record::new(vu, hop, self.reach)), size)).is_err() {
            tally.kept.fetch_sub(1, Ordering::Relaxed);
            add(&tally.unwritten);
        }
    }
}

impl Tally {
    fn counts(&self) -> HarCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (too_fast, over_size) = (count(&self.too_fast), count(&self.over_size));
        let left_out = too_fast + over_size + count(&self.over_entries) + count(&self.unwritten);
        HarCounts { kept: count(&self.kept), left_out, too_fast, over_size }
    }

    /// What the file says of itself; nothing where it has all.
    fn comment(&self) -> Option<String> {
        let reasons = [
            (&self.over_entries, "over the limit on their number"),
            (&self.over_size, "over the limit on the file's size"),
            (&self.too_fast, "too fast to be written"),
        ];
        let counted = reasons.map(|(counter, why)| (counter.load(Ordering::Relaxed), why));
        let parts = counted.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts.map(|(count, why)| format!("{} {why}", show_count(count))).collect();
        (!parts.is_empty()).then(|| format!("exchanges left out: {}", parts.join(", ")))
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Adds to a counter where that keeps it within its limit.
fn claim(counter: &AtomicU64, amount: u64, limit: u64) -> bool {
    let add = |count: u64| count.checked_add(amount).filter(|sum| *sum <= limit);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
}

/// Opens a file for writing, its content as it was. Says whether it was made for that.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // It may still have to be made, where a link leads to none.
            Ok((File::options().write(true).create(true).truncate(false).open(path)?, false))
        }
        made => Ok((made?, true)),
    }
}

/// The file, on the thread that writes.
struct Output {
    file: File,
    /// Where it is, if it was made for this.
    new: Option<PathBuf>,
    limits: HarLimits,
}

impl Output {
    /// Writes what comes until the end. Where none comes and the end doesn't either, there was no run, and all stays as
    /// it was.
    fn write(self, frame: Frame, queue: &Receiver<Message>, tally: &Tally) -> io::Result<()> {
        let _ended = Ended(tally);
        let mut message = queue.recv().unwrap_or(Message::Abandon);
        if matches!(message, Message::Abandon) {
            return self.new.map_or(Ok(()), std::fs::remove_file);
        }
        // A pipe or a terminal has no length to set.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        let mut document = Document::new(self.file, frame, self.limits.file_bytes)?;
        while let Message::Hop(record, size) = message {
            if !document.entry(&record)? {
                tally.full.store(true, Ordering::Relaxed);
                tally.kept.fetch_sub(1, Ordering::Relaxed);
                add(&tally.over_size);
            }
            tally.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            message = queue.recv().unwrap_or(Message::Abandon);
        }
        document.finish(tally.comment().as_deref())
    }
}

/// Says that nothing is written any more when it is dropped, also by a panic.
struct Ended<'a>(&'a Tally);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}
