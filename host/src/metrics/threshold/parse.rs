//! From a rule's text to a [`Threshold`].

use std::str::FromStr;
use std::time::Duration;

use super::cursor::Cursor;
use super::filter::{Filter, Pattern};
use super::value;
use super::words::{COMPARISONS, FIGURES, FOREIGN_METRICS, METRICS, default_figure, figures, filters, is_word, unit};
use super::{Aggregate, Comparison, Metric, Threshold, ThresholdUnit};
use crate::metrics::quantiles::Figure;
use crate::near::{either, nearest};
use crate::sample::Phases;
use crate::units::parse_duration;

/// The longest window. A window's seconds are kept, so this bounds memory.
const LONGEST_WINDOW: Duration = Duration::from_secs(600);

/// Why a text is no threshold, or not one for the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// It has not the form, or asks for what is not measured.
    #[error("read the threshold `{text}` at {place}: {reason}; {advice}")]
    Malformed {
        /// The text as given.
        text: String,
        /// Where in it.
        place: String,
        /// What is wrong there.
        reason: String,
        /// What to try.
        advice: String,
    },
    /// It is about a scenario that the run has not.
    #[error("use the threshold `{text}`: no scenario of the run is named `{scenario}`; {advice}")]
    UnknownScenario {
        /// The text as given.
        text: String,
        /// The scenario's name in it.
        scenario: String,
        /// What to try.
        advice: String,
    },
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let text = text.trim();
        let mut cursor = Cursor::new(text);
        let (metric, name) = metric(&mut cursor)?;
        let filter = filter(&mut cursor, metric, name)?;
        if metric == Metric::Custom && filter.name.is_none() {
            return Err(cursor.error("the metric's name is missing", "write for example `metric.cart_value`"));
        }
        if !cursor.eat(":") {
            return Err(cursor.error("a `:` is missing", "write it after the metric, as in `requests: rate > 500/s`"));
        }
        let aggregate = aggregate(&mut cursor, metric)?;
        let comparison = comparison(&mut cursor)?;
        let (bound, unit) = bound(&mut cursor, metric, aggregate)?;
        let window = window(&mut cursor)?;
        let place = cursor.position();
        let abort_after = abort(&mut cursor)?;
        if !cursor.rest().is_empty() {
            return Err(
                cursor.error("this is too much", "end with the value, `over 10s`, `abort` or `abort after 30s`")
            );
        }
        let text = text.to_owned();
        let threshold = Threshold { text, metric, filter, aggregate, comparison, bound, unit, window, abort_after };
        if threshold.abort_after.is_some() && threshold.waits_for_end() {
            let reason = "only the end of the run can tell whether a count has got that far, so it can't abort";
            return Err(cursor.error_at(place, reason, "leave `abort` out, or bound a rate, or add `over 10s`"));
        }
        Ok(threshold)
    }
}

/// The metric, and the name that chooses among custom ones.
fn metric(cursor: &mut Cursor<'_>) -> Result<(Metric, Option<Pattern>), ThresholdError> {
    let start = cursor.position();
    let word = cursor.take(is_word);
    let Some((_, metric)) = METRICS.iter().find(|(name, _)| *name == word) else {
        return Err(unknown_metric(cursor, start, word));
    };
    match metric {
        Metric::Phase(_) => Ok((phase(cursor)?, None)),
        Metric::Custom if cursor.eat(".") => Ok((Metric::Custom, Some(cursor.take_pattern(&[':', '{', '}', ','])?))),
        metric => Ok((*metric, None)),
    }
}

fn unknown_metric(cursor: &Cursor<'_>, start: usize, word: &str) -> ThresholdError {
    let names = || METRICS.iter().map(|(name, _)| *name);
    let ours = FOREIGN_METRICS.iter().find(|(theirs, _)| *theirs == word);
    let near = nearest(word, names().filter(|_| !word.is_empty()));
    let advice = match ours {
        Some((_, ours)) => format!("`{ours}` comes closest to it"),
        None if near.is_empty() => format!("metrics are {}", names().collect::<Vec<_>>().join(", ")),
        None => format!("did you mean {}?", either(&near)),
    };
    let reason = if word.is_empty() { "a metric is missing".to_owned() } else { format!("`{word}` is no metric") };
    cursor.error_at(start, reason, advice)
}

