//! Which training may begin when memory is short.
//!
//! Most networks of a space are small and some are very large: of random CIFAR-10 candidates half take less than 60 MB
//! to train and one in a thousand ten times that. Room for the largest on every worker would be wasted nearly always, so
//! workers share the memory. A training for which there is no room waits for those that have begun to end, and no worker
//! is idle meanwhile if a later training fits beside both those and the one that waits.

use std::collections::BTreeMap;

/// Trainings of type `T` by the number of their trial, in which order they were asked for.
pub(crate) struct TrainingQueue<T> {
    /// Bytes that trainings side by side may take.
    memory: u64,
    /// Those that have not begun, each with its bytes.
    waiting: BTreeMap<u64, (u64, T)>,
    /// Bytes of those that have begun.
    begun: BTreeMap<u64, u64>,
}

impl<T> TrainingQueue<T> {
    pub fn new(memory: u64) -> Self {
        Self { memory, waiting: BTreeMap::new(), begun: BTreeMap::new() }
    }

    /// Adds a training that takes so many bytes.
    pub fn push(&mut self, trial: u64, bytes: u64, training: T) {
        self.waiting.insert(trial, (bytes, training));
    }

    /// The first training for which there is room, from now on one that has begun.
    pub fn begin(&mut self) -> Option<T> {
        let fitting = self.waiting.iter().find(|&(&trial, &(bytes, _))| self.fits(trial, bytes));
        let trial = *fitting?.0;
        let (bytes, training) = self.waiting.remove(&trial)?;
        self.begun.insert(trial, bytes);
        Some(training)
    }

    /// Notes that a training that had begun has ended.
    pub fn end(&mut self, trial: u64) {
        self.begun.remove(&trial);
    }

    /// Takes all trainings that have not begun out of the queue.
    pub fn clear(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.waiting).into_values().map(|(_, training)| training)
    }

    /// Number of trainings that have not begun.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Number of trainings that have begun and not ended.
    pub fn running(&self) -> usize {
        self.begun.len()
    }

    /// Whether a waiting training may begin. The first of them may take more than all memory when it is alone. Those behind
    /// it take no memory that it waits for: it will fit beside them.
    fn fits(&self, trial: u64, bytes: u64) -> bool {
        let within = |used: u64, more: u64| used.saturating_add(more) <= self.memory;
        let used = self.bytes_since(0);
        match self.waiting.first_key_value() {
            Some((&first, &(reserved, _))) if first < trial => {
                within(used, bytes) && within(self.bytes_since(first).saturating_add(reserved), bytes)
            }
            _ => used == 0 || within(used, bytes),
        }
    }

    /// Bytes of the running trainings with this number or a later one.
    fn bytes_since(&self, trial: u64) -> u64 {
        self.begun.range(trial..).fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(memory: u64, trainings: &[u64]) -> TrainingQueue<u64> {
        let mut queue = TrainingQueue::new(memory);
        for (trial, &bytes) in (1..).zip(trainings) {
            queue.push(trial, bytes, trial);
        }
        queue
    }

    fn begin_all(queue: &mut TrainingQueue<u64>) -> Vec<u64> {
        std::iter::from_fn(|| queue.begin()).collect()
    }

    #[test]
    fn small_trainings_begin_before_a_large_one_that_waits() {
        let mut queue = queue(100, &[60, 70, 10, 30, 20]);
        assert_eq!(begin_all(&mut queue), [1, 3, 5], "10 and 20 leave room for 70, 30 more would not");
        queue.end(3);
        assert!(
            begin_all(&mut queue).is_empty(),
            "70 is still without room, and 30 with 20 would take it away"
        );
        queue.end(1);
        assert_eq!(begin_all(&mut queue), [2]);
        queue.end(5);
        assert_eq!(begin_all(&mut queue), [4]);
        assert_eq!((queue.running(), queue.waiting()), (2, 0));
    }

    #[test]
    fn more_than_all_memory_is_granted_alone() {
        let mut queue = queue(100, &[10, u64::MAX, 0, 5]);
        assert_eq!(begin_all(&mut queue), [1], "not even nothing passes what needs everything");
        queue.end(1);
        assert_eq!(begin_all(&mut queue), [2]);
        assert_eq!(queue.clear().collect::<Vec<_>>(), [3, 4]);
        assert_eq!((queue.running(), queue.waiting()), (1, 0));
    }
}
