//! wasmtime's engine, sized for a run.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wasmtime::{Cache, CacheConfig, Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::LoadError;
use crate::component::Shape;
use crate::guards;
use crate::plan::Limits;

/// How often the epoch advances in the mean: how long guest code runs before other virtual users of its thread get their
/// turn, and the grain of its CPU limit.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// How often the epoch advanced, of all engines. Orders no other memory.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// How often the epoch advanced.
pub(super) fn ticks() -> u32 {
    TICKS.load(Ordering::Relaxed)
}

/// Instances beside those of virtual users: `setup`, `describe` and `teardown`, one at a time.
const SPARE_INSTANCES: u32 = 2;

/// Stacks that an async instance may have beside its own: each of its concurrent calls of a host function that the
/// guest calls synchronously takes one.
const STACKS_PER_ASYNC_INSTANCE: u32 = 4;

/// Address space that each guest memory has behind it, so that small offsets need no bounds check of their own.
const GUARD_BYTES: u64 = 64 << 10;

/// What the host keeps for one instance, beside its memories and tables, at the most; grows with a component's functions.
const MAX_INSTANCE_BYTES: usize = 16 << 20;

/// Mappings of the process beside those of virtual users; a generous guess.
const OWN_MAPS: u64 = 1_000;

/// What an engine is made for.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The most virtual users at one time.
    pub max_vus: u32,
    /// The most virtual users that the whole run has at one time, in other engines too: they share the process.
    pub run_vus: u32,
    /// What one virtual user may use.
    pub limits: Limits,
    /// Whether the component may import WASI 0.3.
    pub wasi_p3: bool,
    /// Where compiled code is kept; none to compile anew.
    pub cache: Option<PathBuf>,
}

/// Makes the engine for components of that shape.
///
/// # Errors
/// What wasmtime refuses, for example more address space than there is.
pub(super) fn build(shape: &Shape, options: &EngineOptions) -> Result<Engine, LoadError> {
    let mut config = Config::new();
    config.epoch_interruption(guards::ON);
    config.concurrency_support(shape.is_async());
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    config.memory_init_cow(images_fit(shape, options.run_vus, memory_maps()));
    config.memory_reservation(options.limits.max_memory_bytes as u64);
    config.memory_reservation_for_growth(0);
    config.memory_guard_size(GUARD_BYTES);
    config.guard_before_linear_memory(false);
    config.max_wasm_stack(options.limits.max_stack_bytes);
    // The host's own functions run on the same stack, below the guest's frames.
    config.async_stack_size(options.limits.max_stack_bytes + (256 << 10));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(shape, options)));
    if let Some(directory) = &options.cache {
        let mut cache = CacheConfig::new();
        cache.with_directory(directory);
        config.cache(Some(Cache::new(cache).map_err(|error| LoadError::Cache(format!("{error:#}")))?));
    }
    Engine::new(&config).map_err(|error| LoadError::Engine(format!("{error:#}")))
}

/// The kernel's bound on a process's memory mappings; its default where it does not say.
fn memory_maps() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(65_530)
}

/// Mappings that one virtual user takes: its stacks and the guard pages below them; of each memory, the accessible part
/// and the rest. A copy-on-write image splits the accessible part into up to three.
fn maps_per_vu(shape: &Shape, images: bool) -> u64 {
    u64::from(stacks_per_instance(shape)) * 2 + u64::from(shape.memories.max(1)) * if images { 4 } else { 2 }
}

fn stacks_per_instance(shape: &Shape) -> u32 {
    if shape.is_async() { STACKS_PER_ASYNC_INSTANCE } else { 1 }
}

/// Whether memories can begin as copy-on-write images, were all virtual users of that shape. Without them an instance begins by a copy, which for most guests
/// is a page or two, and 15,000 virtual users have enough mappings.
fn images_fit(shape: &Shape, max_vus: u32, maps: u64) -> bool {
    u64::from(max_vus) * maps_per_vu(shape, true) + OWN_MAPS <= maps
}

/// Refuses more virtual users than the kernel's bound on mappings has room for.
///
/// # Errors
/// How many there is room for.
pub(super) fn check_room(shape: &Shape, vus: u32) -> Result<(), LoadError> {
    let room = memory_maps().saturating_sub(OWN_MAPS) / maps_per_vu(shape, false);
    if u64::from(vus) > room { Err(LoadError::TooManyVus { vus, room }) } else { Ok(()) }
}

/// Room for exactly the instances that the run can have at one time.
fn pool(shape: &Shape, options: &EngineOptions) -> PoolingAllocationConfig {
    let instances = options.max_vus.saturating_add(SPARE_INSTANCES);
    let (memories, tables) = (shape.memories.max(1), shape.tables.max(1));
    let core_instances = shape.core_instances.max(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances);
    pool.total_core_instances(instances.saturating_mul(core_instances));
    pool.total_memories(instances.saturating_mul(memories));
    pool.total_tables(instances.saturating_mul(tables));
    pool.total_stacks(instances.saturating_mul(stacks_per_instance(shape)));
    pool.max_core_instances_per_component(core_instances);
    pool.max_core_instance_size(MAX_INSTANCE_BYTES);
    pool.max_component_instance_size(MAX_INSTANCE_BYTES);
    pool.max_memories_per_component(memories);
    pool.max_tables_per_component(tables);
    pool.max_memories_per_module(memories);
    pool.max_tables_per_module(tables);
    pool.table_elements(table_elements(shape));
    pool.max_memory_size(options.limits.max_memory_bytes);
    pool
}

/// Room for each table to grow to twice its size, and 1,000 elements at the least.
fn table_elements(shape: &Shape) -> usize {
    usize::try_from(shape.table_elements.saturating_mul(2)).unwrap_or(usize::MAX).clamp(1_000, 1_000_000)
}

/// Advances the epochs of engines until it is dropped.
#[derive(Debug)]
pub struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread that advances the epochs.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start<'a>(engines: impl Iterator<Item = &'a Engine>) -> std::io::Result<Ticker> {
        let stop = Arc::new(AtomicBool::new(false));
        let (engines, stopped) = (engines.map(Engine::weak).collect::<Vec<_>>(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("epoch".into()).spawn(move || {
            // Its keys are the system's random numbers; a run's seed would be known.
            let mut random = ChaCha8Rng::seed_from_u64(RandomState::new().hash_one(()));
            while !stopped.load(Ordering::Relaxed) {
                // At random, so that no guest can see to it that it waits whenever a tick comes.
                std::thread::sleep(TICK.mul_f64(random.random_range(0.5..1.5)));
                TICKS.fetch_add(1, Ordering::Relaxed);
                for engine in engines.iter().filter_map(EngineWeak::upgrade) {
                    engine.increment_epoch();
                }
            }
        })?;
        Ok(Ticker { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread left nothing to clean up.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_left_out_where_mappings_would_run_out() {
        let shape = Shape { memories: 1, ..Shape::default() };
        assert!(images_fit(&shape, 10_000, 65_530));
        assert!(!images_fit(&shape, 15_000, 65_530));
        assert!(images_fit(&shape, 15_000, 262_144));
        // 15,000 virtual users fit without images.
        assert!(15_000 * maps_per_vu(&shape, false) + OWN_MAPS <= 65_530);
    }

    #[test]
    fn tables_have_room_to_grow_within_bounds() {
        let elements = |table_elements| super::table_elements(&Shape { table_elements, ..Shape::default() });
        assert_eq!((elements(10), elements(5_000), elements(u64::MAX)), (1_000, 10_000, 1_000_000));
    }
}
