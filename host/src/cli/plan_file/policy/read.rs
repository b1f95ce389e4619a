//! From a policy's text to a policy.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Policy;
use super::ceiling;
use crate::cli::plan_file::keys::Keys;
use crate::cli::plan_file::mistakes::Mistake;
use crate::cli::plan_file::read::{syntax, texts};
use crate::cli::plan_file::settings::{Place, Setting, Settings};
use crate::near;
use crate::plan::{Granted, Grants};

/// What a policy has.
const KEYS: [&str; 5] = ["hosts", "fetched-from", "secrets", "limits", "component"];

/// What a component of a policy has.
const COMPONENT_KEYS: [&str; 3] = ["sha256", "name", "secrets"];

/// The limit that is no flag's: of all scenarios together.
const VIRTUAL_USERS: &str = "virtual-users";

type Value<'a> = Spanned<DeValue<'a>>;

/// Reads a policy.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn read(file: &str, text: &str) -> Result<Policy, Vec<Mistake>> {
    let table = DeTable::parse(text).map_err(|error| vec![syntax(text, &error)])?;
    let mut reader = Reader { keys: Keys::of_plan(), has_own_secrets: false, mistakes: Vec::new() };
    let mut policy = Policy {
        file: file.to_owned(),
        hosts: None,
        grants: Grants {
            policy: file.to_owned(),
            fetched_from: None,
            secrets: None,
            virtual_users: None,
            components: None,
        },
        limits: Settings::default(),
        virtual_users: None,
        is_locked: false,
    };
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "hosts" => policy.hosts = Some(reader.parsed(value, "hosts")),
            "fetched-from" => policy.grants.fetched_from = Some(reader.parsed(value, "fetched-from")),
            "secrets" => policy.grants.secrets = Some(reader.strings(value, "secrets").into_iter().collect()),
            "limits" => reader.limits(value, &mut policy),
            "component" => policy.grants.components = Some(reader.components(value)),
            other => reader.unknown(key.span().start, other, &KEYS, "a policy"),
        }
    }
    // What is said of some is meant of the others too.
    if reader.has_own_secrets {
        policy.grants.secrets.get_or_insert_default();
    }
    if policy.hosts.is_some() {
        policy.grants.fetched_from.get_or_insert_default();
    }
    if reader.mistakes.is_empty() { Ok(policy) } else { Err(reader.mistakes) }
}

struct Reader {
    keys: Keys,
    /// A component has secrets of its own.
    has_own_secrets: bool,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn mistake(&mut self, at: usize, text: impl Into<String>) {
        self.mistakes.push(Mistake::new(Place::File(at), text));
    }

    fn unknown(&mut self, at: usize, key: &str, known: &[&str], of: &str) {
        let meant = near::nearest(key, known.iter().copied());
        let text = match &meant[..] {
            [] => format!("`{key}` is no key of {of}, which has {}", known.join(", ")),
            meant => format!("`{key}` is no key of {of}; write {}", near::either(meant)),
        };
        self.mistake(at, text);
    }

    /// An array of texts, and where each stands.
    fn placed_strings<'a>(&mut self, value: &'a Value<'_>, key: &str) -> Vec<(&'a str, usize)> {
        let at = value.span().start;
        let DeValue::Array(items) = value.get_ref() else {
            self.mistake(at, format!("`{key}` takes an array of texts, for example {key} = [\"...\"]"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span().start)),
                _ => self.mistake(item.span().start, format!("`{key}` takes texts in quotes")),
            }
        }
        texts
    }

    fn strings(&mut self, value: &Value<'_>, key: &str) -> Vec<String> {
        self.placed_strings(value, key).into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, value: &Value<'_>, key: &str) -> Vec<T> {
        let mut parsed = Vec::new();
        for (text, at) in self.placed_strings(value, key) {
            match text.parse() {
                Ok(value) => parsed.push(value),
                Err(error) => self.mistake(at, format!("`{key}`: {error}")),
            }
        }
        parsed
    }

    fn limits(&mut self, value: &Value<'_>, policy: &mut Policy) {
        let DeValue::Table(table) = value.get_ref() else {
            self.mistake(
                value.span().start,
                "`limits` is a table; write [limits], and below it max-memory = \"64MiB\"",
            );
            return;
        };
        for (key, value) in table {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            if name == VIRTUAL_USERS {
                policy.virtual_users = self.virtual_users(value);
            } else if ceiling::is_limit(name) {
                self.limit(name, value, &mut policy.limits);
            } else {
                let known: Vec<&str> = ceiling::names().chain([VIRTUAL_USERS]).collect();
                self.unknown(at, name, &known, "limits");
            }
        }
    }

    fn virtual_users(&mut self, value: &Value<'_>) -> Option<u32> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.mistake(value.span().start, format!("`{VIRTUAL_USERS}` takes a number, for example 500"));
        }
        number
    }

    /// A limit, which is a flag's value.
    fn limit(&mut self, key: &str, value: &Value<'_>, limits: &mut Settings) {
        let Some(arg) = self.keys.get(key) else { return };
        match texts(arg, value) {
            Ok(given) => {
                for (text, at) in &given {
                    if let Err(why) = self.keys.check(key, text.as_ref()) {
                        self.mistakes.push(Mistake::new(Place::File(*at), format!("`{key}`: {why}")));
                    }
                }
                let values = given.into_iter().map(|(text, _)| text.into()).collect();
                limits.0.insert(key.to_owned(), Setting { place: Place::Policy, values });
            }
            Err((at, what)) => self.mistakes.push(Mistake::new(Place::File(at), format!("`{key}` {what}"))),
        }
    }

    fn components(&mut self, value: &Value<'_>) -> Vec<Granted> {
        let DeValue::Array(items) = value.get_ref() else {
            self.mistake(value.span().start, "`component` is a list; write [[component]], in two brackets");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.component(item)).collect()
    }

    fn component(&mut self, item: &Value<'_>) -> Option<Granted> {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            self.mistake(at, "a component has keys; write [[component]], and below it sha256 = \"...\"");
            return None;
        };
        let (mut sha256, mut secrets) = (None, Vec::new());
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("sha256", DeValue::String(text)) => match text.parse() {
                    Ok(digest) => sha256 = Some(digest),
                    Err(error) => self.mistake(value.span().start, format!("`sha256`: {error}")),
                },
                ("secrets", _) => {
                    self.has_own_secrets = true;
                    secrets = self.strings(value, "secrets");
                }
                // For people.
                ("name", DeValue::String(_)) => {}
                (key @ ("sha256" | "name"), _) => {
                    self.mistake(value.span().start, format!("`{key}` takes a text in quotes"));
                }
                (other, _) => self.unknown(key.span().start, other, &COMPONENT_KEYS, "a component"),
            }
        }
        if sha256.is_none() && self.mistakes.is_empty() {
            self.mistake(at, "the component has no digest; write sha256 = \"...\", which `wasmload inspect` prints");
        }
        Some(Granted { sha256: sha256?, secrets: secrets.into_iter().collect() })
    }
}
