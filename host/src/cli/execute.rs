//! `wasmload run`: makes the outputs, runs the plan, and turns its summary into an exit code.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::args::{OutputArgs, RunArgs};
use super::keys::{Keys, give_back_terminal};
use super::look::{self, color, unicode};
use super::plan_file::{self, Loads};
use super::{exit, logging, runtime};
use crate::control::Control;
use crate::http::Watch;
use crate::metrics::{RunEnd, Summary, Warning};
use crate::plan::Plan;
use crate::report::csv::CsvFiles;
use crate::report::json::JsonFile;
use crate::report::live::{LiveView, Screen};
use crate::report::progress::ProgressLines;
use crate::report::text::{TextReport, failed_thresholds};
use crate::report::{Look, Output};
use crate::run;
use crate::secrets::Secrets;
use crate::trace::{self, Har, HarCounts, HarLimits, TraceError, Verbose};

/// What went wrong after the load: what was measured is there, and could not all be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct AfterLoad(String);

pub(super) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let loaded = plan_file::load(&args.scenario, &args.given, &args.policy, Loads::Planned)?;
    execute(&loaded.plan, &loaded.output, Progress::Shown).map(|summary| exit_code(&summary))
}

/// What is shown while the load is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// How it goes: live on a terminal, elsewhere a line now and then.
    Shown,
    /// Nothing.
    Hidden,
    /// Each request and its response.
    Exchanges,
}

/// Runs a plan and shows it.
///
/// # Errors
/// What kept it from starting; after a run, [`AfterLoad`].
pub(super) fn execute(plan: &Plan, args: &OutputArgs, progress: Progress) -> anyhow::Result<Summary> {
    distinct_files(args)?;
    let screen = Screen::new();
    logging::start(args, &screen, color(&std::io::stderr()))?;
    let watchers = Watchers::new(plan, args, progress)?;
    let mut outputs = outputs(args, &screen, progress);
    let runtime = runtime()?;
    let control = Control::new();
    let load_is_over = Arc::new(AtomicBool::new(false));
    watch_signals(control.clone(), Arc::clone(&load_is_over))?;
    let keys = if progress == Progress::Shown && !args.quiet { Keys::listen(control.clone()) } else { None };
    let plan = if keys.is_some() { with_headroom(plan) } else { plan.clone() };
    let result = runtime.block_on(run::run(&plan, &mut outputs, &control, watchers.watch()));
    drop(keys);
    load_is_over.store(true, Ordering::Relaxed);
    // A component that is still being compiled must not hold up an interrupted run.
    runtime.shutdown_background();
    let mut summary = result?;
    let mut failures = Vec::new();
    match watchers.finish() {
        Ok(warning) => summary.warnings.extend(warning),
        Err(error) => failures.push(format!("{:#}", anyhow::Error::from(error))),
    }
    for output in &mut outputs {
        if let Err(error) = output.finish(&summary) {
            failures.push(format!("{:#}", anyhow::Error::from(error)));
        }
    }
    if args.quiet {
        // Why the exit code is what it is; otherwise the report says it.
        failed_thresholds(&summary).for_each(|rule| tracing::error!("a threshold failed: {rule}"));
    }
    if failures.is_empty() { Ok(summary) } else { Err(AfterLoad(failures.join("; ")).into()) }
}

/// Virtual users that a person can go up to by keys, however few are planned.
const REACH: u32 = 100;

/// The plan, with room for twice its load, or more where that is little: for who sits before it.
fn with_headroom(plan: &Plan) -> Plan {
    let planned = plan.max_vus().max(1);
    let headroom = (REACH / planned).max(2);
    let most = plan.grants.as_ref().and_then(|grants| grants.virtual_users).unwrap_or(u32::MAX);
    Plan { headroom: headroom.min(most / planned).max(1), ..plan.clone() }
}

/// The outputs that the flags ask for. The live view comes first, so that its end clears the terminal for the others.
fn outputs(args: &OutputArgs, screen: &Screen, progress: Progress) -> Vec<Box<dyn Output>> {
    let stderr = std::io::stderr();
    let mut outputs: Vec<Box<dyn Output>> = Vec::new();
    if !args.quiet && progress == Progress::Shown {
        if stderr.is_terminal() {
            let look = Look { color: color(&stderr), unicode: unicode(&stderr), ..Look::default() };
            outputs.push(Box::new(LiveView::new(screen.clone(), look)));
        } else {
            outputs.push(Box::new(ProgressLines::new(
                screen.writer(),
                ProgressLines::<std::io::Stderr>::EVERY,
                unicode(&stderr),
            )));
        }
    }
    if let Some(path) = &args.json {
        outputs.push(Box::new(JsonFile::new(path.clone())));
    }
    if let Some(prefix) = &args.csv {
        outputs.push(Box::new(CsvFiles::new(prefix.clone())));
    }
    if !args.quiet {
        outputs.push(Box::new(TextReport::new(std::io::stdout(), look::of_stdout())));
    }
    outputs
}

