//! What the live view shows: figures taken from a snapshot, and how they are laid out. Pure, but for the buffer drawn on.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{LineGauge, RenderDirection, Sparkline, Widget};

use crate::metrics::{Distribution, Snapshot};
use crate::report::table::{Cell, Column, Fit, Table};
use crate::report::text::{place, threshold_words};
use crate::report::words::{Look, Tone, clean, list, plural, shorten_end, to_ascii, width};
use crate::report::{Extent, Outline, by_hand};
use crate::units::{show_bytes, show_clock, show_count, show_rate, show_seconds, show_share};

const HINT: &str = "Ctrl-C stops gracefully, twice at once";
const KEYS: &str = "+ - load  p pause  q stop";
const KEYS_PAUSED: &str = "+ - load  p resume  q stop";
/// Columns before a trend's bars, and those after them for its greatest value.
const TREND_LABEL: u16 = 9;
const TREND_SCALE: u16 = 10;
/// Seconds of the series kept for trends: more than the columns of most terminals.
const TREND_SECONDS: usize = 400;
/// Failures shown.
const MOST_FAILURES: usize = 3;
/// Thresholds shown, of those that do not hold.
const MOST_THRESHOLDS: usize = 3;

/// The figures on show. It owns them, so that drawing needs nothing of the run.
#[derive(Clone, Debug)]
pub(super) struct View {
    scenarios: Vec<String>,
    extent: Extent,
    progress: Option<f64>,
    elapsed: Duration,
    vus: u64,
    /// How the load differs from the plan's.
    by_hand: Vec<String>,
    requests: u64,
    failures: u64,
    iterations: u64,
    dropped_iterations: u64,
    /// Bytes received and sent in a second, now.
    traffic: [f64; 2],
    now: Times,
    overall: Times,
    /// Requests a second, the newest first.
    rates: Vec<u64>,
    /// The 95th percentile in microseconds, the newest first.
    p95s: Vec<u64>,
    top_failures: Vec<(u64, String)>,
    failing_thresholds: Vec<String>,
    /// The keys that change the load, where they do.
    keys: Option<&'static str>,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Times {
    rate: f64,
    requests: u64,
    failures: u64,
    service_time: Distribution,
}

/// Parts of the view, as they stand one under the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Title,
    Progress,
    Status,
    Table,
    Trends,
    Failures,
    Thresholds,
    Keys,
}

impl Block {
    const IN_ORDER: [Block; 8] = [
        Block::Title,
        Block::Progress,
        Block::Status,
        Block::Table,
        Block::Trends,
        Block::Failures,
        Block::Thresholds,
        Block::Keys,
    ];
    /// From what is shown even in the smallest terminal to what only the largest has room for.
    const BY_IMPORTANCE: [Block; 8] = [
        Block::Status,
        Block::Progress,
        Block::Table,
        Block::Title,
        Block::Keys,
        Block::Thresholds,
        Block::Failures,
        Block::Trends,
    ];
}

impl View {
    /// What there is to see before the first snapshot.
    pub(super) fn waiting(outline: &Outline) -> Self {
        let nothing = Snapshot {
            elapsed: Duration::ZERO,
            vus_running: 0,
            vus: Default::default(),
            latest: Default::default(),
            series: &[],
            totals: Default::default(),
            top_failures: Vec::new(),
            failing_thresholds: Vec::new(),
            aborting_threshold: None,
            changes: &[],
            paused: false,
            factor: 1.0,
        };
        Self::new(outline, &nothing)
    }

