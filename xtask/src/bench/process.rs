//! Programs: finding them, pinning them to a core, running them within a bound, and what a run cost the processor.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use serde::Serialize;

use crate::project::find_program;

/// How often a running program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Processor time, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Cpu {
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
}

impl Cpu {
    pub(super) fn total(self) -> f64 {
        self.user_seconds + self.system_seconds
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            user_seconds: self.user_seconds - other.user_seconds,
            system_seconds: self.system_seconds - other.system_seconds,
        }
    }

    /// Of all children that ended and were waited for.
    fn of_children() -> anyhow::Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("failed to read the children's processor time")?;
        let seconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e6;
        Ok(Self { user_seconds: seconds(usage.user_time()), system_seconds: seconds(usage.system_time()) })
    }
}

/// A program that the measurement can't do without.
///
/// # Errors
/// Where it is not there; says which Debian package has it.
pub(super) fn require(program: &str, package: &str) -> anyhow::Result<PathBuf> {
    find_program(program).with_context(|| format!("{program} is not on PATH; try apt-get install {package}"))
}

/// A command that runs on that core alone. `taskset` becomes the program, so the child's id is the program's own.
pub(super) fn pinned(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// Has this process, which has one thread yet, run on that core alone, and with it the threads that it starts from now
/// on. [`pinned`] programs run where they are told to all the same.
///
/// # Errors
/// Where there is no such core, or this process may not use it.
pub(super) fn pin_self(core: usize) -> anyhow::Result<()> {
    let id = std::process::id().to_string();
    let taskset = Command::new("taskset").args(["-c", "-p", &core.to_string(), &id]).output();
    let taskset = taskset.context("failed to start taskset")?;
    ensure!(
        taskset.status.success(),
        "failed to use core {core}: {}; try other cores with --server-core and --load-core",
        String::from_utf8_lossy(&taskset.stderr).trim()
    );
    Ok(())
}

/// Raises this process's limit of open files to the hard one; children inherit it.
///
/// # Errors
/// Where the hard limit is below `needed`.
pub(super) fn raise_file_limit(needed: u64) -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("failed to read the limit of open files")?;
    ensure!(
        hard >= needed,
        "at most {hard} open files are allowed and {needed} needed; try ulimit -Hn, or fewer --vus"
    );
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("failed to raise the limit of open files")
}

/// What a program that ended well wrote to standard output, and its processor time.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) stdout: String,
    pub(super) cpu: Cpu,
}

/// Runs a program to its end, and calls `watch` now and then with the time since its start and its process id.
///
/// # Errors
/// Where it can't start, ends with a failure (with what it wrote to standard error), or runs for longer than `bound`:
/// it is killed then.
pub(super) fn run(
    mut command: Command,
    bound: Duration,
    mut watch: impl FnMut(Duration, u32),
) -> anyhow::Result<Finished> {
    // Files, not pipes: nobody has to read them while the program runs.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let before = Cpu::of_children()?;
    let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    let status = wait(&mut child, bound, &mut watch).with_context(|| format!("failed to await {command:?}"))?;
    let cpu = Cpu::of_children()?.minus(before);
    if !status.success() {
        bail!("{command:?} ended with {status}: {}", contents(&mut stderr)?.trim());
    }
    Ok(Finished { stdout: contents(&mut stdout)?, cpu })
}

fn wait(child: &mut Child, bound: Duration, watch: &mut impl FnMut(Duration, u32)) -> anyhow::Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let elapsed = start.elapsed();
        if elapsed >= bound {
            child.kill()?;
            child.wait()?;
            bail!("still running after {} s", bound.as_secs());
        }
        watch(elapsed, child.id());
        thread::sleep(LOOK_EVERY);
    }
}

/// All that was written to the file; the child shares its position.
fn contents(file: &mut File) -> anyhow::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{pin_self, require, run};

    /// Far more than any of these programs takes.
    const BOUND: Duration = Duration::from_secs(600);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[test]
    fn a_program_that_is_there_is_found_and_another_is_asked_for() {
        assert!(require("sh", "dash").is_ok_and(|path| path.ends_with("sh")));
        let error = require("no-such-program", "some-package").map_err(|error| error.to_string());
        assert_eq!(error, Err("no-such-program is not on PATH; try apt-get install some-package".to_owned()));
    }

    #[test]
    fn a_core_that_is_not_there_is_an_error() {
        // More than Linux can be built for.
        let error = pin_self(9_000).map_err(|error| error.to_string());
        let (start, end) = ("failed to use core 9000: ", "; try other cores with --server-core and --load-core");
        assert!(error.as_ref().is_err_and(|text| text.starts_with(start) && text.ends_with(end)), "{error:?}");
    }

    #[test]
    fn a_run_hands_out_standard_output_and_processor_time() -> anyhow::Result<()> {
        let work = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done";
        let finished = run(shell(work), BOUND, |_, _| ())?;
        assert_eq!(finished.stdout, "done\n");
        assert!(finished.cpu.total() > 0.0, "{:?}", finished.cpu);
        Ok(())
    }

    #[test]
    fn a_failed_run_says_how_and_why() {
        let error = run(shell("echo reason >&2; exit 3"), BOUND, |_, _| ()).map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("exit status: 3") && text.ends_with("reason")));
    }

    #[test]
    fn a_run_beyond_its_bound_is_killed() {
        let mut watched = None;
        let error = run(shell("exec sleep 600"), Duration::ZERO, |_, id| watched = Some(id));
        assert!(error.is_err_and(|error| format!("{error:#}").ends_with("still running after 0 s")));
        assert_eq!(watched, None, "the bound was over before the first look");
    }
}
