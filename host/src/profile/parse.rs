//! Loads as people write them on a command line or in a plan file: stages, spacing and think time.

use std::str::FromStr;

use super::{After, Arrivals, Curve, CurveError, Stage, Wait, wave};
use crate::units;

/// What a curve's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Numbers of virtual users: a load for the closed model.
    Users,
    /// Iterations a second: a load for the open model.
    Rate,
}

/// A load over time as it was written, and what its values are.
///
/// From text it is a list of stages, `TIME:TARGET`, set apart by commas: `30s:100,5m:100,30s:0` for virtual users,
/// `30s:100/s,5m:500/m` for rates; a target of 0 is either. Each goes evenly from the value before it to its target,
/// and one of no time (`0s:100`) jumps. `10m:100~50@2m` is a wave: around 100, 50 up and down, a full turn in 2
/// minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// What the values are.
    pub quantity: Quantity,
    /// The value at the start; none where it was not written, and is another setting's to say.
    pub start: Option<f64>,
    /// The stages; they take some time.
    pub stages: Vec<Stage>,
}

/// Why a text is not the load that it should be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// A stage of a list is malformed.
    #[error("read stage {number} of `{text}`: {what}")]
    Stage {
        /// Which one, from 1.
        number: usize,
        /// The list as given.
        text: String,
        /// What is wrong with it, and what to try.
        what: String,
    },
    /// A line of a file is malformed.
    #[error("read {file}, line {line}: {what}")]
    Line {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it, and what to try.
        what: String,
    },
    /// A file has nothing in it that is a load.
    #[error("read {0}: it has no rows; write a header line, a row for 0 and one for the end at least")]
    Empty(String),
    /// The values make no curve.
    #[error("read the load in {place}: {error}")]
    Curve {
        /// The list, or the file's name.
        place: String,
        /// Why not.
        #[source]
        error: CurveError,
    },
    /// No spacing of arrivals has that name.
    #[error("read `{0}` as the spacing of arrivals; give even or poisson")]
    Arrivals(String),
    /// A think time is malformed.
    #[error("read `{text}` as a think time: {what}")]
    Wait {
        /// The text as given.
        text: String,
        /// What is wrong with it, and what to try.
        what: String,
    },
}

impl Shape {
    /// The curve; it begins at `start` where the shape does not say itself at what.
    ///
    /// # Errors
    /// Where the start is no load.
    pub fn curve(&self, start: f64, after: After) -> Result<Curve, CurveError> {
        Curve::new(self.start.unwrap_or(start), &self.stages, after)
    }

    /// This shape, once it is known to make a curve.
    pub(super) fn checked(self, place: &str) -> Result<Shape, ProfileError> {
        match self.curve(0.0, After::Ends) {
            Ok(_) => Ok(self),
            Err(error) => Err(ProfileError::Curve { place: place.to_owned(), error }),
        }
    }
}

impl FromStr for Shape {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Shape, ProfileError> {
        let mut quantity = None;
        let mut stages = Vec::new();
        for (place, stage) in text.split(',').enumerate() {
            let read = read_stage(stage.trim(), &mut quantity);
            let fail = |what| ProfileError::Stage { number: place + 1, text: text.to_owned(), what };
            stages.extend(read.map_err(fail)?);
        }
        Shape { quantity: quantity.unwrap_or(Quantity::Users), start: None, stages }.checked(&format!("`{text}`"))
    }
}

/// Reads one stage of a list; several where it is a wave.
fn read_stage(text: &str, quantity: &mut Option<Quantity>) -> Result<Vec<Stage>, String> {
    const EXAMPLES: &str = "write TIME:TARGET, for example 30s:100 for virtual users or 30s:100/s for a rate";
    if text.is_empty() {
        return Err(format!("it is empty; {EXAMPLES}"));
    }
    let Some((time, target)) = text.split_once(':') else {
        let lacks = if text.contains('/') || text.parse::<f64>().is_ok() { "time" } else { "target" };
        return Err(format!("`{text}` has no {lacks}; {EXAMPLES}"));
    };
    let length = units::parse_duration(time.trim()).map_err(|error| error.to_string())?;
    let mut value = |text: &str| read_value(text.trim(), quantity);
    let Some((mean, swing)) = target.split_once('~') else {
        return Ok(vec![Stage { length, target: value(target)? }]);
    };
    let (swing, period) = swing
        .split_once('@')
        .ok_or_else(|| format!("the wave `{target}` has no period; write MEAN~SWING@PERIOD, for example 100~50@2m"))?;
    let period = units::parse_duration(period.trim()).map_err(|error| error.to_string())?;
    wave::stages(length, value(mean)?, value(swing)?, period)
}

