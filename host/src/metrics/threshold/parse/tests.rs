use super::*;

fn rule(text: &str) -> Threshold {
    text.parse().unwrap_or_else(|error| panic!("failed to {error}"))
}

fn message(text: &str) -> String {
    let error = text.parse::<Threshold>().expect_err(text).to_string();
    let start = format!("read the threshold `{}` at ", text.trim());
    error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned()
}

fn percentile(hundredths: u16) -> Aggregate {
    Aggregate::Of(Figure::Percentile(hundredths))
}

#[test]
fn every_metric_has_its_figures() {
    use Aggregate::{Count, FailureRate, Failures, Of, Rate, Value};
    use ThresholdUnit::{Number, PerSecond, Seconds, Share};
    let count = ThresholdUnit::Count;
    for (text, metric, aggregate, bound, unit) in [
        ("response_time: p95 < 200ms", Metric::ResponseTime, percentile(9_500), 0.2, Seconds),
        ("service_time: p99.9 < 1m30s", Metric::ServiceTime, percentile(9_990), 90.0, Seconds),
        ("phase.wait: mean < 50ms", Metric::Phase(5), Of(Figure::Mean), 0.05, Seconds),
        ("requests: rate < 500/s", Metric::Requests, Rate, 500.0, PerSecond),
        ("requests: rate < 30/m", Metric::Requests, Rate, 0.5, PerSecond),
        ("requests: count < 10", Metric::Requests, Count, 10.0, count),
        ("requests: failures < 10", Metric::Requests, Failures, 10.0, count),
        ("requests: failure_rate < 1%", Metric::Requests, FailureRate, 0.01, Share),
        ("failure_rate: < 1 %", Metric::FailureRate, Rate, 0.01, Share),
        ("failure_rate: rate < 0.01", Metric::FailureRate, Rate, 0.01, Share),
        ("iterations: p95 < 2s", Metric::Iterations, percentile(9_500), 2.0, Seconds),
        ("tasks{name=search}: max < 2 s", Metric::Tasks, Of(Figure::Max), 2.0, Seconds),
        ("transactions: failure_rate < 99.9 %", Metric::Transactions, FailureRate, 0.999, Share),
        ("dropped_iterations: < 0", Metric::DroppedIterations, Count, 0.0, count),
        ("dropped_iterations: rate < 0.5/s", Metric::DroppedIterations, Rate, 0.5, PerSecond),
        ("checks: < 1", Metric::Checks, Rate, 1.0, Share),
        ("checks: failures < 1", Metric::Checks, Failures, 1.0, count),
        ("metric.a: count < -2.5e3", Metric::Custom, Count, -2_500.0, Number),
        ("metric.a: value < 3", Metric::Custom, Value, 3.0, Number),
        ("metric.a: median < 3", Metric::Custom, percentile(5_000), 3.0, Number),
        ("metric.a: rate < 0.3", Metric::Custom, Rate, 0.3, Number),
        ("metric.a: rate < 33.3 %", Metric::Custom, Rate, 0.333, Share),
        ("metric.a: rate < 3/m", Metric::Custom, Rate, 0.05, PerSecond),
    ] {
        let found = rule(text);
        assert_eq!(
            (found.metric, found.aggregate, found.bound, found.unit),
            (metric, aggregate, bound, unit),
            "{text}"
        );
        assert_eq!((found.comparison, found.window, found.abort_after), (Comparison::Less, None, None), "{text}");
        assert_eq!(found.to_string(), text);
    }
}

#[test]
fn every_operator_compares() {
    let holds = |operator: &str| {
        let rule = rule(&format!("requests: rate {operator} 5"));
        [4.0, 5.0, 6.0].map(|value| rule.holds(value))
    };
    assert_eq!(holds("<"), [true, false, false]);
    assert_eq!(holds("<="), [true, true, false]);
    assert_eq!(holds(">"), [false, false, true]);
    assert_eq!(holds(">="), [false, true, true]);
    assert_eq!(holds("=="), [false, true, false]);
    assert_eq!(holds("==="), holds("=="));
    assert_eq!(holds("!="), [true, false, true]);
}

