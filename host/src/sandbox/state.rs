//! What the host keeps for one virtual user while its guest runs: the data of its store.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::engine;
use super::imports::metrics::Transactions;
use super::imports::stdio::Stdio;
use super::responses::{Held, Responses};
use super::trap::HostTrap;
use crate::control::Control;
use crate::data::DataSet;
use crate::http;
use crate::metrics::{Recorder, ScenarioId, Statistics};
use crate::plan::Limits;
use crate::sample::{Failure, Sample};
use crate::secrets::Secrets;

/// The most bytes of a name or reason that a guest gives; what is longer is cut.
const MAX_TEXT_BYTES: usize = 512;

/// What all virtual users of one thread share.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The scenario's place in the plan.
    pub scenario: ScenarioId,
    /// The scenario's name.
    pub scenario_name: String,
    /// Where the thread's samples go.
    pub recorder: Arc<Recorder>,
    /// How the thread is told to stop.
    pub control: Control,
    /// What the connections of a run share.
    pub http: Arc<http::Context>,
    /// Who watches requests being made, if anybody does.
    pub watch: Option<Arc<dyn http::Watch>>,
    /// Values for the guest's `variable`, and its environment.
    pub variables: Arc<BTreeMap<String, String>>,
    /// Values for the guest's `secret`.
    pub secrets: Arc<Secrets>,
    /// The rows that guests read.
    pub data: Arc<[DataSet]>,
    /// Whether the tags of requests are wanted by anybody.
    pub wants_tags: bool,
    /// What one virtual user may use.
    pub limits: Limits,
    /// The seed of everything random.
    pub seed: u64,
    /// When the run began; orders what threads set at about the same time.
    pub started: Instant,
}

/// Which virtual user an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number in the run, from 1; 0 for the instances of `setup`, `describe` and `teardown`.
    pub vu: u32,
    /// How many instances this virtual user had before this one.
    pub instance: u32,
}

/// A stream of random numbers that only the seed, the virtual user and the purpose decide.
pub(crate) fn random_stream(seed: u64, vu: u32, purpose: u64) -> ChaCha8Rng {
    // SplitMix64's increment spreads neighbouring numbers over the seeds.
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ u64::from(vu).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    random.set_stream(purpose);
    random
}

/// The data of a store.
pub(super) struct State {
    pub(super) env: Arc<Environment>,
    pub(super) identity: Identity,
    /// The iteration under way, or the last one; from 0.
    pub(super) iteration: u32,
    /// How long after it was due that iteration began.
    pub(super) delay: Duration,
    pub(super) client: http::Client,
    pub(super) responses: Responses,
    pub(super) transactions: Transactions,
    /// The reason of the guest's first `mark-failure` in this iteration.
    pub(super) failure: Option<String>,
    /// The guest called `stop-user`.
    pub(super) stop_requested: bool,
    pub(super) random: ChaCha8Rng,
    pub(super) log: LogBudget,
    cpu: CpuMeter,
    memory: MemoryLimiter,
    table: ResourceTable,
    wasi: Option<Box<Wasi>>,
}

/// WASI's own state; made at the first call, since most guests never make one.
struct Wasi {
    ctx: WasiCtx,
    stdio: Stdio,
}

impl State {
    pub(super) fn new(env: Arc<Environment>, identity: Identity) -> State {
        let observer = env.watch.as_ref().and_then(|watch| watch.observer(identity.vu));
        let interrupted = env.recorder.requests_interrupted();
        let client = http::Client::new(Arc::clone(&env.http), identity.vu, interrupted, observer);
        State {
            identity,
            iteration: 0,
            delay: Duration::ZERO,
            client,
            responses: Responses::default(),
            transactions: Transactions::default(),
            failure: None,
            stop_requested: false,
            random: random_stream(env.seed, identity.vu, u64::from(identity.instance) * 2),
            log: LogBudget::default(),
            cpu: CpuMeter::default(),
            memory: MemoryLimiter { limit: env.limits.max_memory_bytes, total: 0, denied: false },
            table: ResourceTable::new(),
            wasi: None,
            env,
        }
    }

    /// Every call of the host begins with this: the guest's CPU time is counted anew.
    pub(super) fn host_call(&mut self) {
        self.cpu.in_host = true;
    }

