//! What a guest prints, into the log: line by line, with the virtual user that printed it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::sandbox::log::{LogBudget, shown};
use crate::sandbox::state::{Environment, LOOKED_AT_BYTES};

/// A line that is longer than this is logged in pieces.
const MAX_PIECE_BYTES: usize = 8 << 10;

/// What is logged of a line; behind it stands that it goes on.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Standard output and error of one virtual user.
#[derive(Clone)]
pub(in crate::sandbox) struct Stdio {
    stdout: Pipe,
    stderr: Pipe,
}

impl Stdio {
    pub(in crate::sandbox) fn new(env: &Arc<Environment>, vu: u32, budget: &LogBudget) -> Stdio {
        let pipe = |name| Pipe(Arc::new(Mutex::new(Lines::new(Arc::clone(env), vu, name, budget.clone()))));
        Stdio { stdout: pipe("stdout"), stderr: pipe("stderr") }
    }

    pub(in crate::sandbox) fn stdout(&self) -> Pipe {
        self.stdout.clone()
    }

    pub(in crate::sandbox) fn stderr(&self) -> Pipe {
        self.stderr.clone()
    }

    /// Logs lines that were begun and not ended.
    pub(in crate::sandbox) fn flush(&self) {
        self.stdout.lines(Lines::flush);
        self.stderr.lines(Lines::flush);
    }
}

/// A stream that a guest writes to.
#[derive(Clone)]
pub(in crate::sandbox) struct Pipe(Arc<Mutex<Lines>>);

impl Pipe {
    fn lines<R>(&self, act: impl FnOnce(&mut Lines) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Lines {
    env: Arc<Environment>,
    vu: u32,
    stream: &'static str,
    begun: Vec<u8>,
    budget: LogBudget,
}

impl Lines {
    fn new(env: Arc<Environment>, vu: u32, stream: &'static str, budget: LogBudget) -> Lines {
        Lines { env, vu, stream, begun: Vec::new(), budget }
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.begin(&bytes[..end]);
            self.log();
            bytes = &bytes[end + 1..];
        }
        self.begin(bytes);
    }

    /// Adds to the line that was begun.
    fn begin(&mut self, bytes: &[u8]) {
        // More than is shown, since secrets are looked for in it before it is cut, and one more, to tell that it was.
        let room = MAX_LINE_BYTES + LOOKED_AT_BYTES + 1 - self.begun.len();
        self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn flush(&mut self) {
        if !self.begun.is_empty() {
            self.log();
        }
    }

    fn log(&mut self) {
        let line = std::mem::take(&mut self.begun);
        if !tracing::enabled!(target: "scenario", tracing::Level::INFO) {
            return;
        }
        if self.budget.is_spent(&self.env.limits) {
            // Before the work that a long line makes.
            return self.env.recorder.log_lines_dropped(1);
        }
        let text = String::from_utf8_lossy(&line);
        let text = self.env.masked(text.trim_end_matches('\r'), MAX_LINE_BYTES);
        for piece in pieces(&text) {
            self.log_piece(&shown(piece));
        }
        if line.len() > MAX_LINE_BYTES {
            self.log_piece("(the line goes on, and is cut here)");
        }
    }

    fn log_piece(&self, piece: &str) {
        if self.budget.take(piece.len(), &self.env.limits) {
            tracing::info!(target: "scenario", vu = self.vu, stream = self.stream, "{piece}");
        } else {
            self.env.recorder.log_lines_dropped(1);
        }
    }
}

/// A line in pieces that are short enough to be read; one piece of an empty line.
fn pieces(mut line: &str) -> impl Iterator<Item = &str> {
    let mut left = true;
    std::iter::from_fn(move || {
        let (piece, rest) = line.split_at(line.floor_char_boundary(MAX_PIECE_BYTES));
        let is_piece = std::mem::replace(&mut left, !rest.is_empty());
        line = rest;
        is_piece.then_some(piece)
    })
}

impl IsTerminal for Pipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Pipe {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(MAX_PIECE_BYTES)];
        self.lines(|lines| lines.write(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Pipe {
    async fn ready(&mut self) {}
}

impl OutputStream for Pipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_PIECE_BYTES {
            return Err(StreamError::trap("wrote more at one time than the stream had asked for"));
        }
        self.lines(|lines| lines.write(&bytes));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_PIECE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_in_pieces_of_whole_characters() {
        let long = format!("a{}", "\u{e9}".repeat(MAX_PIECE_BYTES));
        let all: Vec<&str> = pieces(&long).collect();
        assert_eq!((all.len(), all.concat()), (3, long.clone()));
        assert!(all.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
        assert_eq!(pieces("").collect::<Vec<_>>(), [""]);
        assert_eq!(pieces("one").collect::<Vec<_>>(), ["one"]);
    }
}