    pub(super) fn new(outline: &Outline, snapshot: &Snapshot<'_>) -> Self {
        let (totals, latest) = (&snapshot.totals, &snapshot.latest);
        let a_second =
            |count: u64, time: Duration| if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() };
        let newest = || snapshot.series.iter().rev().take(TREND_SECONDS);
        let grouped = outline.scenarios.len() > 1;
        let failures = snapshot.top_failures.iter().take(MOST_FAILURES);
        Self {
            scenarios: outline.scenarios.iter().map(|name| clean(name)).collect(),
            by_hand: by_hand::now(snapshot),
            keys: outline.keys.then_some(if snapshot.paused { KEYS_PAUSED } else { KEYS }),
            extent: outline.extent,
            progress: outline.extent.progress(snapshot),
            elapsed: snapshot.elapsed,
            vus: snapshot.vus_running,
            requests: totals.requests,
            failures: totals.failures,
            iterations: totals.iterations,
            dropped_iterations: totals.dropped_iterations,
            traffic: [latest.bytes_received, latest.bytes_sent].map(|bytes| a_second(bytes, latest.length)),
            now: Times {
                rate: a_second(latest.requests, latest.length),
                requests: latest.requests,
                failures: latest.failures,
                service_time: latest.service_time,
            },
            overall: Times {
                rate: a_second(totals.requests, snapshot.elapsed),
                requests: totals.requests,
                failures: totals.failures,
                service_time: totals.service_time,
            },
            rates: newest().map(|row| a_second(row.requests, row.length).round() as u64).collect(),
            p95s: newest().map(|row| (row.service_time.p95 * 1e6).round() as u64).collect(),
            top_failures: failures
                .map(|row| (row.count, format!("{}  {}", place(row, grouped), clean(&row.reason))))
                .collect(),
            failing_thresholds: snapshot
                .failing_thresholds
                .iter()
                .take(MOST_THRESHOLDS)
                .map(|outcome| format!("  ✗ {}  {}", clean(&outcome.rule), threshold_words(outcome)))
                .collect(),
        }
    }

    /// The view drawn for a terminal of that size, as high as it has something to show; one row of the terminal stays
    /// free for the cursor.
    pub(super) fn draw(&self, columns: u16, rows: u16, look: &Look) -> Buffer {
        let blocks = self.blocks(rows.saturating_sub(1));
        let height = blocks.iter().map(|(_, height)| height).sum();
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, height));
        let mut y = 0;
        for (block, height) in blocks {
            self.draw_block(block, Rect::new(0, y, columns, height), &mut buffer, look);
            y += height;
        }
        if !look.unicode {
            // A wide character leaves its second cell blank, so the replacement may take both.
            for cell in &mut buffer.content {
                let ascii = to_ascii(cell.symbol());
                cell.set_symbol(&ascii);
            }
        }
        buffer
    }

    /// The blocks that find room, in order, with their heights.
    fn blocks(&self, room: u16) -> Vec<(Block, u16)> {
        let mut left = room;
        let mut chosen = Vec::new();
        for block in Block::BY_IMPORTANCE {
            let height = self.height(block);
            if (1..=left).contains(&height) {
                left -= height;
                chosen.push(block);
            }
        }
        Block::IN_ORDER
            .into_iter()
            .filter(|block| chosen.contains(block))
            .map(|block| (block, self.height(block)))
            .collect()
    }

    fn height(&self, block: Block) -> u16 {
        match block {
            Block::Title | Block::Progress | Block::Status => 1,
            Block::Keys => self.keys.iter().len() as u16,
            Block::Table => 3,
            Block::Trends => 2,
            Block::Failures => self.top_failures.len() as u16,
            Block::Thresholds => self.failing_thresholds.len() as u16,
        }
    }

    fn draw_block(&self, block: Block, area: Rect, buffer: &mut Buffer, look: &Look) {
        match block {
            Block::Title => self.draw_title(area, buffer, look),
            Block::Progress => self.draw_progress(area, buffer, look),
            Block::Status => self.draw_status(area, buffer, look),
            Block::Table => self.draw_table(area, buffer, look),
            Block::Trends => self.draw_trends(area, buffer, look),
            Block::Failures => self.draw_failures(area, buffer, look),
            Block::Thresholds => self.draw_thresholds(area, buffer, look),
            Block::Keys => self.draw_keys(area, buffer, look),
        }
    }

    fn draw_title(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let columns = usize::from(area.width);
        // The hint goes before the scenarios do: they matter more.
        let hint = if columns >= width(HINT) + 12 { HINT } else { "" };
        let room = columns - if hint.is_empty() { 0 } else { width(hint) + 2 };
        let name = list(&self.scenarios, room);
        buffer.set_stringn(area.x, area.y, name, room, style(Tone::Strong, look));
        let at = area.right() - width(hint) as u16;
        buffer.set_string(at, area.y, hint, style(Tone::Dim, look));
    }

    fn draw_progress(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let Some(progress) = self.progress else {
            let turns = ['◐', '◓', '◑', '◒'];
            let turn = turns[(self.elapsed.as_secs() % 4) as usize];
            let turn = if look.unicode { turn } else { ['|', '/', '-', '\\'][(self.elapsed.as_secs() % 4) as usize] };
            buffer.set_stringn(area.x, area.y, format!("{turn} {}", self.done()), area.width.into(), Style::new());
            return;
        };
        LineGauge::default()
            .ratio(progress)
            .label(Line::raw(self.done()))
            .filled_symbol("━")
            .unfilled_symbol(if look.color { "━" } else { "─" })
            .filled_style(style(Tone::Good, look))
            .unfilled_style(style(Tone::Dim, look))
            .render(area, buffer);
    }

    /// How far the run is, in words.
    fn done(&self) -> String {
        let elapsed = show_clock(self.elapsed + Duration::from_millis(500));
        match self.extent {
            Extent::Open => elapsed,
            Extent::Time(length) if self.elapsed < length => format!("{elapsed} of {}", show_clock(length)),
            Extent::Time(length) => format!("{elapsed} of {}, ending", show_clock(length)),
            Extent::Iterations(count) => {
                format!("{elapsed}  {} of {}", show_count(self.iterations), plural(count, "iteration"))
            }
        }
    }

    fn draw_status(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let failed = if self.failures == 0 { Tone::Good } else { Tone::Bad };
        let [received, sent] = self.traffic.map(|rate| show_bytes(rate.round() as u64));
        let mut parts = vec![
            (plural(self.vus, "VU"), Tone::Strong),
            (plural(self.requests, "request"), Tone::Strong),
            (format!("{} failed", show_count(self.failures)), failed),
            (plural(self.iterations, "iteration"), Tone::Plain),
            (format!("{received}/s in"), Tone::Plain),
            (format!("{sent}/s out"), Tone::Plain),
        ];
        if self.dropped_iterations > 0 {
            parts.insert(4, (format!("{} dropped", show_count(self.dropped_iterations)), Tone::Caution));
        }
        let by_hand = self.by_hand.iter().map(|part| (part.clone(), Tone::Caution));
        parts.splice(1..1, by_hand);
        let mut line = Line::default();
        for (part, tone) in parts {
            let between = if line.spans.is_empty() { "" } else { " · " };
            // What finds no room is left out whole, rather than cut into a wrong figure.
            if line.width() + width(between) + width(&part) > area.width.into() {
                break;
            }
            line.push_span(Span::styled(between, style(Tone::Dim, look)));
            line.push_span(Span::styled(part, style(tone, look)));
        }
        buffer.set_line(area.x, area.y, &line, area.width);
    }

    fn draw_table(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let mut table = Table::new(vec![
            Column::left("", Fit::Keep),
            Column::right("req/s", Fit::Keep),
            Column::right("failed", Fit::Drop(2)),
            Column::right("mean", Fit::Drop(4)),
            Column::right("p50", Fit::Drop(1)),
            Column::right("p90", Fit::Drop(5)),
            Column::right("p95", Fit::Keep),
            Column::right("p99", Fit::Drop(3)),
            Column::right("max", Fit::Drop(6)),
        ]);
        table.section("");
        table.row(self.now.cells("now"));
        table.row(self.overall.cells("overall"));
        let text = table.render(&Look { width: area.width.into(), color: false, unicode: true });
        for (line, y) in text.lines().zip(area.y..) {
            let tone = if y == area.y { Tone::Dim } else { Tone::Plain };
            buffer.set_stringn(area.x, y, line, area.width.into(), style(tone, look));
        }
    }

    fn draw_trends(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let [rates, p95s] = [&self.rates, &self.p95s].map(|values| {
            let shown = values.len().min(area.width.saturating_sub(TREND_LABEL + TREND_SCALE).into());
            let most = values[..shown].iter().copied().max().unwrap_or_default();
            (&values[..shown], most)
        });
        draw_trend("req/s", rates, &show_rate(rates.1 as f64), area, buffer, look);
        let below = Rect { y: area.y + 1, ..area };
        draw_trend("p95", p95s, &show_seconds(p95s.1 as f64 / 1e6), below, buffer, look);
    }

    fn draw_failures(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let digits = self.top_failures.iter().map(|(count, _)| show_count(*count).len()).max().unwrap_or_default();
        for ((count, text), y) in self.top_failures.iter().zip(area.y..area.bottom()) {
            let line = format!("  {:>digits$}  {text}", show_count(*count));
            buffer.set_string(area.x, y, shorten_end(&line, area.width.into()), style(Tone::Bad, look));
        }
    }

    fn draw_keys(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        let keys = shorten_end(self.keys.unwrap_or_default(), area.width.into());
        buffer.set_string(area.x, area.y, keys, style(Tone::Dim, look));
    }

    fn draw_thresholds(&self, area: Rect, buffer: &mut Buffer, look: &Look) {
        for (line, y) in self.failing_thresholds.iter().zip(area.y..area.bottom()) {
            buffer.set_string(area.x, y, shorten_end(line, area.width.into()), style(Tone::Bad, look));
        }
    }
}