fn phase(cursor: &mut Cursor<'_>) -> Result<Metric, ThresholdError> {
    let point = cursor.eat(".");
    let start = cursor.position();
    let word = if point { cursor.take(is_word) } else { "" };
    let place = Phases::NAMES.iter().position(|name| *name == word);
    let advice = || format!("write `phase.` and one of {}", Phases::NAMES.join(", "));
    place.map(Metric::Phase).ok_or_else(|| cursor.error_at(start, "this is no phase", advice()))
}

fn filter(cursor: &mut Cursor<'_>, metric: Metric, name: Option<Pattern>) -> Result<Filter, ThresholdError> {
    let mut filter = Filter { name, ..Filter::default() };
    if !cursor.eat("{") {
        return Ok(filter);
    }
    loop {
        one_filter(cursor, metric, &mut filter)?;
        if cursor.eat("}") {
            return Ok(filter);
        }
        if !cursor.eat(",") {
            let advice = "put a value with spaces or any of `{ } , \"` in it in quotes";
            return Err(cursor.error("a `,` or `}` is missing", advice));
        }
    }
}

fn one_filter(cursor: &mut Cursor<'_>, metric: Metric, filter: &mut Filter) -> Result<(), ThresholdError> {
    let start = cursor.position();
    let key = cursor.take(is_word);
    let tag =
        if key == "tag" && cursor.eat(".") { Some(cursor.take_pattern(&['=', ':', '{', '}', ','])?) } else { None };
    if !filters(metric).contains(&key) || tag.is_some() != (key == "tag") {
        return Err(unknown_filter(cursor, start, metric, key));
    }
    if tag.as_ref().is_some_and(Pattern::has_any_rest) {
        return Err(cursor.error_at(start, "a tag's key can't end with `*`", "write the whole key"));
    }
    // k6 writes a colon.
    if !cursor.eat("=") && !cursor.eat(":") {
        return Err(cursor.error("a `=` is missing", format!("write `{key}=` and a value")));
    }
    let value_start = cursor.position();
    let value = cursor.take_pattern(&['{', '}', ','])?;
    let twice = match key {
        "scenario" => filter.scenario.replace(value).is_some(),
        "name" => filter.name.replace(value).is_some(),
        "method" => filter.method.replace(value).is_some(),
        "status" => {
            let advice = "write a status such as 404, a class such as 5xx, or 0 for no response";
            let range =
                value::status(&value).ok_or_else(|| cursor.error_at(value_start, "this is no status", advice))?;
            filter.status.replace(range).is_some()
        }
        _ => {
            let key = tag.map_or_else(String::new, |tag| tag.text().to_owned());
            let twice = filter.tags.iter().any(|(other, _)| *other == key);
            filter.tags.push((key, value));
            twice
        }
    };
    if twice { Err(cursor.error_at(start, "this is chosen twice", "leave one of the two out")) } else { Ok(()) }
}

fn unknown_filter(cursor: &Cursor<'_>, start: usize, metric: Metric, key: &str) -> ThresholdError {
    let noun = metric.noun();
    let known = filters(metric);
    let advice = match known {
        _ if key == "tag" && known.contains(&"tag") => "write for example `tag.kind=page`".to_owned(),
        [only] => format!("they can be by `{only}`"),
        _ => {
            let more = if known.contains(&"tag") { "; a tag `kind` is written `tag.kind`" } else { "" };
            let plain: Vec<_> = known.iter().copied().filter(|key| *key != "tag").collect();
            format!("they can be by {}{more}", either(&plain))
        }
    };
    let reason = match key {
        "" => "the name of a filter is missing".to_owned(),
        key => format!("{noun}s can't be chosen by `{key}`"),
    };
    cursor.error_at(start, reason, advice)
}