#[test]
fn figures_may_be_spelled_as_elsewhere() {
    let figure = |text: &str| rule(&format!("service_time:{text}<1s")).aggregate;
    assert_eq!(["p95", "p(95)", "p( 95 )", "p95.0"].map(figure), [percentile(9_500); 4]);
    assert_eq!(["p50", "med", "median", "p(50)"].map(figure), [percentile(5_000); 4]);
    assert_eq!(["avg", "mean"].map(figure), [Aggregate::Of(Figure::Mean); 2]);
    let ends = ["p0.01", "p99.99", "p100"].map(figure);
    assert_eq!(ends, [percentile(1), percentile(9_999), percentile(10_000)]);
}

#[test]
fn filters_choose() {
    let text =
        r#"response_time{ scenario = browse, name="/cities/{id}", method:GET, status=5xx, tag.kind=page* }: max < 1s"#;
    let expected = Filter {
        scenario: Some(Pattern::exactly("browse")),
        name: Some(Pattern::exactly("/cities/{id}")),
        method: Some(Pattern::exactly("GET")),
        status: Some(500..=599),
        tags: vec![("kind".to_owned(), Pattern::with_any_rest("page"))],
    };
    assert_eq!(rule(text).filter, expected);
    let name = |value: &str| rule(&format!("checks{{name={value}}}: > 0.9")).filter.name;
    assert_eq!(name("/search?q=a:b"), Some(Pattern::exactly("/search?q=a:b")));
    assert_eq!(name(r#""has a \"city\"""#), Some(Pattern::exactly("has a \"city\"")));
    assert_eq!(["/a*", r#""/a*""#].map(name), [(); 2].map(|()| Some(Pattern::with_any_rest("/a"))));
    assert_eq!(name(r#""/a\*""#), Some(Pattern::exactly("/a*")));
    assert_eq!(["*", "a*b"].map(name), [Some(Pattern::with_any_rest("")), Some(Pattern::exactly("a*b"))]);
    let status = |value: &str| rule(&format!("requests{{status={value}}}: count == 0")).filter.status;
    assert_eq!(["404", "4xx", "4*", "0"].map(status), [Some(404..=404), Some(400..=499), Some(400..=499), Some(0..=0)]);
    let spellings =
        [r#"metric{name="a b"}: mean < 1"#, r#"metric."a b": mean < 1"#, r#"metric."a b"{scenario=x}: mean < 1"#];
    for text in spellings {
        assert_eq!(rule(text).filter.name, Some(Pattern::exactly("a b")), "{text}");
    }
    assert_eq!(rule(r#"requests{tag."a b"=c}: rate > 1"#).filter.tags[0].0, "a b");
}

#[test]
fn windows_and_aborts_come_last() {
    let tail = |text: &str| {
        let found = rule(&format!("requests: rate > 500/s {text}"));
        (found.window.map(|window| window.as_secs()), found.abort_after.map(|delay| delay.as_secs_f64()))
    };
    assert_eq!(tail(""), (None, None));
    assert_eq!(tail("over 10s"), (Some(10), None));
    assert_eq!(tail("over 10m abort"), (Some(600), Some(0.0)));
    assert_eq!(tail("abort after 1m 30s"), (None, Some(90.0)));
    assert_eq!(tail(" over  1s  abort  after 500ms "), (Some(1), Some(0.5)));
    assert!(rule("requests: count > 5 over 10s abort").window.is_some());
    assert!(rule("requests: failures == 0 abort").abort_after.is_some());
}

#[test]
fn an_error_points_at_the_place_and_says_what_to_try() {
    for (text, expected) in [
        (
            "responce_time: p95 < 200ms",
            "character 1 (`responce_time: p95 < 200…`): `responce_time` is no metric; did you mean `response_time`?",
        ),
        (
            "http_req_duration: p(95)<200",
            "character 1 (`http_req_duration: p(95)…`): `http_req_duration` is no metric; `service_time` comes closest to it",
        ),
        (
            " : p95 < 200ms",
            "character 1 (`: p95 < 200ms`): a metric is missing; metrics are response_time, service_time, phase, requests, \
             failure_rate, iterations, tasks, transactions, dropped_iterations, checks, metric",
        ),
        (
            "phase.dsn: mean < 1s",
            "character 7 (`dsn: mean < 1s`): this is no phase; write `phase.` and one of blocked, dns, connect, tls, send, \
             wait, receive",
        ),
        (
            "metric: mean > 1",
            "character 7 (`: mean > 1`): the metric's name is missing; write for example `metric.cart_value`",
        ),
        ("requests", "its end: a `:` is missing; write it after the metric, as in `requests: rate > 500/s`"),
        (
            "requests: p95 < 200ms",
            "character 11 (`p95 < 200ms`): `p95` is no figure of this metric; write `count`, `rate`, `failures` or \
             `failure_rate`",
        ),
        (
            "response_time: < 200ms",
            "character 16 (`< 200ms`): the figure is missing; write `mean`, `min`, `max`, `median` or a percentile such as \
             `p95`; `requests` has counts and rates",
        ),
        (
            "response_time: p95 = 1s",
            "character 20 (`= 1s`): an operator is missing; write one of `<`, `<=`, `>`, `>=`, `==` and `!=`",
        ),
        ("response_time: p95 <", "its end: a value is missing; write it after the operator"),
        ("response_time: p95 < over 9s", "character 22 (`over 9s`): a value is missing; write it after the operator"),
        ("response_time: p95 < 200", "character 22 (`200`): a time wants its unit; write `200ms` or `200s`"),
        (
            "response_time: p95 < 20xs",
            "character 22 (`20xs`): this is no duration: `xs` is no unit of it; write for example 10s, 1m30s, 500ms, 250us, 2h",
        ),
        ("response_time: max < 999999999999s", "character 22 (`999999999999s`): it is above 584 years; write less"),
        ("failure_rate: < 5", "character 17 (`5`): a share is from 0 to 1, or in percent; write `5 %`"),
        (
            "failure_rate: < 101 %",
            "character 17 (`101 %`): this is no share; write it in percent, such as `1 %`, or from 0 to 1",
        ),
        ("requests: count > 1.5", "character 19 (`1.5`): this is no count; write a whole number"),
        (
            "metric.a: mean < 5ms",
            "character 18 (`5ms`): this is no number; write one such as 10 or 2.5; the values of a scenario's metrics have \
             no unit",
        ),
        ("tasks: rate > 5 over", "its end: a time is missing; write for example `over 30s`"),
        ("tasks: rate > 5 abort after", "its end: a time is missing; write for example `abort after 30s`"),
        (
            "tasks: rate > 5 abort over 10s",
            "character 23 (`over 10s`): this is too much; end with the value, `over 10s`, `abort` or `abort after 30s`",
        ),
        (
            "tasks: count > 5 abort",
            "character 18 (`abort`): only the end of the run can tell whether a count has got that far, so it can't abort; \
             leave `abort` out, or bound a rate, or add `over 10s`",
        ),
    ] {
        assert_eq!(message(text), expected);
    }
}

#[test]
fn what_can_not_be_told_apart_is_refused() {
    for (text, expected) in [
        (
            "{}: rate > 5",
            "(`}: rate > 5`): the name of a filter is missing; they can be by `scenario`, `name`, `method` or `status`; \
             a tag `kind` is written `tag.kind`",
        ),
        ("{name}: rate > 5", "(`}: rate > 5`): a `=` is missing; write `name=` and a value"),
        (
            "{name=}: rate > 5",
            "(`}: rate > 5`): there is no name here; write one, in quotes where it has odd characters",
        ),
        (
            "{name=a b}: rate > 5",
            "(`b}: rate > 5`): a `,` or `}` is missing; put a value with spaces or any of `{ } , \"` in it in quotes",
        ),
        (
            "{name=\"a}: rate > 5",
            "(`a}: rate > 5`): the quote is not closed; write `\"` at its end, and `\\\"` for one within",
        ),
        ("{name=\"a\\", "(`a\\`): the quote is not closed; write `\"` at its end, and `\\\"` for one within"),
        ("{name=a, name=b}: rate > 5", "(`name=b}: rate > 5`): this is chosen twice; leave one of the two out"),
        ("{tag.a=b, tag.a=c}: rate > 5", "(`tag.a=c}: rate > 5`): this is chosen twice; leave one of the two out"),
        (
            "{tag=a}: rate > 5",
            "(`tag=a}: rate > 5`): requests can't be chosen by `tag`; write for example `tag.kind=page`",
        ),
        ("{tag.a*=b}: rate > 5", "(`tag.a*=b}: rate > 5`): a tag's key can't end with `*`; write the whole key"),
        ("{name.a=b}: rate > 5", "(`.a=b}: rate > 5`): a `=` is missing; write `name=` and a value"),
        (
            "{type=a}: rate > 5",
            "(`type=a}: rate > 5`): requests can't be chosen by `type`; they can be by `scenario`, `name`, `method` or \
             `status`; a tag `kind` is written `tag.kind`",
        ),
    ] {
        let message = message(&format!("requests{text}"));
        assert!(message.ends_with(expected), "{message}");
    }
    for (text, expected) in [
        ("iterations{name=a}: rate > 5", "iterations can't be chosen by `name`; they can be by `scenario`"),
        ("dropped_iterations{name=a}: < 5", "dropped iterations can't be chosen by `name`; they can be by `scenario`"),
        ("checks{status=200}: > 99 %", "checks can't be chosen by `status`; they can be by `scenario` or `name`"),
        ("metric.a{tag.b=c}: value > 9", "metrics can't be chosen by `tag`; they can be by `scenario` or `name`"),
        ("metric.a{name=b}: value > 9", "this is chosen twice; leave one of the two out"),
    ] {
        assert!(message(text).ends_with(expected), "{}", message(text));
    }
    let advice = "this is no status; write a status such as 404, a class such as 5xx, or 0 for no response";
    for status in ["abc", "6", "99", "1000", "50*", "55xx", "xx", "-1"] {
        assert!(message(&format!("requests{{status={status}}}: count == 0")).ends_with(advice), "{status}");
    }
    let advice =
        "a window is of whole seconds, from 1s to 10m, since it is judged once a second; write for example `over 10s`";
    for window in ["0s", "1.5s", "601s"] {
        assert!(message(&format!("requests: rate > 5 over {window}")).ends_with(advice), "{window}");
    }
    let advice = "two decimals at the most; write for example `p95`, `p99.9` or `p(95)`";
    for figure in ["p", "p0", "p100.01", "p99.999", "p(95", "p()", "p95ms", "p.5", "p1.2.3", "p99999"] {
        assert!(message(&format!("iterations: {figure} < 1s")).ends_with(advice), "{figure}");
    }
    for number in ["nan", "inf", "1e400", "a", "5 k"] {
        assert!(message(&format!("metric.a: mean < {number}")).contains("this is no number"), "{number}");
    }
}

#[test]
fn a_place_is_counted_in_characters() {
    let text = r#"requests{name="/straße/日本"}: rte > 5"#;
    assert!(message(text).starts_with("character 30 (`rte > 5`): `rte` is no figure"), "{}", message(text));
}

#[test]
fn a_scenario_that_the_run_has_not_is_refused() {
    let scenarios = ["browse".to_owned(), "checkout".to_owned()];
    let check = |text: &str| rule(text).check_scenarios(&scenarios).map_err(|error| error.to_string());
    assert_eq!(check("requests: rate > 5"), Ok(()));
    assert_eq!(check("requests{scenario=check*}: rate > 5"), Ok(()));
    let expected = "use the threshold `iterations{scenario=brows}: rate > 5`: no scenario of the run is named `brows`; did \
                    you mean `browse`?";
    assert_eq!(check("iterations{scenario=brows}: rate > 5"), Err(expected.to_owned()));
    let message = check("iterations{scenario=payment}: rate > 5").expect_err("there is no such scenario");
    assert!(message.ends_with("the run has `browse` or `checkout`"), "{message}");
}