impl Times {
    fn cells(&self, label: &str) -> Vec<Cell> {
        let times = &self.service_time;
        let mut cells: Vec<Cell> =
            vec![label.into(), show_rate(self.rate).into(), show_share(self.failures, self.requests).into()];
        let shown = [times.mean, times.p50, times.p90, times.p95, times.p99, times.max];
        cells.extend(shown.map(|time| Cell::new(if times.count == 0 { "-".to_owned() } else { show_seconds(time) })));
        // Figures that change in width would make the columns jump.
        cells.into_iter().enumerate().map(|(at, cell)| if at == 0 { cell } else { cell.at_least(7) }).collect()
    }
}

/// A label, the values as bars with the newest at the right, and the greatest of them in words.
fn draw_trend(label: &str, (values, most): (&[u64], u64), scale: &str, area: Rect, buffer: &mut Buffer, look: &Look) {
    buffer.set_stringn(area.x, area.y, format!("  {label}"), area.width.into(), style(Tone::Dim, look));
    let bars = area.width.saturating_sub(TREND_LABEL + TREND_SCALE);
    if bars == 0 {
        return;
    }
    Sparkline::default()
        .data(values)
        // Nothing but zeros would be scaled by 0.
        .max(most.max(1))
        .direction(RenderDirection::RightToLeft)
        .style(style(Tone::Good, look))
        .render(Rect::new(area.x + TREND_LABEL, area.y, bars, 1), buffer);
    buffer.set_stringn(
        area.right() - TREND_SCALE + 1,
        area.y,
        scale,
        usize::from(TREND_SCALE) - 1,
        style(Tone::Dim, look),
    );
}

fn style(tone: Tone, look: &Look) -> Style {
    if !look.color {
        return Style::new();
    }
    match tone {
        Tone::Plain => Style::new(),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Bad => Style::new().fg(Color::Red),
        Tone::Caution => Style::new().fg(Color::Yellow),
    }
}

#[cfg(test)]
mod tests;
