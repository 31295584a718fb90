//! How long epochs take, and so how long a worker may be silent.

use std::collections::VecDeque;
use std::time::Duration;

/// So many of the latest epochs count.
const LATEST: usize = 101;
/// A worker may be silent for so many epochs.
const SILENT_EPOCHS: u32 = 5;

/// The latest durations of epochs.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<Duration>);

impl Pace {
    pub fn add(&mut self, epoch: Duration) {
        if self.0.len() == LATEST {
            self.0.pop_front();
        }
        self.0.push_back(epoch);
    }

    /// After how long without a word a worker is lost: `least`, or five times the median epoch if that is longer.
    pub fn silence(&self, least: Duration) -> Duration {
        let mut epochs: Vec<Duration> = self.0.iter().copied().collect();
        epochs.sort_unstable();
        let median = epochs.get(epochs.len() / 2).copied().unwrap_or_default();
        least.max(median.saturating_mul(SILENT_EPOCHS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_epochs_are_waited_for() {
        let mut pace = Pace::default();
        let least = Duration::from_secs(60);
        assert_eq!(pace.silence(least), least);
        (0..200).for_each(|_| pace.add(Duration::from_secs(1)));
        assert_eq!(pace.silence(least), least);
        (0..51).for_each(|_| pace.add(Duration::from_secs(20)));
        assert_eq!(pace.silence(least), Duration::from_secs(100));
    }
}
