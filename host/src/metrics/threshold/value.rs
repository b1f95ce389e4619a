//! The values that a rule compares with.

use std::ops::RangeInclusive;

use super::ThresholdUnit;
use super::filter::Pattern;
use crate::units::{UnitError, parse_duration, parse_rate};

/// What is wrong with a value, and what to try.
pub(super) type Wrong = (String, String);

/// Reads a value of that unit.
pub(super) fn read(value: &str, unit: ThresholdUnit) -> Result<f64, Wrong> {
    match unit {
        ThresholdUnit::Seconds => time(value),
        ThresholdUnit::Share => share(value),
        ThresholdUnit::PerSecond => parse_rate(value).map(|rate| rate.per_second()).map_err(said),
        ThresholdUnit::Count => {
            let count = number(value).filter(|count| *count >= 0.0 && count.fract() == 0.0);
            count.ok_or_else(|| ("this is no count".to_owned(), "write a whole number".to_owned()))
        }
        ThresholdUnit::Number => number(value).ok_or_else(|| {
            let advice = "write one such as 10 or 2.5; the values of a scenario's metrics have no unit";
            ("this is no number".to_owned(), advice.to_owned())
        }),
    }
}

/// In seconds. A bare number would be seconds here and milliseconds in other tools, so it is refused.
fn time(value: &str) -> Result<f64, Wrong> {
    if number(value).is_some() {
        return Err(("a time wants its unit".to_owned(), format!("write `{value}ms` or `{value}s`")));
    }
    parse_duration(value).map(|time| time.as_secs_f64()).map_err(said)
}

fn share(value: &str) -> Result<f64, Wrong> {
    let percent = value.strip_suffix('%').map(str::trim_end);
    // Shifting the decimal point in the text gives the number nearest to it, as dividing by 100 does not.
    let read = match percent {
        Some(percent) if number(percent).is_some() => number(&format!("{percent}e-2")),
        Some(_) => None,
        None => number(value),
    };
    match read {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Some(_) if percent.is_none() && number(value).is_some_and(|number| (0.0..=100.0).contains(&number)) => {
            Err(("a share is from 0 to 1, or in percent".to_owned(), format!("write `{value} %`")))
        }
        _ => Err(("this is no share".to_owned(), "write it in percent, such as `1 %`, or from 0 to 1".to_owned())),
    }
}

fn number(value: &str) -> Option<f64> {
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What a parser of units said.
pub(super) fn said(error: UnitError) -> Wrong {
    match error {
        UnitError::Malformed { what, reason, examples, .. } => {
            // Bare numbers are not taken here, though they would be elsewhere.
            let examples = examples.split(", or ").next().unwrap_or(examples);
            (format!("this is no {what}: {reason}"), format!("write for example {examples}"))
        }
        UnitError::TooLarge { most, .. } => (format!("it is above {most}"), "write less".to_owned()),
    }
}

/// Reads a status, or a class of them.
pub(super) fn status(pattern: &Pattern) -> Option<RangeInclusive<u16>> {
    let text = pattern.text();
    let class = if pattern.has_any_rest() { Some(text) } else { text.strip_suffix("xx") };
    match class {
        Some(digit) => match digit.as_bytes() {
            [digit @ b'1'..=b'9'] => {
                let class = u16::from(digit - b'0') * 100;
                Some(class..=class + 99)
            }
            _ => None,
        },
        None => text.parse().ok().filter(|code| matches!(code, 0 | 100..=999)).map(|code| code..=code),
    }
}
