//! Whether a change is more than noise, by the seconds of both runs.
//!
//! It owns when a change has a verdict, and which. What is judged is in `measure`, of which seconds in `seconds`, and
//! the statistics are in `statistics`.

use serde::Serialize;

use super::input::{Second, Summary};
use super::measure::{Measure, Unit};
use super::names::{self, NameFinding};
use super::seconds::{self, Choice};
use super::statistics::{self, Estimate, LEAST_VALUES};
use super::{Sides, Tolerance, load};

/// The chance of a false alarm, over all that is tested of two runs.
pub(super) const ALPHA: f64 = 0.05;

/// What is said of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// More than noise and more than the tolerance, for the worse.
    Worse,
    /// Likewise for the better.
    Better,
    /// The tolerance or less.
    WithinTolerance,
    /// Not told apart from noise, which may hide more than the tolerance.
    WithinNoise,
    /// Fewer seconds to compare than a verdict needs.
    TooShort,
    /// Fewer requests a second than this measure needs.
    TooFewRequests,
    /// The runs made load of other sizes, so their rates say nothing of the target.
    OtherLoad,
}

/// A measure of both runs, with its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) measure: Measure,
    /// In the measure's unit; none where there was nothing to average.
    pub(super) averages: Sides<Option<f64>>,
    /// The change: of shares the difference, of others relative. None where there is none to speak of.
    pub(super) change: Option<Change>,
    pub(super) verdict: Verdict,
}

/// A change and what chance has to do with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) size: f64,
    /// Where the true change lies with a confidence of 95 %; none where a rate fell to nothing or rose from it.
    pub(super) interval: Option<(f64, f64)>,
    /// How likely a change of this size would be by chance, corrected for the number of tests.
    pub(super) p: f64,
}

/// All findings, and the seconds that they stand on.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub(super) findings: Vec<Finding>,
    pub(super) names: Vec<NameFinding>,
    pub(super) seconds: Sides<usize>,
    /// How these were chosen.
    pub(super) choice: Sides<Choice>,
}

impl Judgement {
    /// Whether anything could be tested at all.
    pub(super) fn can_tell(&self) -> bool {
        let names = self.names.iter().map(|name| &name.finding);
        self.findings.iter().chain(names).any(|finding| finding.change.is_some())
    }

    pub(super) fn is_worse(&self) -> bool {
        let names = self.names.iter().map(|name| &name.finding);
        self.findings.iter().chain(names).any(|finding| finding.verdict == Verdict::Worse)
    }
}

/// Judges the second run by the first.
pub(super) fn judge(runs: &Sides<&Summary>, tolerance: Tolerance) -> Judgement {
    let chosen = runs.map(|run| seconds::choose(run));
    let both = Sides { before: (runs.before, &chosen.before), after: (runs.after, &chosen.after) };
    let series = both.map(|(run, chosen)| {
        let rows = run.series.iter().zip(&chosen.rows).filter(|(_, is_chosen)| **is_chosen);
        rows.map(|(second, _)| *second).collect::<Vec<_>>()
    });
    let same_load = load::is_same(runs);
    Judgement {
        findings: findings(&series.map(Vec::as_slice), &Measure::of(runs), same_load, tolerance),
        names: names::findings(runs, &chosen.map(|chosen| chosen.rows.as_slice()), same_load, tolerance),
        seconds: series.map(Vec::len),
        choice: chosen.map(|chosen| chosen.choice),
    }
}

fn findings(seconds: &Sides<&[Second]>, measures: &[Measure], same_load: bool, tolerance: Tolerance) -> Vec<Finding> {
    let found = measures.iter().map(|measure| finding(*measure, seconds, same_load));
    let mut findings: Vec<Finding> = found.collect();
    decide_all(findings.iter_mut(), tolerance);
    findings
}

