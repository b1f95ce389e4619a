//! Summaries that the outputs' tests share: a rich one, one cut short, one of a single request name, and an empty one.
//! Their figures are made up, but add up.

use std::time::{Duration, SystemTime};

use crate::metrics::{
    CheckRow, Distribution, FailureRow, FailureScope, Interrupted, IterationRow, LoadChange, LoadChanged, MetricRow,
    MetricValue, RequestBlock, RequestRow, RequestStats, RunEnd, ScenarioLabel, SeriesRow, Snapshot, SpanRow, Summary,
    ThresholdOutcome, ThresholdUnit, Totals, TransportCounts, TrapRow, VuCounts, Warning, WindowCounts,
};
use crate::sample::FailureKind;

/// A run of two scenarios with everything that a report can show.
pub(crate) fn rich() -> Summary {
    let rows = rich_requests();
    Summary {
        version: "0.1.0".to_owned(),
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
        elapsed: Duration::from_millis(60_250),
        end: RunEnd::Completed,
        scenarios: vec![
            label("checkout", &[("team", "payments"), ("zone", "east")], "100 virtual users for 1m, started at 5/s"),
            label("browse", &[], "100 virtual users for 1m, started at 5/s"),
        ],
        seed: 42,
        vus: VuCounts { started: 210, max: 200, failed: 2 },
        open_model: false,
        dropped_iterations: 0,
        start_delay: Distribution::default(),
        thresholds: thresholds(),
        total: total(&rows, 60.25),
        requests: rows,
        iterations: vec![
            closed(span("checkout", "checkout", 59_880, 14, 0.042)),
            closed(span("browse", "browse", 60_001, 0, 0.0127)),
        ],
        tasks: vec![span("browse", "front page", 40_101, 0, 0.0081), span("browse", "search", 19_900, 0, 0.0218)],
        transactions: vec![span("checkout", "place order", 59_880, 61, 0.0334)],
        checks: vec![check("checkout", "order has an id", 59_819, 61), check("browse", "status is 200", 121_002, 0)],
        metrics: metrics(),
        failures: failures(),
        traps: vec![trap()],
        series: (1..=60).map(series_row).chain([last_row()]).collect(),
        blocks: [20, 40, 60].map(Duration::from_secs).into(),
        changes: Vec::new(),
        interrupted: Interrupted::default(),
        warnings: every_warning(),
    }
}

/// One scenario, one name, nothing to complain about.
pub(crate) fn minimal() -> Summary {
    let mut rows = vec![request("ping", "GET", "/", 1_000, 0, 0.000_84)];
    rows[0].stats.rate = 100.0;
    Summary {
        elapsed: Duration::from_secs(10),
        scenarios: vec![label("ping", &[], "1 virtual user for 10s")],
        vus: VuCounts { started: 1, max: 1, failed: 0 },
        total: total(&rows, 10.0),
        requests: rows,
        iterations: vec![closed(SpanRow { rate: 100.0, ..span("ping", "ping", 1_000, 0, 0.000_91) })],
        tasks: Vec::new(),
        transactions: Vec::new(),
        checks: Vec::new(),
        metrics: Vec::new(),
        failures: Vec::new(),
        traps: Vec::new(),
        thresholds: Vec::new(),
        series: (1..=10)
            .map(|at| SeriesRow { requests: 100, failures: 0, iterations: 100, vus: 1, ..series_row(at) })
            .collect(),
        warnings: Vec::new(),
        ..rich()
    }
}

/// [`minimal`] at a rate that its VUs could not keep up with, stopped by a threshold.
pub(crate) fn open() -> Summary {
    let mut summary = minimal();
    for stats in summary.requests.iter_mut().map(|row| &mut row.stats).chain([&mut summary.total]) {
        stats.response_time = times(stats.count, 0.0123);
    }
    for row in &mut summary.series {
        row.dropped_iterations = 3;
        row.response_time = times(row.requests, 0.0123);
    }
    for row in &mut summary.iterations {
        (row.dropped, row.start_delay) = (30, Some(times(1_000, 0.0009)));
    }
    let load = "103/s for 10s, at most 1 virtual user".to_owned();
    summary.scenarios[0] = ScenarioLabel { open_model: true, load, ..summary.scenarios[0].clone() };
    let threshold = outcome("dropped_iterations: rate < 1/s abort after 10s", 3.0, 1.0, ThresholdUnit::PerSecond);
    let failing_since = Some(Duration::from_secs(1));
    let threshold = ThresholdOutcome { passed: false, failing_since, aborted: true, ..threshold };
    Summary {
        open_model: true,
        dropped_iterations: 30,
        start_delay: times(1_000, 0.0009),
        end: RunEnd::ThresholdFailed(threshold.rule.clone()),
        thresholds: vec![threshold],
        warnings: vec![Warning::IterationsDropped { count: 30, missed: 0 }],
        ..summary
    }
}

