//! From a file's text to its settings, each key and value checked by itself.

use std::path::Path;

use clap::Arg;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, Entry};
use super::keys::{Form, Keys, form, rebase};
use super::mistakes::Mistake;
use super::settings::{Place, Setting, Settings};
use super::words::{At, unknown};

/// Reads a plan file whose paths are relative to that folder.
///
/// # Errors
/// All that is wrong with its keys and values; of text that is no TOML, the first thing.
pub(super) fn read(text: &str, folder: &Path) -> Result<Document, Vec<Mistake>> {
    let table = DeTable::parse(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut reader = Reader { folder, plan: Keys::of_plan(), scenario: Keys::of_scenario(), mistakes: Vec::new() };
    let document = reader.document(table.get_ref());
    if reader.mistakes.is_empty() { Ok(document) } else { Err(reader.mistakes) }
}

/// Text that is no TOML.
pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Mistake {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.get(..at).unwrap_or(text).rsplit('\n').next().unwrap_or_default();
    let is_value = line.split_once('=').is_some_and(|(_, value)| !value.contains(['"', '\'', '#']));
    let hint = if is_value { "; text stands in quotes, as in run-time = \"10m\"" } else { "" };
    Mistake::new(Place::File(at), format!("it is no TOML: {}{hint}", error.message()))
}

struct Reader<'a> {
    folder: &'a Path,
    plan: Keys,
    scenario: Keys,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn document(&mut self, table: &DeTable<'_>) -> Document {
        let mut document = Document::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "scenario" => document.scenarios = self.scenarios(key.span().start, value),
                _ => self.setting(&mut document.top, key.get_ref(), key.span().start, value, At::Top),
            }
        }
        // Keys that are wrong might have been those.
        if self.mistakes.is_empty() {
            self.check_scenarios(&document);
        }
        document
    }

    /// Whether there is a scenario, and not in two ways.
    fn check_scenarios(&mut self, document: &Document) {
        let own = ["component", "name"].into_iter().find_map(|key| Some((key, document.top.place(key)?)));
        match (own, document.scenarios.first()) {
            (Some((key, place)), Some(scenario)) => {
                let text = format!("`{key}` stands above [[scenario]]; write it into the one that it belongs to");
                self.mistakes.push(Mistake::new(place, text).beside(scenario.place));
            }
            (None, None) => {
                let text = "there is no scenario; write [[scenario]], and below it component = \"scenario.wasm\"";
                self.mistake(0, text);
            }
            _ => {}
        }
    }

    fn scenarios(&mut self, at: usize, value: &Spanned<DeValue<'_>>) -> Vec<Entry> {
        let DeValue::Array(items) = value.get_ref() else {
            self.mistake(at, "`scenario` is a list; write [[scenario]], in two brackets, above the keys of each");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.entry(item)).collect()
    }

    fn entry(&mut self, item: &Spanned<DeValue<'_>>) -> Option<Entry> {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            self.mistake(at, "a scenario has keys; write [[scenario]], and below it component = \"scenario.wasm\"");
            return None;
        };
        let mut entry = Entry { place: Place::File(at), settings: Settings::default() };
        for (key, value) in table {
            self.setting(&mut entry.settings, key.get_ref(), key.span().start, value, At::Scenario);
        }
        Some(entry)
    }

    /// Reads one key and its value.
    fn setting(&mut self, settings: &mut Settings, key: &str, at: usize, value: &Spanned<DeValue<'_>>, place: At) {
        let keys = if place == At::Top { &self.plan } else { &self.scenario };
        let Some(arg) = keys.get(key) else {
            let text = unknown(key, place, &self.plan, &self.scenario);
            self.mistake(at, text);
            return;
        };
        let texts = match texts(arg, value) {
            Ok(texts) => texts,
            Err((at, what)) => {
                self.mistake(at, format!("`{key}` {what}"));
                return;
            }
        };
        let mut wrong = Vec::new();
        let mut values = Vec::new();
        for (text, at) in texts {
            match keys.check(key, text.as_ref()) {
                Ok(()) => values.push(rebase(arg, &text, self.folder)),
                Err(why) => wrong.push(Mistake::new(Place::File(at), format!("`{key}`: {why}"))),
            }
        }
        self.mistakes.extend(wrong);
        settings.0.insert(key.to_owned(), Setting { place: Place::File(at), values });
    }

    fn mistake(&mut self, at: usize, text: impl Into<String>) {
        self.mistakes.push(Mistake::new(Place::File(at), text));
    }
}

/// Texts, and where each stands.
pub(super) type Texts = Vec<(String, usize)>;

/// The texts that a value gives a flag.
///
/// # Errors
/// Where the value is of another type than the flag's, and what to write.
pub(super) fn texts(arg: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Texts, (usize, String)> {
    let at = value.span().start;
    let one = |value: &Spanned<DeValue<'_>>, wanted: &str| match scalar(value.get_ref()) {
        Some(text) => Ok((text, value.span().start)),
        None => Err((value.span().start, format!("takes {wanted}, not {}", kind(value.get_ref())))),
    };
    match (form(arg), value.get_ref()) {
        (Form::Switch, DeValue::Boolean(switch)) => Ok(vec![(switch.to_string(), at)]),
        (Form::Switch, other) => Err((at, format!("takes true or false, not {}", kind(other)))),
        (Form::List, DeValue::Array(items)) => {
            let texts: Result<Texts, _> = items.iter().map(|item| one(item, "a text or an array of texts")).collect();
            Ok(vec![(texts?.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(","), at)])
        }
        (Form::One | Form::List, _) => Ok(vec![one(value, &example(arg))?]),
        (Form::Many | Form::Named, DeValue::Array(items)) => {
            items.iter().map(|item| one(item, "texts, or an array of them")).collect()
        }
        (Form::Named, DeValue::Table(table)) => table.iter().map(|(name, value)| named(name, value)).collect(),
        (Form::Named, _) => Ok(vec![one(value, "a table of names and values")?]),
        (Form::Many, _) => Ok(vec![one(value, "a text or an array of texts")?]),
    }
}

/// The text of one name and value of a table.
fn named(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<(String, usize), (usize, String)> {
    if name.get_ref().is_empty() || name.get_ref().contains('=') {
        return Err((name.span().start, format!("has the name `{}`, which is empty or has a = in it", name.get_ref())));
    }
    // A variable may well be a switch.
    let text = match value.get_ref() {
        DeValue::Boolean(switch) => Some(switch.to_string()),
        other => scalar(other),
    };
    let wrong = || (value.span().start, format!("takes texts for its names, not {}", kind(value.get_ref())));
    Ok((format!("{}={}", name.get_ref(), text.ok_or_else(wrong)?), value.span().start))
}

/// A text or a number as text.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().trim_start_matches('+').to_owned()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// What a flag with one value takes.
fn example(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|names| names.first()).map_or("a value", |name| name.as_str());
    if super::keys::is_number(arg) { "a number".to_owned() } else { format!("one value ({name})") }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text in quotes",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time of day; write text in quotes",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
