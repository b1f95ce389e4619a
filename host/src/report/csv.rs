//! The summary as Locust's four CSV files, so that what reads those reads these.
//!
//! Columns, their order, line ends and the last row `Aggregated` are those of Locust 2.47; times are in milliseconds. Where the
//! two tools measure different things, each cell holds what comes closest:
//!
//! - Times have decimals, as many requests take less than a millisecond. Locust's percentiles are whole numbers.
//! - `Average Content Size` is what was read from the connection a request, with heads and as compressed; in Locust, it is the
//!   decompressed body.
//! - Percentiles and rates in the history are of the row's own second. Locust takes percentiles since the start, and rates
//!   over ten seconds.
//! - `Aggregated` leaves out requests that the guest timed.
//! - Exceptions are traps, and failures of anything but requests.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ::csv::{Terminator, Writer, WriterBuilder};

use super::file::ResultFile;
use super::{Outline, Output, OutputError};
use crate::date;
use crate::metrics::{Distribution, FailureRow, FailureScope, RequestRow, RequestStats, SeriesRow, Summary};
use crate::sample::FailureKind;

const STATS_HEADER: [&str; 11] = [
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
];

const PERCENTILES_HEADER: [&str; 11] =
    ["50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"];

const FAILURES_HEADER: [&str; 6] = ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"];

const HISTORY_HEADER: [&str; 6] = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"];

const HISTORY_TOTALS_HEADER: [&str; 7] = [
    "Total Request Count",
    "Total Failure Count",
    "Total Median Response Time",
    "Total Average Response Time",
    "Total Min Response Time",
    "Total Max Response Time",
    "Total Average Content Size",
];

const EXCEPTIONS_HEADER: [&str; 4] = ["Count", "Message", "Traceback", "Nodes"];

/// What the rows over all requests have for a name.
const AGGREGATED: &str = "Aggregated";

/// Where exceptions happened, in a run of one process.
const NODE: &str = "local";

/// Writes `PREFIX_stats.csv`, `PREFIX_failures.csv`, `PREFIX_stats_history.csv` and `PREFIX_exceptions.csv`.
///
/// # Errors
/// Where one of the files can't be written; those before it are there then.
pub fn write_files(summary: &Summary, prefix: &Path) -> Result<(), OutputError> {
    CsvFiles::new(prefix).finish(summary)
}

/// The output that does so. It opens the files before the run.
#[derive(Debug)]
pub struct CsvFiles {
    files: [(ResultFile, WriteRows); 4],
}

type WriteRows = fn(&Summary, &mut dyn Write) -> io::Result<()>;

impl CsvFiles {
    /// Files whose names start with this.
    pub fn new(prefix: impl AsRef<Path>) -> Self {
        let tables: [(&str, WriteRows); 4] =
            [("stats", stats), ("failures", failures), ("stats_history", history), ("exceptions", exceptions)];
        let file = |suffix| ResultFile::new("the statistics", with_suffix(prefix.as_ref(), suffix));
        CsvFiles { files: tables.map(|(suffix, rows)| (file(suffix), rows)) }
    }
}

impl Output for CsvFiles {
    fn begin(&mut self, _outline: &Outline) -> Result<(), OutputError> {
        self.files.iter_mut().try_for_each(|(file, _)| file.open())
    }

    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError> {
        self.files.iter_mut().try_for_each(|(file, rows)| file.write(|out| rows(summary, out)))
    }
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(format!("_{suffix}.csv"));
    path.into()
}

/// A row for each method and name, and one over all.
fn stats(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = writer(out);
    csv.write_record(STATS_HEADER.iter().chain(&PERCENTILES_HEADER))?;
    let elapsed = summary.elapsed.as_secs_f64();
    for (row, name) in summary.requests.iter().zip(names(summary)) {
        csv.write_record(stats_row(&row.method, &name, &row.stats, elapsed))?;
    }
    csv.write_record(stats_row("", AGGREGATED, &summary.total, elapsed))?;
    csv.flush()
}

fn stats_row(method: &str, name: &str, stats: &RequestStats, elapsed: f64) -> Vec<String> {
    let times = &stats.service_time;
    let mut row = vec![method.to_owned(), name.to_owned(), stats.count.to_string(), stats.failures.to_string()];
    row.extend([times.p50, times.mean, times.min, times.max].map(milliseconds));
    row.push(ratio(stats.bytes_received as f64, stats.count as f64));
    row.push(stats.rate.to_string());
    row.push(ratio(stats.failures as f64, elapsed));
    row.extend(percentiles(times));
    row
}

