//! The file as a whole: written piece by piece, valid once it is finished.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;

use super::format::{Entry, Frame, page};
use super::record::Record;
use crate::date;

/// How much is collected before it is written, in bytes.
const CHUNK: usize = 256 << 10;

/// A file that is being written: entries as they come, one on a line, and the pages behind them, which are known last.
#[derive(Debug)]
pub(super) struct Document<W> {
    out: W,
    frame: Frame,
    /// How many bytes it may still have, but for its end.
    room: u64,
    /// What is not yet written.
    text: Vec<u8>,
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
    /// Begins a file of at most so many bytes, but for its end.
    pub(super) fn new(out: W, frame: Frame, room: u64) -> io::Result<Self> {
        let creator = Creator { name: "wasmload", version: env!("CARGO_PKG_VERSION") };
        let mut text = b"{\"log\":{\"version\":\"1.2\",\"creator\":".to_vec();
        serde_json::to_writer(&mut text, &creator)?;
        text.extend_from_slice(b",\"entries\":[");
        let room = room.saturating_sub(text.len() as u64);
        Ok(Document { out, frame, room, text, pages: BTreeMap::new() })
    }

    /// Adds an entry. Says whether there was room for it; where there was not, there is none for later ones either.
    pub(super) fn entry(&mut self, record: &Record) -> io::Result<bool> {
        let before = self.text.len();
        self.text.extend_from_slice(if self.pages.is_empty() { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut self.text, &Entry::new(record, &self.frame))?;
        let Some(room) = self.room.checked_sub((self.text.len() - before) as u64) else {
            self.text.truncate(before);
            self.room = 0;
            return Ok(false);
        };
        self.room = room;
        let began = self.pages.entry(record.vu).or_insert(record.started);
        *began = record.started.min(*began);
        if self.text.len() >= CHUNK {
            self.write()?;
        }
        Ok(true)
    }

    /// Ends the file, with what there is to say about it.
    pub(super) fn finish(mut self, comment: Option<&str>) -> io::Result<()> {
        let pages: Vec<_> = self.pages.iter().map(|(vu, began)| Page::new(*vu, *began)).collect();
        self.text.extend_from_slice(b"\n],\"pages\":");
        serde_json::to_writer(&mut self.text, &pages)?;
        if let Some(comment) = comment {
            self.text.extend_from_slice(b",\"comment\":");
            serde_json::to_writer(&mut self.text, comment)?;
        }
        self.text.extend_from_slice(b"}}\n");
        self.write()?;
        self.out.flush()
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
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
