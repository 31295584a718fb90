//! How many epochs a training of a finalist has.

use std::time::Duration;

use super::training::stretched;
use crate::experiment::{Experiment, FinalSettings};

/// How long a training of a finalist is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// As those that were begun last; as long as they have to be, if there are none.
    AsBefore,
    /// So many times as long as in the search.
    Times(f64),
    /// As long as so much time allows, between [`longer`](FinalSettings::longer) and
    /// [`longest`](FinalSettings::longest). Those that were begun last keep their length unless twice of it fits.
    Filling(Duration),
}

/// No training is so many times as long as in the search.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("trainings are {} to {} times as long as in the search, not {factor}", FinalSettings::FACTORS.start(), FinalSettings::FACTORS.end())]
pub struct LengthError {
    /// What was asked for.
    pub factor: f64,
}

impl Length {
    /// So many times as long as in the search.
    ///
    /// # Errors
    /// [`LengthError`] of a factor that an experiment may not have either.
    pub fn times(factor: f64) -> Result<Self, LengthError> {
        FinalSettings::FACTORS.contains(&factor).then_some(Self::Times(factor)).ok_or(LengthError { factor })
    }
}

/// The share of the time that trainings are planned to take: how long they take is an estimate, and learning from a teacher takes longer.
pub(super) const PLANNED_SHARE: f64 = 0.8;
/// All are trained again only for trainings that are so many times as long.
const WORTH_STARTING_AGAIN: f64 = 2.0;

/// The epochs of each training: of all these, by what an epoch of each takes in seconds, on so many workers. `before`: those
/// of the trainings that were begun last, if there are any.
pub(super) fn epochs_of(
    length: Length,
    experiment: &Experiment,
    before: Option<u32>,
    seconds_of_epochs: &[f64],
    workers: usize,
) -> u32 {
    let settings = &experiment.finalists;
    let of_factor = |factor| stretched(experiment.train.epochs, factor);
    match (length, before) {
        (Length::Times(factor), _) => of_factor(factor),
        (Length::AsBefore, Some(before)) => before,
        (Length::AsBefore, None) => of_factor(settings.longer),
        (Length::Filling(time), before) => {
            let most = PLANNED_SHARE * time.as_secs_f64()
                / makespan(seconds_of_epochs, workers).max(f64::MIN_POSITIVE);
            let least = f64::from(of_factor(settings.longer));
            let epochs = most.min(f64::from(of_factor(settings.longest))).max(least).floor() as u32;
            before
                .filter(|before| f64::from(epochs) < WORTH_STARTING_AGAIN * f64::from(*before))
                .unwrap_or(epochs)
        }
    }
}

/// Whether trainings of so many epochs are as long as the experiment lets the time make them.
pub(super) fn is_longest(epochs: u32, experiment: &Experiment) -> bool {
    let FinalSettings { longer, longest, .. } = experiment.finalists;
    epochs >= stretched(experiment.train.epochs, longest.max(longer))
}

/// When the last of these jobs ends, each of which the first free worker takes.
fn makespan(seconds: &[f64], workers: usize) -> f64 {
    let mut busy_until = vec![0.0_f64; workers.max(1)];
    for job in seconds {
        if let Some(next) = busy_until.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            *next += job;
        }
    }
    busy_until.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::experiment;

    fn epochs(length: Length, before: Option<u32>, seconds_of_epochs: &[f64], workers: usize) -> u32 {
        let experiment = experiment(&["train.epochs=10", "final.longer=3", "final.longest=20"]);
        epochs_of(length, &experiment, before, seconds_of_epochs, workers)
    }

    #[test]
    fn trainings_are_as_long_as_the_time_allows() {
        let filling = |seconds| Length::Filling(Duration::from_secs(seconds));
        assert_eq!(epochs(filling(100), None, &[0.5, 0.5], 1), 80, "four fifths of the time");
        assert_eq!(epochs(filling(100), None, &[0.5, 0.5], 2), 160);
        assert_eq!(epochs(filling(100), None, &[0.5, 0.5, 0.5], 2), 80, "the third waits");
        assert_eq!(epochs(filling(1), None, &[0.5, 0.5], 1), 30, "no shorter than they have to be");
        assert_eq!(epochs(filling(10_000), None, &[0.5, 0.5], 1), 200, "and no longer than they may be");
        assert_eq!(epochs(filling(100), None, &[], 1), 200, "what costs nothing");
    }

    #[test]
    fn those_that_were_begun_keep_their_length() {
        let filling = Length::Filling(Duration::from_secs(100));
        let after = |before| epochs(filling, Some(before), &[0.5, 0.5], 1);
        assert_eq!((after(41), after(200)), (41, 200));
        assert_eq!(after(40), 80, "unless twice of it fits");
        assert_eq!(epochs(Length::AsBefore, Some(70), &[0.5], 1), 70);
        assert_eq!(epochs(Length::AsBefore, None, &[0.5], 1), 30);
        assert_eq!(epochs(Length::Times(0.5), Some(70), &[0.5], 1), 5);
    }
}
