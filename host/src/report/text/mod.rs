//! The report that a person reads when a run has ended: a pure function of its summary.
//!
//! A section appears only where it has something to say; what is good stands above, what needs a reader's attention
//! below, next to the prompt.

mod figures;
mod findings;
mod thresholds;
mod warnings;

use std::io::Write;

use crate::metrics::{LoadChanged, RequestStats, RunEnd, Summary, TransportCounts};
use crate::units::{show_bytes, show_count, show_duration, show_rate, show_share};

use super::words::{Look, Tone, clean, list, paint, plural, to_ascii, width, wrap};
use super::{Output, OutputError, by_hand};

pub(crate) use findings::place;
pub use thresholds::failed_thresholds;
pub(crate) use thresholds::words as threshold_words;
pub use warnings::words as warning_words;

/// The report as text, its lines no wider than the look's width (40 at least), the last one ended by a line feed.
pub fn render(summary: &Summary, look: Look) -> String {
    let look = Look { width: look.width.max(40), ..look };
    let sections = [
        heading(summary, &look),
        figures::timings(summary, &look),
        figures::starts(summary, &look),
        figures::phases(summary, &look),
        figures::checks(summary, &look),
        figures::custom_metrics(summary, &look),
        findings::failures(summary, &look),
        findings::traps(summary, &look),
        findings::interrupted(summary, &look),
        warnings::section(summary, &look),
        thresholds::section(summary, &look),
        ending(summary, &look),
    ];
    let text = sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n");
    if look.unicode { text } else { to_ascii(&text) }
}

/// The text report as an output: written in one piece when the run ends.
#[derive(Debug)]
pub struct TextReport<W> {
    writer: W,
    look: Look,
}

impl<W: Write> TextReport<W> {
    /// A report that goes to `writer`.
    pub fn new(writer: W, look: Look) -> Self {
        Self { writer, look }
    }
}

impl<W: Write + Send> Output for TextReport<W> {
    fn finish(&mut self, summary: &Summary) -> Result<(), OutputError> {
        let text = render(summary, self.look);
        let written = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
        written.map_err(|source| OutputError::Write { what: "the report".to_owned(), source })
    }
}

/// The run on a few lines: what it was, what a person changed about it, what came of it, and what that did with
/// connections.
fn heading(summary: &Summary, look: &Look) -> String {
    let scenarios: Vec<String> = summary.scenarios.iter().map(|scenario| clean(&scenario.name)).collect();
    let scenarios = list(&scenarios, look.width);
    let was = [
        (scenarios, Tone::Strong),
        (plural(summary.vus.max, "VU"), Tone::Plain),
        (show_duration(summary.elapsed), Tone::Plain),
        (format!("seed {}", summary.seed), Tone::Dim),
        (format!("wasmload {}", summary.version), Tone::Dim),
    ];
    let total = &summary.total;
    let failed = if total.failures == 0 { Tone::Good } else { Tone::Bad };
    let mut came = vec![
        (plural(total.count, "request"), Tone::Strong),
        (format!("{}/s", show_rate(total.rate)), Tone::Strong),
        (format!("{} failed", show_share(total.failures, total.count)), failed),
        (format!("{} in", show_bytes(total.bytes_received)), Tone::Plain),
        (format!("{} out", show_bytes(total.bytes_sent)), Tone::Plain),
    ];
    if summary.dropped_iterations > 0 {
        came.push((format!("{} dropped", plural(summary.dropped_iterations, "iteration")), Tone::Caution));
    }
    let mut text = joined(&was, look);
    text.push_str(&changed_by_hand(summary, look));
    if total.count > 0 {
        text.push_str(&joined(&came, look));
        text.push_str(&joined(&connections(total), look));
    }
    text
}

/// What a person changed about the load, since from there on it was not the plan's.
fn changed_by_hand(summary: &Summary, look: &Look) -> String {
    let mut parts = by_hand::changes(&summary.changes);
    let Some(first) = parts.first_mut() else { return String::new() };
    first.insert_str(0, "load changed by hand: ");
    joined(&parts.into_iter().map(|part| (part, Tone::Caution)).collect::<Vec<_>>(), look)
}

/// What the requests did with connections; of a run over plain HTTP/1.1, no more than how many there were.
fn connections(total: &RequestStats) -> Vec<(String, Tone)> {
    let TransportCounts { connections, tls_full, tls_resumed, reconnects, redirects, http2 } = total.transport;
    let mut parts = vec![(plural(connections, "connection"), Tone::Plain)];
    if tls_full + tls_resumed > 0 {
        let text = format!("TLS {} full, {} resumed", show_count(tls_full), show_count(tls_resumed));
        parts.push((text, Tone::Plain));
    }
    if http2 > 0 {
        parts.push((format!("{} over HTTP/2", show_share(http2, total.count)), Tone::Plain));
    }
    if redirects > 0 {
        parts.push((plural(redirects, "redirect"), Tone::Plain));
    }
    if reconnects > 0 {
        // No failure, but in the times, and a sign that the server keeps connections for less long than the scenario.
        let text = format!("{} where a kept connection was closed", plural(reconnects, "reconnect"));
        parts.push((text, Tone::Caution));
    }
    parts
}

