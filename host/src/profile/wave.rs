//! A sine wave as stages.

use std::f64::consts::TAU;
use std::time::Duration;

use super::Stage;

/// Straight pieces of a full turn. The wave's peaks and slopes are met exactly; in between it lies 0.14 % of the swing
/// off at the most. Over whole turns its area is exactly that of the mean.
const PIECES: u32 = 60;

/// The most turns of one wave, which bounds what a stage's text may take of memory.
const MOST_TURNS: u128 = 10_000;

/// The stages of a wave around `mean`, `swing` up and down, with a full turn in each `period`; it begins at the mean,
/// upwards.
///
/// # Errors
/// Where it would go below 0, has no period, or has too many turns: what is wrong, and what to try.
pub(super) fn stages(length: Duration, mean: f64, swing: f64, period: Duration) -> Result<Vec<Stage>, String> {
    if swing > mean {
        return Err("the wave goes below 0; give a swing that is not above the mean".to_owned());
    }
    if period.is_zero() {
        return Err("the wave has no period; give the time of a full turn, for example 2m".to_owned());
    }
    if length.as_nanos() / period.as_nanos() >= MOST_TURNS {
        return Err(format!("the wave has more than {MOST_TURNS} turns; give a longer period, or a shorter stage"));
    }
    let mut stages = vec![Stage { length: Duration::ZERO, target: mean }];
    let mut last = Duration::ZERO;
    for corner in 1.. {
        if last >= length {
            break;
        }
        let at = corner_at(corner, period).min(length);
        let turns = at.as_secs_f64() / period.as_secs_f64();
        stages.push(Stage { length: at - last, target: (mean + swing * (TAU * turns.fract()).sin()).max(0.0) });
        last = at;
    }
    Ok(stages)
}

/// The time of a corner, from the start of the wave. It is rounded on its own, so corners don't drift.
fn corner_at(corner: u32, period: Duration) -> Duration {
    let (turns, piece) = (corner / PIECES, corner % PIECES);
    period * turns + Duration::from_nanos((period.as_nanos() * u128::from(piece) / u128::from(PIECES)) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::seconds;
    use super::super::{After, Curve, Quantity, Shape};
    use super::*;

    #[test]
    fn a_wave_follows_the_sine_and_its_mean_is_its_area() {
        let shape: Shape = "4m:100~50@2m".parse().unwrap();
        assert_eq!(shape.quantity, Quantity::Users);
        let curve = shape.curve(0.0, After::Ends).unwrap();
        assert_eq!(curve.length(), Some(seconds(240)));
        for second in 0..240 {
            let sine = 100.0 + 50.0 * (TAU * second as f64 / 120.0).sin();
            let value = curve.value_at(seconds(second));
            assert!((value - sine).abs() < 50.0 * 0.0014, "{value} for {sine} at {second} s");
        }
        assert!((curve.greatest() - 150.0).abs() < 1e-9);
        assert!((curve.area_until(seconds(240)).as_f64() - 24_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_wave_may_end_anywhere_and_touch_nothing() {
        let shape: Shape = "100s:6/m~6/m@40s,10s:0".parse().unwrap();
        assert_eq!(shape.quantity, Quantity::Rate);
        let curve = shape.curve(0.0, After::Ends).unwrap();
        assert_eq!(curve.length(), Some(seconds(110)));
        assert!(curve.value_at(seconds(30)).abs() < 1e-9 && (curve.value_at(seconds(10)) - 0.2).abs() < 1e-9);
        // Two and a half turns later it is at its mean again.
        assert!((curve.value_at(seconds(100)) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn corners_do_not_drift_where_the_period_has_no_whole_part_of_nanoseconds() {
        let period = Duration::from_nanos(7_001);
        assert!((0..100).all(|turn| corner_at(turn * PIECES, period) == period * turn));
        let stages = stages(Duration::from_nanos(70_007), 1.0, 1.0, period).unwrap();
        assert_eq!(stages.iter().map(|stage| stage.length).sum::<Duration>(), Duration::from_nanos(70_007));
        assert!(Curve::new(0.0, &stages, After::Ends).is_ok());
    }

    #[test]
    fn a_wave_that_cannot_be_is_refused_with_what_to_try() {
        let refused = |text: &str| text.parse::<Shape>().unwrap_err().to_string();
        assert_eq!(
            refused("1m:10~20@5s"),
            "read stage 1 of `1m:10~20@5s`: the wave goes below 0; give a swing that is not above the mean"
        );
        assert!(refused("1m:10~2@0s").ends_with("has no period; give the time of a full turn, for example 2m"));
        assert!(refused("1d:10~2@1s").ends_with("more than 10000 turns; give a longer period, or a shorter stage"));
    }
}