/// A mix of twenty scenarios of three names each, every second one of the open model, changed by a person.
pub(crate) fn many() -> Summary {
    let at = |seconds, what| LoadChange { at: Duration::from_secs(seconds), what };
    let ids = 0..20_u64;
    let name =
        |id: u64| format!("{}-{id:02}", ["browse", "checkout-with-voucher", "search", "sign-up"][id as usize % 4]);
    let scenario = |id: u64| {
        let rate = format!("{}/s for 1m, at most 20 virtual users", id + 1);
        let open = ScenarioLabel { open_model: true, ..label(&name(id), &[], &rate) };
        if id.is_multiple_of(2) { open } else { label(&name(id), &[], "40 virtual users for 1m") }
    };
    let requests: Vec<_> = ids
        .clone()
        .flat_map(|id| {
            let of = |method, path: &str, share| request(&name(id), method, path, (id + 1) * share, id % 3, 0.004);
            [of("GET", "/", 900), of("GET", "/products/{id}/reviews", 1_300), of("POST", "/orders", 70)]
        })
        .collect();
    let iterations = ids.clone().map(|id| {
        let row = closed(span(&name(id), &name(id), (id + 1) * 100, id % 5, 0.06));
        let delay = times((id + 1) * 100, 0.0004);
        if id.is_multiple_of(2) { IterationRow { dropped: id, start_delay: Some(delay), ..row } } else { row }
    });
    Summary {
        scenarios: ids.clone().map(scenario).collect(),
        open_model: true,
        dropped_iterations: 90,
        start_delay: times(10_000, 0.0004),
        elapsed: Duration::from_millis(60_250),
        vus: VuCounts { started: 400, max: 400, failed: 0 },
        total: total(&requests, 60.25),
        requests,
        iterations: iterations.collect(),
        checks: ids.map(|id| check(&name(id), "status is 200", 2_270 * (id + 1), id % 3)).collect(),
        changes: vec![at(2, LoadChanged::Factor(1.2)), at(5, LoadChanged::Paused), at(7, LoadChanged::Resumed)],
        warnings: vec![Warning::IterationsDropped { count: 90, missed: 0 }],
        ..minimal()
    }
}

/// [`minimal`], ended by two signals.
pub(crate) fn interrupted() -> Summary {
    Summary {
        end: RunEnd::Interrupted { forced: true },
        interrupted: Interrupted { requests: 1, iterations: 3 },
        warnings: vec![Warning::GracefulStopElapsed { iterations: 3 }],
        ..minimal()
    }
}

/// A run whose setup failed: there was no load.
pub(crate) fn without_load() -> Summary {
    Summary {
        elapsed: Duration::ZERO,
        end: RunEnd::SetupFailed("could not log in: status 503".to_owned()),
        vus: VuCounts::default(),
        total: RequestStats::default(),
        requests: Vec::new(),
        iterations: Vec::new(),
        series: Vec::new(),
        warnings: vec![Warning::NoRequests],
        ..minimal()
    }
}

/// Every variant of [`Warning`].
pub(crate) fn every_warning() -> Vec<Warning> {
    vec![
        Warning::GeneratorSaturated { busy_share: 0.125 },
        Warning::NamesOverLimit { what: "requests", limit: 1_000 },
        Warning::NamesOverLimit { what: "failure reasons", limit: 1_000 },
        Warning::OpenFileLimit { limit: 1_024, needed: 1_300 },
        Warning::VusFailed { count: 2 },
        Warning::IterationsDropped { count: 1_200, missed: 0 },
        Warning::RequestsDenied { count: 40 },
        Warning::RequestsHeldBack { count: 7_000, waited: Duration::from_millis(90_500) },
        Warning::VusHeldBack { turns: 120, waited: Duration::from_millis(9_640) },
        Warning::LogLinesDropped { count: 12_345 },
        Warning::ThreadsLost { count: 1 },
        Warning::GracefulStopElapsed { iterations: 3 },
        Warning::TimesClamped { count: 1, limit: Duration::from_secs(3_600) },
        Warning::ExchangesNotKept { kept: 1_000, left_out: 239_778, too_fast: 0, over_size: 0 },
        Warning::NoRequests,
    ]
}

