//! What the threads of a run hand to the one that draws: log lines and the newest view.
//!
//! The lock is held only to put something in or take it out, never while the terminal is written to. A terminal that
//! stands still therefore stops neither the load nor the run's clock; it only costs log lines, which are counted.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::view::View;

/// Log lines that wait for the terminal, and their bytes, at the most.
const MOST_LINES: usize = 2_000;
const MOST_BYTES: usize = 512 * 1_024;
/// How long [`Screen::close`] waits for a terminal that takes nothing.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// The place on standard error that log lines and the live view share. Clones are the same place.
///
/// As long as no live view is shown, lines go straight to standard error. While one is, they are queued, and printed
/// above it by its thread.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    phase: Phase,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines dropped since the drawing thread last asked.
    dropped: u64,
    dropped_ever: u64,
    view: Option<View>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No view is shown.
    #[default]
    Closed,
    /// A view is shown, and its thread takes what is queued.
    Open,
    /// Its thread is to take the rest, clear the view and end.
    Closing,
}

/// What the drawing thread has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Whole log lines.
    pub(super) lines: Vec<u8>,
    /// A newer view.
    pub(super) view: Option<View>,
    /// How many lines were dropped since the last time.
    pub(super) dropped: u64,
    /// The view is to be cleared.
    pub(super) closing: bool,
}

impl Screen {
    /// A screen without a live view.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a `tracing` subscriber writes to: `.with_writer(move || screen.writer())`. Each call of `write` is to be one
    /// or more whole lines, as the subscriber's are, and nothing in it is escaped: the text of a scenario or a server has
    /// to be cleaned of control characters before, which `tracing-subscriber` does.
    pub fn writer(&self) -> LogWriter {
        LogWriter { screen: self.clone() }
    }

    /// How many log lines were dropped because the terminal was slower than they came.
    pub fn dropped_lines(&self) -> u64 {
        self.lock().dropped_ever
    }

    /// Takes the live view off the terminal, if one is shown, with the log lines so far above. To be called before the
    /// process ends without having finished its outputs. Waits a second at the most; false where the terminal did not take
    /// it in that time.
    pub fn close(&self) -> bool {
        let mut queue = self.lock();
        if queue.phase == Phase::Closed {
            return true;
        }
        queue.phase = Phase::Closing;
        self.shared.changed.notify_all();
        let waited =
            self.shared.changed.wait_timeout_while(queue, CLOSE_PATIENCE, |queue| queue.phase != Phase::Closed);
        let (mut queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.phase = Phase::Closed;
        !timeout.timed_out()
    }

    /// From now on lines are queued, until [`Screen::closed`].
    pub(super) fn open(&self) {
        self.lock().phase = Phase::Open;
    }

    /// The drawing thread is done; what is queued still is handed back to be written.
    pub(super) fn closed(&self) -> Vec<u8> {
        let mut queue = self.lock();
        queue.phase = Phase::Closed;
        self.shared.changed.notify_all();
        let lines = queue.take_lines();
        drop(queue);
        joined(&lines)
    }

    /// Puts a newer view up.
    pub(super) fn show(&self, view: View) {
        self.lock().view = Some(view);
        self.shared.changed.notify_all();
    }

    /// Waits for something to draw, for `patience` at the most.
    pub(super) fn wait(&self, patience: Duration) -> Work {
        let idle = |queue: &mut Queue| queue.view.is_none() && queue.lines.is_empty() && queue.phase == Phase::Open;
        let waited = self.shared.changed.wait_timeout_while(self.lock(), patience, idle);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let lines = queue.take_lines();
        let work = Work {
            lines: Vec::new(),
            view: queue.view.take(),
            dropped: std::mem::take(&mut queue.dropped),
            closing: queue.phase != Phase::Open,
        };
        // The lines are put together without the lock, so that nobody who logs waits for it.
        drop(queue);
        Work { lines: joined(&lines), ..work }
    }

    /// Waits until the view is to be closed, for `patience` at the most.
    pub(super) fn rest(&self, patience: Duration) {
        drop(self.shared.changed.wait_timeout_while(self.lock(), patience, |queue| queue.phase == Phase::Open));
    }

    /// Queues lines where a view is shown; false where they are for standard error.
    fn queue(&self, lines: &[u8]) -> bool {
        let mut queue = self.lock();
        if queue.phase == Phase::Closed {
            return false;
        }
        if queue.lines.len() >= MOST_LINES || queue.bytes + lines.len() > MOST_BYTES {
            queue.dropped += 1;
            queue.dropped_ever += 1;
            return true;
        }
        let first = queue.lines.is_empty();
        queue.bytes += lines.len();
        queue.lines.push_back(lines.to_vec());
        // The thread takes all there is, so one call is enough to wake it.
        if first {
            self.shared.changed.notify_all();
        }
        true
    }

    /// A panic elsewhere leaves the queue in order: every change of it is a single step.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take_lines(&mut self) -> VecDeque<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }
}

/// The lines in one piece, each ended.
fn joined(lines: &VecDeque<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        all.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            all.push(b'\n');
        }
    }
    all
}

/// Writes log lines above the live view where one is shown, and to standard error otherwise. While a view is shown it
/// never waits for the terminal.
#[derive(Clone, Debug)]
pub struct LogWriter {
    screen: Screen,
}

impl Write for LogWriter {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if !self.screen.queue(lines) {
            io::stderr().lock().write_all(lines)?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_queued_while_a_view_is_shown() {
        let screen = Screen::new();
        assert!(!screen.queue(b"to standard error\n"));
        screen.open();
        screen.writer().write_all(b"one\n").unwrap();
        screen.writer().write_all(b"two").unwrap();
        let work = screen.wait(Duration::ZERO);
        assert_eq!(work.lines, b"one\ntwo\n");
        assert!(work.view.is_none() && !work.closing);
        screen.writer().write_all(b"three\n").unwrap();
        assert_eq!(screen.closed(), b"three\n");
        assert!(!screen.queue(b"to standard error\n"));
    }

    #[test]
    fn more_lines_than_the_bound_are_counted_and_dropped() {
        let screen = Screen::new();
        screen.open();
        for _ in 0..MOST_LINES + 7 {
            screen.writer().write_all(b"line\n").unwrap();
        }
        let work = screen.wait(Duration::ZERO);
        assert_eq!(work.lines.len(), MOST_LINES * 5);
        assert_eq!(work.dropped, 7);
        screen.writer().write_all(&vec![b'x'; MOST_BYTES]).unwrap();
        screen.writer().write_all(b"y\n").unwrap();
        assert_eq!(screen.wait(Duration::ZERO).dropped, 1);
        assert_eq!(screen.dropped_lines(), 8);
    }

    #[test]
    fn closing_waits_for_the_thread_that_draws() {
        let screen = Screen::new();
        assert!(screen.close());
        screen.open();
        let drawing = screen.clone();
        let thread = std::thread::spawn(move || {
            // Both waits end at once when the screen is closed, and long before they would by themselves.
            drawing.rest(Duration::from_secs(600));
            let work = drawing.wait(Duration::from_secs(600));
            (work.closing, drawing.closed())
        });
        assert!(screen.close());
        assert_eq!(thread.join().unwrap(), (true, Vec::new()));
        assert_eq!(screen.lock().phase, Phase::Closed);
    }
}
