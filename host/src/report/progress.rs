//! A line every few seconds, for runs that nobody watches on a terminal.

use std::io::Write;
use std::time::Duration;

use crate::metrics::{SeriesRow, Snapshot, Summary};
use crate::units::{show_clock, show_count, show_rate, show_seconds, show_share};

use super::words::{plural, to_ascii};
use super::{Output, OutputError, by_hand};

/// Half the time between two ticks: a tick is early or late by less.
const TOLERANCE: Duration = Duration::from_millis(500);

/// How the run stands, in one line: `00:15  200 VUs  12,345 req/s  0.12 % failed  p50 1.20 ms  p95 3.40 ms`. What a person
/// changed about the load stands behind the VUs, and iterations that were dropped behind the failures.
///
/// The rate and the failures are those since `since`; the percentiles are the last second's in which there were
/// requests, because percentiles of several seconds can't be had from those of each.
pub fn line(snapshot: &Snapshot<'_>, since: Duration) -> String {
    let rows: Vec<&SeriesRow> = snapshot.series.iter().rev().take_while(|row| row.at > since).collect();
    let seconds: f64 = rows.iter().map(|row| row.length.as_secs_f64()).sum();
    let requests: u64 = rows.iter().map(|row| row.requests).sum();
    let failures: u64 = rows.iter().map(|row| row.failures).sum();
    let rate = if seconds > 0.0 { requests as f64 / seconds } else { 0.0 };
    let dropped: u64 = rows.iter().map(|row| row.dropped_iterations).sum();
    let mut parts = vec![show_clock(snapshot.elapsed + TOLERANCE), plural(snapshot.vus_running, "VU")];
    parts.extend(by_hand::now(snapshot));
    parts.push(format!("{} req/s", show_rate(rate)));
    parts.push(format!("{} failed", show_share(failures, requests)));
    if dropped > 0 {
        parts.push(format!("{} dropped", show_count(dropped)));
    }
    if let Some(row) = rows.iter().find(|row| row.service_time.count > 0) {
        parts.push(format!("p50 {}", show_seconds(row.service_time.p50)));
        parts.push(format!("p95 {}", show_seconds(row.service_time.p95)));
    }
    parts.join("  ")
}

/// [`line()`] as an output: one at each full multiple of the interval.
#[derive(Debug)]
pub struct ProgressLines<W> {
    writer: W,
    every: Duration,
    unicode: bool,
    last: Duration,
}

impl<W: Write> ProgressLines<W> {
    /// The usual interval.
    pub const EVERY: Duration = Duration::from_secs(5);

    /// Lines that go to `writer`, one every `every`; an interval below a second gives one at each tick.
    pub fn new(writer: W, every: Duration, unicode: bool) -> Self {
        Self { writer, every, unicode, last: Duration::ZERO }
    }

    /// How many full intervals have passed at that time.
    fn intervals(&self, at: Duration) -> u128 {
        (at + TOLERANCE).as_nanos() / self.every.as_nanos().max(1)
    }
}

impl<W: Write + Send> Output for ProgressLines<W> {
    fn tick(&mut self, snapshot: &Snapshot<'_>) {
        if self.intervals(snapshot.elapsed) <= self.intervals(self.last) {
            return;
        }
        let line = line(snapshot, self.last) + "\n";
        let line = if self.unicode { line } else { to_ascii(&line) };
        // A line that can't be written is let go: the next one may be, and the run goes on without.
        let _ = self.writer.write_all(line.as_bytes()).and_then(|()| self.writer.flush());
        self.last = snapshot.elapsed;
    }

    fn finish(&mut self, _: &Summary) -> Result<(), OutputError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn rows(seconds: u64) -> Vec<SeriesRow> {
        (1..=seconds).map(fixture::series_row).collect()
    }

    #[test]
    fn the_line_tells_of_the_time_since_the_last() {
        let rows = rows(15);
        // Seconds 11 to 15: 5,400, 5,500, 5,600, 5,000 and 5,100 requests, of which 4 + 5 + 6 + 0 + 1 failed.
        assert_eq!(
            line(&fixture::snapshot(&rows), Duration::from_secs(10)),
            "00:15  150 VUs  5,320 req/s  0.06 % failed  p50 3.30 ms  p95 7.88 ms"
        );
    }

    #[test]
    fn seconds_without_requests_have_no_percentiles() {
        let idle = SeriesRow { requests: 0, failures: 0, service_time: Default::default(), ..fixture::series_row(1) };
        let rows = [idle];
        assert_eq!(line(&fixture::snapshot(&rows), Duration::ZERO), "00:01  10 VUs  0 req/s  0 % failed");
        assert_eq!(line(&fixture::snapshot(&[]), Duration::ZERO), "00:00  0 VUs  0 req/s  0 % failed");
    }

    #[test]
    fn a_changed_load_and_what_it_dropped_are_told() {
        let rows = [SeriesRow { dropped_iterations: 1_200, ..fixture::series_row(1) }];
        let mut snapshot = fixture::snapshot(&rows);
        (snapshot.paused, snapshot.factor) = (true, 1.2);
        let told = "00:01  10 VUs  paused  load at 120 % of the plan  5,100 req/s  0.02 % failed  1,200 dropped  p50 ";
        assert!(line(&snapshot, Duration::ZERO).starts_with(told), "{}", line(&snapshot, Duration::ZERO));
    }

    #[test]
    fn a_line_comes_every_five_seconds_though_ticks_waver() {
        let mut lines = ProgressLines::new(Vec::new(), ProgressLines::<Vec<u8>>::EVERY, true);
        let all = rows(20);
        for at in 1..=20_usize {
            let mut snapshot = fixture::snapshot(&all[..at]);
            let wavering = if at % 2 == 0 { 3 } else { 0 };
            snapshot.elapsed = Duration::from_millis(at as u64 * 1_000 + wavering) - Duration::from_millis(1);
            lines.tick(&snapshot);
        }
        let text = String::from_utf8(lines.writer).expect("UTF-8");
        let clocks: Vec<&str> = text.lines().filter_map(|line| line.split("  ").next()).collect();
        assert_eq!(clocks, ["00:05", "00:10", "00:15", "00:20"]);
    }

    #[test]
    fn a_broken_pipe_ends_nothing() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let rows = rows(5);
        let mut lines = ProgressLines::new(Broken, Duration::from_secs(5), true);
        lines.tick(&fixture::snapshot(&rows));
        assert_eq!(lines.last, Duration::from_secs(5));
        assert!(lines.finish(&fixture::minimal()).is_ok());
    }
}