/// Reads a number of virtual users or a rate, whichever the values before it were.
fn read_value(text: &str, quantity: &mut Option<Quantity>) -> Result<f64, String> {
    let (value, found) = if text.contains('/') {
        let rate = units::parse_rate(text).map_err(|error| error.to_string())?;
        (rate.per_second(), Quantity::Rate)
    } else {
        (read_users(text).map_err(|what| what + ", or 100/s for a rate")?, Quantity::Users)
    };
    // Nobody is also no rate.
    if found == Quantity::Users && value == 0.0 {
        return Ok(value);
    }
    match (*quantity.get_or_insert(found), found) {
        (Quantity::Users, Quantity::Rate) => Err(format!(
            "`{text}` is a rate, but the stages before have numbers of virtual users; give all of them a rate, or none"
        )),
        (Quantity::Rate, Quantity::Users) => Err(format!(
            "`{text}` is a number of virtual users, but the stages before have rates; write for example {text}/s"
        )),
        _ => Ok(value),
    }
}

/// Reads a number of virtual users: digits, and perhaps a fraction.
pub(super) fn read_users(text: &str) -> Result<f64, String> {
    let is_plain = text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
    let number = text.replace('_', "").parse().ok().filter(|_| is_plain);
    number.ok_or_else(|| format!("`{text}` is no number of virtual users; write for example 100"))
}

impl FromStr for Arrivals {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Arrivals, ProfileError> {
        match text {
            "even" => Ok(Arrivals::Even),
            "poisson" => Ok(Arrivals::Poisson),
            _ => Err(ProfileError::Arrivals(text.to_owned())),
        }
    }
}

/// `2s` for a constant think time, `1s..3s` for one that is drawn evenly between the two.
impl FromStr for Wait {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Wait, ProfileError> {
        let fail = |what| ProfileError::Wait { text: text.to_owned(), what };
        let time = |text: &str| units::parse_duration(text.trim()).map_err(|error| fail(error.to_string()));
        let Some((least, most)) = text.split_once("..") else {
            if let Some((least, most)) = text.split_once('-').filter(|(least, _)| !least.trim().is_empty()) {
                return Err(fail(format!("a range has two points in it; write {}..{}", least.trim(), most.trim())));
            }
            let constant = time(text)?;
            return Ok(if constant.is_zero() { Wait::None } else { Wait::Constant(constant) });
        };
        let (least, most) = (time(least)?, time(most)?);
        if least > most {
            return Err(fail("the longer time comes first; give the shorter one first, for example 1s..3s".to_owned()));
        }
        Ok(Wait::Between(least, most))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{seconds, stage};
    use super::*;
    use std::time::Duration;

    fn stages(text: &str) -> (Quantity, Vec<Stage>) {
        let shape: Shape = text.parse().unwrap();
        assert_eq!(shape.start, None);
        (shape.quantity, shape.stages)
    }

    fn refused(text: &str) -> String {
        text.parse::<Shape>().unwrap_err().to_string()
    }

    #[test]
    fn stages_are_of_virtual_users_or_of_rates() {
        let ramp = vec![stage(30, 100.0), stage(300, 100.0), stage(30, 0.0)];
        assert_eq!(stages("30s:100,5m:100,30s:0"), (Quantity::Users, ramp.clone()));
        assert_eq!(stages(" 30s : 100 , 5m:1_00,\n30 : 0"), (Quantity::Users, ramp.clone()));
        assert_eq!(stages("30s:100/s,5m:6000/m,30s:0"), (Quantity::Rate, ramp.clone()));
        assert_eq!(stages("30s:0,30s:360k/h"), (Quantity::Rate, vec![stage(30, 0.0), ramp[0]]));
        assert_eq!(stages("0s:5,1s:5"), (Quantity::Users, vec![stage(0, 5.0), stage(1, 5.0)]));
        assert_eq!(stages("1s:0").0, Quantity::Users);
    }

