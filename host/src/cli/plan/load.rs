//! From flags to a load model.

use std::fs;
use std::time::Duration;

use super::FlagError;
use crate::cli::args::{LoadArgs, PaceArgs};
use crate::profile::{After, ClosedModel, Curve, Deal, Model, OpenModel, Quantity, Shape};

/// How many seconds of arrivals find a virtual user each, without `--max-vus`.
const MAX_VUS_SECONDS: f64 = 5.0;

/// The bounds of what `--max-vus` is by default.
const MAX_VUS_DEFAULT: (f64, f64) = (10.0, 10_000.0);

/// How many seconds of arrivals have a virtual user made ahead, without `--preallocated-vus`.
const PREALLOCATED_SECONDS: f64 = 0.1;

/// Virtual users and run time where the flags don't say.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Defaults {
    pub(in crate::cli) users: u32,
    pub(in crate::cli) run_time: Option<Duration>,
}

/// A scenario's part of a load.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Share {
    deal: Deal,
}

impl Share {
    /// The whole of it.
    pub(in crate::cli) fn all() -> Share {
        Share { deal: Deal::default() }
    }

    /// The part of the scenario at place `which` of those that share the load by these weights.
    ///
    /// # Errors
    /// A weight that is none.
    pub(in crate::cli) fn new(weights: &[u32], which: usize) -> Result<Share, FlagError> {
        let deal = Deal::new(weights, which).map_err(|error| FlagError::new("weight", error.to_string()))?;
        Ok(Share { deal })
    }

    /// Its part of a number of virtual users. The parts of all come to that number, unless one would have none: nobody
    /// who shares a rate is left without.
    fn of_users(&self, users: u32) -> u32 {
        let own = self.deal.count_below(users.into());
        u32::try_from(own).unwrap_or(users).max(users.min(1))
    }
}

/// What paces the iterations of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Virtual users.
    Closed,
    /// A rate.
    Open,
}

/// What the flags that are given speak of; none where they would go with either.
///
/// # Errors
/// A profile that can't be read.
pub(in crate::cli) fn kind(load: &LoadArgs) -> Result<Option<Kind>, FlagError> {
    let quantity = shape(load)?.map(|shape| shape.quantity);
    let is_open = load.rate.is_some() || only_at_a_rate(load).is_some() || quantity == Some(Quantity::Rate);
    let is_closed = load.users.is_some()
        || load.spawn_rate.is_some()
        || load.iterations_per_user.is_some()
        || quantity == Some(Quantity::Users);
    Ok(if is_open { Some(Kind::Open) } else { is_closed.then_some(Kind::Closed) })
}

/// The load model that flags amount to.
///
/// # Errors
/// Flags that contradict each other, and a file that can't be read.
pub(in crate::cli) fn model(
    load: &LoadArgs,
    pace: &PaceArgs,
    share: &Share,
    defaults: Defaults,
) -> Result<Model, FlagError> {
    let shape = shape(load)?;
    let is_open = load.rate.is_some() || shape.as_ref().is_some_and(|shape| shape.quantity == Quantity::Rate);
    let flags = Flags { load, pace, share, defaults, shape };
    if is_open { flags.open().map(Model::Open) } else { flags.closed().map(Model::Closed) }
}

fn shape(load: &LoadArgs) -> Result<Option<Shape>, FlagError> {
    let Some(path) = &load.profile else { return Ok(load.stages.clone()) };
    let file = path.display().to_string();
    let text = fs::read(path)
        .map_err(|error| FlagError::new("profile", format!("read {file}, given with --profile: {error}")))?;
    Shape::from_csv(&file, &text).map(Some).map_err(|error| FlagError::new("profile", error.to_string()))
}

/// The first flag that is of no use without a rate.
fn only_at_a_rate(load: &LoadArgs) -> Option<&'static str> {
    let flags = [
        ("arrivals", load.arrivals.is_some()),
        ("max-vus", load.max_vus.is_some()),
        ("preallocated-vus", load.preallocated_vus.is_some()),
    ];
    flags.into_iter().find_map(|(flag, given)| given.then_some(flag))
}