/// The rich run as it stood after these rows of its series.
pub(crate) fn snapshot(series: &[SeriesRow]) -> Snapshot<'_> {
    let latest = series.last().copied().unwrap_or_default();
    let sum = |of: fn(&SeriesRow) -> u64| series.iter().map(of).sum::<u64>();
    let requests = sum(|row| row.requests);
    let failures = sum(|row| row.failures);
    Snapshot {
        elapsed: latest.at,
        vus_running: latest.vus,
        vus: VuCounts { started: latest.vus, max: latest.vus, failed: 0 },
        latest,
        series,
        totals: Totals {
            requests,
            failures,
            bytes_sent: sum(|row| row.bytes_sent),
            bytes_received: sum(|row| row.bytes_received),
            service_time: times(requests, 0.003),
            iterations: sum(|row| row.iterations),
            checks_passed: requests,
            ..Totals::default()
        },
        top_failures: if failures == 0 {
            Vec::new()
        } else {
            rich().failures.into_iter().take(Snapshot::TOP_FAILURES).collect()
        },
        failing_thresholds: Vec::new(),
        aborting_threshold: None,
        changes: &[],
        paused: false,
        factor: 1.0,
    }
}

/// Second `at` of the rich run.
pub(crate) fn series_row(at: u64) -> SeriesRow {
    let requests = 5_000 + at % 7 * 100;
    SeriesRow {
        at: Duration::from_secs(at),
        length: Duration::from_secs(1),
        vus: (at * 10).min(200),
        requests,
        failures: at % 7,
        iterations: requests / 3,
        dropped_iterations: 0,
        bytes_sent: requests * 120,
        bytes_received: requests * 1_600,
        service_time: times(requests, 0.003 + at as f64 * 0.000_05),
        response_time: times(requests, 0.003 + at as f64 * 0.000_05),
        median_so_far: 0.002_64,
    }
}

fn last_row() -> SeriesRow {
    let length = Duration::from_millis(250);
    SeriesRow { at: Duration::from_millis(60_250), length, vus: 0, requests: 900, failures: 0, ..series_row(60) }
}

fn rich_requests() -> Vec<RequestRow> {
    let mut event = request("checkout", "SQL", "insert audit row", 59_880, 3, 0.0006);
    event.timed_by_guest = true;
    event.stats.phases = Default::default();
    event.stats.phase_counts = Default::default();
    event.stats.transport = TransportCounts::default();
    event.stats.bytes_sent = 0;
    vec![
        request("checkout", "GET", "/cart", 59_894, 0, 0.0047),
        request("checkout", "POST", "/orders", 59_880, 61, 0.0214),
        event,
        over_http2(request("browse", "GET", "/", 40_101, 0, 0.0028)),
        over_http2(request(
            "browse",
            "GET",
            "/products/by-category/garden-furniture/outdoor-tables/list",
            61_003,
            0,
            0.0039,
        )),
        over_http2(request("browse", "GET", "/search", 19_900, 312, 0.0171)),
    ]
}

/// Those requests over HTTP/2, which takes TLS and some waiting for streams; a few of them redirected or over a dead
/// connection.
fn over_http2(mut row: RequestRow) -> RequestRow {
    let RequestStats { count, service_time, transport, phases, phase_counts, .. } = &mut row.stats;
    let phase = |share: f64| times(*count, service_time.mean * share);
    (phases[0], phases[3], phases[5]) = (phase(0.01), phase(0.006), phase(0.884));
    (phase_counts[0], phase_counts[3]) = (*count / 20, transport.connections);
    transport.tls_resumed = transport.connections / 4;
    transport.tls_full = transport.connections - transport.tls_resumed;
    transport.reconnects = *count / 1_000;
    transport.redirects = *count / 500;
    transport.http2 = *count;
    row
}

