//! Which training may begin when memory is short.
//!
//! Most networks of a space are small and some are very large: of random CIFAR-10 candidates half take less than 60 MB
//! to train and one in a thousand ten times that. Room for the largest on every worker would be wasted nearly always, so
//! workers share a pool. Trainings are admitted in the order in which they ask, so that a large one is not kept waiting
//! by small ones that slip past.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::TICK;

/// Memory that trainings side by side share.
pub(super) struct MemoryPool {
    /// Bytes.
    size: u64,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Bytes that are claimed.
    used: u64,
    /// Claims that were asked for.
    asked: u64,
    /// Claims that were granted.
    granted: u64,
}

/// A part of a pool, given back when it is dropped.
pub(super) struct Claim<'a> {
    pool: &'a MemoryPool,
    bytes: u64,
}

impl MemoryPool {
    pub fn new(size: u64) -> Self {
        Self { size, queue: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for `bytes`; `None` once `halt` is set. More than the whole pool is granted when nothing else is claimed.
    pub fn claim(&self, bytes: u64, halt: &AtomicBool) -> Option<Claim<'_>> {
        let mut queue = self.lock();
        let place = queue.asked;
        queue.asked += 1;
        loop {
            if halt.load(Ordering::Relaxed) {
                return None;
            }
            let fits = queue.used == 0 || queue.used.saturating_add(bytes) <= self.size;
            if place == queue.granted && fits {
                queue.used = queue.used.saturating_add(bytes);
                queue.granted += 1;
                self.changed.notify_all();
                return Some(Claim { pool: self, bytes });
            }
            let woken = self.changed.wait_timeout(queue, TICK);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing in this module can panic with the lock held.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut queue = self.pool.lock();
        queue.used = queue.used.saturating_sub(self.bytes);
        self.pool.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_does_not_fit_waits_and_later_claims_wait_behind_it() {
        let (pool, halt) = (MemoryPool::new(100), AtomicBool::new(false));
        let (sender, granted) = mpsc::channel();
        thread::scope(|scope| {
            let small = pool.claim(60, &halt).unwrap();
            let ask = |bytes: u64, asked: u64| {
                let (pool, halt, sender) = (&pool, &halt, sender.clone());
                scope.spawn(move || {
                    let claim = pool.claim(bytes, halt);
                    sender.send(bytes).unwrap();
                    // Held until the other is granted, where both fit.
                    thread::sleep(Duration::from_millis(1));
                    drop(claim);
                });
                while pool.lock().asked < asked {
                    thread::yield_now();
                }
            };
            ask(70, 2);
            ask(10, 3);
            assert_eq!(pool.lock().granted, 1, "10 would fit, but 70 asked first");
            drop(small);
            assert_eq!([granted.recv().unwrap(), granted.recv().unwrap()].iter().sum::<u64>(), 80);
        });
        assert_eq!(pool.lock().used, 0);
    }

    #[test]
    fn more_than_the_pool_is_granted_alone() {
        let (pool, halt) = (MemoryPool::new(100), AtomicBool::new(false));
        let large = pool.claim(u64::MAX, &halt).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| pool.claim(0, &halt).is_some());
            while pool.lock().asked < 2 {
                thread::yield_now();
            }
            assert_eq!(pool.lock().granted, 1);
            drop(large);
            assert!(second.join().unwrap());
        });
    }

    #[test]
    fn nobody_waits_after_a_halt() {
        let (pool, halt) = (MemoryPool::new(100), AtomicBool::new(false));
        let _claim = pool.claim(100, &halt).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| pool.claim(1, &halt).is_none());
            while pool.lock().asked < 2 {
                thread::yield_now();
            }
            halt.store(true, Ordering::Relaxed);
            assert!(waiting.join().unwrap());
        });
    }
}