/// All that a model is made of.
struct Flags<'a> {
    load: &'a LoadArgs,
    pace: &'a PaceArgs,
    share: &'a Share,
    defaults: Defaults,
    shape: Option<Shape>,
}

impl Flags<'_> {
    /// How long iterations are started: as said, and without any bound as the command has it by default.
    fn run_time(&self, is_bounded: bool) -> Option<Duration> {
        self.pace.run_time.or(self.defaults.run_time.filter(|_| !is_bounded))
    }

    /// What comes behind the last stage: nothing, unless the run is longer.
    fn after(&self) -> After {
        if self.pace.run_time.is_some() { After::Stays } else { After::Ends }
    }

    /// The curve of the stages, from `start` on; that value for ever where there are none.
    fn curve(&self, start: f64) -> Result<Curve, FlagError> {
        let (flag, curve) = match &self.shape {
            Some(shape) => {
                (if self.load.profile.is_some() { "profile" } else { "stages" }, shape.curve(start, self.after()))
            }
            None => ("rate", Curve::constant(start)),
        };
        curve.map_err(|error| FlagError::new(flag, error.to_string()))
    }

    fn open(&self) -> Result<OpenModel, FlagError> {
        self.check_open()?;
        let load = self.load;
        let rate = self.curve(load.rate.map_or(0.0, |rate| rate.per_second()))?;
        let run_time = self.run_time(self.shape.is_some() || load.iterations.is_some());
        let greatest = rate.greatest_between(Duration::ZERO, run_time.unwrap_or(Duration::MAX));
        let arrivals_in = |seconds: f64| (greatest * seconds).ceil();
        let most = arrivals_in(MAX_VUS_SECONDS).clamp(MAX_VUS_DEFAULT.0, MAX_VUS_DEFAULT.1) as u32;
        let max_vus = load.max_vus.unwrap_or(most);
        let ahead = (arrivals_in(PREALLOCATED_SECONDS).max(1.0) as u32).min(max_vus);
        Ok(OpenModel {
            rate,
            arrivals: load.arrivals.unwrap_or_default(),
            max_vus: self.share.of_users(max_vus),
            preallocated_vus: self.share.of_users(load.preallocated_vus.unwrap_or(ahead)),
            run_time,
            iterations: load.iterations,
            deal: self.share.deal.clone(),
        })
    }

    fn check_open(&self) -> Result<(), FlagError> {
        let (load, pace) = (self.load, self.pace);
        let contradicting = [
            ("users", load.users.is_some()),
            ("spawn-rate", load.spawn_rate.is_some()),
            ("iterations-per-user", load.iterations_per_user.is_some()),
            ("pacing", pace.pacing.is_some()),
            ("wait", pace.wait.is_some()),
        ];
        if let Some((flag, _)) = contradicting.into_iter().find(|(_, given)| *given) {
            let why = "which paces virtual users one by one; leave it out, and --max-vus bounds how many there are";
            return Err(FlagError::new(flag, format!("plan iterations at a rate with --{flag}, {why}")));
        }
        match &self.shape {
            Some(Shape { quantity: Quantity::Users, stages, .. }) if stages.iter().any(|stage| stage.target > 0.0) => {
                let flag = if load.profile.is_some() { "profile" } else { "stages" };
                Err(FlagError::new(
                    flag,
                    format!(
                        "plan a rate that --{flag} changes to a number of virtual users; give rates there too, for example 1m:500/s"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    fn closed(&self) -> Result<ClosedModel, FlagError> {
        let (load, pace) = (self.load, self.pace);
        if let Some(flag) = only_at_a_rate(load) {
            let where_to = "it goes with --rate, or with --stages of rates";
            return Err(FlagError::new(flag, format!("use --{flag} without a rate; {where_to}")));
        }
        if self.shape.is_some() && load.spawn_rate.is_some() {
            let why = "a stage says itself how fast virtual users start; leave one of them out";
            return Err(FlagError::new("spawn-rate", format!("use both --spawn-rate and stages; {why}")));
        }
        let users = match self.shape {
            Some(_) => self.curve(f64::from(load.users.unwrap_or(0)))?,
            None => Curve::from(load.users.unwrap_or(self.defaults.users)),
        };
        let is_bounded = self.shape.is_some() || load.iterations.is_some() || load.iterations_per_user.is_some();
        Ok(ClosedModel {
            users,
            spawn_rate: load.spawn_rate,
            run_time: self.run_time(is_bounded),
            iterations: load.iterations,
            iterations_per_user: load.iterations_per_user,
            pacing: pace.pacing,
            wait: pace.wait.unwrap_or_default(),
            deal: self.share.deal.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Arrivals, Wait};
    use clap::Parser;

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Only {
        #[command(flatten)]
        load: LoadArgs,
        #[command(flatten)]
        pace: PaceArgs,
    }

    fn parsed(flags: &str) -> Only {
        Only::try_parse_from(flags.split_whitespace()).expect("flags that go together")
    }

    const DEFAULTS: Defaults = Defaults { users: 1, run_time: None };

    fn open(flags: &str, share: &Share) -> OpenModel {
        let only = parsed(flags);
        match model(&only.load, &only.pace, share, DEFAULTS).expect("a load") {
            Model::Open(model) => model,
            Model::Closed(model) => panic!("{model:?} is closed"),
        }
    }

    fn closed_by(flags: &str, defaults: Defaults) -> ClosedModel {
        let only = parsed(flags);
        match model(&only.load, &only.pace, &Share::all(), defaults).expect("a load") {
            Model::Closed(model) => model,
            Model::Open(model) => panic!("{model:?} is open"),
        }
    }

    fn closed(flags: &str) -> ClosedModel {
        closed_by(flags, DEFAULTS)
    }

    #[test]
    fn without_flags_there_is_one_virtual_user_for_ever() {
        assert_eq!(closed(""), ClosedModel::constant(1));
        let demo = Defaults { users: 200, run_time: Some(Duration::from_secs(10)) };
        assert_eq!(closed_by("", demo).run_time, demo.run_time);
        assert_eq!((closed_by("", demo).max_users(), closed_by("-u 3", demo).max_users()), (200, 3));
        for bounded in ["-i 5", "--iterations-per-user 5", "--stages 1s:5"] {
            assert_eq!(closed_by(bounded, demo).run_time, None, "{bounded}");
        }
    }

    #[test]
    fn flags_of_virtual_users_are_taken_over() {
        let given = closed("-u 9 -r 2.5 -t 1m -i 100 --iterations-per-user 20 --pacing 2s --wait 1s..3s");
        let expected = ClosedModel {
            spawn_rate: Some(2.5),
            run_time: Some(Duration::from_secs(60)),
            iterations: Some(100),
            iterations_per_user: Some(20),
            pacing: Some(Duration::from_secs(2)),
            wait: Wait::Between(Duration::from_secs(1), Duration::from_secs(3)),
            ..ClosedModel::constant(9)
        };
        assert_eq!(given, expected);
    }

    #[test]
    fn stages_end_the_load_unless_a_run_time_is_longer() {
        let at = |model: &ClosedModel, second| model.users_at(Duration::from_secs(second));
        let ends = closed("-u 10 --stages 10s:20");
        assert_eq!((ends.length(), at(&ends, 0), at(&ends, 5)), (Some(Duration::from_secs(10)), 10, 15));
        let stays = closed("--stages 10s:20 -t 30s");
        assert_eq!((stays.length(), at(&stays, 0), at(&stays, 29)), (Some(Duration::from_secs(30)), 0, 20));
        let rates = open("--stages 10s:20/s -t 30s", &Share::all());
        assert_eq!(rates.rate.value_at(Duration::from_secs(29)), 20.0);
        // A rate may ramp down to nothing, which is also a number of virtual users.
        assert_eq!(open("--rate 50/s --stages 10s:0", &Share::all()).max_rate(), 50.0);
    }

    #[test]
    fn a_rate_has_virtual_users_for_five_seconds_and_makes_those_of_a_tenth() {
        let vus = |flags| {
            let model = open(flags, &Share::all());
            (model.max_vus, model.preallocated_vus)
        };
        assert_eq!(vus("--rate 100/s"), (500, 10));
        assert_eq!(vus("--rate 1/m"), (10, 1));
        assert_eq!(vus("--rate 1M/s"), (10_000, 10_000));
        assert_eq!(vus("--rate 100/s --max-vus 7"), (7, 7));
        assert_eq!(vus("--rate 100/s --max-vus 7 --preallocated-vus 9"), (7, 9));
        assert_eq!(vus("--rate 10/s --stages 1m:100/s"), (500, 10));
        // What lies behind the end asks for nobody.
        assert_eq!(vus("--rate 10/s --stages 100s:1000/s -t 1s"), (100, 2));
        assert_eq!(open("--rate 9/s --arrivals poisson", &Share::all()).arrivals, Arrivals::Poisson);
    }

    #[test]
    fn virtual_users_for_a_shared_rate_are_shared_and_nobody_is_left_without() {
        let vus = |which| {
            let model = open("--rate 100/s", &Share::new(&[70, 29, 1], which).expect("weights"));
            (model.max_vus, model.preallocated_vus)
        };
        assert_eq!([vus(0), vus(1), vus(2)], [(350, 7), (145, 3), (5, 1)]);
        let few = open("--rate 1/s --max-vus 1", &Share::new(&[1, 9_999], 0).expect("weights"));
        assert_eq!((few.max_vus, few.preallocated_vus), (1, 1));
        let third = |which| {
            let share = Share::new(&[5, 5, 5], which).expect("weights");
            let model = open("--rate 9/s --max-vus 10 --preallocated-vus 0", &share);
            (model.max_vus, model.preallocated_vus)
        };
        assert_eq!([third(0), third(1), third(2)], [(4, 0), (3, 0), (3, 0)]);
    }

    #[test]
    fn what_flags_speak_of_is_known_before_all_of_them_are() {
        let kind = |flags| kind(&parsed(flags).load).expect("no file is read");
        for flags in ["-u 1", "-r 1", "--iterations-per-user 1", "--stages 1s:1"] {
            assert_eq!(kind(flags), Some(Kind::Closed), "{flags}");
        }
        for flags in ["--rate 1/s", "--max-vus 1", "--preallocated-vus 1", "--arrivals even", "--stages 1s:1/s"] {
            assert_eq!(kind(flags), Some(Kind::Open), "{flags}");
        }
        assert_eq!([kind("-i 5"), kind("--wait 1s"), kind("-t 5s")], [None; 3]);
    }

    #[test]
    fn flags_that_contradict_each_other_say_which() {
        let cases = [
            ("--stages 1s:5/s -u 3", "users", "plan iterations at a rate with --users, which paces"),
            ("--stages 1s:5/s -r 3", "spawn-rate", "plan iterations at a rate with --spawn-rate, which paces"),
            ("--stages 1s:5/s --iterations-per-user 3", "iterations-per-user", "with --iterations-per-user, which"),
            ("--stages 1s:5/s --pacing 3s", "pacing", "plan iterations at a rate with --pacing, which paces"),
            ("--stages 1s:5/s --wait 3s", "wait", "plan iterations at a rate with --wait, which paces"),
            (
                "--rate 5/s --stages 1s:5",
                "stages",
                "plan a rate that --stages changes to a number of virtual users; give",
            ),
            ("--arrivals even", "arrivals", "use --arrivals without a rate; it goes with --rate"),
            ("-u 5 --max-vus 5", "max-vus", "use --max-vus without a rate; it goes with --rate"),
            ("--preallocated-vus 5", "preallocated-vus", "use --preallocated-vus without a rate; it goes with --rate"),
            ("--stages 1s:5 -r 5", "spawn-rate", "use both --spawn-rate and stages; a stage says itself"),
            ("--profile nowhere.csv", "profile", "read nowhere.csv, given with --profile: "),
        ];
        for (flags, flag, text) in cases {
            let only = parsed(flags);
            let error = model(&only.load, &only.pace, &Share::all(), DEFAULTS).expect_err(flags);
            assert_eq!(error.flag, flag, "{flags}");
            assert!(error.to_string().contains(text), "{flags}: {error}");
        }
        let error = Share::new(&[1, 0], 0).expect_err("no weight");
        assert_eq!(error.flag, "weight");
    }
}
