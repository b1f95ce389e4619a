//! What the host keeps for one virtual user while its guest runs: the data of its store.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Semaphore;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::cpu::{Account, CpuMeter, Due};
use super::imports::metrics::Transactions;
use super::imports::stdio::Stdio;
use super::log::LogBudget;
use super::memory::{Denied, MemoryLimiter};
use super::responses::{Held, Responses};
use super::trap::HostTrap;
use super::turns;
use crate::control::Control;
use crate::data::DataSet;
use crate::guards;
use crate::http;
use crate::metrics::{Recorder, ScenarioId, Statistics};
use crate::plan::Limits;
use crate::sample::{Failure, Sample};
use crate::secrets::Secrets;
use crate::thread_time;

/// The most bytes of a name or reason that a guest gives; what is longer is cut.
pub(super) const MAX_TEXT_BYTES: usize = 512;

/// The longest secret, as it may be encoded, that is hidden for certain where it stands across the end of what is looked at
/// of a very long text.
const MAX_SECRET_BYTES: usize = 64 << 10;

/// How much of a text is looked at for secrets beyond what of it is kept, in bytes.
pub(super) const LOOKED_AT_BYTES: usize = 2 * MAX_SECRET_BYTES;

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
    /// The time since 1970 that the guest's wall clock shows, and does not leave; none for the machine's.
    pub virtual_epoch: Option<Duration>,
    /// The seed of everything random.
    pub seed: u64,
    /// When the run began; orders what threads set at about the same time.
    pub started: Instant,
}

impl Environment {
    /// Returns when the virtual user of that account may begin with something: at once, unless it took too much of its
    /// thread. What has no tick in it takes its turn here alone.
    pub async fn turn_of(&self, account: &Account) {
        if guards::ON
            && let Some(took) = account.due_before_more()
        {
            // Boxed, as it is rare.
            Box::pin(self.turn(took)).await;
        }
    }

    /// The beginning of a text that a guest gave, with secrets hidden.
    pub(super) fn masked<'a>(&self, text: &'a str, max_bytes: usize) -> Cow<'a, str> {
        // Looking for secrets takes time, and guests' texts may be very long.
        let beginning = truncate(text, max_bytes + LOOKED_AT_BYTES);
        let is_whole = beginning.len() == text.len();
        match self.secrets.mask(beginning) {
            Cow::Borrowed(text) => Cow::Borrowed(truncate(text, max_bytes)),
            Cow::Owned(mut text) => {
                if !is_whole {
                    // A secret that was cut is not found.
                    text.truncate(text.floor_char_boundary(text.len().saturating_sub(MAX_SECRET_BYTES)));
                }
                text.truncate(text.floor_char_boundary(max_bytes));
                Cow::Owned(text)
            }
        }
    }

    /// Returns when it is the turn of a virtual user that took too much of its thread, and so much since its last turn.
    pub(super) async fn turn(&self, took: Duration) {
        let waited = turns::wait(took).await;
        if !waited.is_zero() {
            self.recorder.waited_for_turn(waited);
        }
    }
}

/// Which virtual user an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number in the run, from 1; 0 for the instances of `setup`, `describe` and `teardown`.
    pub vu: u32,
    /// How many instances this virtual user had before this one.
    pub instance: u32,
}

/// What a virtual user has for all of its instances, so that a new one is no way to have more. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// Its time on its thread.
    pub account: Account,
    /// What it may log.
    pub log: LogBudget,
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
    /// Places for requests of async functions that are under way.
    pub(super) requests: Arc<Semaphore>,
    /// Memory of requests that are under way, in bytes.
    requested_bytes: Arc<AtomicUsize>,
    cpu: CpuMeter,
    memory: MemoryLimiter,
    table: ResourceTable,
    wasi: Option<Box<Wasi>>,
}

/// The memory of a request that is under way.
#[derive(Debug)]
pub(super) struct Requested {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Drop for Requested {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// WASI's own state; made at the first call, since most guests never make one.
struct Wasi {
    ctx: WasiCtx,
    stdio: Stdio,
}

impl State {
    pub(super) fn new(env: Arc<Environment>, identity: Identity, allowance: Allowance) -> State {
        let Allowance { account, log } = allowance;
        let observer = env.watch.as_ref().and_then(|watch| watch.observer(identity.vu));
        let interrupted = env.recorder.requests_interrupted();
        let client = http::Client::new(Arc::clone(&env.http), identity.vu, interrupted, observer);
        let mut table = ResourceTable::new();
        table.set_max_capacity(env.limits.max_wasi_handles);
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
            log,
            cpu: CpuMeter::new(account, env.limits.max_cpu_time),
            memory: MemoryLimiter::new(env.limits.max_memory_bytes),
            table,
            requests: Arc::new(Semaphore::new(env.limits.max_concurrent_requests.max(1))),
            requested_bytes: Arc::default(),
            wasi: None,
            env,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.env.limits
    }

    /// Every call of the contract begins with this: the guest's CPU time is counted anew.
    pub(super) fn host_call(&mut self) {
        self.cpu.begin();
    }