    #[test]
    fn a_shape_begins_where_it_is_told_to_unless_it_says_so_itself() {
        let mut shape: Shape = "10s:100".parse().unwrap();
        assert_eq!(shape.curve(50.0, After::Ends).unwrap().value_at(seconds(5)), 75.0);
        shape.start = Some(0.0);
        let curve = shape.curve(50.0, After::Stays).unwrap();
        assert_eq!((curve.value_at(seconds(5)), curve.value_at(seconds(50))), (50.0, 100.0));
        shape.start = None;
        assert_eq!(shape.curve(-1.0, After::Ends), Err(CurveError::Value(-1.0)));
    }

    #[test]
    fn a_malformed_stage_is_named_with_what_to_write() {
        let form = "write TIME:TARGET, for example 30s:100 for virtual users or 30s:100/s for a rate";
        for (text, number, what) in [
            ("", 1, format!("it is empty; {form}")),
            ("30s:1,,5s:2", 2, format!("it is empty; {form}")),
            ("30s:1,", 2, format!("it is empty; {form}")),
            ("30s:1,5m", 2, format!("`5m` has no target; {form}")),
            ("100", 1, format!("`100` has no time; {form}")),
            ("30s:1/s,100/s", 2, format!("`100/s` has no time; {form}")),
            ("1s:ten", 1, "`ten` is no number of virtual users; write for example 100, or 100/s for a rate".into()),
            ("1s:", 1, "`` is no number of virtual users; write for example 100, or 100/s for a rate".into()),
            ("1s:-5", 1, "`-5` is no number of virtual users; write for example 100, or 100/s for a rate".into()),
            ("1s:inf", 1, "`inf` is no number of virtual users; write for example 100, or 100/s for a rate".into()),
            ("1s:9~5", 1, "the wave `9~5` has no period; write MEAN~SWING@PERIOD, for example 100~50@2m".into()),
            (
                "1s:5,1s:0,9s:5/s",
                3,
                "`5/s` is a rate, but the stages before have numbers of virtual users; give all of them a rate, or none"
                    .into(),
            ),
            (
                "1s:5/s,9s:7",
                2,
                "`7` is a number of virtual users, but the stages before have rates; write for example 7/s".into(),
            ),
        ] {
            assert_eq!(refused(text), format!("read stage {number} of `{text}`: {what}"));
        }
        let time = refused("30s:1,5parsecs:2");
        assert!(time.starts_with("read stage 2 of `30s:1,5parsecs:2`: read `5parsecs` as a duration: "), "{time}");
        let rate = refused("5s:2/d");
        assert!(rate.starts_with("read stage 1 of `5s:2/d`: read `2/d` as a rate: `d` is no period"), "{rate}");
    }

    #[test]
    fn stages_that_make_no_curve_are_refused() {
        assert_eq!(
            refused("0s:5"),
            "read the load in `0s:5`: follow stages that take no time at all; give one of them a length, for example 30s"
        );
        assert!(refused("1s:99999999999999999999").ends_with("; give a number from 0 to 10^15"));
        assert!(refused("500y:1").contains("`y` is no unit of it"));
    }

    #[test]
    fn waits_and_spacings_are_read() {
        let wait = |text: &str| text.parse::<Wait>().map_err(|error| error.to_string());
        assert_eq!(wait("0s"), Ok(Wait::None));
        assert_eq!(wait("1m30s"), Ok(Wait::Constant(seconds(90))));
        assert_eq!(wait("500ms .. 3s"), Ok(Wait::Between(Duration::from_millis(500), seconds(3))));
        assert_eq!(
            wait("3s..1s").unwrap_err(),
            "read `3s..1s` as a think time: the longer time comes first; give the shorter one first, for example 1s..3s"
        );
        assert_eq!(wait("1-3").unwrap_err(), "read `1-3` as a think time: a range has two points in it; write 1..3");
        assert!(
            wait("1s..").unwrap_err().starts_with("read `1s..` as a think time: read `` as a duration: it is empty")
        );
        assert_eq!("even".parse(), Ok(Arrivals::Even));
        assert_eq!("poisson".parse(), Ok(Arrivals::Poisson));
        let unknown = "random".parse::<Arrivals>().unwrap_err().to_string();
        assert_eq!(unknown, "read `random` as the spacing of arrivals; give even or poisson");
    }
}
