//! Where log lines go: a file, or standard error, above the live view while there is one.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{LogLevel, OutputArgs};
use crate::report::live::Screen;

/// Starts logging.
///
/// # Errors
/// A file that can't be created.
pub(super) fn start(args: &OutputArgs, screen: &Screen, color: bool) -> anyhow::Result<()> {
    match &args.log_file {
        Some(path) => install(args.log_level, false, Mutex::new(create(path)?)),
        None => {
            let screen = screen.clone();
            install(args.log_level, color, move || screen.writer());
        }
    }
    Ok(())
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("create the log file {}", path.display()))
}

fn install(level: LogLevel, color: bool, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Libraries speak up only where something is wrong.
    let others = level.min(LevelFilter::WARN);
    let filter = Targets::new().with_target("wasmload", level).with_target("scenario", level).with_default(others);
    let lines = tracing_subscriber::fmt::layer().compact().with_ansi(color).with_writer(writer);
    // A process that has a subscriber already, as tests do, keeps it.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
