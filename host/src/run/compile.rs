//! Compiling a component, which may come from a stranger, within bounds of time and memory.
//!
//! Nothing can end a compiler in its midst but the end of the process. That is what follows, since a run whose
//! component can't be compiled ends before its load.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::RunError;
use crate::plan::Loading;

/// How often the process's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What compiling comes to, unless it takes too much.
///
/// # Errors
/// [`RunError::Compile`], with the bound.
pub(super) async fn within<T: Send + 'static>(
    bounds: &Loading,
    compiling: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    let before = resident_bytes();
    // It takes seconds for some; the signals that may end it are heard meanwhile.
    let compiled = tokio::task::spawn_blocking(compiling);
    let deadline = Instant::now().checked_add(bounds.compile_timeout);
    let too_long = async {
        match deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        compiled = compiled => compiled.map_err(|error| RunError::Thread(error.into())),
        () = too_long => Err(RunError::Compile(format!(
            "{:?} (--compile-timeout); allow more where you know what it is",
            bounds.compile_timeout
        ))),
        () = grown_beyond(before.saturating_add(bounds.max_compile_memory_bytes)) => {
            Err(RunError::Compile(format!("{} MiB of memory", bounds.max_compile_memory_bytes >> 20)))
        }
    }
}

/// Returns once the process has more memory than that.
async fn grown_beyond(bytes: u64) {
    while resident_bytes() <= bytes {
        sleep(LOOK_EVERY).await;
    }
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_fits_comes_through() {
        assert_eq!(within(&Loading::default(), || 7).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let bounds = Loading { compile_timeout: Duration::ZERO, ..Loading::default() };
        let given_up = within(&bounds, move || held.recv()).await.unwrap_err().to_string();
        drop(release);
        assert_eq!(
            given_up,
            "compile the component within 0ns (--compile-timeout); allow more where you know what it is"
        );
    }

    #[tokio::test]
    async fn what_takes_too_much_memory_is_given_up() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let bounds = Loading { max_compile_memory_bytes: 64 << 20, ..Loading::default() };
        let greedy = move || {
            let memory = std::hint::black_box(vec![1_u8; 256 << 20]);
            // Held until the test is over.
            let _ = held.recv();
            std::hint::black_box(&memory).len()
        };
        let given_up = within(&bounds, greedy).await.unwrap_err().to_string();
        drop(release);
        assert_eq!(given_up, "compile the component within 64 MiB of memory");
    }
}
