//! A timer that is exact to some microseconds, where tokio's wheel turns once a millisecond.

use std::time::Duration;

use tokio::time::Instant;

/// Wakes a task at an instant. On Linux by a timer of the kernel's, elsewhere by tokio's.
#[derive(Debug, Default)]
pub(super) struct Timer(#[cfg(target_os = "linux")] Option<linux::KernelTimer>);

impl Timer {
    /// A timer of the kernel's, where there is one to have.
    #[cfg(target_os = "linux")]
    pub(super) fn exact() -> Timer {
        Timer(linux::KernelTimer::new().ok())
    }

    /// A timer of tokio's.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn exact() -> Timer {
        Timer::default()
    }

    /// Returns at that instant; never where there is none. What was waited for before is forgotten.
    pub(super) async fn at(&mut self, due: Option<Instant>) {
        let Some(due) = due else { return std::future::pending().await };
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.0 {
            // What the kernel refuses, tokio does.
            if timer.sleep(due.saturating_duration_since(Instant::now())).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Duration;

    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::io::read;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A `timerfd`.
    #[derive(Debug)]
    pub(super) struct KernelTimer(AsyncFd<OwnedFd>);

    impl KernelTimer {
        #[expect(deprecated, reason = "what replaces it is unsafe; a descriptor that is owned is as that wants it")]
        pub(super) fn new() -> io::Result<KernelTimer> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            Ok(KernelTimer(AsyncFd::with_interest(timer, Interest::READABLE)?))
        }

        pub(super) async fn sleep(&self, time: Duration) -> io::Result<()> {
            // Zero would switch it off.
            let time = time.max(Duration::from_nanos(1));
            let value = Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            // Setting it forgets what it was set to before, and reading then fails until it is time.
            self.0.async_io(Interest::READABLE, |timer| Ok(read(timer, &mut [0; 8])?)).await?;
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::time::Instant;

        #[tokio::test]
        async fn it_is_never_early_and_may_be_set_anew() {
            let timer = KernelTimer::new().expect("timers");
            let began = Instant::now();
            tokio::select! {
                biased;
                slept = timer.sleep(Duration::from_secs(3600)) => panic!("an hour passed: {slept:?}"),
                () = tokio::task::yield_now() => {}
            }
            for micros in [0, 50, 1_500] {
                timer.sleep(Duration::from_micros(micros)).await.expect("a sleep");
            }
            assert!(began.elapsed() >= Duration::from_micros(1_550));
        }
    }
}