fn request(scenario: &str, method: &str, name: &str, count: u64, failures: u64, mean: f64) -> RequestRow {
    // Of the mean, a tenth sends, nine tenths wait; opening a connection happened to few.
    let opened = count / 300;
    let phase = |share: f64| times(count, mean * share);
    let stats = RequestStats {
        count,
        failures,
        rate: 0.0,
        bytes_sent: count * 120,
        bytes_received: count * 1_600,
        transport: TransportCounts { connections: opened, ..TransportCounts::default() },
        service_time: times(count, mean),
        response_time: times(count, mean),
        phases: [0.0, 0.001, 0.004, 0.0, 0.02, 0.9, 0.075].map(phase),
        phase_counts: [0, opened / 10, opened, 0, count, count, count],
    };
    RequestRow {
        scenario: scenario.to_owned(),
        method: method.to_owned(),
        name: name.to_owned(),
        timed_by_guest: false,
        stats: RequestStats { rate: count as f64 / 60.25, ..stats },
        blocks: vec![RequestBlock { count: count / 3, failures: failures / 3, mean_service_time: mean }; 3],
    }
}

/// What the host timed, added up.
fn total(rows: &[RequestRow], seconds: f64) -> RequestStats {
    let rows: Vec<&RequestStats> = rows.iter().filter(|row| !row.timed_by_guest).map(|row| &row.stats).collect();
    let count: u64 = rows.iter().map(|row| row.count).sum();
    let sum = |of: fn(&TransportCounts) -> u64| rows.iter().map(|row| of(&row.transport)).sum();
    let weighted =
        |mean: &dyn Fn(&RequestStats) -> f64| rows.iter().map(|r| mean(r) * r.count as f64).sum::<f64>() / count as f64;
    RequestStats {
        count,
        failures: rows.iter().map(|row| row.failures).sum(),
        rate: count as f64 / seconds,
        bytes_sent: rows.iter().map(|row| row.bytes_sent).sum(),
        bytes_received: rows.iter().map(|row| row.bytes_received).sum(),
        transport: TransportCounts {
            connections: sum(|counts| counts.connections),
            tls_full: sum(|counts| counts.tls_full),
            tls_resumed: sum(|counts| counts.tls_resumed),
            reconnects: sum(|counts| counts.reconnects),
            redirects: sum(|counts| counts.redirects),
            http2: sum(|counts| counts.http2),
        },
        service_time: times(count, weighted(&|row| row.service_time.mean)),
        response_time: times(count, weighted(&|row| row.response_time.mean)),
        phases: std::array::from_fn(|phase| times(count, weighted(&|row| row.phases[phase].mean))),
        phase_counts: std::array::from_fn(|phase| rows.iter().map(|row| row.phase_counts[phase]).sum()),
    }
}

/// A long-tailed distribution around a mean.
pub(crate) fn times(count: u64, mean: f64) -> Distribution {
    Distribution {
        count,
        min: mean * 0.31,
        mean,
        p50: mean * 0.88,
        p66: mean * 1.05,
        p75: mean * 1.2,
        p80: mean * 1.3,
        p90: mean * 1.6,
        p95: mean * 2.1,
        p98: mean * 3.3,
        p99: mean * 4.4,
        p99_9: mean * 9.7,
        p99_99: mean * 19.0,
        max: mean * 31.0,
    }
}

fn span(scenario: &str, name: &str, count: u64, failures: u64, mean: f64) -> SpanRow {
    SpanRow {
        scenario: scenario.to_owned(),
        name: name.to_owned(),
        count,
        failures,
        rate: count as f64 / 60.25,
        elapsed: times(count, mean),
    }
}

/// Iterations of the closed model.
fn closed(ended: SpanRow) -> IterationRow {
    IterationRow { ended, dropped: 0, start_delay: None }
}

/// A scenario of the closed model.
fn label(name: &str, tags: &[(&str, &str)], load: &str) -> ScenarioLabel {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ScenarioLabel {
        name: name.to_owned(),
        tags,
        open_model: false,
        load: load.to_owned(),
        load_digest: "0123456789abcdef".to_owned(),
    }
}

fn check(scenario: &str, name: &str, passed: u64, failed: u64) -> CheckRow {
    CheckRow { scenario: scenario.to_owned(), name: name.to_owned(), passed, failed }
}

