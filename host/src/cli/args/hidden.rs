//! Flags whose values are not repeated where they are wrong: there may be a secret in them.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::source::{Source, SourceError};

/// Reads a value, and refuses what is none without repeating it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Hidden<T> {
    /// The flag, as help shows it.
    pub(super) flag: &'static str,
    /// Reads it. What it says must not have the value in it.
    pub(super) parse: fn(&str) -> Result<T, String>,
}

/// A component or plan file. Its errors repeat it, but for a URL's password.
pub(in crate::cli) fn source() -> Hidden<Source> {
    Hidden { flag: "SCENARIO", parse: |text| text.parse().map_err(|error: SourceError| error.to_string()) }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Hidden<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "it is not UTF-8".to_owned()).and_then(self.parse);
        parsed.map_err(|reason| {
            let text = format!("invalid value for '{}': {reason}\n", self.flag);
            clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
        })
    }
}
