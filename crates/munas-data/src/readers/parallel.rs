//! Work on many files at once. What is expensive about reading them is decoding, which every core can do.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// `work` on every item, in their order, on all cores. Each thread starts with a state of its own.
pub(super) fn map<T: Sync, S, R: Send>(
    items: &[T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &T) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let run = |(chunk, items): (usize, _)| {
            let (state, work) = (&state, &work);
            let run = move |items: &[T]| -> Vec<R> {
                let mut state = state();
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| work(&mut state, chunk * share + at, item))
                    .collect()
            };
            scope.spawn(move || run(items))
        };
        let running: Vec<_> = items.chunks(share).enumerate().map(run).collect();
        let mut results = Vec::with_capacity(items.len());
        for thread in running {
            match thread.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// Keeps threads from using more of something, together, than there is.
#[derive(Debug)]
pub(super) struct Gate {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// A share of a [`Gate`]'s limit; given back when dropped.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    amount: u64,
}

impl Gate {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until there is so much left. What is more than all of it waits until it is alone.
    pub(super) fn enter(&self, amount: u64) -> Pass<'_> {
        let amount = amount.min(self.limit);
        let mut used = self.lock();
        while *used + amount > self.limit {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += amount;
        Pass { gate: self, amount }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // A thread that panics gives its share back all the same.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.gate.lock() -= self.amount;
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::Gate;

    #[test]
    fn results_keep_the_order_of_the_items() {
        for count in [0, 1, 2, 7, 100] {
            let items: Vec<usize> = (0..count).collect();
            let results = super::map(
                &items,
                || 0,
                |seen, index, item| {
                    *seen += 1;
                    (index, *item * 3)
                },
            );
            assert_eq!(results, items.iter().map(|&item| (item, item * 3)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn threads_together_use_no_more_than_the_limit() {
        let (gate, used) = (Gate::new(10), AtomicU64::new(0));
        thread::scope(|scope| {
            for worker in 0..6 {
                let (gate, used) = (&gate, &used);
                scope.spawn(move || {
                    for round in 0..200 {
                        // The last amount is more than the limit.
                        let amount = [1, 4, 7, 25][(worker + round) % 4];
                        let pass = gate.enter(amount);
                        let amount = amount.min(10);
                        assert!(used.fetch_add(amount, Ordering::SeqCst) + amount <= 10);
                        thread::yield_now();
                        used.fetch_sub(amount, Ordering::SeqCst);
                        drop(pass);
                    }
                });
            }
        });
        assert_eq!(*gate.lock(), 0);
    }
}
