//! The law of plan files: whatever is in one, it is refused with mistakes that have their places in it, or what it
//! amounts to is a plan that can be run and tried, and that is the same after it was printed. No secret is told.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::Parser;

use super::document::Document;
use super::mistakes::Text;
use super::settings::{Settings, name};
use super::{Loaded, Loads, PlanFileError, load_file, print, read, resolve};
use crate::cli::args::{Arguments, Command, Given, OutputArgs};
use crate::http::Proxies;
use crate::plan::Plan;
use crate::source::Source;

/// A word that inputs have in secrets; where it stands nowhere else, nobody may hear it.
const SECRET: &str = "hunter2";

/// Flags without which each plan would have numbers of its own.
static GIVEN: LazyLock<Given> = LazyLock::new(|| {
    let line = ["wasmload", "run", "plan.toml", "--seed", "1", "--threads", "2"];
    match Arguments::try_parse_from(line).expect("flags that go together").command {
        Command::Run(args) => args.given,
        other => panic!("{other:?} is another command"),
    }
});

/// A folder with a component in it.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

/// Reads and resolves a plan file.
///
/// # Panics
/// Where something is wrong with what comes of it.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let place = Text::of(Path::new("plan.toml"), text);
    let document = match read::read(text, &folder()) {
        Ok(document) => document,
        Err(mistakes) => return check_told(&place.error(mistakes), text),
    };
    let mut document = without_other_files(document);
    let is_told = text.matches(SECRET).count() > hidden_words(&document);
    document.apply(&GIVEN);
    let resolved = |loads| resolve::resolve(&document, loads).map_err(|mistakes| place.error(mistakes));
    let heard = match resolved(Loads::Planned) {
        Ok((plan, output)) => {
            plan.validate().expect("it can be run");
            check_paths(&plan, &output);
            resolved(Loads::Tried(None)).expect("what can be run can be tried");
            check_printed(&Loaded { plan, output, document: document.clone() })
        }
        Err(error) => {
            check_told(&error, text);
            error.to_string()
        }
    };
    assert!(is_told || !heard.contains(SECRET), "{heard}");
}

/// The document without what would have other files read: those are not the input, and could be anything.
fn without_other_files(mut document: Document) -> Document {
    let scenarios = document.scenarios.iter_mut().map(|entry| &mut entry.settings);
    for settings in scenarios.chain([&mut document.top]) {
        settings.0.remove("profile");
        if let Some(secrets) = settings.0.get_mut("secret") {
            secrets.values.retain(|text| !text.to_string_lossy().contains("=file:"));
        }
    }
    document
}

/// How often the word stands in the values of secrets.
fn hidden_words(document: &Document) -> usize {
    let of = |settings: &Settings| {
        let secrets = settings.get("secret").into_iter().flat_map(|setting| &setting.values);
        let value = |text: &std::ffi::OsString| {
            let named = text.to_string_lossy().into_owned();
            // What says where a value is may be told.
            let value = named.get(name(text).len()..).unwrap_or_default().to_owned();
            if value.starts_with("=env:") { 0 } else { value.matches(SECRET).count() }
        };
        secrets.map(value).sum::<usize>()
    };
    of(&document.top) + document.scenarios.iter().map(|entry| of(&entry.settings)).sum::<usize>()
}

/// Each mistake is one line, begins with a place in the file, and steers no terminal.
fn check_told(error: &PlanFileError, text: &str) {
    let told = error.to_string();
    assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{told:?}");
    let mistakes = told.strip_prefix("use the plan:").expect("it is of the plan").trim_start();
    assert!(!mistakes.is_empty());
    for mistake in mistakes.split('\n') {
        // What the flags alone are to blame for has no place.
        let Some(place) = mistake.strip_prefix("plan.toml:") else { continue };
        let line = place.split(':').next().and_then(|line| line.parse::<usize>().ok()).expect(mistake);
        assert!((1..=text.matches('\n').count() + 1).contains(&line), "{mistake}");
    }
}

/// All files are seen from the plan file's folder, wherever the program was called.
fn check_paths(plan: &Plan, output: &OutputArgs) {
    let (http, scenarios) = (&plan.http, &plan.scenarios);
    let components = scenarios.iter().filter_map(|scenario| match &scenario.source {
        Source::Path { path, .. } => Some(path),
        Source::Url { .. } | Source::Embedded { .. } => None,
    });
    let data = scenarios.iter().flat_map(|scenario| &scenario.data).map(|data| &data.path);
    let certificates = http.tls.client_certificate.iter().flat_map(|files| [&files.certificate, &files.key]);
    let outputs = [&output.json, &output.csv, &output.har, &output.log_file].into_iter().flatten();
    let all = components.chain(data).chain(certificates).chain(outputs);
    for path in all.chain(&http.tls.ca_certificates).chain(&http.unix_socket) {
        // An empty one is none, and refused where it is used.
        assert!(path.is_absolute() || path.as_os_str().is_empty(), "{}", path.display());
    }
}

/// Prints a plan, and reads it again.
fn check_printed(loaded: &Loaded) -> String {
    let printed = print(loaded);
    let again = load_file(Path::new("plan.toml"), &printed, &Given::default(), Loads::Planned, None);
    let again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(shown(&again), shown(loaded), "{printed}");
    printed
}

/// A plan as text, but for what is hidden in print.
fn shown(loaded: &Loaded) -> String {
    let mut plan = loaded.plan.clone();
    plan.http.proxies = Proxies::default();
    plan.scenarios.iter_mut().for_each(|scenario| scenario.secrets.clear());
    format!("{plan:?} {:?}", loaded.output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::inputs;

    #[test]
    fn any_file_is_refused_or_a_plan() {
        let (seeds, pieces) = inputs::of("plan");
        inputs::try_some(&seeds, &pieces, 1_000, check);
    }
}
