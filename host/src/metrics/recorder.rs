//! Where the threads that make the load leave what they measure.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::statistics::Statistics;

/// What one thread records.
///
/// Its lock is the thread's own but for the instant, once a second, in which the collector swaps the statistics for cleared
/// ones, so taking it costs no more than an atomic operation on memory that no other thread uses.
#[derive(Debug)]
pub struct Recorder {
    statistics: Mutex<Statistics>,
    counts: Arc<Counts>,
}

/// What all threads count together: events too rare for sharing to cost anything. None of it orders other memory.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) vus_running: AtomicU64,
    pub(crate) vus_max: AtomicU64,
    pub(crate) vus_started: AtomicU64,
    pub(crate) vus_failed: AtomicU64,
    pub(crate) iterations_interrupted: AtomicU64,
    pub(crate) requests_interrupted: Arc<AtomicU64>,
    pub(crate) log_lines_dropped: AtomicU64,
    pub(crate) turns: AtomicU64,
    pub(crate) turns_waited_nanos: AtomicU64,
}

impl Recorder {
    /// A recorder for one thread, of a run whose threads share `counts`. It starts with `statistics`, cleared ones.
    pub(crate) fn new(statistics: Statistics, counts: Arc<Counts>) -> Self {
        Recorder { statistics: Mutex::new(statistics), counts }
    }

    /// Records, for example `record(|statistics| statistics.request(scenario, &sample))`.
    #[inline]
    pub fn record<R>(&self, record: impl FnOnce(&mut Statistics) -> R) -> R {
        record(&mut self.lock())
    }

    /// Swaps what was recorded for `spare`. Moves a few hundred bytes, whatever was recorded.
    pub(crate) fn swap(&self, spare: &mut Statistics) {
        std::mem::swap(&mut *self.lock(), spare);
    }

    /// Counts a virtual user that starts.
    pub fn vu_started(&self) {
        self.counts.vus_started.fetch_add(1, Ordering::Relaxed);
        let running = self.counts.vus_running.fetch_add(1, Ordering::Relaxed) + 1;
        self.counts.vus_max.fetch_max(running, Ordering::Relaxed);
    }

    /// Counts one that started before, and stops now.
    pub fn vu_stopped(&self) {
        self.counts.vus_running.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one as failed. That it stops is counted apart from it.
    pub fn vu_failed(&self) {
        self.counts.vus_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an iteration that was cut off, and is in no other figure.
    pub fn iteration_interrupted(&self) {
        self.counts.iterations_interrupted.fetch_add(1, Ordering::Relaxed);
    }

    /// The count of requests that were cut off, for HTTP clients to add to.
    pub fn requests_interrupted(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.counts.requests_interrupted)
    }

    /// Counts lines of a scenario's log or output that were dropped.
    pub fn log_lines_dropped(&self, lines: u64) {
        self.counts.log_lines_dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// Counts a turn that a virtual user waited for so long, because it took more than its share of its thread.
    pub fn waited_for_turn(&self, time: Duration) {
        self.counts.turns.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.counts.turns_waited_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Statistics> {
        // A panic while recording leaves at worst one sample half counted, which is no reason to lose all others.
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::sample;
    use crate::metrics::{Limits, ScenarioId};

    #[test]
    fn the_most_virtual_users_are_counted_over_all_threads() {
        let counts = Arc::new(Counts::default());
        let [a, b] = [(); 2].map(|()| Recorder::new(Statistics::new(Limits::default()), Arc::clone(&counts)));
        a.vu_started();
        b.vu_started();
        a.vu_stopped();
        a.vu_started();
        b.vu_failed();
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!((load(&counts.vus_started), load(&counts.vus_max), load(&counts.vus_running)), (3, 2, 2));
        assert_eq!(load(&counts.vus_failed), 1);
    }

    #[test]
    fn a_panic_while_recording_loses_nothing_else() {
        let recorder = Recorder::new(Statistics::new(Limits::default()), Arc::default());
        recorder.record(|statistics| statistics.request(ScenarioId(0), &sample("/", Duration::from_millis(1))));
        let panicked = std::thread::scope(|scope| scope.spawn(|| recorder.record(|_| panic!("on purpose"))).join());
        assert!(panicked.is_err());
        let mut taken = Statistics::new(Limits::default());
        recorder.swap(&mut taken);
        assert_eq!(taken.requests.iter().count(), 1);
        assert_eq!(recorder.record(|statistics| statistics.requests.iter().count()), 0);
    }
}
