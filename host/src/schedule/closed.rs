//! The closed model: virtual users start and stop as their number wants.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clock::{Clock, Woken};
use super::{IN_A_ROW, Share, ended};
use crate::control::Control;
use crate::profile::{ClosedModel, Spell};
use crate::sandbox::Environment;
use crate::vu::{self, Cast, End, Life, Work};

/// Runs a share until its last virtual user has stopped.
pub(super) async fn run(model: &ClosedModel, share: &Share, mut clock: Clock) {
    let mut users = Users::new(share, model.changed(&clock.changes()), &clock);
    let mut in_a_row = 0;
    loop {
        let due = match users.next_due() {
            Some(due) => clock.due(due),
            None if !users.tasks.is_empty() => None,
            None => match users.rest_of_load(model, &clock) {
                Some(due) => due,
                None => break,
            },
        };
        // Who is due comes in any case, so that it is no matter of luck how many there were.
        let nobody_is_due = due.is_none_or(|due| due > Instant::now());
        tokio::select! {
            biased;
            // Nobody who would still come has anything left to do, and who waits for its next iteration neither.
            () = share.cast.budget.spent(), if nobody_is_due => {
                share.cast.done.cancel();
                break;
            }
            Some(result) = users.tasks.join_next() => {
                if let Some(gone) = ended(result, &share.cast) {
                    users.gone(gone, &clock);
                }
            }
            woken = clock.wait(due) => match woken {
                Woken::Due => {
                    if !users.step(&clock) {
                        break;
                    }
                    in_a_row += 1;
                    if in_a_row == IN_A_ROW {
                        in_a_row = 0;
                        tokio::task::yield_now().await;
                    }
                }
                Woken::Changed => users.follow(model.changed(&clock.changes()), &clock),
                Woken::Stopped => break,
            },
        }
    }
    while let Some(result) = users.tasks.join_next().await {
        ended(result, &share.cast);
    }
}

/// What is to be done with a virtual user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Stop,
    Start,
}

/// The virtual users of a share.
struct Users<'a> {
    share: &'a Share,
    /// By what they come and go.
    load: ClosedModel,
    tasks: JoinSet<(u32, End, Life)>,
    /// What is to be done next, by times of the plan.
    due: BinaryHeap<Reverse<(Duration, Turn, u32)>>,
    /// The index of the first one that never started. Those behind it come no sooner.
    next: u32,
    /// Those that run, with what stops them before the load's end; none where nothing will.
    active: HashMap<u32, Option<Control>>,
    /// Those that were told to stop, and may come back.
    resting: HashMap<u32, Life>,
}

impl<'a> Users<'a> {
    fn new(share: &'a Share, load: ClosedModel, clock: &Clock) -> Users<'a> {
        let mut users = Users {
            share,
            load,
            tasks: JoinSet::new(),
            due: BinaryHeap::new(),
            next: share.shard.index,
            active: HashMap::new(),
            resting: HashMap::new(),
        };
        users.plan_start(users.next, clock);
        users
    }

    fn next_due(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse((due, ..))| *due)
    }

    /// Until when to wait where nobody is there and nobody will come: to the end of a load that was to last, or for what a
    /// person does who wants less of it for now. None where the load is over. `planned` is the load that nobody changed.
    fn rest_of_load(&self, planned: &ClosedModel, clock: &Clock) -> Option<Option<Instant>> {
        let now = clock.planned();
        let first = self.resting.keys().copied().fold(self.next, u32::min);
        // With a bound on what each does, those that rest hold up nobody.
        let may_be_wanted =
            clock.is_reduced() && planned.iterations_per_user.is_none() && planned.spell_from(first, now).is_some();
        match self.load.length() {
            Some(end) => (end > now && (may_be_wanted || !self.resting.is_empty())).then(|| clock.due(end)),
            None => may_be_wanted.then_some(None),
        }
    }

    /// The first stretch of time, of those that are not over, in which that virtual user is to be active. What ends with
    /// the load has no end here: the run stops all at once then.
    fn spell(&self, index: u32, clock: &Clock) -> Option<Spell> {
        let mut spell = self.load.spell_from(index, clock.planned())?;
        spell.until = spell.until.filter(|until| Some(*until) != self.load.length());
        Some(spell)
    }

    fn plan_start(&mut self, index: u32, clock: &Clock) {
        if let Some(spell) = self.spell(index, clock) {
            self.due.push(Reverse((spell.from, Turn::Start, index)));
        }
    }

    /// Does what is due; false where nothing is, and the load is over.
    fn step(&mut self, clock: &Clock) -> bool {
        match self.due.pop() {
            Some(Reverse((_, Turn::Start, index))) => self.start(index, clock),
            Some(Reverse((_, Turn::Stop, index))) => self.stop(index),
            None => return false,
        }
        true
    }

    fn start(&mut self, index: u32, clock: &Clock) {
        if index == self.next {
            self.next = index.saturating_add(self.share.shard.count);
            self.plan_start(self.next, clock);
        }
        let Some(spell) = self.spell(index, clock) else {
            // It is over already; but a person may want it again.
            self.resting.entry(index).or_default();
            return;
        };
        let life = self.resting.remove(&index).unwrap_or_default();
        if spell.from > clock.planned() {
            // The thread came too late for the spell that was due.
            self.resting.insert(index, life);
            return self.plan_start(index, clock);
        }
        let mut cast = Arc::clone(&self.share.cast);
        let mut control = None;
        if spell.until.is_some() || self.share.steerable {
            let own = cast.env.control.child();
            let env = Arc::new(Environment { control: own.clone(), ..Environment::clone(&cast.env) });
            cast = Arc::new(Cast { env, ..Cast::clone(&cast) });
            control = Some(own);
        }
        if let Some(until) = spell.until {
            self.due.push(Reverse((until, Turn::Stop, index)));
        }
        self.active.insert(index, control);
        self.tasks.spawn(async move {
            let (end, life) = vu::run(cast, index, life, Work::Own).await;
            (index, end, life)
        });
    }

    /// Has a virtual user stop as at the run's end: its iteration may go on.
    fn stop(&mut self, index: u32) {
        if let Some(Some(control)) = self.active.get(&index) {
            control.stop();
        }
    }

    /// Takes note of one that ended. Where it was told to stop it may come back.
    fn gone(&mut self, (index, end, life): (u32, End, Life), clock: &Clock) {
        self.active.remove(&index);
        if end == End::Stopped {
            self.resting.insert(index, life);
            self.plan_start(index, clock);
        }
    }

    /// Goes by another load from now on.
    fn follow(&mut self, load: ClosedModel, clock: &Clock) {
        self.load = load;
        self.due.clear();
        self.plan_start(self.next, clock);
        let resting: Vec<u32> = self.resting.keys().copied().collect();
        resting.into_iter().for_each(|index| self.plan_start(index, clock));
        let active: Vec<u32> = self.active.keys().copied().collect();
        for index in active {
            match self.spell(index, clock).filter(|spell| spell.from <= clock.planned()) {
                Some(Spell { until: Some(until), .. }) => self.due.push(Reverse((until, Turn::Stop, index))),
                Some(_) => {}
                None => self.stop(index),
            }
        }
    }
}