fn aggregate(cursor: &mut Cursor<'_>, metric: Metric) -> Result<Aggregate, ThresholdError> {
    let start = cursor.position();
    let word = cursor.take(|c| is_word(c) || c == '.');
    let known = FIGURES.iter().find(|(name, _)| *name == word).map(|(_, aggregate)| *aggregate);
    let found = match word.strip_prefix('p').filter(|_| known.is_none()) {
        Some(digits) => Some(Aggregate::Of(percentile(cursor, start, digits)?)),
        None if word.is_empty() => default_figure(metric),
        None => known,
    };
    let offered = found.filter(|figure| unit(metric, *figure).is_some());
    offered.ok_or_else(|| {
        let reason = match word {
            "" => "the figure is missing".to_owned(),
            word => format!("`{word}` is no figure of this metric"),
        };
        cursor.error_at(start, reason, format!("write {}", figures(metric)))
    })
}

/// `95` of `p95`, or `(95)` where nothing stands after the `p`.
fn percentile(cursor: &mut Cursor<'_>, start: usize, digits: &str) -> Result<Figure, ThresholdError> {
    let in_brackets = digits.is_empty() && cursor.eat("(");
    let digits = if in_brackets { cursor.take(|c| c.is_ascii_digit() || c == '.') } else { digits };
    let closed = !in_brackets || cursor.eat(")");
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = closed && plain(whole) && plain(fraction) && fraction.len() <= 2 && !whole.is_empty();
    let hundredths =
        format!("{whole}{fraction:0<2}").parse().ok().filter(|hundredths| (1..=10_000).contains(hundredths));
    hundredths.filter(|_| shaped).map(Figure::Percentile).ok_or_else(|| {
        let reason = "a percentile is above 0 and up to 100, with two decimals at the most";
        cursor.error_at(start, reason, "write for example `p95`, `p99.9` or `p(95)`")
    })
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, ThresholdError> {
    let found = COMPARISONS.iter().find(|(sign, _)| cursor.eat(sign));
    found
        .map(|(_, comparison)| *comparison)
        .ok_or_else(|| cursor.error("an operator is missing", "write one of `<`, `<=`, `>`, `>=`, `==` and `!=`"))
}

fn bound(cursor: &mut Cursor<'_>, metric: Metric, figure: Aggregate) -> Result<(f64, ThresholdUnit), ThresholdError> {
    let start = cursor.position();
    let text = cursor.take_value();
    if text.is_empty() {
        return Err(cursor.error("a value is missing", "write it after the operator"));
    }
    let unit = match unit(metric, figure) {
        Some(ThresholdUnit::Number) if figure == Aggregate::Rate && text.ends_with('%') => ThresholdUnit::Share,
        Some(ThresholdUnit::Number) if figure == Aggregate::Rate && text.contains('/') => ThresholdUnit::PerSecond,
        unit => unit.unwrap_or(ThresholdUnit::Number),
    };
    value::read(text, unit)
        .map(|bound| (bound, unit))
        .map_err(|(reason, advice)| cursor.error_at(start, reason, advice))
}

fn window(cursor: &mut Cursor<'_>) -> Result<Option<Duration>, ThresholdError> {
    if !cursor.eat_keyword("over") {
        return Ok(None);
    }
    let (start, window) = duration(cursor, "over")?;
    if window.is_zero() || window.subsec_nanos() != 0 || window > LONGEST_WINDOW {
        let reason = "a window is of whole seconds, from 1s to 10m, since it is judged once a second";
        return Err(cursor.error_at(start, reason, "write for example `over 10s`"));
    }
    Ok(Some(window))
}

fn abort(cursor: &mut Cursor<'_>) -> Result<Option<Duration>, ThresholdError> {
    if !cursor.eat_keyword("abort") {
        return Ok(None);
    }
    if !cursor.eat_keyword("after") {
        return Ok(Some(Duration::ZERO));
    }
    duration(cursor, "abort after").map(|(_, delay)| Some(delay))
}

/// A length of time, and where it stands.
fn duration(cursor: &mut Cursor<'_>, keyword: &str) -> Result<(usize, Duration), ThresholdError> {
    let start = cursor.position();
    let value = cursor.take_value();
    if value.is_empty() {
        return Err(cursor.error("a time is missing", format!("write for example `{keyword} 30s`")));
    }
    let read = parse_duration(value).map_err(value::said);
    read.map(|time| (start, time)).map_err(|(reason, advice)| cursor.error_at(start, reason, advice))
}

#[cfg(test)]
mod tests;