fn metrics() -> Vec<MetricRow> {
    let row = |name: &str, value| MetricRow { scenario: "checkout".to_owned(), name: name.to_owned(), value };
    vec![
        row("orders", MetricValue::Counter { sum: 59_819.0, rate: 59_819.0 / 60.25 }),
        row("queue depth", MetricValue::Gauge { last: 12.0, min: 0.0, max: 44.0 }),
        row("cache hit", MetricValue::Rate { hits: 831, total: 1_000 }),
        row("basket value", MetricValue::Trend(times(59_819, 34.5))),
    ]
}

fn failures() -> Vec<FailureRow> {
    let row = |scope, (scenario, method, name): (&str, &str, &str), kind, reason: &str, count| FailureRow {
        scope,
        scenario: scenario.to_owned(),
        method: method.to_owned(),
        name: name.to_owned(),
        kind,
        reason: reason.to_owned(),
        count,
        first_seen: Duration::from_secs(3),
        last_seen: Duration::from_secs(57),
    };
    let order = ("checkout", "POST", "/orders");
    vec![
        row(FailureScope::Request, ("browse", "GET", "/search"), FailureKind::Status, "status 503", 312),
        row(
            FailureScope::Transaction,
            ("checkout", "", "place order"),
            FailureKind::Marked,
            "no \u{1b}[31morder id\u{7}",
            61,
        ),
        row(
            FailureScope::Request,
            order,
            FailureKind::Marked,
            "the order came back without its id although the status was 201",
            58,
        ),
        row(
            FailureScope::Iteration,
            ("checkout", "", "checkout"),
            FailureKind::Trap,
            "wasm `unreachable` instruction executed",
            14,
        ),
        row(FailureScope::Request, order, FailureKind::Timeout, "no response within 30 s", 3),
        row(FailureScope::Request, ("checkout", "SQL", "insert audit row"), FailureKind::Marked, "deadlock", 3),
        row(FailureScope::Lifecycle, ("checkout", "", "start"), FailureKind::Marked, "login refused", 2),
    ]
}

/// Outcomes of every unit and sort.
pub(crate) fn thresholds() -> Vec<ThresholdOutcome> {
    let fails =
        |outcome, at| ThresholdOutcome { failing_since: Some(Duration::from_secs(at)), passed: false, ..outcome };
    let windows =
        |outcome, judged, failed| ThresholdOutcome { windows: Some(WindowCounts { judged, failed }), ..outcome };
    let absent = outcome(r#"checks{name="order has id"}: rate > 99 %"#, 0.0, 0.99, ThresholdUnit::Share);
    vec![
        outcome(r#"response_time{name="/products/*"}: p95 < 200ms"#, 0.008_19, 0.2, ThresholdUnit::Seconds),
        windows(outcome("phase.wait: mean < 50ms over 10s", 0.0437, 0.05, ThresholdUnit::Seconds), 51, 0),
        windows(
            fails(outcome("requests: rate > 5100/s over 10s", 4_020.0, 5_100.0, ThresholdUnit::PerSecond), 12),
            51,
            3,
        ),
        fails(outcome("failure_rate{name=/search}: < 1 %", 0.0157, 0.01, ThresholdUnit::Share), 3),
        fails(outcome("requests{status=5xx}: count == 0", 312.0, 0.0, ThresholdUnit::Count), 3),
        outcome(r#"metric."basket value": p99 > 100"#, 152.0, 100.0, ThresholdUnit::Number),
        ThresholdOutcome {
            passed: false,
            observed: None,
            problem: Some("no check was named `order has id`; did you mean `order has an id`?".to_owned()),
            ..absent
        },
    ]
}

fn outcome(rule: &str, observed: f64, bound: f64, unit: ThresholdUnit) -> ThresholdOutcome {
    ThresholdOutcome {
        rule: rule.to_owned(),
        passed: true,
        observed: Some(observed),
        bound,
        unit,
        failing_since: None,
        windows: None,
        aborted: false,
        problem: None,
    }
}

fn trap() -> TrapRow {
    TrapRow {
        scenario: "checkout".to_owned(),
        message: "wasm `unreachable` instruction executed".to_owned(),
        backtrace: "0: checkout.wasm!core::panicking::panic_fmt\n1: checkout.wasm!checkout::parse_order\n\
                    2: checkout.wasm!wasmload:scenario/iteration@0.1.0#run"
            .to_owned(),
        count: 14,
    }
}