    /// Every call of the host that waited ends with this: others had their turn meanwhile, and ticks passed.
    pub(super) fn host_waited(&mut self) {
        self.cpu.in_host = true;
        self.cpu.waited = true;
    }

    /// Records something into the thread's statistics.
    pub(super) fn record(&self, record: impl FnOnce(&mut Statistics, ScenarioId)) {
        let scenario = self.env.scenario;
        self.env.recorder.record(|statistics| record(statistics, scenario));
    }

    /// A text that a guest gave, ready to be kept and shown: secrets hidden, cut to its bound. In this order, since what
    /// is left of a secret that was cut would not be found.
    pub(super) fn presentable<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.env.secrets.mask(text) {
            Cow::Borrowed(text) => Cow::Borrowed(truncate(text, MAX_TEXT_BYTES)),
            Cow::Owned(text) => Cow::Owned(truncate(&text, MAX_TEXT_BYTES).to_owned()),
        }
    }

    /// Counts a response that is no longer held. Paths and errors have in them what the guest said, secrets too.
    pub(super) fn count(&self, held: &Held) {
        let secrets = &self.env.secrets;
        held.with_sample(|sample| {
            let (method, name) = (secrets.mask(sample.method), secrets.mask(sample.name));
            let reason = sample.failure.map(|failure| secrets.mask(failure.reason));
            let failure = sample.failure.zip(reason.as_deref()).map(|(failure, reason)| Failure { reason, ..failure });
            let sample = Sample { method: &method, name: &name, failure, ..*sample };
            self.record(|statistics, scenario| statistics.request(scenario, &sample));
        });
    }

    /// Refuses so many more handles where the guest would have too many.
    pub(super) fn check_handles(&self, more: usize) -> wasmtime::Result<()> {
        let limit = self.env.limits.max_handles;
        if self.responses.handles() + self.transactions.len() + more > limit {
            return Err(HostTrap::Handles { limit }.into());
        }
        Ok(())
    }

    /// Refuses to go on where the responses that the guest holds take too much memory.
    pub(super) fn check_held_bytes(&self) -> wasmtime::Result<()> {
        let limit = self.env.limits.max_held_bytes;
        if self.responses.bytes() > limit { Err(HostTrap::HeldBytes { limit }.into()) } else { Ok(()) }
    }

    /// Begins an iteration or a hook: nothing of an earlier one is left to count.
    pub(super) fn begin(&mut self) {
        self.failure = None;
        self.host_call();
    }

    /// Ends an iteration or a hook, also one that was cut off: counts what the guest still holds.
    pub(super) fn end(&mut self) {
        let mut responses = std::mem::take(&mut self.responses);
        responses.reap(|held| self.count(&held));
        self.responses = responses;
        let open = self.transactions.take_open();
        for (name, elapsed) in open {
            self.record_transaction(&name, elapsed, Some("left open when the iteration ended"));
        }
        if let Some(wasi) = &self.wasi {
            wasi.stdio.flush();
        }
    }

    /// The memory bound, if a request for more than that was denied.
    pub(super) fn memory_denied(&self) -> Option<usize> {
        self.memory.denied.then_some(self.memory.limit)
    }

    pub(super) fn memory_limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// At each tick of the epoch while guest code runs: counts it, and lets other virtual users have their turn.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let limit = self.env.limits.max_cpu_time;
        if self.cpu.tick() > limit {
            return Err(HostTrap::CpuTime { limit }.into());
        }
        if std::mem::take(&mut self.cpu.waited) {
            return Ok(UpdateDeadline::Continue(1));
        }
        // tokio's own yield puts this virtual user behind those whose answers have arrived by now. With wasmtime's it would
        // be ready again at once, and tokio looks for answers only every so many turns, each of which takes a tick.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    }

    fn wasi(&mut self) -> &mut Wasi {
        let State { wasi, env, identity, .. } = self;
        wasi.get_or_insert_with(|| Box::new(Wasi::new(env, *identity)))
    }
}

