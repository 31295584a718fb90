//! How long a training takes.
//!
//! A training runs on one thread, and what it takes is the time that this thread has worked. A clock on the wall also counts
//! a process that is stopped, a laptop that sleeps and a core that others use, so that the duration would say nothing about
//! the network.

use std::marker::PhantomData;
use std::time::Duration;

/// The time for which the current thread works, from when it was started. Where the system does not count it, it is the time
/// that passes.
#[derive(Debug)]
pub struct ThreadClock {
    start: Duration,
    /// Another thread has another clock.
    _stays_here: PhantomData<*const ()>,
}

impl ThreadClock {
    /// Starts a clock for the current thread.
    pub fn start() -> Self {
        Self { start: now(), _stays_here: PhantomData }
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        now().saturating_sub(self.start)
    }
}

#[cfg(unix)]
fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(not(unix))]
fn now() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

#[cfg(all(test, unix))]
mod tests {
    use std::hint::black_box;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_counts_and_waiting_does_not() {
        let (clock, wall) = (ThreadClock::start(), Instant::now());
        thread::sleep(Duration::from_millis(300));
        assert!(clock.elapsed() < Duration::from_millis(100), "{:?}", clock.elapsed());
        // Others may use the core meanwhile, so that it may take longer, but never less.
        let before = clock.elapsed();
        while clock.elapsed() < before + Duration::from_millis(50) {
            black_box((0..1000_u64).fold(0, |a, b| a ^ b));
        }
        assert!(wall.elapsed() >= Duration::from_millis(350));
    }
}
