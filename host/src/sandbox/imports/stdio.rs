//! What a guest prints, into the log: line by line, with the virtual user that printed it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::sandbox::log::{LogBudget, shown};
use crate::sandbox::state::Environment;

/// A line that grows longer than this is logged in pieces.
const MAX_LINE_BYTES: usize = 8 << 10;

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

    /// Adds to the line that was begun; what it has no room for begins another one.
    fn begin(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(MAX_LINE_BYTES) {
            if self.begun.len() + piece.len() > MAX_LINE_BYTES {
                self.log();
            }
            self.begun.extend_from_slice(piece);
        }
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
        if !self.budget.take(line.len(), &self.env.limits) {
            return self.env.recorder.log_lines_dropped(1);
        }
        let text = String::from_utf8_lossy(&line);
        let text = shown(text.trim_end_matches('\r'));
        let message = self.env.secrets.mask(&text);
        tracing::info!(target: "scenario", vu = self.vu, stream = self.stream, "{message}");
    }
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
        self.lines(|lines| lines.write(&bytes));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE_BYTES)
    }
}
