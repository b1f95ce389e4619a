//! A load over time, drawn in characters.

use std::time::Duration;

use super::Quantity;
use crate::units;

/// How large a picture is, and with which characters it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Columns that a line may take, labels included; below 30 counts as 30. Default: 80.
    pub width: usize,
    /// Lines above the axis of time; below 2 counts as 2. Default: 10.
    pub height: usize,
    /// Whether the reader can see more than ASCII. Default: yes.
    pub unicode: bool,
}

impl Default for Frame {
    fn default() -> Frame {
        Frame { width: 80, height: 10, unicode: true }
    }
}

/// The characters of a picture.
struct Ink {
    /// From nothing to a full line, in even steps.
    blocks: &'static [char],
    side: char,
    label: char,
    corner: char,
    floor: char,
    tick: char,
}

const BLOCKS: Ink = Ink {
    blocks: &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    side: '│',
    label: '┤',
    corner: '└',
    floor: '─',
    tick: '┬',
};
const ASCII: Ink = Ink { blocks: &[' ', '.', ':', '#'], side: '|', label: '+', corner: '+', floor: '-', tick: '+' };

/// Draws a load from its start to `until`, with its values at the left and times below. `greatest` tells the greatest
/// value between two times. Each column shows that of its time, so that no peak is lost, and what is above 0 shows
/// however little it is.
pub(super) fn draw(
    greatest: impl Fn(Duration, Duration) -> f64,
    quantity: Quantity,
    until: Duration,
    frame: Frame,
) -> String {
    let ink = if frame.unicode { &BLOCKS } else { &ASCII };
    let height = frame.height.max(2);
    let gutter = gutter(&value_labels(greatest(Duration::ZERO, until), height, quantity));
    let width = frame.width.max(30).saturating_sub(gutter + 2).max(10);
    let time = |column: usize| until.mul_f64(column as f64 / width as f64);
    let values: Vec<f64> = (0..width).map(|column| greatest(time(column), time(column + 1))).collect();
    // Not the greatest value of the whole time, which may be a bound that no part of it comes to.
    let peak = values.iter().copied().fold(0.0, f64::max);
    let labels = value_labels(peak, height, quantity);
    let levels = levels(&values, peak, height * (ink.blocks.len() - 1));
    let mut lines: Vec<String> = labels
        .iter()
        .enumerate()
        .map(|(line, label)| {
            let floor = (height - 1 - line) * (ink.blocks.len() - 1);
            let blocks = levels.iter().map(|level| ink.blocks[level.saturating_sub(floor).min(ink.blocks.len() - 1)]);
            let side = if label.is_empty() { ink.side } else { ink.label };
            format!("{label:>gutter$} {side}{}", blocks.collect::<String>())
        })
        .collect();
    let (axis, times) = time_axis(until, width, ink);
    lines.push(format!("{:>gutter$} {}{axis}", 0, ink.corner));
    lines.push(format!("{:>gutter$}  {times}", ""));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// How many blocks are filled in each column, of `most`.
fn levels(values: &[f64], peak: f64, most: usize) -> Vec<usize> {
    let level = |&value: &f64| match value {
        value if value > 0.0 => ((value / peak * most as f64).round() as usize).clamp(1, most),
        _ => 0,
    };
    values.iter().map(level).collect()
}

/// How many columns labels take.
fn gutter(labels: &[String]) -> usize {
    labels.iter().map(String::len).max().unwrap_or(0)
}

/// A label for each line: the peak at the topmost, its half in the middle where that is a line's upper edge.
fn value_labels(peak: f64, height: usize, quantity: Quantity) -> Vec<String> {
    let unit = if quantity == Quantity::Rate { "/s" } else { "" };
    let label = |value: f64| format!("{}{unit}", units::show_number(value));
    let mut labels = vec![String::new(); height];
    if peak > 0.0 {
        labels[0] = label(peak);
        // Half a virtual user would be no help.
        if height >= 4 && height.is_multiple_of(2) && (quantity == Quantity::Rate || peak % 2.0 == 0.0) {
            labels[height / 2] = label(peak / 2.0);
        }
    }
    labels
}

/// The axis of time, and the labels below it: even times, and the end at the right.
fn time_axis(until: Duration, width: usize, ink: &Ink) -> (String, String) {
    let mut axis = vec![ink.floor; width];
    let mut labels = vec![' '; width];
    let end = units::exact_duration(until);
    let mut write = |column: usize, label: &str| {
        for (place, character) in label.chars().enumerate().take_while(|(place, _)| column + place < width) {
            labels[column + place] = character;
        }
    };
    let last = width.saturating_sub(end.len());
    write(last, &end);
    axis[width - 1] = ink.tick;
    let step = tick_step(until, width / 10);
    for number in 0.. {
        let at = step.saturating_mul(number);
        let label = units::exact_duration(at);
        let column = (at.as_secs_f64() / until.as_secs_f64() * width as f64).round() as usize;
        if at >= until || column + label.len() >= last {
            break;
        }
        axis[column] = ink.tick;
        write(column, &label);
    }
    (axis.into_iter().collect(), labels.into_iter().collect())
}

/// The smallest time that people count in of which no more than `most` fit.
fn tick_step(until: Duration, most: usize) -> Duration {
    const LONG: [u64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200];
    let fits = |step: &Duration| until.as_nanos() <= step.as_nanos() * most.max(1) as u128;
    let short = (0..9).flat_map(|power| [1, 2, 5].map(|digit| Duration::from_nanos(digit * 10_u64.pow(power))));
    let long = LONG.map(Duration::from_secs);
    let days = (0..18).map(|power| Duration::from_secs(86_400 << power));
    short.chain(long).chain(days).find(fits).unwrap_or(until)
}

#[cfg(test)]
mod tests {
    use super::super::testing::open;
    use super::super::{After, Arrivals, ClosedModel, Curve, Deal, Model, OpenModel, Shape};
    use super::*;

    fn draw(text: &str, width: usize, height: usize, unicode: bool) -> String {
        let shape: Shape = text.parse().unwrap();
        let curve = shape.curve(0.0, After::Ends).unwrap();
        let greatest = |from, until| curve.greatest_between(from, until);
        let frame = Frame { width, height, unicode };
        format!("\n{}", super::draw(greatest, shape.quantity, curve.length().unwrap(), frame))
    }

    #[test]
    fn a_ramp_is_drawn_in_eighths_of_a_line() {
        let expected = "
100 ┤  ▆████████████████████████████████▆
    │ ▄██████████████████████████████████▄
 50 ┤▂████████████████████████████████████▂
    │██████████████████████████████████████
  0 └┬────────────┬───────────┬───────────┬
     0s           2m          4m         6m
";
        assert_eq!(draw("30s:100,5m:100,30s:0", 43, 4, true), expected);
    }

    #[test]
    fn in_ascii_a_line_has_three_steps() {
        let expected = "
100/s +  :##:::...
      | .############:::...
 50/s +.######################:::...
      |################################:::.
    0 ++------------+------------+--------+
       0s           2m           4m   5m30s
";
        assert_eq!(draw("30s:100/s,5m:500/m", 43, 4, false), expected);
    }

    #[test]
    fn a_spike_shorter_than_a_column_and_little_load_are_seen() {
        let expected = "
1,000 ┤                █
      │▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
    0 └┬───────────────┬───────────────┬
       0s              1h           2h1s
";
        assert_eq!(draw("1h:1,0s:1000,1s:1000,0s:1,1h:1", 40, 2, true), expected);
    }

    #[test]
    fn no_load_and_an_endless_one_are_drawn_for_the_time_asked() {
        let frame = Frame { width: 40, height: 2, unicode: true };
        let none = "
 │
 │
0 └┬──────────────────┬─────────────────┬
  0s                 10ms           20ms
";
        assert_eq!(draw("20ms:0", 40, 2, true), none);
        let endless = Model::Closed(ClosedModel::constant(7)).picture(Duration::from_secs(60), frame);
        let expected = "7 ┤█".to_owned() + &"█".repeat(36) + "\n";
        assert!(endless.starts_with(&expected) && endless.ends_with("1m\n"), "{endless}");
    }

    #[test]
    fn a_model_shows_its_own_part_until_its_end_and_how_it_is_started() {
        let (minute, frame) = (Duration::from_secs(60), Frame { width: 40, height: 2, unicode: false });
        let drawn = |model: &Model, until| format!("\n{}", model.picture(until, frame));
        let deal = Deal::new(&[70, 30], 0).unwrap();
        let closed = ClosedModel { run_time: Some(minute), spawn_rate: Some(1.0), deal, ..ClosedModel::constant(30) };
        let started = "
21 +     .::##########
   |..:###############
 0 ++-----------------+----------------+
    0s                1m              2m
";
        assert_eq!(drawn(&Model::Closed(closed.clone()), minute * 2), started);
        let slow = ClosedModel { run_time: Some(minute / 4), ..closed.clone() };
        assert!(drawn(&Model::Closed(slow), minute).starts_with("\n11 +"), "more of them never start");
        let rate = Curve::from(100);
        let model = OpenModel { run_time: Some(minute), deal: closed.deal, ..open(&rate, Arrivals::Even) };
        let rate = "
70/s +#################
     |#################
   0 ++----------------+---------------+
      0s               1m             2m
";
        assert_eq!(drawn(&Model::Open(model), minute * 2), rate);
    }

    #[test]
    fn lines_keep_to_the_width_for_every_length_and_value() {
        for power in 0..19 {
            for (digit, values) in [(1, "1"), (3, "123456/s"), (7, "0.001/s")] {
                let nanos = digit * 10_u64.pow(power);
                for width in [0, 31, 80, 200] {
                    let picture = draw(&format!("{nanos}ns:{values}"), width, 3, true);
                    let widest = picture.lines().map(|line| line.chars().count()).max();
                    assert!(widest <= Some(width.max(30)), "{picture}");
                    assert_eq!(picture.lines().count(), 6);
                }
            }
        }
    }
}
