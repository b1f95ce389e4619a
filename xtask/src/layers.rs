//! Holds `host/src` to its layers: a module names only modules of lower ones.

mod code;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::project;
use code::{Code, Reference};

/// The modules of `host/src` and their layers. `lib.rs` stands above them: it declares them all.
const LAYERS: [(&str, u8); 28] = [
    ("date", 0),
    ("guards", 0),
    ("near", 0),
    ("sample", 0),
    ("terminal", 0),
    ("thread_time", 0),
    ("units", 0),
    ("component", 1),
    ("control", 1),
    ("data", 1),
    ("http", 1),
    ("metrics", 1),
    ("profile", 1),
    ("secrets", 1),
    ("source", 1),
    ("target", 1),
    ("plan", 2),
    ("trace", 2),
    ("report", 3),
    ("sandbox", 3),
    ("compare", 4),
    ("vu", 4),
    ("schedule", 5),
    ("run", 6),
    ("cli", 7),
    ("main", 7),
    ("fuzzing", 8),
    ("lib", 8),
];

/// Crates that one module alone may name, so that no other depends on how it does its work.
const OWNED_CRATES: [(&str, &str); 5] = [
    ("wasmtime", "sandbox"),
    ("wasmtime_wasi", "sandbox"),
    ("wasmparser", "component"),
    ("wit_component", "cli"),
    ("clap", "cli"),
];

/// Checks all of `host/src`.
///
/// # Errors
/// Where a module names what it may not: each place, and what to do.
pub(crate) fn check() -> Result<()> {
    let source = project::root().join("host/src");
    let mut files = Vec::new();
    for path in project::files_below(&source)? {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
            files.push((path.strip_prefix(&source).unwrap_or(&path).to_owned(), text));
        }
    }
    let violations = violations(&files);
    if violations.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = violations.iter().map(|violation| format!("  host/src/{violation}")).collect();
    bail!("modules do not keep to their layers:\n{}", lines.join("\n"))
}

/// A place where a module names what it may not.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: PathBuf,
    line: usize,
    problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// What is wrong with files, given by their places in `host/src` and their texts.
fn violations(files: &[(PathBuf, String)]) -> Vec<Violation> {
    let codes: Vec<_> = files.iter().map(|(path, text)| (path, Code::read(text, module_path(path).len()))).collect();
    let test_modules: HashSet<_> =
        codes.iter().flat_map(|(path, code)| code.test_files.iter().map(|name| child(path, name))).collect();
    let mut found = Vec::new();
    for (path, code) in codes {
        let module = module_path(path);
        // The root declares what is here, and test modules may look at anything.
        if module.is_empty() || (1..=module.len()).any(|length| test_modules.contains(&module[..length])) {
            continue;
        }
        let problems = problems(&module[0], &code.references);
        found.extend(problems.into_iter().map(|(line, problem)| Violation { file: path.clone(), line, problem }));
    }
    found
}

/// What is wrong with a module's references, by line.
fn problems(module: &str, references: &[Reference]) -> Vec<(usize, String)> {
    let Some(own) = layer(module) else {
        return vec![(
            1,
            format!("`{module}` has no layer; give it one in xtask/src/layers.rs and in ARCHITECTURE.md"),
        )];
    };
    let problem = |reference: &Reference| match reference {
        Reference::Module { name, .. } => wrong_module(module, own, name),
        Reference::Crate { name, .. } => wrong_crate(module, name),
    };
    references.iter().filter_map(|reference| Some((reference.line(), problem(reference)?))).collect()
}

fn wrong_module(module: &str, own: u8, named: &str) -> Option<String> {
    if named == module {
        return None;
    }
    match layer(named) {
        None => Some(format!("`{named}` is no module with a layer; name an item by the module that defines it")),
        Some(other) if other < own => None,
        Some(other) => Some(format!(
            "`{module}` (layer {own}) names `{named}` (layer {other}); move what they share to a lower layer, or hand it in \
             as an argument"
        )),
    }
}

fn wrong_crate(module: &str, named: &str) -> Option<String> {
    let (_, owner) = OWNED_CRATES.iter().find(|(name, owner)| *name == named && *owner != module)?;
    Some(format!("only `{owner}` may name the crate `{named}`; let it offer what `{module}` needs in types of its own"))
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The module that a file is, as its path from the crate's root; empty for `lib.rs`.
fn module_path(file: &Path) -> Vec<String> {
    let mut parts: Vec<_> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] {
        parts.pop();
    }
    parts
}

