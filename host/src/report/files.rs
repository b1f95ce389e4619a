//! Results in files: JSON and Locust's tables, as outputs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::metrics::Summary;

use super::{Outline, Output, OutputError, csv, json};

/// The summary in a JSON file.
#[derive(Debug)]
pub struct JsonFile {
    path: PathBuf,
    file: Option<File>,
}

impl JsonFile {
    /// An output to the file at `path`; what was there is overwritten.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Write { what: format!("the summary to {}", self.path.display()), source }
    }
}

impl Output for JsonFile {
    /// Creates the file, so that a path that can't be written is known before any load.
    fn begin(&mut self, _: &Outline) -> Result<(), OutputError> {
        self.file = Some(File::create(&self.path).map_err(|error| self.failed(error))?);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError> {
        let file = match self.file.take() {
            Some(file) => Ok(file),
            None => File::create(&self.path),
        };
        let written = file.and_then(|file| {
            let mut out = BufWriter::new(file);
            json::write(summary, &mut out)?;
            out.flush()
        });
        written.map_err(|error| self.failed(error))
    }
}

/// The summary in tables shaped as Locust's.
#[derive(Debug)]
pub struct CsvFiles {
    prefix: PathBuf,
}

impl CsvFiles {
    /// An output to files whose paths begin with `prefix`; what was there is overwritten.
    pub fn new(prefix: PathBuf) -> Self {
        Self { prefix }
    }

    fn failed(&self, source: io::Error) -> OutputError {
        OutputError::Write { what: format!("tables to {}_*.csv", self.prefix.display()), source }
    }
}

impl Output for CsvFiles {
    /// Creates one of the files, so that a prefix that can't be written is known before any load.
    fn begin(&mut self, _: &Outline) -> Result<(), OutputError> {
        let mut path = self.prefix.clone().into_os_string();
        path.push("_stats.csv");
        File::create(path).map(drop).map_err(|error| self.failed(error))
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError> {
        csv::write_files(summary, &self.prefix)
    }
}
