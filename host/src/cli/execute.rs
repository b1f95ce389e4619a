//! `wasmload run`: makes the outputs, runs the plan, and turns its summary into an exit code.

use std::io::IsTerminal;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::args::{OutputArgs, RunArgs};
use super::plan::{Defaults, Flags, plan};
use super::{exit, logging, runtime};
use crate::control::Control;
use crate::http::Watch;
use crate::metrics::{RunEnd, Summary, Warning};
use crate::plan::Plan;
use crate::report::csv::CsvFiles;
use crate::report::json::JsonFile;
use crate::report::live::{LiveView, Screen};
use crate::report::progress::ProgressLines;
use crate::report::text::TextReport;
use crate::report::{Look, Output};
use crate::run::{self, RunError};
use crate::sandbox::LoadError;
use crate::secrets::Secrets;
use crate::trace::{self, Har, HarLimits, TraceError, Verbose};

/// What went wrong after the load: what was measured is there, and could not all be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct AfterLoad(String);

pub(super) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let plan = plan(Flags {
        source: args.scenario.clone(),
        host: args.host.clone(),
        load: &args.load,
        scenario: &args.scenario_args,
        http: &args.http,
        sandbox: &args.sandbox,
        defaults: Defaults { users: 1, run_time: None },
    })?;
    execute(&plan, &args.output, Progress::Shown).map(|summary| exit_code(&summary))
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
    let screen = Screen::new();
    logging::start(args, &screen, color(&std::io::stderr()))?;
    let watchers = Watchers::new(plan, args, progress)?;
    let mut outputs = outputs(args, &screen, progress);
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let control = Control::new();
        let signals = tokio::spawn(watch_signals(control.clone())?);
        let result = run::run(plan, &mut outputs, &control, watchers.watch()).await;
        signals.abort();
        result.map_err(|error| named(error, plan))
    });
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
    if failures.is_empty() { Ok(summary) } else { Err(AfterLoad(failures.join("; ")).into()) }
}

/// The error, with where the scenario is if the component is what is wrong: who found that out had only its bytes.
fn named(error: RunError, plan: &Plan) -> anyhow::Error {
    let is_about_component = match &error {
        RunError::Load(error) => {
            !matches!(error, LoadError::TooManyVus { .. } | LoadError::Engine(_) | LoadError::Cache(_))
        }
        _ => false,
    };
    let error = anyhow::Error::from(error);
    if is_about_component { error.context(format!("use {} as a scenario", plan.scenario.source)) } else { error }
}

/// The outputs that the flags ask for. The live view comes first, so that its end clears the terminal for the others.
fn outputs(args: &OutputArgs, screen: &Screen, progress: Progress) -> Vec<Box<dyn Output>> {
    let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
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
        let look = Look { width: width(), color: color(&stdout), unicode: unicode(&stdout) };
        outputs.push(Box::new(TextReport::new(stdout, look)));
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
        let secrets = || Arc::new(Secrets::new(plan.scenario.secrets.clone()));
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
        let written = har.finish()?;
        Ok((written.left_out > 0)
            .then_some(Warning::ExchangesNotKept { kept: written.kept, left_out: written.left_out }))
    }
}

/// Colours on a terminal, unless the environment says no.
fn color(stream: &impl IsTerminal) -> bool {
    let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
    stream.is_terminal() && unset("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the reader can see more than ASCII: unless the locale says otherwise.
fn unicode(stream: &impl IsTerminal) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    match locale.as_deref() {
        Some("C" | "POSIX") | None => !stream.is_terminal(),
        Some(locale) => locale.to_ascii_lowercase().contains("utf"),
    }
}

fn width() -> usize {
    match ratatui::crossterm::terminal::size() {
        // A terminal that does not know its size says 0.
        Ok((columns @ 1.., _)) if std::io::stdout().is_terminal() => usize::from(columns),
        _ => Look::default().width,
    }
}

/// Interrupts the run at each Ctrl-C and SIGTERM.
fn watch_signals(control: Control) -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            control.interrupt();
            if control.interrupts() == 1 {
                tracing::info!("stopping: iterations under way may end; interrupt again to cut them off");
            }
        }
    })
}

/// What a summary comes to.
pub(super) fn exit_code(summary: &Summary) -> u8 {
    match &summary.end {
        RunEnd::StoppedByScenario(_) => exit::STOPPED_BY_SCENARIO,
        RunEnd::SetupFailed(_) => exit::SCENARIO_FAILED,
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
