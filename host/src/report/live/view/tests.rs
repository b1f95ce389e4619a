//! What terminals of different sizes show.

use super::*;
use crate::report::{fixture, golden};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn outline(extent: Extent) -> Outline {
    Outline { scenarios: vec!["checkout".to_owned(), "browse".to_owned()], extent, keys: false }
}

fn view(extent: Extent) -> View {
    let rows: Vec<_> = (1..=45).map(fixture::series_row).collect();
    View::new(&outline(extent), &fixture::snapshot(&rows))
}

fn minute() -> Extent {
    Extent::Time(Duration::from_secs(60))
}

/// What a terminal of that size shows.
fn shown(view: &View, columns: u16, rows: u16, look: &Look) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal in memory");
    let frame = view.draw(columns, rows, look);
    terminal.draw(|whole| whole.buffer_mut().merge(&frame)).expect("a drawn frame");
    let cells = terminal.backend().buffer();
    let line = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
    cells.content.chunks(columns.into()).map(|row| line(row).trim_end().to_owned() + "\n").collect()
}

#[test]
fn the_view_looks_as_it_did() {
    for columns in [40, 60, 80, 120] {
        golden::check(&format!("live_{columns}.txt"), &shown(&view(minute()), columns, 14, &Look::default()));
    }
    let ascii = Look { unicode: false, ..Look::default() };
    golden::check("live_ascii.txt", &shown(&view(Extent::Open), 80, 14, &ascii));
    let iterations = View::new(&outline(Extent::Iterations(100_000)), &fixture::snapshot(&[fixture::series_row(1)]));
    golden::check("live_iterations.txt", &shown(&iterations, 80, 14, &Look::default()));
    golden::check("live_waiting.txt", &shown(&View::waiting(&outline(minute())), 80, 14, &Look::default()));
}

#[test]
fn every_size_is_drawn_and_leaves_a_row_to_the_cursor() {
    for view in [view(Extent::Open), view(minute())] {
        for columns in (0..60).chain([80, 100, 200, 500]) {
            for rows in 0..16 {
                let frame = view.draw(columns, rows, &Look { color: true, ..Look::default() });
                assert!(frame.area.height < rows.max(1), "{columns} by {rows} drew {} rows", frame.area.height);
                assert_eq!(frame.area.width, columns);
            }
        }
    }
}

#[test]
fn a_small_terminal_shows_what_matters_most() {
    let text = |rows| shown(&view(minute()), 80, rows, &Look::default());
    assert!(text(2).starts_with("200 VUs · "), "{}", text(2));
    assert!(text(3).starts_with("00:45 of 01:00"), "{}", text(3));
    assert!(text(7).starts_with("checkout, browse"), "{}", text(7));
    assert!(!text(7).contains("p95  ▁") && text(12).contains("status 503"));
}

#[test]
fn thresholds_that_fail_are_shown_below_and_dropped_iterations_in_the_status() {
    let rows = [fixture::series_row(1)];
    let mut snapshot = fixture::snapshot(&rows);
    snapshot.totals.dropped_iterations = 12;
    snapshot.failing_thresholds = fixture::thresholds().into_iter().filter(|outcome| !outcome.passed).collect();
    let text = shown(&View::new(&outline(minute()), &snapshot), 100, 16, &Look::default());
    assert!(text.lines().any(|line| line.contains(" iterations · 12 dropped · ")), "{text}");
    let failing: Vec<_> = text.lines().filter(|line| line.starts_with("  ✗ ")).collect();
    assert_eq!(failing.len(), MOST_THRESHOLDS);
    assert_eq!(failing[1], "  ✗ failure_rate{name=/search}: < 1 %  1.57 %, 0.57 points above, since 00:03");
}

#[test]
fn keys_stand_at_the_bottom_and_what_they_did_in_the_status() {
    let rows = [fixture::series_row(1)];
    let mut snapshot = fixture::snapshot(&rows);
    let outline = Outline { keys: true, ..outline(minute()) };
    let text = |snapshot: &_, columns| shown(&View::new(&outline, snapshot), columns, 9, &Look::default());
    let plain = text(&snapshot, 80);
    assert_eq!(plain.trim_end().lines().last(), Some("+ - load  p pause  q stop"));
    (snapshot.paused, snapshot.factor) = (true, 1.2);
    let changed = text(&snapshot, 80);
    assert!(changed.contains("\n10 VUs · paused · load at 120 % of the plan · 5,100 requests"), "{changed}");
    assert_eq!(changed.trim_end().lines().last(), Some("+ - load  p resume  q stop"));
    assert!(text(&snapshot, 20).contains("\n+ - load  p resume …"), "{}", text(&snapshot, 20));
}

#[test]
fn many_scenarios_are_counted_in_the_title() {
    let scenarios = (0..20).map(|at| format!("scenario {at}")).collect();
    let view = View::new(&Outline { scenarios, ..outline(minute()) }, &fixture::snapshot(&[]));
    let text = shown(&view, 80, 8, &Look::default());
    assert!(text.starts_with("scenario 0, scenario 1 and 18 more "), "{text}");
}

#[test]
fn a_failed_request_shows_in_red_and_only_with_colours() {
    let red = |color| {
        let frame = view(minute()).draw(80, 24, &Look { color, ..Look::default() });
        frame.content.iter().filter(|cell| cell.fg == Color::Red).count()
    };
    assert!(red(true) > 0);
    assert_eq!(red(false), 0);
}

#[test]
fn what_outlasts_its_time_is_ending() {
    let mut late = view(minute());
    late.elapsed = Duration::from_secs(61);
    assert_eq!(late.done(), "01:01 of 01:00, ending");
    assert_eq!(view(Extent::Open).done(), "00:45");
    assert_eq!(view(Extent::Iterations(1)).done().split("  ").nth(1), Some("79,383 of 1 iteration"));
}
