//! How much time the running thread had, and how much it wanted.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time that this thread has used.
pub(crate) fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long this thread had work: while it ran, and while it waited for a core that others used. Without the kernel's
/// count of the wait, only the time that it ran.
pub(crate) fn claimed() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    claimed_by(&schedstat).unwrap_or_else(used)
}

/// The sum of the first two numbers of a `schedstat` file: nanoseconds run, and nanoseconds waited in the run queue.
fn claimed_by(schedstat: &str) -> Option<Duration> {
    let mut numbers = schedstat.split_whitespace().map(str::parse::<u64>);
    let (ran, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(Duration::from_nanos(ran.saturating_add(waited)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_core_is_having_work() {
        assert_eq!(claimed_by("2000 500 7\n"), Some(Duration::from_nanos(2500)));
        assert_eq!(claimed_by(""), None);
        assert_eq!(claimed_by("no numbers"), None);
    }

    #[test]
    fn a_thread_wants_what_it_uses() {
        let before = claimed();
        let used_before = used();
        while used() < used_before + Duration::from_millis(5) {}
        assert!(claimed() >= before + Duration::from_millis(1));
    }
}
