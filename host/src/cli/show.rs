//! `wasmload plan`: looks a run over without making it.

use std::io::Write;

use anyhow::Context;

use super::args::ShowArgs;
use super::plan_file::{self, Loaded, Loads};
use super::{exit, runtime};
use crate::data::DataSet;
use crate::plan::Plan;
use crate::run;
use crate::source::Source;
use crate::units;

/// Says whether a plan is in order, or prints it, or the schema of plan files.
///
/// # Errors
/// What is wrong with the plan; standard output that can't be written to.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<u8> {
    let text = match &args.scenario {
        // Without a scenario it is the schema that is asked for.
        None => plan_file::schema(),
        Some(scenario) => {
            let loaded = plan_file::load(scenario, &args.given, &args.policy, Loads::Planned)?;
            check_files(&loaded.plan)?;
            if args.print { plan_file::print(&loaded) } else { in_order(scenario, &loaded) }
        }
    };
    std::io::stdout().lock().write_all(text.as_bytes()).context("write to standard output")?;
    Ok(exit::SUCCESS)
}

/// Looks for what a run would read.
fn check_files(plan: &Plan) -> anyhow::Result<()> {
    for scenario in &plan.scenarios {
        match (&plan.grants, scenario.source.pin()) {
            _ if scenario.source.file().is_some() => {
                runtime()?.block_on(run::component(plan, scenario))?;
            }
            // Nothing is fetched to be looked at.
            (Some(grants), Some(pin)) => {
                grants.check_source(&scenario.name, &scenario.source)?;
                grants.check(&scenario.name, &pin, scenario.secrets.keys().map(String::as_str))?;
            }
            _ => {}
        }
        DataSet::load_all(&scenario.data)?;
    }
    Ok(())
}

/// That all is well, in one line.
fn in_order(scenario: &Source, loaded: &Loaded) -> String {
    let Plan { scenarios, .. } = &loaded.plan;
    let count =
        |count: u64, noun: &str| format!("{} {noun}{}", units::show_count(count), if count == 1 { "" } else { "s" });
    let length = loaded.plan.length().map_or_else(|| "without an end by time".to_owned(), units::exact_duration);
    format!(
        "{scenario} is in order: {}, at most {}, {length}\n",
        count(scenarios.len() as u64, "scenario"),
        count(loaded.plan.max_vus().into(), "virtual user"),
    )
}
