//! What a reader should know before believing the figures, in words: what it means, and what to try.

use crate::metrics::{Summary, Warning};
use crate::report::words::{Look, Tone, paint, plural, wrap};
use crate::units::{show_count, show_duration, show_share};

/// The section of all warnings.
pub(super) fn section(summary: &Summary, look: &Look) -> String {
    if summary.warnings.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", paint("Warnings", Tone::Strong, look.color));
    for warning in &summary.warnings {
        let (meaning, advice) = words(warning);
        let lines = wrap(&format!("{meaning}. Try: {advice}."), look.width.saturating_sub(4));
        for (at, line) in lines.iter().enumerate() {
            let mark = if at == 0 { "!" } else { " " };
            text.push_str(&format!("  {} {line}\n", paint(mark, Tone::Caution, look.color)));
        }
    }
    text
}

/// What a warning means, and what to try; neither with a final period.
pub fn words(warning: &Warning) -> (String, String) {
    let (meaning, advice) = match warning {
        Warning::GeneratorSaturated { busy_share } => return saturated(*busy_share),
        Warning::NamesOverLimit { what, limit } => return names_over_limit(what, *limit),
        Warning::OpenFileLimit { limit, needed } => (
            format!("{} may be open at a time, but this run may need {}", plural(*limit, "file"), show_count(*needed)),
            format!("`ulimit -n {needed}` in the shell before the run, or fewer VUs"),
        ),
        Warning::VusFailed { count } => (
            format!("{} failed and stopped early, so the load was lower than planned", plural(*count, "VU")),
            "the failures of `start` and the traps above, which say why".to_owned(),
        ),
        Warning::IterationsDropped { count, missed } => return iterations_dropped(*count, *missed),
        Warning::RequestsDenied { count } => (
            format!("{} {} not sent, because the run does not allow them", plural(*count, "request"), was(*count)),
            "the failures above, which say why, and what would allow each".to_owned(),
        ),
        Warning::RequestsHeldBack { count, waited } => (
            format!(
                "{} waited {} in all because of the bound on the rate of requests, so the load was lower than without it",
                plural(*count, "request"),
                show_duration(*waited)
            ),
            "a greater `--max-rps` or `--max-rps-per-host`, or fewer VUs".to_owned(),
        ),
        Warning::VusHeldBack { turns, waited } => (
            format!(
                "VUs waited {} in all, {}, because their guests computed so much that the other VUs of their thread would have waited for it",
                show_duration(*waited),
                plural(*turns, "time")
            ),
            "more `--threads` or cores, or a scenario that computes less for each request".to_owned(),
        ),
        Warning::LogLinesDropped { count } => (
            format!("{} of the scenarios were dropped, because they came too fast", plural(*count, "log line")),
            "logging less, or only what failed".to_owned(),
        ),
        Warning::ThreadsLost { count } => (
            format!("{} of the load died of a bug in wasmload, together with the VUs there", plural(*count, "thread")),
            "the message on standard error, in a report to wasmload's developers".to_owned(),
        ),
        Warning::GracefulStopElapsed { iterations } => (
            format!("{} had not ended when the graceful stop was over", plural(*iterations, "iteration")),
            "a longer graceful stop, or shorter iterations".to_owned(),
        ),
        Warning::TimesClamped { count, limit } => (
            format!(
                "{} {} above {}, where percentiles stop telling times apart",
                plural(*count, "time"),
                was(*count),
                show_duration(*limit)
            ),
            "reading the mean and the greatest time, which are exact, and a shorter timeout".to_owned(),
        ),
        Warning::ExchangesNotKept { kept, left_out, too_fast, over_size } => {
            return exchanges_not_kept(*kept, *left_out, *too_fast, *over_size);
        }
        Warning::NoRequests => (
            "no request was made".to_owned(),
            "a longer run, and a look at what the scenario does before its first request".to_owned(),
        ),
    };
    (meaning, advice)
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn saturated(busy_share: f64) -> (String, String) {
    let share = show_share((busy_share.clamp(0.0, 1.0) * 1e4).round() as u64, 10_000);
    (
        format!("a thread of wasmload had no time left in {share} of the run, so these may be its own limits and not the target's"),
        "fewer VUs or a lower rate, more cores, a machine apart from the target, or `discard-body` where no body is read".to_owned(),
    )
}

fn iterations_dropped(count: u64, missed: u64) -> (String, String) {
    let (iterations, lower) = (plural(count, "iteration"), "so the load was lower than planned");
    match (count.saturating_sub(missed), missed) {
        (_, 0) => (
            format!("{iterations} had no free VU when due, {lower}"),
            "a greater `--max-vus`, a lower rate, or shorter iterations".to_owned(),
        ),
        (0, _) => (
            format!("{iterations} never began because threads of wasmload had fallen behind, {lower}"),
            "more cores, or a lower rate".to_owned(),
        ),
        (without_vu, missed) => (
            format!(
                "{iterations} never began, {} for want of a free VU and {} because threads of wasmload had fallen behind, {lower}",
                show_count(without_vu),
                show_count(missed)
            ),
            "a greater `--max-vus` for the former, more cores for the latter, a lower rate for both".to_owned(),
        ),
    }
}

fn exchanges_not_kept(kept: u64, left_out: u64, too_fast: u64, over_size: u64) -> (String, String) {
    let (kept, left_out_shown, verb) = (plural(kept, "exchange"), show_count(left_out), was(left_out));
    let mut meaning = if too_fast == 0 {
        format!("the HAR file has the first {kept}; {left_out_shown} more {verb} left out")
    } else {
        format!(
            "the HAR file has {kept}; {left_out_shown} {verb} left out, {} of them between those, as they came faster than they could be written",
            show_count(too_fast)
        )
    };
    if over_size > 0 {
        meaning.push_str(&format!(", {} for want of room in the file", show_count(over_size)));
    }
    let advice = match (left_out > too_fast + over_size, too_fast > 0 || over_size > 0) {
        (true, true) => "a greater `--har-entries`, and fewer `--har-users` or smaller bodies",
        (false, true) => "fewer `--har-users`, or smaller bodies",
        (_, false) => "a greater `--har-entries`",
    };
    (meaning, advice.to_owned())
}

fn names_over_limit(what: &str, limit: usize) -> (String, String) {
    let advice = match what {
        "requests" => "giving requests with an id in their URL a `name` without it, for example `/orders/:id`",
        "failure reasons" => "reasons without ids, times and numbers that change",
        "traps" => "repairing the traps above first",
        _ => "names without ids and numbers that change",
    };
    let limit = show_count(limit as u64);
    (
        format!("there were more than {limit} different {what}, and the rest is counted under `(other)`"),
        advice.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_warning_says_what_it_means_and_what_to_try() {
        let all: Vec<(String, String)> = fixture::every_warning().iter().map(words).collect();
        for (at, (meaning, advice)) in all.iter().enumerate() {
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{meaning}");
            assert!(!advice.is_empty() && !advice.ends_with('.'), "{advice}");
            assert!(all[..at].iter().all(|(other, _)| other != meaning), "{meaning} twice");
        }
        let meaning = |kept, left_out, too_fast, over_size| exchanges_not_kept(kept, left_out, too_fast, over_size).0;
        assert_eq!(meaning(1, 1, 0, 0), "the HAR file has the first 1 exchange; 1 more was left out");
        let text = "the HAR file has the first 9 exchanges; 4 more were left out, 3 for want of room in the file";
        assert_eq!(meaning(9, 4, 0, 3), text);
        let text = "the HAR file has 9 exchanges; 4 were left out, 2 of them between those, as they came faster than they could be written";
        assert_eq!(meaning(9, 4, 2, 0), text);
        let advice = |left_out, too_fast| exchanges_not_kept(9, left_out, too_fast, 0).1;
        assert_eq!(advice(4, 0), "a greater `--har-entries`");
        assert_eq!(advice(4, 4), "fewer `--har-users`, or smaller bodies");
        assert_eq!(advice(4, 3), "a greater `--har-entries`, and fewer `--har-users` or smaller bodies");
        let lower = "so the load was lower than planned";
        let behind = "because threads of wasmload had fallen behind";
        let of_both = format!("1,300 iterations never began, 1,297 for want of a free VU and 3 {behind}, {lower}");
        assert_eq!(iterations_dropped(1_300, 3).0, of_both);
        let of_threads = format!("1,300 iterations never began {behind}, {lower}");
        assert_eq!(iterations_dropped(1_300, 1_300), (of_threads, "more cores, or a lower rate".to_owned()));
        assert_eq!(iterations_dropped(1, 0).0, format!("1 iteration had no free VU when due, {lower}"));
        assert!(saturated(0.000_1).0.contains("0.01 %"));
        assert!(names_over_limit("checks", 1_000).0.contains("more than 1,000 different checks"));
    }
}
