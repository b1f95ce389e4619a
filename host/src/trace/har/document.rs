//! The file as a whole: written piece by piece, valid once it is finished.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;

use super::format::{Entry, Frame, page};
use super::record::Record;
use crate::date;

/// A file that is being written: entries as they come, one on a line, and the pages behind them, which are known last.
#[derive(Debug)]
pub(super) struct Document<W> {
    out: W,
    frame: Frame,
    /// When each virtual user began.
    pages: BTreeMap<u32, SystemTime>,
}

#[derive(Serialize)]
struct Creator {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    started_date_time: String,
    id: String,
    title: String,
    page_timings: PageTimings,
}

/// Nothing is rendered, so neither applies.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageTimings {
    on_content_load: i8,
    on_load: i8,
}

impl<W: Write> Document<W> {
    /// Begins a file.
    pub(super) fn new(mut out: W, frame: Frame) -> io::Result<Self> {
        let creator = Creator { name: "wasmload", version: env!("CARGO_PKG_VERSION") };
        out.write_all(b"{\"log\":{\"version\":\"1.2\",\"creator\":")?;
        serde_json::to_writer(&mut out, &creator)?;
        out.write_all(b",\"entries\":[")?;
        Ok(Document { out, frame, pages: BTreeMap::new() })
    }

    pub(super) fn entry(&mut self, record: &Record) -> io::Result<()> {
        self.out.write_all(if self.pages.is_empty() { b"\n" } else { b",\n" })?;
        let began = self.pages.entry(record.vu).or_insert(record.started);
        *began = record.started.min(*began);
        Ok(serde_json::to_writer(&mut self.out, &Entry::new(record, &self.frame))?)
    }

    /// Ends the file, with what there is to say about it.
    pub(super) fn finish(mut self, comment: Option<&str>) -> io::Result<()> {
        let pages: Vec<_> = self.pages.iter().map(|(vu, began)| Page::new(*vu, *began)).collect();
        self.out.write_all(b"\n],\"pages\":")?;
        serde_json::to_writer(&mut self.out, &pages)?;
        if let Some(comment) = comment {
            self.out.write_all(b",\"comment\":")?;
            serde_json::to_writer(&mut self.out, comment)?;
        }
        self.out.write_all(b"}}\n")?;
        self.out.flush()
    }
}

impl Page {
    fn new(vu: u32, began: SystemTime) -> Self {
        Page {
            started_date_time: date::rfc3339_millis(began),
            id: page(vu),
            title: if vu == 0 { "what runs once".to_owned() } else { format!("virtual user {vu}") },
            page_timings: PageTimings { on_content_load: -1, on_load: -1 },
        }
    }
}
