//! What there is to know of keys, out of the flags that they are.

use std::any::TypeId;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command, CommandFactory, FromArgMatches};

use super::settings::Settings;
use crate::cli::args::{GivenProxy, IdentityArgs, LoadArgs, PlanKeys, ScenarioKeys, Secret};
use crate::data::DataSource;
use crate::http::NoProxy;
use crate::near;
use crate::profile::Shape;
use crate::source::Source;

/// How a key's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// True or false.
    Switch,
    /// One value.
    One,
    /// One value that is a list with commas, and may be an array too.
    List,
    /// Several values.
    Many,
    /// Several values, each with a name.
    Named,
}

/// The keys of a place in a plan file.
pub(super) struct Keys(Command);

impl Keys {
    /// Those at the top.
    pub(super) fn of_plan() -> Keys {
        Keys(PlanKeys::command())
    }

    /// Those of a `[[scenario]]`.
    pub(super) fn of_scenario() -> Keys {
        Keys(ScenarioKeys::command())
    }

    /// Those that say how much load there is, which scenarios share where they stand at the top.
    pub(super) fn of_load() -> Keys {
        Keys(LoadArgs::augment_args(Command::new("load")))
    }

    /// Those that say what a scenario is.
    pub(super) fn of_identity() -> Keys {
        Keys(IdentityArgs::augment_args(Command::new("identity")))
    }

    /// The keys, and the flags that they are.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Arg)> {
        self.0.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().map(|(key, _)| key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Arg> {
        self.all().find_map(|(name, arg)| (name == key).then_some(arg))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether two keys can't stand together.
    pub(super) fn conflict(&self, one: &str, other: &str) -> bool {
        let (Some(one), Some(other)) = (self.get(one), self.get(other)) else { return false };
        let names =
            |from: &Arg, to: &Arg| self.0.get_arg_conflicts_with(from).iter().any(|arg| arg.get_id() == to.get_id());
        names(one, other) || names(other, one)
    }

    /// The keys that a key is of no use without.
    pub(super) fn required_by(&self, key: &str, settings: &Settings) -> Vec<String> {
        let alone = settings.filtered(|other| other == key);
        let Err(error) = self.0.clone().try_get_matches_from(self.arguments(&alone)) else { return Vec::new() };
        match (error.kind(), error.get(ContextKind::InvalidArg)) {
            (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(flags))) => {
                let key =
                    |flag: &String| flag.split_whitespace().next().map(|flag| flag.trim_start_matches('-').to_owned());
                flags.iter().filter_map(key).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Reads one value as the flag does.
    ///
    /// # Errors
    /// What the flag says of it.
    pub(super) fn check(&self, key: &str, text: &OsStr) -> Result<(), String> {
        match self.0.clone().try_get_matches_from([argument(key, text)]) {
            Err(error) if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) => {
                let number = self.get(key).filter(|arg| is_number(arg));
                Err(number.and_then(|arg| no_number(arg, text)).unwrap_or_else(|| reason(&error)))
            }
            _ => Ok(()),
        }
    }

    /// The settings as the flags' types.
    ///
    /// # Errors
    /// What the flags say of them.
    pub(super) fn parse<T: FromArgMatches>(&self, settings: &Settings) -> Result<T, String> {
        let matches = self.0.clone().try_get_matches_from(self.arguments(settings));
        matches.and_then(|mut matches| T::from_arg_matches_mut(&mut matches)).map_err(|error| reason(&error))
    }

    /// The settings as a command line; keys that are not among these are left out.
    fn arguments(&self, settings: &Settings) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for (key, setting) in &settings.0 {
            let Some(arg) = self.get(key) else { continue };
            for text in &setting.values {
                match form(arg) {
                    Form::Switch if text == "true" => arguments.push(format!("--{key}").into()),
                    Form::Switch => {}
                    _ => arguments.push(argument(key, text)),
                }
            }
        }
        arguments
    }
}

fn argument(key: &str, text: &OsStr) -> OsString {
    let mut argument = OsString::from(format!("--{key}="));
    argument.push(text);
    argument
}

/// How the values of a flag are written.
pub(super) fn form(arg: &Arg) -> Form {
    let named = || arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.starts_with("NAME=")));
    match arg.get_action() {
        ArgAction::SetTrue => Form::Switch,
        ArgAction::Append if named() => Form::Named,
        ArgAction::Append => Form::Many,
        _ if is::<Shape>(arg) || is::<NoProxy>(arg) => Form::List,
        _ => Form::One,
    }
}

fn is<T: 'static>(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<T>()
}

/// Whether the flag takes a number without a unit.
pub(super) fn is_number(arg: &Arg) -> bool {
    ["N", "SHARE", "PORT"].into_iter().any(|name| arg.get_value_names().is_some_and(|names| *names == [name]))
}

/// Whether the flag takes a number with a fraction.
pub(super) fn is_fraction(arg: &Arg) -> bool {
    is::<f64>(arg)
}

/// Whether a value of the flag is better not shown.
pub(super) fn hides(arg: &Arg, text: &str) -> bool {
    let is_in_the_open = |source: &str| source.starts_with("env:") || source.starts_with("file:");
    if is::<Secret>(arg) {
        !text.split_once('=').is_some_and(|(_, source)| is_in_the_open(source))
    } else {
        // A proxy's URL may have a password in it.
        is::<GivenProxy>(arg) && text.contains('@')
    }
}

/// The value with the path in it, if the flag's type has one, seen from where that folder is seen from.
pub(super) fn rebase(arg: &Arg, text: &str, folder: &Path) -> OsString {
    let joined = |path: &str| folder.join(path).into_os_string();
    let after = |prefix: &str, path: &str| {
        let mut whole = OsString::from(prefix);
        whole.push(joined(path));
        whole
    };
    // A source is a path unless it is a URL, which is more than to have `://` in it.
    let is_source = || is::<Source>(arg) && matches!(text.parse(), Ok(Source::Path { .. }));
    let is_path = is::<PathBuf>(arg) || is_source();
    if is_path && !text.is_empty() {
        return joined(text);
    }
    match text.split_once('=') {
        Some((name, path)) if is::<DataSource>(arg) => after(&format!("{name}="), path),
        Some((name, source)) if is::<Secret>(arg) => match source.strip_prefix("file:") {
            Some(path) => after(&format!("{name}=file:"), path),
            None => text.into(),
        },
        _ => text.into(),
    }
}

/// What a text that is no number is told; none where it is one, and wrong otherwise.
fn no_number(arg: &Arg, text: &OsStr) -> Option<String> {
    let text = text.to_string_lossy();
    if is_fraction(arg) {
        text.parse::<f64>().is_err().then(|| format!("`{text}` is no number; write for example 10 or 0.5"))
    } else {
        text.parse::<u64>().is_err().then(|| format!("`{text}` is no whole number from 0 on; write for example 10"))
    }
}

/// What an error says, without clap's dressing.
fn reason(error: &clap::Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    let value = error.get(ContextKind::InvalidValue);
    if let (Some(ContextValue::String(value)), Some(ContextValue::Strings(words))) =
        (value, error.get(ContextKind::ValidValue))
    {
        // Where any text but none will do, clap lists no words.
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return "it is empty; write one, or leave the key out".to_owned();
        }
        return format!("`{value}` is none of its values; write {}", near::either(&words));
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    // Who words a whole error begins it so, and the key is told already.
    line.strip_prefix("invalid value for ")
        .and_then(|line| line.split_once(": "))
        .map_or(line, |(_, why)| why)
        .to_owned()
}
