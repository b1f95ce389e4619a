//! The live view: how the run stands, redrawn in place at the end of a terminal's standard error, with log lines above.
//!
//! A thread of its own draws. The run hands it figures and log lines through a [`Screen`] and never waits for the
//! terminal. Standard output stays clean, the terminal keeps its mode, and Ctrl-C stays a signal.

mod painter;
mod screen;
mod view;

use std::io::{self, Write};
use std::panic;
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ratatui::crossterm::terminal;

use crate::metrics::{Snapshot, Summary};

use super::words::{Look, plural};
use super::{Outline, Output, OutputError};

pub use screen::{LogWriter, Screen};

use painter::Painter;
use view::View;

/// How often the terminal's size is looked at.
const SIZE_CHECK: Duration = Duration::from_millis(250);
/// The least time between two frames: many log lines then cost one.
const REST: Duration = Duration::from_millis(50);
/// Where the terminal does not tell its size.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// The live view as an output. Only for a standard error that is a terminal, which its caller has to make sure of.
#[derive(Debug)]
pub struct LiveView {
    screen: Screen,
    look: Look,
    outline: Outline,
    thread: Option<JoinHandle<()>>,
}

impl LiveView {
    /// A view on that screen. Of the look only the colours and the characters count: the terminal itself tells its width.
    pub fn new(screen: Screen, look: Look) -> Self {
        Self { screen, look, outline: Outline::default(), thread: None }
    }

    /// Starts to draw on `out`, a terminal of the size that `size` tells in columns and rows.
    fn start(
        &mut self,
        outline: &Outline,
        out: impl Write + Send + 'static,
        size: impl Fn() -> (u16, u16) + Send + 'static,
    ) -> io::Result<()> {
        self.outline = outline.clone();
        let artist = Artist {
            screen: self.screen.clone(),
            painter: Painter::new(out),
            size,
            look: self.look,
            view: View::waiting(outline),
        };
        self.screen.open();
        let thread = thread::Builder::new().name("live-view".to_owned()).spawn(move || artist.run());
        self.thread = Some(thread.inspect_err(|_| drop(self.screen.closed()))?);
        Ok(())
    }

    fn stop(&mut self) {
        let closed = self.screen.close();
        // A thread that still waits for its terminal is left to the end of the process. If it panicked, that was shown.
        if let Some(thread) = self.thread.take().filter(|_| closed) {
            let _ = thread.join();
        }
    }
}

impl Output for LiveView {
    fn begin(&mut self, outline: &Outline) -> Result<(), OutputError> {
        close_on_panic(&self.screen);
        // A terminal that does not know its size may say 0 for it.
        let size = || terminal::size().ok().filter(|&(columns, rows)| columns > 0 && rows > 0).unwrap_or(USUAL_SIZE);
        self.start(outline, io::stderr(), size).map_err(OutputError::Live)
    }

    fn tick(&mut self, snapshot: &Snapshot<'_>) {
        self.screen.show(View::new(&self.outline, snapshot));
    }

    fn finish(&mut self, _: &Summary) -> Result<(), OutputError> {
        self.stop();
        Ok(())
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Has a panic's message printed on a terminal without a view. The hook is set once a process, because hooks can't be
/// taken back one by one; it closes the screen of the newest view.
fn close_on_panic(screen: &Screen) {
    static HOOKED: Once = Once::new();
    static NEWEST: Mutex<Option<Screen>> = Mutex::new(None);
    *NEWEST.lock().unwrap_or_else(PoisonError::into_inner) = Some(screen.clone());
    HOOKED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let screen = NEWEST.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = screen.is_some_and(|screen| screen.close());
            previous(info);
        }));
    });
}

/// The thread that draws.
struct Artist<W, S> {
    screen: Screen,
    painter: Painter<W>,
    size: S,
    look: Look,
    view: View,
}

impl<W: Write, S: Fn() -> (u16, u16)> Artist<W, S> {
    /// Draws until the screen is closed. A terminal that fails, for example because its window was closed, ends the
    /// view and not the run.
    fn run(mut self) {
        let drawn = self.draw_until_closed();
        let rest = self.screen.closed();
        if drawn.is_ok() {
            // There is nobody left to tell if this fails.
            let _ = self.painter.clear(&rest, (self.size)().0);
        }
    }

    fn draw_until_closed(&mut self) -> io::Result<()> {
        let mut drawn_at = None;
        loop {
            let work = self.screen.wait(if drawn_at.is_none() { Duration::ZERO } else { SIZE_CHECK });
            let size = (self.size)();
            let mut above = work.lines;
            if work.dropped > 0 {
                let dropped = plural(work.dropped, "log line");
                above.extend_from_slice(
                    format!("{dropped} dropped: they came faster than the terminal took them\n").as_bytes(),
                );
            }
            if work.closing {
                return self.painter.clear(&above, size.0);
            }
            let newer = work.view.is_some();
            self.view = work.view.unwrap_or_else(|| self.view.clone());
            if newer || !above.is_empty() || drawn_at != Some(size) {
                let frame = self.view.draw(size.0, size.1, &self.look);
                self.painter.draw(&above, &frame, size.0)?;
                drawn_at = Some(size);
                self.screen.rest(REST);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Extent, fixture};
    use std::sync::Arc;

    /// A terminal that remembers what was written, or fails.
    #[derive(Clone, Default)]
    struct Terminal {
        written: Arc<Mutex<Vec<u8>>>,
        broken: bool,
    }

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn outline() -> Outline {
        Outline { scenarios: vec!["checkout".to_owned()], extent: Extent::Open, keys: false }
    }

    #[test]
    fn the_view_comes_and_goes_and_log_lines_stay() {
        let terminal = Terminal::default();
        let screen = Screen::new();
        let mut live = LiveView::new(screen.clone(), Look::default());
        live.start(&outline(), terminal.clone(), || (80, 24)).unwrap();
        let rows: Vec<_> = (1..=5).map(fixture::series_row).collect();
        live.tick(&fixture::snapshot(&rows));
        screen.writer().write_all(b"a log line\n").unwrap();
        live.finish(&fixture::minimal()).unwrap();
        let written = String::from_utf8(terminal.written.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches("a log line\n").count(), 1, "{written:?}");
        let (_, after_last_frame) = written.rsplit_once("\x1b[?2026l").unwrap_or(("", &written));
        assert!(after_last_frame.contains("\r\x1b[2K"), "{written:?}");
        assert!(live.thread.is_none());
        // Closed twice is closed.
        live.finish(&fixture::minimal()).unwrap();
    }

    #[test]
    fn a_terminal_that_fails_ends_the_view_and_nothing_else() {
        let screen = Screen::new();
        let mut live = LiveView::new(screen.clone(), Look::default());
        live.start(&outline(), Terminal { broken: true, ..Terminal::default() }, || (80, 24)).unwrap();
        live.thread.take().unwrap().join().unwrap();
        live.tick(&fixture::snapshot(&[]));
        live.finish(&fixture::minimal()).unwrap();
        assert!(screen.close());
    }

    #[test]
    fn a_view_that_is_dropped_is_closed() {
        let terminal = Terminal::default();
        let mut live = LiveView::new(Screen::new(), Look::default());
        live.start(&outline(), terminal.clone(), || (80, 24)).unwrap();
        drop(live);
        // Only the thread held another handle to it, and the thread has ended.
        assert_eq!(Arc::strong_count(&terminal.written), 1);
    }
}