impl Wasi {
    fn new(env: &Arc<Environment>, identity: Identity) -> Wasi {
        let stdio = Stdio::new(env, identity.vu);
        let purpose = u64::from(identity.instance) * 2 + 1;
        let variables: Vec<_> = env.variables.iter().collect();
        let mut builder = WasiCtx::builder();
        builder
            .secure_random(random_stream(env.seed, identity.vu, purpose))
            .insecure_random(random_stream(env.seed, identity.vu, purpose))
            .insecure_random_seed(u128::from(env.seed) << 64 | u128::from(identity.vu))
            .envs(&variables)
            .stdout(stdio.stdout())
            .stderr(stdio.stderr())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Wasi { ctx: builder.build(), stdio }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.host_call();
        self.wasi();
        match &mut self.wasi {
            Some(wasi) => WasiCtxView { ctx: &mut wasi.ctx, table: &mut self.table },
            None => unreachable!("made on the line above"),
        }
    }
}

/// Counts the ticks that guest code used since its last call of the host.
#[derive(Debug, Default)]
struct CpuMeter {
    ticks: u32,
    /// The host was called since the last tick, so the tick that comes next may be one that passed there.
    in_host: bool,
    /// A call of the host waited since the last tick, so the tick that comes next owes nobody a turn.
    waited: bool,
}

impl CpuMeter {
    /// Counts a tick; the guest's CPU time by now.
    fn tick(&mut self) -> Duration {
        self.ticks = if std::mem::take(&mut self.in_host) { 0 } else { self.ticks + 1 };
        engine::TICK * self.ticks
    }
}

/// Bounds a guest's memory, and remembers that it asked for more.
#[derive(Debug)]
struct MemoryLimiter {
    limit: usize,
    /// What all memories of the guest have together.
    total: usize,
    denied: bool,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.total.saturating_sub(current).saturating_add(desired);
        let allowed = total <= self.limit;
        if allowed {
            self.total = total;
        }
        self.denied |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // The pool's tables bound it.
        Ok(true)
    }
}

/// How many lines a virtual user logged in the second that goes.
#[derive(Debug, Default)]
pub(super) struct LogBudget {
    since: Option<Instant>,
    lines: u32,
}

impl LogBudget {
    /// Takes a line out of the second's budget; false where none is left.
    pub(super) fn take(&mut self, limit: u32) -> bool {
        let now = Instant::now();
        if self.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            *self = LogBudget { since: Some(now), lines: 0 };
        }
        self.lines += 1;
        self.lines <= limit
    }
}

/// The line without carriage returns, by which it could overwrite itself on a terminal.
pub(super) fn one_line(line: &str) -> Cow<'_, str> {
    if line.contains('\r') { Cow::Owned(line.replace('\r', "\\r")) } else { Cow::Borrowed(line) }
}

/// The text's beginning, up to that many bytes, cut between characters.
pub(super) fn truncate(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn ticks_in_the_host_are_not_the_guests() {
        let mut cpu = CpuMeter { in_host: true, ..CpuMeter::default() };
        assert_eq!(cpu.tick(), Duration::ZERO);
        assert_eq!(cpu.tick(), engine::TICK);
        assert_eq!(cpu.tick(), engine::TICK * 2);
        cpu.in_host = true;
        assert_eq!(cpu.tick(), Duration::ZERO);
    }

    #[test]
    fn all_memories_together_have_one_bound() {
        let mut memory = MemoryLimiter { limit: 100, total: 0, denied: false };
        assert!(memory.memory_growing(0, 60, None).unwrap());
        assert!(!memory.memory_growing(0, 50, None).unwrap());
        assert!(memory.denied);
        assert!(memory.memory_growing(60, 70, None).unwrap());
        assert!(memory.memory_growing(0, 30, None).unwrap());
    }

    #[test]
    fn random_streams_differ_by_user_and_purpose_and_repeat_by_seed() {
        let first = |seed, vu, purpose| random_stream(seed, vu, purpose).next_u64();
        assert_eq!(first(1, 1, 0), first(1, 1, 0));
        let all = [first(1, 1, 0), first(1, 2, 0), first(1, 1, 1), first(2, 1, 0)];
        assert!((1..4).all(|n| !all[..n].contains(&all[n])));
    }

    #[test]
    fn a_line_does_not_overwrite_itself() {
        assert_eq!(one_line("all is well"), "all is well");
        assert_eq!(one_line("bad\rgood"), "bad\\rgood");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(truncate("häst", 2), "h");
        assert_eq!(truncate("häst", 3), "hä");
        assert_eq!(truncate("häst", 30), "häst");
    }
}