/// Those who look at single exchanges.
struct Watchers {
    har: Option<Arc<Har>>,
    verbose: Option<Arc<Verbose>>,
}

impl Watchers {
    fn new(plan: &Plan, args: &OutputArgs, progress: Progress) -> Result<Watchers, TraceError> {
        let secrets = || Arc::new(all_secrets(plan));
        let har = match &args.har {
            Some(path) => {
                let limits = HarLimits { vus: args.har_users, entries: args.har_entries, ..HarLimits::default() };
                Some(Arc::new(Har::create(path.clone(), limits, secrets())?))
            }
            None => None,
        };
        let stderr = std::io::stderr();
        let color = color(&stderr);
        let verbose = (progress == Progress::Exchanges).then(|| Verbose::new(Box::new(stderr), color, secrets()));
        Ok(Watchers { har, verbose })
    }

    fn watch(&self) -> Option<Arc<dyn Watch>> {
        let har = self.har.iter().map(|har| Arc::clone(har) as Arc<dyn Watch>);
        let verbose = self.verbose.iter().map(|verbose| Arc::clone(verbose) as Arc<dyn Watch>);
        trace::together(har.chain(verbose).collect())
    }

    /// Completes what they wrote; the warning that it isn't all, where it applies.
    fn finish(self) -> Result<Option<Warning>, TraceError> {
        let Some(har) = self.har else { return Ok(None) };
        let HarCounts { kept, left_out, too_fast, over_size } = har.finish()?;
        Ok((left_out > 0).then_some(Warning::ExchangesNotKept { kept, left_out, too_fast, over_size }))
    }
}

/// The secrets of all scenarios: who sees the exchanges of one may see those of another.
fn all_secrets(plan: &Plan) -> Secrets {
    let values = plan.scenarios.iter().flat_map(|scenario| scenario.secrets.values());
    // Nobody asks for them by name.
    Secrets::new(values.enumerate().map(|(number, value)| (number.to_string(), value.clone())))
}

/// Interrupts the run at each Ctrl-C and SIGTERM, in a thread of its own. The third ends the program; so does any once the
/// load is over, when only results are left to be written.
fn watch_signals(control: Control, load_is_over: Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let watching = async move {
        for number in 1_u32.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if load_is_over.load(Ordering::Relaxed) {
                tracing::error!("interrupted before all results were written");
                std::process::exit(exit::INTERRUPTED.into());
            }
            control.interrupt();
            if control.interrupts() == 1 {
                tracing::info!("stopping: iterations under way may end; interrupt again to cut them off");
            }
            // Cutting off takes a moment, unless a thread is stuck.
            if number > 2 {
                give_back_terminal();
                // Not by the log, whose lines wait for those who are stuck.
                let _ = rustix::io::write(
                    std::io::stderr(),
                    b"\r\nwasmload: interrupted a third time, ended without a report\n",
                );
                std::process::exit(exit::INTERRUPTED.into());
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(watching))?;
    Ok(())
}

/// Refuses one file for two things.
fn distinct_files(args: &OutputArgs) -> anyhow::Result<()> {
    let files = [("--json", &args.json), ("--har", &args.har), ("--log-file", &args.log_file)];
    let given: Vec<_> = files.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?))).collect();
    for (place, (flag, path)) in given.iter().enumerate() {
        if let Some((other, _)) = given[..place].iter().find(|(_, other)| other == path) {
            anyhow::bail!("write to {} for both {other} and {flag}; give each a file of its own", path.display());
        }
    }
    Ok(())
}

/// What a summary comes to.
pub(super) fn exit_code(summary: &Summary) -> u8 {
    match &summary.end {
        RunEnd::StoppedByScenario(_) => exit::STOPPED_BY_SCENARIO,
        RunEnd::SetupFailed(_) => exit::SCENARIO_FAILED,
        // Before the rest: whoever asked for thresholds wants to know this first.
        _ if summary.thresholds.iter().any(|threshold| !threshold.passed) => exit::THRESHOLD_FAILED,
        RunEnd::ThresholdFailed(_) => exit::THRESHOLD_FAILED,
        RunEnd::Interrupted { .. } => exit::INTERRUPTED,
        RunEnd::Completed if summary.vus.failed > 0 && summary.vus.failed == summary.vus.started => {
            exit::SCENARIO_FAILED
        }
        RunEnd::Completed if summary.warnings.iter().any(|warning| matches!(warning, Warning::ThreadsLost { .. })) => {
            exit::FAILURE
        }
        RunEnd::Completed => exit::SUCCESS,
    }
}