/// The requests' names. One that several scenarios share says which it is, as Locust's readers take method and name for a
/// key.
fn names(summary: &Summary) -> Vec<String> {
    let mut uses = HashMap::new();
    for row in &summary.requests {
        *uses.entry((&row.method, &row.name)).or_insert(0) += 1;
    }
    let name = |row: &RequestRow| match uses[&(&row.method, &row.name)] {
        1 => row.name.clone(),
        _ if row.timed_by_guest => format!("{} ({}, timed by the guest)", row.name, row.scenario),
        _ => format!("{} ({})", row.name, row.scenario),
    };
    summary.requests.iter().map(name).collect()
}

/// Failed requests, by name and reason.
fn failures(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = writer(out);
    csv.write_record(FAILURES_HEADER)?;
    for row in summary.failures.iter().filter(|row| row.scope == FailureScope::Request) {
        let seen = |since| date::rfc3339(summary.started_at + since);
        let [first, last] = [row.first_seen, row.last_seen].map(seen);
        csv.write_record([&row.method, &row.name, &row.reason, &row.count.to_string(), &first, &last])?;
    }
    csv.flush()
}

/// A row for each second, over all requests.
fn history(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = writer(out);
    csv.write_record(HISTORY_HEADER.iter().chain(&PERCENTILES_HEADER).chain(&HISTORY_TOTALS_HEADER))?;
    let start = date::unix_seconds(summary.started_at);
    let mut so_far = SoFar::default();
    for row in &summary.series {
        so_far.add(row);
        let length = row.length.as_secs_f64();
        let timestamp = start + row.at.as_secs();
        let mut cells = vec![timestamp.to_string(), row.vus.to_string(), String::new(), AGGREGATED.to_owned()];
        cells.extend([row.requests, row.failures].map(|count| per_second(count, length)));
        cells.extend(percentiles(&row.service_time));
        cells.extend(so_far.cells(row.median_so_far));
        csv.write_record(cells)?;
    }
    csv.flush()
}

/// What the history says of all rows down to one.
#[derive(Default)]
struct SoFar {
    requests: u64,
    failures: u64,
    bytes_received: u64,
    total_seconds: f64,
    min: Option<f64>,
    max: f64,
}

impl SoFar {
    fn add(&mut self, row: &SeriesRow) {
        self.requests += row.requests;
        self.failures += row.failures;
        self.bytes_received += row.bytes_received;
        let times = &row.service_time;
        self.total_seconds += times.mean * times.count as f64;
        if times.count > 0 {
            self.min = Some(self.min.map_or(times.min, |min| min.min(times.min)));
        }
        self.max = self.max.max(times.max);
    }

    fn cells(&self, median: f64) -> [String; 7] {
        let requests = self.requests as f64;
        let mean = if self.requests == 0 { 0.0 } else { self.total_seconds / requests };
        let [median, mean, min, max] = [median, mean, self.min.unwrap_or(0.0), self.max].map(milliseconds);
        let size = ratio(self.bytes_received as f64, requests);
        [self.requests.to_string(), self.failures.to_string(), median, mean, min, max, size]
    }
}

/// Traps, and failures of iterations, tasks, transactions and hooks. What trapped is not listed a second time as what failed
/// by it.
fn exceptions(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = writer(out);
    csv.write_record(EXCEPTIONS_HEADER)?;
    for row in &summary.traps {
        csv.write_record([&row.count.to_string(), &row.message, &row.backtrace, NODE])?;
    }
    for row in &summary.failures {
        if let Some(what) = exception(row) {
            let message = format!("{what} `{}`: {}", row.name, row.reason);
            csv.write_record([&row.count.to_string(), &message, "", NODE])?;
        }
    }
    csv.flush()
}

/// What failed, where it is no request and did not trap.
fn exception(row: &FailureRow) -> Option<&'static str> {
    if row.kind == FailureKind::Trap {
        return None;
    }
    match row.scope {
        FailureScope::Request => None,
        FailureScope::Iteration => Some("iteration"),
        FailureScope::Task => Some("task"),
        FailureScope::Transaction => Some("transaction"),
        FailureScope::Lifecycle => Some("hook"),
    }
}

fn writer<W: Write>(out: W) -> Writer<W> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out)
}

/// The percentiles' cells; the last is the maximum.
fn percentiles(times: &Distribution) -> [String; PERCENTILES_HEADER.len()] {
    if times.count == 0 {
        return PERCENTILES_HEADER.map(|_| "N/A".to_owned());
    }
    let Distribution { p50, p66, p75, p80, p90, p95, p98, p99, p99_9, p99_99, max, .. } = *times;
    [p50, p66, p75, p80, p90, p95, p98, p99, p99_9, p99_99, max].map(milliseconds)
}