/// The parts in lines, a dot between them.
fn joined(parts: &[(String, Tone)], look: &Look) -> String {
    const BETWEEN: &str = " · ";
    let mut text = String::new();
    let mut used = 0;
    for (part, tone) in parts {
        let mut lines = wrap(part, look.width).into_iter();
        if let Some(first) = lines.next() {
            let needed = width(BETWEEN) + width(&first);
            let before = match used {
                0 => "",
                used if used + needed <= look.width => BETWEEN,
                _ => "\n",
            };
            used = if before == BETWEEN { used + needed } else { width(&first) };
            text.push_str(before);
            text.push_str(&paint(&first, *tone, look.color));
        }
        for line in lines {
            used = width(&line);
            text.push('\n');
            text.push_str(&paint(&line, *tone, look.color));
        }
    }
    text.push('\n');
    text
}

/// Why the run ended, in one sentence at the very end; nothing where it simply was done.
fn ending(summary: &Summary, look: &Look) -> String {
    let stopped_by_hand = summary.changes.iter().any(|change| change.what == LoadChanged::Stopped);
    let (text, tone) = match &summary.end {
        RunEnd::Completed => return String::new(),
        RunEnd::Interrupted { forced: false } if stopped_by_hand => {
            ("Stopped early by hand, after a graceful stop.".to_owned(), Tone::Caution)
        }
        RunEnd::Interrupted { forced: false } => {
            ("Stopped early by a signal, after a graceful stop.".to_owned(), Tone::Caution)
        }
        RunEnd::Interrupted { forced: true } => {
            ("Stopped early by two signals: what was under way was cut off.".to_owned(), Tone::Caution)
        }
        RunEnd::StoppedByScenario(reason) => (format!("Stopped by the scenario: {}", clean(reason)), Tone::Bad),
        RunEnd::ThresholdFailed(rule) => (format!("Stopped early by the threshold {}", clean(rule)), Tone::Bad),
        RunEnd::SetupFailed(reason) => {
            (format!("No load was made, because setup failed: {}", clean(reason)), Tone::Bad)
        }
    };
    wrap(&text, look.width).iter().map(|line| paint(line, tone, look.color) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, golden};

    #[test]
    fn reports_look_as_they_did() {
        for (name, summary) in [
            ("rich", fixture::rich()),
            ("minimal", fixture::minimal()),
            ("interrupted", fixture::interrupted()),
            ("open", fixture::open()),
            ("without_load", fixture::without_load()),
            ("many", fixture::many()),
        ] {
            for width in [80, 120] {
                let text = render(&summary, Look { width, ..Look::default() });
                golden::check(&format!("text_{name}_{width}.txt"), &text);
            }
        }
    }

    #[test]
    fn connections_are_told_as_far_as_they_are_news() {
        let line = |transport| {
            let total = RequestStats { count: 200, transport, ..RequestStats::default() };
            joined(&connections(&total), &Look { width: 120, ..Look::default() })
        };
        let plain = TransportCounts { connections: 64, ..TransportCounts::default() };
        assert_eq!(line(plain), "64 connections\n");
        assert_eq!(line(TransportCounts::default()), "0 connections\n");
        let secure = TransportCounts { connections: 1, tls_full: 1, http2: 50, ..plain };
        assert_eq!(line(secure), "1 connection · TLS 1 full, 0 resumed · 25.0 % over HTTP/2\n");
        let reopened = TransportCounts { connections: 1_300, reconnects: 1_236, redirects: 1, ..plain };
        let expected = "1,300 connections · 1 redirect · 1,236 reconnects where a kept connection was closed\n";
        assert_eq!(line(reopened), expected);
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let plain = render(&fixture::rich(), Look::default());
        let colored = render(&fixture::rich(), Look { color: true, ..Look::default() });
        assert_ne!(colored, plain);
        assert!(!plain.contains('\x1b'));
        assert_eq!(without_colors(&colored), plain);
    }

    fn without_colors(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').expect("an ended colour").1)
    }

    #[test]
    fn lines_fit_at_every_width() {
        let summaries = [fixture::rich(), fixture::minimal(), fixture::interrupted(), fixture::open(), fixture::many()];
        for summary in summaries {
            for columns in 40..160 {
                for line in render(&summary, Look { width: columns, ..Look::default() }).lines() {
                    assert!(width(line) <= columns, "{line:?} is wider than {columns}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    #[test]
    fn without_unicode_all_is_ascii() {
        let text = render(&fixture::rich(), Look { unicode: false, ..Look::default() });
        assert!(text.is_ascii());
        assert!(text.contains("   600 us") && text.contains("x checkout: order has an id"), "{text}");
    }

    #[test]
    fn why_a_run_ended_early_stands_last() {
        let last = |end| {
            let text = render(&Summary { end, ..fixture::minimal() }, Look::default());
            text.lines().last().map(str::to_owned)
        };
        assert_eq!(
            last(RunEnd::StoppedByScenario("sold \x1b]0;out".to_owned())).as_deref(),
            Some("Stopped by the scenario: sold \\u{1b}]0;out")
        );
        assert_eq!(
            last(RunEnd::Interrupted { forced: false }).as_deref(),
            Some("Stopped early by a signal, after a graceful stop.")
        );
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = TextReport::new(Gone, Look::default()).finish(&fixture::minimal()).unwrap_err();
        assert_eq!(error.to_string(), "write the report");
    }
}