/// Corrects for several tests, and gives their verdicts to findings that have a change.
pub(super) fn decide_all<'a>(findings: impl Iterator<Item = &'a mut Finding>, tolerance: Tolerance) {
    let mut findings: Vec<_> = findings.filter(|finding| finding.change.is_some()).collect();
    let values: Vec<f64> = findings.iter().filter_map(|finding| Some(finding.change?.p)).collect();
    for (finding, p) in findings.iter_mut().zip(statistics::holm(&values)) {
        let Some(change) = &mut finding.change else { continue };
        change.p = p;
        finding.verdict = decide(finding.measure, finding.averages.before, change, tolerance.share());
    }
}

/// The finding before the correction for several tests. Its verdict holds only where there is no change.
pub(super) fn finding(measure: Measure, seconds: &Sides<&[Second]>, same_load: bool) -> Finding {
    let terms = seconds.map(|seconds| seconds.iter().filter_map(|second| measure.terms(second)).collect::<Vec<_>>());
    let estimates = terms.map(|terms| statistics::ratio(terms));
    let averages = estimates.map(|estimate| estimate.map(|estimate| estimate.value));
    let enough = seconds.all(|seconds| {
        let timed: u64 = seconds.iter().map(|second| second.times.count).sum();
        timed as f64 >= measure.least_requests() * seconds.len() as f64
    });
    let (change, verdict) = match estimates.both() {
        _ if !seconds.all(|seconds| seconds.len() >= LEAST_VALUES) => (None, Verdict::TooShort),
        _ if !enough => (None, Verdict::TooFewRequests),
        _ if measure == Measure::RequestRate && !same_load => (None, Verdict::OtherLoad),
        estimates => match estimates.and_then(|estimates| change(measure, &estimates)) {
            None => (None, Verdict::TooFewRequests),
            change => (change, Verdict::WithinNoise),
        },
    };
    Finding { measure, averages, change, verdict }
}

/// Tests a change: of shares as a difference, and of others as a difference of logarithms, which is relative.
fn change(measure: Measure, estimates: &Sides<Estimate>) -> Option<Change> {
    if measure.unit() == Unit::Share {
        let floored = at_least_binomial(estimates);
        let found = statistics::difference(&floored.before, &floored.after, ALPHA);
        return Some(Change { size: found.value, interval: Some(found.interval), p: found.p });
    }
    if let Some(Sides { before, after }) = estimates.map(|estimate| estimate.logarithm()).both() {
        let found = statistics::difference(&before, &after, ALPHA);
        let interval = (found.interval.0.exp_m1(), found.interval.1.exp_m1());
        return Some(Change { size: found.value.exp_m1(), interval: Some(interval), p: found.p });
    }
    let size = estimates.map(|estimate| estimate.value).change()?;
    let found = statistics::difference(&estimates.before, &estimates.after, ALPHA);
    Some(Change { size, interval: None, p: found.p })
}

/// Shares with no less variance than chance alone gives them if both runs fail alike: that of the two-proportion z-test
/// with a pooled share. Where what is counted comes in bursts, the seconds' own variance is greater.
fn at_least_binomial(shares: &Sides<Estimate>) -> Sides<Estimate> {
    let Sides { before, after } = shares;
    let pooled = (before.value * before.weight + after.value * after.weight) / (before.weight + after.weight);
    shares.map(|share| share.at_least(pooled * (1.0 - pooled) / share.weight))
}