/// Milliseconds with at most three decimals: to the microsecond, as times are measured.
fn milliseconds(seconds: f64) -> String {
    ((seconds * 1e6).round() / 1e3).to_string()
}

fn per_second(count: u64, seconds: f64) -> String {
    let rate = if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    format!("{rate:.6}")
}

/// A quotient; 0 where there is nothing to divide by.
fn ratio(amount: f64, of: f64) -> String {
    if of > 0.0 { (amount / of).to_string() } else { "0".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{fixture, golden};

    fn text(summary: &Summary, rows: WriteRows) -> String {
        let mut out = Vec::new();
        rows(summary, &mut out).expect("memory can be written to");
        String::from_utf8(out).expect("CSV is text")
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        reader.records().map(|row| row.expect("rows are as long").iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn files_of_a_rich_run_are_as_they_were() {
        let summary = fixture::rich();
        golden::check("rich_stats.csv", &text(&summary, stats));
        golden::check("rich_failures.csv", &text(&summary, failures));
        golden::check("rich_stats_history.csv", &text(&summary, history));
        golden::check("rich_exceptions.csv", &text(&summary, exceptions));
    }

    #[test]
    fn a_run_without_load_has_headers_and_an_aggregated_row() {
        let summary = fixture::without_load();
        let stats = cells(&text(&summary, stats));
        assert_eq!(stats.len(), 2);
        assert_eq!(stats[1][..4], ["", AGGREGATED, "0", "0"]);
        assert_eq!(stats[1][9..12], ["0", "0", "N/A"]);
        for rows in [history, failures, exceptions] {
            let rows = cells(&text(&summary, rows));
            assert!(rows[0].len() >= 4 && rows.iter().skip(1).all(|row| row[0].parse::<u64>().is_ok()));
        }
    }

    #[test]
    fn files_are_named_by_the_prefix_whatever_dots_it_has() {
        let path = with_suffix(Path::new("results/v1.2"), "stats");
        assert_eq!(path, Path::new("results/v1.2_stats.csv"));
    }

    #[test]
    fn a_name_of_two_scenarios_says_whose_it_is() {
        let mut summary = fixture::rich();
        summary.requests.truncate(2);
        for row in &mut summary.requests {
            (row.method, row.name) = ("GET".to_owned(), "/".to_owned());
        }
        summary.requests[1].scenario = "browse".to_owned();
        assert_eq!(names(&summary), ["/ (checkout)", "/ (browse)"]);
        summary.requests.truncate(1);
        assert_eq!(names(&summary), ["/"]);
    }

    #[test]
    fn history_adds_up_what_came_before() {
        let mut summary = fixture::minimal();
        let row = |at: u64, count, mean: f64| SeriesRow {
            at: Duration::from_secs(at),
            length: Duration::from_secs(1),
            requests: count,
            bytes_received: 100 * count,
            service_time: fixture::times(count, mean),
            ..SeriesRow::default()
        };
        summary.series = vec![row(1, 0, 0.0), row(2, 10, 0.1), row(3, 30, 0.3), row(4, 0, 0.0)];
        let rows = cells(&text(&summary, history));
        let totals = |row: usize| (rows[row][17].as_str(), rows[row][20].as_str(), rows[row][21].as_str());
        assert_eq!([totals(1), totals(2)], [("0", "0", "0"), ("10", "100", "31")]);
        assert_eq!([totals(3), totals(4)], [("40", "250", "31"), ("40", "250", "31")]);
        assert_eq!((rows[4][6].as_str(), rows[4][16].as_str(), rows[3][4].as_str()), ("N/A", "N/A", "30.000000"));
        assert_eq!((rows[3][0].as_str(), rows[3][23].as_str()), ("1767225603", "100"));
    }

    #[test]
    fn times_are_milliseconds_to_the_microsecond() {
        assert_eq!([0.0, 0.000_842_4, 0.25, 12.345_678_9].map(milliseconds), ["0", "0.842", "250", "12345.679"]);
    }

    #[test]
    fn texts_that_guests_chose_do_not_break_rows() {
        let mut summary = fixture::rich();
        let hostile = "a,b\r\n\"c\"";
        summary.requests[0].name = hostile.to_owned();
        summary.failures[0].reason = hostile.to_owned();
        assert_eq!(cells(&text(&summary, stats))[1][1], hostile);
        assert_eq!(cells(&text(&summary, failures))[1][2], hostile);
    }
}