fn child(file: &Path, name: &str) -> Vec<String> {
    let mut path = module_path(file);
    path.push(name.to_owned());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        violations(&files).iter().map(ToString::to_string).collect()
    }

    fn is_clean(path: &str, text: &str) -> bool {
        check(&[(path, text)]).is_empty()
    }

    /// The line that is wrong, where exactly one is.
    fn wrong_line(path: &str, text: &str) -> Option<usize> {
        match check(&[(path, text)]).as_slice() {
            [only] => only.split(':').nth(1)?.parse().ok(),
            _ => None,
        }
    }

    #[test]
    fn lower_layers_and_the_module_itself_may_be_named() {
        assert!(is_clean("plan.rs", "use crate::metrics::Summary;\nuse crate::{http, units::{self, Rate}};"));
        assert!(is_clean("http/h1.rs", "use super::tls;\nuse crate::http::Error;\nuse super::super::sample::Phases;"));
        assert!(is_clean("lib.rs", "pub mod cli;\nuse crate::run::run;"));
    }

    #[test]
    fn the_same_layer_and_higher_ones_may_not() {
        let found = check(&[("metrics/mod.rs", "\nuse crate::plan::Plan;")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("metrics/mod.rs:2: `metrics` (layer 1) names `plan` (layer 2)"), "{}", found[0]);
        assert_eq!(wrong_line("metrics/mod.rs", "\n\nuse crate::http;"), Some(3));
        assert_eq!(wrong_line("http/h1.rs", "fn f() {\n    crate::vu::start();\n}"), Some(2));
    }

    #[test]
    fn groups_and_parents_are_followed() {
        assert_eq!(wrong_line("http/mod.rs", "use crate::{\n    sample::Phases,\n    run::{self},\n};"), Some(3));
        assert_eq!(wrong_line("http/h1.rs", "use super::super::plan::Plan;"), Some(1));
        assert_eq!(wrong_line("http.rs", "use super::plan::Plan;"), Some(1));
        assert_eq!(wrong_line("http.rs", "mod inner { use super::super::plan::Plan; }\nuse super::sample;"), Some(1));
        assert_eq!(wrong_line("http.rs", "use super::{sample, plan};"), Some(1));
        assert!(is_clean("http/h1.rs", "use super::plan::Plan;"));
    }

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        assert!(is_clean("http.rs", "//! See crate::run.\n/* crate::run /* nested */ crate::vu */\nfn f() {}"));
        assert!(is_clean(
            "http.rs",
            "const A: &str = \"crate::run \\\" crate::vu\";\nconst B: &str = r#\"\" crate::run\"#;"
        ));
        assert!(is_clean(
            "http.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::run;\n    mod more { use clap::Parser; }\n}"
        ));
        assert!(is_clean("http.rs", "fn f<'a>(a: &'a str) -> char { '\"' } // crate::run\n"));
    }

    #[test]
    fn what_follows_a_test_module_counts_again() {
        assert_eq!(wrong_line("http.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::run;"), Some(3));
        assert_eq!(wrong_line("http.rs", "const A: char = '\"';\nuse crate::run;"), Some(2));
        assert_eq!(wrong_line("http.rs", "#[cfg(test)]\nuse crate::sample;\nuse crate::run;"), Some(3));
    }

    #[test]
    fn a_test_module_s_own_file_does_not_count() {
        let parent = ("report/mod.rs", "#[cfg(test)]\nmod fixture;\nmod text;");
        assert!(check(&[parent, ("report/fixture.rs", "use crate::run;")]).is_empty());
        assert!(check(&[parent, ("report/fixture/rich.rs", "use crate::run;")]).is_empty());
        assert_eq!(check(&[parent, ("report/text.rs", "use crate::run;")]).len(), 1);
    }

    #[test]
    fn crates_have_owners() {
        assert!(is_clean("sandbox/engine.rs", "use wasmtime::Engine;"));
        assert!(is_clean("cli/args.rs", "use clap::Parser;"));
        assert_eq!(wrong_line("vu.rs", "use wasmtime::Store;"), Some(1));
        assert_eq!(wrong_line("vu.rs", "fn f(_: &wasmtime_wasi::WasiCtx) {}"), Some(1));
        assert_eq!(wrong_line("plan.rs", "#[derive(clap::Args)]\nstruct A;"), Some(1));
        assert!(is_clean("plan.rs", "fn f(clap: u8) -> u8 { crate::plan::clap::g(clap) }"));
    }

    #[test]
    fn a_new_module_needs_a_layer() {
        assert_eq!(wrong_line("novelty.rs", "use crate::run;"), Some(1));
        assert_eq!(wrong_line("run/mod.rs", "use crate::novelty;"), Some(1));
    }
}
