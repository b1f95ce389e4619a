//! Settings: keys with their values as text, and where each stands.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Where something stands. In a file's order; what is on the command line comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// At that byte of the plan file.
    File(usize),
    /// On the command line.
    CommandLine,
    /// In the policy that the run is held to.
    Policy,
}

/// The name of a `NAME=VALUE`.
pub(super) fn name(text: &OsStr) -> &[u8] {
    text.as_encoded_bytes().split(|&byte| byte == b'=').next().unwrap_or_default()
}

/// What one key is set to.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// Where the key stands.
    pub(super) place: Place,
    /// The values, as the flag's parser takes them.
    pub(super) values: Vec<OsString>,
}

impl Setting {
    /// These named values, and those of `other` whose names are not among them.
    pub(super) fn merge(&mut self, other: &Setting) {
        let missing = other.values.iter().filter(|text| self.values.iter().all(|own| name(own) != name(text)));
        let missing: Vec<OsString> = missing.cloned().collect();
        self.values.splice(0..0, missing);
    }
}

/// Keys and what they are set to.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(pub(super) BTreeMap<String, Setting>);

impl Settings {
    pub(super) fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Where the key stands, if it does.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        self.0.get(key).map(|setting| setting.place)
    }

    /// Those whose keys pass.
    pub(super) fn filtered(&self, mut passes: impl FnMut(&str) -> bool) -> Settings {
        let passing = self.0.iter().filter(|(key, _)| passes(key));
        Settings(passing.map(|(key, setting)| (key.clone(), setting.clone())).collect())
    }

    /// Sets a key to one text.
    pub(super) fn set(&mut self, key: &str, text: &OsStr, place: Place) {
        self.0.insert(key.to_owned(), Setting { place, values: vec![text.to_owned()] });
    }
}