    /// Guest code is left for the host, or for wasmtime itself: by a call of the contract or of WASI, by a look
    /// at ticks, or by an instruction that wasmtime has a function for. Refuses to go on where ticks, which come in loops and at the beginnings of functions of
    /// guest code alone, have not come for longer than it may compute.
    pub(super) fn leaves_guest(&mut self) -> wasmtime::Result<()> {
        if self.cpu.outlasts() {
            return Err(HostTrap::HostTime { limit: self.env.limits.max_cpu_time }.into());
        }
        Ok(())
    }

    /// Records something into the thread's statistics.
    pub(super) fn record(&self, record: impl FnOnce(&mut Statistics, ScenarioId)) {
        let scenario = self.env.scenario;
        self.env.recorder.record(|statistics| record(statistics, scenario));
    }

    /// A text that a guest gave, ready to be kept and shown: secrets hidden, cut to its bound. In this order, since what
    /// is left of a secret that was cut would not be found.
    pub(super) fn presentable<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.env.masked(text, MAX_TEXT_BYTES)
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
        if !guards::ON {
            return Ok(());
        }
        let limit = self.env.limits.max_handles;
        if self.responses.handles() + self.transactions.len() + more > limit {
            return Err(HostTrap::Handles { limit }.into());
        }
        Ok(())
    }

    /// Refuses to go on where the exchanges that the guest holds, and those under way, take too much memory.
    pub(super) fn check_held_bytes(&self) -> wasmtime::Result<()> {
        if !guards::ON {
            return Ok(());
        }
        let limit = self.env.limits.max_held_bytes;
        let held = self.responses.bytes().saturating_add(self.requested_bytes.load(Ordering::Relaxed));
        if held > limit { Err(HostTrap::HeldBytes { limit }.into()) } else { Ok(()) }
    }

    /// Counts the memory of a request for as long as it is under way.
    pub(super) fn request_of(&self, bytes: usize) -> Requested {
        self.requested_bytes.fetch_add(bytes, Ordering::Relaxed);
        Requested { bytes, all: Arc::clone(&self.requested_bytes) }
    }

    /// Begins an iteration or a hook: nothing of an earlier one is left to count.
    pub(super) fn begin(&mut self) {
        self.failure = None;
        self.cpu.begin();
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

    /// The guest's instance is made.
    pub(super) fn made(&mut self) {
        self.memory.made();
    }

    /// Why a request of the guest for more memory was denied, if one was.
    pub(super) fn memory_denied(&self) -> Option<Denied> {
        self.memory.denied()
    }

    pub(super) fn memory_limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// At each tick of the epoch while guest code runs: counts it, and lets other virtual users have their turn.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let limit = self.env.limits.max_cpu_time;
        if self.cpu.tick(thread_time::used()) > limit {
            return Err(HostTrap::CpuTime { limit }.into());
        }
        let (account, env) = (self.cpu.account().clone(), Arc::clone(&self.env));
        let due = self.cpu.due();
        if due == Due::Nothing {
            return Ok(UpdateDeadline::Continue(1));
        }
        let gives_way = async move {
            match due {
                Due::Turn(took) => env.turn(took).await,
                // tokio's own yield puts this virtual user behind those whose answers have arrived by now. With
                // wasmtime's it would be ready again at once, and tokio looks for answers only every so many turns, each
                // of which takes a tick.
                Due::Place | Due::Nothing => tokio::task::yield_now().await,
            }
            account.gave_way();
        };
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(gives_way)))
    }

    fn wasi(&mut self) -> &mut Wasi {
        let State { wasi, env, identity, log, .. } = self;
        wasi.get_or_insert_with(|| Box::new(Wasi::new(env, *identity, log)))
    }
}

impl Wasi {
    fn new(env: &Arc<Environment>, identity: Identity, log: &LogBudget) -> Wasi {
        let stdio = Stdio::new(env, identity.vu, log);
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
        if let Some(since_epoch) = env.virtual_epoch {
            builder.wall_clock(StoppedClock(since_epoch));
        }
        Wasi { ctx: builder.build(), stdio }
    }
}

/// A wall clock that always shows the same time.
struct StoppedClock(Duration);

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.cpu.begin();
        self.wasi();
        match &mut self.wasi {
            Some(wasi) => WasiCtxView { ctx: &mut wasi.ctx, table: &mut self.table },
            None => unreachable!("made on the line above"),
        }
    }
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
    fn random_streams_differ_by_user_and_purpose_and_repeat_by_seed() {
        let first = |seed, vu, purpose| random_stream(seed, vu, purpose).next_u64();
        assert_eq!(first(1, 1, 0), first(1, 1, 0));
        let all = [first(1, 1, 0), first(1, 2, 0), first(1, 1, 1), first(2, 1, 0)];
        assert!((1..4).all(|n| !all[..n].contains(&all[n])));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(truncate("häst", 2), "h");
        assert_eq!(truncate("häst", 3), "hä");
        assert_eq!(truncate("häst", 30), "häst");
    }
}
