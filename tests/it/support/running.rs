//! The program while it runs, for tests that do something to it meanwhile.

use tempfile::TempDir;

use super::processes::{Process, peak_memory, read, wait_until};
use super::program::{Ran, Wasmload};

/// The program, started and not waited for.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    directory: TempDir,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(program: Wasmload) -> Running {
        let Wasmload { mut command, directory } = program;
        Running { process: Process::start(&mut command, directory.path()), directory }
    }

    /// The number that the system knows it by.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Presses Ctrl-C, so to say.
    pub(crate) fn interrupt(&self) {
        self.process.signal("INT");
    }

    /// Waits until it has printed such a line to standard output, and gives the line.
    #[track_caller]
    pub(crate) fn stdout_line(&mut self, with: &str) -> String {
        self.line("stdout", with)
    }

    /// Waits until it has printed such a line to standard error, and gives the line.
    #[track_caller]
    pub(crate) fn stderr_line(&mut self, with: &str) -> String {
        self.line("stderr", with)
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(self) -> Ran {
        self.finish_with_peak().0
    }

    /// Waits for its end, and gives the most memory too that it had resident, in bytes: but for what it took in its last
    /// few milliseconds, since the system forgets that as a process ends.
    #[track_caller]
    pub(crate) fn finish_with_peak(mut self) -> (Ran, u64) {
        let (mut peak, mut status) = (0, None);
        wait_until("a process ends", || {
            peak = peak_memory(self.id()).map_or(peak, |seen| seen.max(peak));
            status = self.process.ended();
            status.is_some()
        });
        let code = status.and_then(|status| status.code());
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| read(&self.directory.path().join(name)));
        (Ran { code, stdout, stderr, directory: self.directory }, peak)
    }

    #[track_caller]
    fn line(&mut self, stream: &str, with: &str) -> String {
        let mut found = None;
        wait_until(&format!("{stream} has a line with `{with}`"), || {
            let ended = self.process.ended();
            let text = read(&self.directory.path().join(stream));
            // The last piece is no line until its end is there.
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            found = whole.lines().find(|line| line.contains(with)).map(str::to_owned);
            assert!(found.is_some() || ended.is_none(), "it ended without `{with}` on {stream}:\n{text}");
            found.is_some()
        });
        found.expect("it was found")
    }
}
