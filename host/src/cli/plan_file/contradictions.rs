//! Keys of one place that don't go together.

use super::keys::Keys;
use super::mistakes::Mistake;
use super::settings::{Place, Settings};

/// What contradicts each other, and what is of no use without something that is missing.
pub(super) fn contradictions(keys: &Keys, settings: &Settings) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let all: Vec<_> = settings.0.iter().collect();
    for (number, (one, setting)) in all.iter().enumerate() {
        for (other, other_setting) in &all[..number] {
            if keys.conflict(one, other) && !is_off(settings, one) && !is_off(settings, other) {
                mistakes.push(contradiction((one, setting.place), (other, other_setting.place)));
            }
        }
        for missing in keys.required_by(one, settings).iter().filter(|missing| !settings.has(missing)) {
            mistakes
                .push(Mistake::new(setting.place, format!("`{one}` is of no use without `{missing}`; give that too")));
        }
    }
    mistakes
}

/// Whether it is a switch that is off.
fn is_off(settings: &Settings, key: &str) -> bool {
    settings.get(key).is_some_and(|setting| setting.values.iter().all(|text| text == "false"))
}

/// The later one of the two contradicts the other.
fn contradiction(one: (&str, Place), other: (&str, Place)) -> Mistake {
    let ((later, place), (earlier, before)) = if one.1 > other.1 { (one, other) } else { (other, one) };
    match (before, place) {
        // The line that is told is the file's.
        (Place::File(_), Place::CommandLine) => {
            Mistake::new(before, format!("`{earlier}` contradicts --{later}; leave one of them out")).beside(place)
        }
        _ => Mistake::new(place, format!("`{later}` contradicts `{earlier}`; leave one of them out")).beside(before),
    }
}