fn decide(measure: Measure, before: Option<f64>, change: &Change, tolerance: f64) -> Verdict {
    let bound = if measure.unit() == Unit::Share { tolerance * before.unwrap_or_default() } else { tolerance };
    let told_apart = change.p < ALPHA;
    let within = |(low, high): (f64, f64)| -bound <= low && high <= bound;
    if told_apart && change.size.abs() > bound {
        let more_is_better = measure == Measure::RequestRate;
        if (change.size > 0.0) == more_is_better { Verdict::Better } else { Verdict::Worse }
    } else if told_apart || change.interval.is_some_and(within) {
        Verdict::WithinTolerance
    } else {
        Verdict::WithinNoise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::input::Times;
    use crate::compare::testing::{Noise, Process, WHITE, changed, even, summary};

    /// A run of a closed model whose service time wavers: its rate falls when the time rises, and of a thousand
    /// requests `failing` fail on average.
    fn wavering(noise: &mut Noise, process: Process, seconds: usize, time: f64, failing: f64) -> Vec<Second> {
        let wave = noise.series(process, seconds);
        let second = |wave: &f64| {
            let mean = time * (1.0 + 0.1 * wave).max(0.1);
            let own = |noise: &mut Noise| 1.0 + 0.02 * noise.normal();
            let requests = (20.0 / mean * own(noise)).round() as u64;
            let failures = noise.poisson(requests as f64 * failing / 1000.0).min(requests);
            let (p50, p95) = (mean * 0.9 * own(noise), mean * 2.0 * own(noise));
            let times = Times { count: requests, mean, p50, p90: p95, p95, p99: p95, max: p95 };
            Second { length_seconds: 1.0, vus: 20, requests, failures, times, ..Second::default() }
        };
        wave.iter().map(second).collect()
    }

    fn found(before: &[Second], after: &[Second], tolerance: f64) -> Vec<Finding> {
        findings(&Sides { before, after }, &Measure::OF_ALL, true, Tolerance(tolerance))
    }

    fn verdicts(before: &[Second], after: &[Second]) -> [Verdict; 5] {
        let found = found(before, after, 0.05);
        std::array::from_fn(|at| found[at].verdict)
    }

    fn is_alarm(finding: &Finding) -> bool {
        matches!(finding.verdict, Verdict::Worse | Verdict::Better)
    }

    /// Pairs of runs that differ by chance alone, and no tolerance to hide it: an alarm in any of the five rows is
    /// false.
    #[test]
    fn false_alarms_are_rare() {
        for (process, seconds) in [
            (WHITE, 60),
            (Process { memory: 0.5, ..WHITE }, 20),
            (Process { memory: 0.8, ..WHITE }, 20),
            (Process { memory: 0.8, ..WHITE }, 60),
            (Process { memory: 0.8, ..WHITE }, 180),
            (Process { memory: 0.9, slow_share: 0.5 }, 120),
        ] {
            let mut noise = Noise::new(7);
            let mut run = || wavering(&mut noise, process, seconds, 0.1, 5.0);
            let alarms = (0..500).filter(|_| found(&run(), &run(), 0.0).iter().any(is_alarm)).count();
            assert!(alarms <= 20, "{alarms} of 500 at {process:?} over {seconds} s");
        }
    }

    #[test]
    fn a_real_change_is_found() {
        for (process, seconds, least) in
            [(Process { memory: 0.3, ..WHITE }, 120, 170), (Process { memory: 0.6, ..WHITE }, 300, 170)]
        {
            let mut noise = Noise::new(11);
            let mut worse = 0;
            for _ in 0..200 {
                let before = wavering(&mut noise, process, seconds, 0.1, 5.0);
                let after = wavering(&mut noise, process, seconds, 0.11, 5.0);
                let found = found(&before, &after, 0.05);
                worse += usize::from(found[0].verdict == Verdict::Worse);
                assert!(found[..4].iter().all(|finding| finding.verdict != Verdict::Better));
            }
            assert!(worse >= least, "{worse} of 200 at {process:?} over {seconds} s");
        }
    }

    #[test]
    fn each_measure_knows_what_is_worse() {
        use Verdict::{Better, WithinNoise, WithinTolerance as Same, Worse};
        let base = even(30, 100, 10, 0.1);
        // Of 3,000 requests, chance alone moves the share of failures by more than 5 %.
        assert_eq!(verdicts(&base, &base), [Same, Same, Same, Same, WithinNoise]);
        assert_eq!(verdicts(&base, &even(30, 100, 10, 0.2)), [Worse, Worse, Worse, Same, WithinNoise]);
        assert_eq!(verdicts(&even(30, 100, 10, 0.2), &base), [Better, Better, Better, Same, WithinNoise]);
        assert_eq!(verdicts(&base, &even(30, 200, 20, 0.1)), [Same, Same, Same, Better, WithinNoise]);
        assert_eq!(verdicts(&even(30, 200, 20, 0.1), &base), [Same, Same, Same, Worse, WithinNoise]);
        assert_eq!(verdicts(&base, &even(30, 100, 20, 0.1)), [Same, Same, Same, Same, Worse]);
        assert_eq!(verdicts(&base, &even(30, 100, 0, 0.1)), [Same, Same, Same, Same, Better]);
        let flawless = even(30, 100, 0, 0.1);
        assert_eq!(verdicts(&flawless, &base)[4], Worse);
        assert_eq!(verdicts(&flawless, &flawless)[4], Same);
        // No chance, but less than what matters.
        assert_eq!(verdicts(&base, &even(30, 104, 10, 0.104))[..4], [Same; 4]);
    }

    #[test]
    fn a_few_failures_are_chance() {
        let base = even(30, 1_000, 0, 0.1);
        let mut after = base.clone();
        after.iter_mut().step_by(10).for_each(|second| second.failures = 1);
        assert_eq!(verdicts(&base, &after)[4], Verdict::WithinNoise);
        // One burst is one event, however many requests it hits.
        let mut after = base.clone();
        after[14].failures = 500;
        assert_eq!(verdicts(&base, &after)[4], Verdict::WithinNoise);
    }

    #[test]
    fn no_verdict_stands_on_too_little() {
        use Verdict::{OtherLoad, TooFewRequests, TooShort, WithinTolerance, Worse};
        let base = even(30, 100, 0, 0.1);
        let short = even(LEAST_VALUES - 1, 100, 0, 0.5);
        assert_eq!(verdicts(&base, &short), [TooShort; 5]);
        // 5 of 100 requests lie above p95, and 5 of 10 above p50.
        let fewer = even(30, 99, 0, 0.1);
        assert_eq!(verdicts(&base, &fewer)[2], TooFewRequests);
        assert_eq!(verdicts(&base, &even(30, 9, 0, 0.1))[..3], [WithinTolerance, TooFewRequests, TooFewRequests]);
        let idle = even(30, 0, 0, 0.0);
        assert_eq!(verdicts(&idle, &idle)[..3], [TooFewRequests; 3]);
        assert_eq!(verdicts(&base, &idle)[3], Worse);
        assert_eq!(verdicts(&idle, &base)[3], TooFewRequests);
        let other = findings(&Sides { before: &base, after: &fewer }, &Measure::OF_ALL, false, Tolerance::default());
        assert_eq!(other[3].verdict, OtherLoad);
    }

    /// A run of the open model: requests come in at a rate, and wait the longer for a VU the slower the target is, on
    /// average a tenth of its time. Of a thousand iterations `dropping` are dropped on average.
    fn arriving(noise: &mut Noise, seconds: usize, time: f64, dropping: f64) -> Summary {
        let wave = noise.series(Process { memory: 0.5, ..WHITE }, seconds);
        let second = |wave: &f64| {
            let mean = time * (1.0 + 0.1 * wave).max(0.1);
            let dropped_iterations = noise.poisson(200.0 * dropping / 1000.0);
            let count = (200.0 * (1.0 + 0.02 * noise.normal())).round() as u64 - dropped_iterations;
            let times = |mean: f64| Times { count, mean, p50: mean * 0.9, p95: mean * 2.0, ..Times::default() };
            let wait = mean * 0.1 * (1.0 + 0.5 * noise.normal()).max(0.0);
            let vus = (count as f64 * mean).ceil() as u64;
            let response_times = Some(times(mean + wait));
            let base = Second { length_seconds: 1.0, vus, requests: count, iterations: count, ..Second::default() };
            Second { dropped_iterations, times: times(mean), response_times, ..base }
        };
        let series: Vec<_> = wave.iter().map(second).collect();
        let mut run = summary(series);
        run.open_model = true;
        run.vus.max = run.series.iter().map(|second| second.vus).max().unwrap_or_default();
        run
    }

    fn judged(before: &Summary, after: &Summary, tolerance: f64) -> Vec<Finding> {
        judge(&Sides { before, after }, Tolerance(tolerance)).findings
    }

    fn of(measure: Measure, findings: &[Finding]) -> Verdict {
        findings.iter().find(|finding| finding.measure == measure).expect("it was judged").verdict
    }

    #[test]
    fn false_alarms_are_rare_in_the_open_model_too() {
        for seconds in [20, 60, 180] {
            let mut noise = Noise::new(13);
            let mut run = || arriving(&mut noise, seconds, 0.1, 10.0);
            let alarms = (0..300).filter(|_| judged(&run(), &run(), 0.0).iter().any(is_alarm)).count();
            assert!(alarms <= 12, "{alarms} of 300 over {seconds} s");
        }
    }

    /// The slower target keeps three times as many VUs busy, and the whole of both runs is compared all the same.
    #[test]
    fn a_slower_target_of_an_open_model_has_the_same_load() {
        let mut noise = Noise::new(17);
        let (before, after) = (arriving(&mut noise, 60, 0.1, 0.0), arriving(&mut noise, 60, 0.3, 0.0));
        let judgement = judge(&Sides { before: &before, after: &after }, Tolerance::default());
        assert_eq!(judgement.seconds, Sides { before: 58, after: 58 });
        let verdicts: Vec<_> = judgement.findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts[..6], [Verdict::Worse; 6]);
        assert_eq!(verdicts[6..], [Verdict::WithinTolerance; 3]);
        let mut planned_otherwise = after;
        let planned = &mut planned_otherwise.plan.scenarios[0];
        (planned.load, planned.load_digest) = ("201/s for 1m".to_owned(), "another".to_owned());
        assert_eq!(of(Measure::RequestRate, &judged(&before, &planned_otherwise, 0.05)), Verdict::OtherLoad);
    }

    /// Requests that wait for a free VU of the generator's have a service time that tells nothing of it.
    #[test]
    fn waiting_shows_in_response_times_alone() {
        let mut noise = Noise::new(19);
        let (before, mut after) = (arriving(&mut noise, 60, 0.1, 0.0), arriving(&mut noise, 60, 0.1, 0.0));
        for times in after.series.iter_mut().filter_map(|second| second.response_times.as_mut()) {
            (times.mean, times.p50, times.p95) = (times.mean * 2.0, times.p50 * 2.0, times.p95 * 2.0);
        }
        let worse = |finding: &Finding| (finding.verdict == Verdict::Worse).then_some(finding.measure);
        let worse: Vec<_> = judged(&before, &after, 0.05).iter().filter_map(worse).collect();
        use Measure::{MeanResponseTime, P50ResponseTime, P95ResponseTime};
        assert_eq!(worse, [MeanResponseTime, P50ResponseTime, P95ResponseTime]);
    }

    #[test]
    fn dropped_iterations_are_judged_as_failures_are() {
        let mut noise = Noise::new(23);
        let mut run = |dropping| arriving(&mut noise, 60, 0.1, dropping);
        let (none, few, many) = (run(0.0), run(5.0), run(50.0));
        let verdict = |before, after| of(Measure::DroppedIterations, &judged(before, after, 0.05));
        assert_eq!(verdict(&none, &none), Verdict::WithinTolerance);
        assert_eq!([verdict(&none, &many), verdict(&few, &many)], [Verdict::Worse; 2]);
        assert_eq!([verdict(&many, &none), verdict(&many, &few)], [Verdict::Better; 2]);
        let mut chance = none.clone();
        chance.series[30].dropped_iterations = 1;
        assert_eq!(verdict(&none, &chance), Verdict::WithinNoise);
    }

    /// A pause in which the target is slow: all is judged as if these seconds had not been.
    #[test]
    fn what_happens_in_a_pause_is_not_judged() {
        let mut noise = Noise::new(29);
        let (before, mut after) = (arriving(&mut noise, 60, 0.1, 0.0), arriving(&mut noise, 60, 0.1, 0.0));
        let mut without = after.clone();
        without.series.drain(20..40);
        for second in &mut after.series[20..40] {
            (second.requests, second.times.count, second.times.mean, second.iterations) = (1, 1, 30.0, 1);
        }
        let expected = judged(&before, &without, 0.05);
        assert_ne!(judged(&before, &after, 0.05), expected);
        after.changes = vec![changed(20.0, "paused", None), changed(40.0, "resumed", None)];
        assert_eq!(judged(&before, &after, 0.05), expected);
    }
}
