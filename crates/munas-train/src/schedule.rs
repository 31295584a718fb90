//! Learning rate schedules.
//!
//! | symbol | meaning |
//! |---|---|
//! | η | base learning rate of the settings |
//! | E, B | epochs that the settings are written for, and the budget: epochs of this training (often the same) |
//! | s, S | step (0 is the first) and steps of the budget |
//! | W | steps of the warm-up: η·(s + 1)/W until s = W, then the schedule takes over |
//! | p | (s − W)/(S − W), progress after the warm-up, 0 ≤ p < 1 |
//!
//! Schedules are functions of the share of the budget that is spent: whatever is written in epochs (the pieces of a
//! piecewise schedule, warm-up, patience) is stretched by B/E. A short rung of a multi-fidelity search is thus a whole
//! short training, and one that goes on to a higher rung continues where that rung's schedule stands at the same step.
//!
//! Piecewise and plateau change from one epoch to the next (where B = E), cosine and one-cycle from step to step.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

/// Share of a one-cycle training that the learning rate rises in.
const ONE_CYCLE_RISE: f64 = 0.3;
/// A one-cycle training starts at η divided by this (Smith and Topin, arXiv 1708.07120; values of PyTorch).
const ONE_CYCLE_START: f64 = 25.0;
/// A one-cycle training ends at its first learning rate divided by this.
const ONE_CYCLE_END: f64 = 1e4;
/// A validation loss must fall by more than this to count as a gain, as in Keras' `ReduceLROnPlateau`.
const PLATEAU_MIN_GAIN: f64 = 1e-4;

/// How the learning rate η changes over a training.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Schedule {
    /// η throughout.
    #[default]
    Constant,
    /// η, then from each `(epoch, learning_rate)` on that learning rate; `epoch` counts finished epochs of E.
    Piecewise(Vec<(u32, f64)>),
    /// η·(1 + cos πp)/2 (Loshchilov and Hutter, ICLR 2017, without restarts).
    Cosine,
    /// From η/25 up to η in the first 30 % of the steps and down to η/250,000, both along half a cosine.
    OneCycle,
    /// η times `factor` once more whenever the validation loss has not gained for `patience` epochs.
    Plateau {
        /// What the learning rate is multiplied by.
        factor: f64,
        /// Epochs without a gain.
        patience: u32,
    },
}

/// The text names no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown schedule `{0}`; there are: constant, cosine, one-cycle, plateau:FACTOR:PATIENCE")]
pub struct ParseScheduleError(String);

impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, ParseScheduleError> {
        let unknown = || ParseScheduleError(text.to_owned());
        match text.split(':').collect::<Vec<_>>()[..] {
            ["constant"] => Ok(Self::Constant),
            ["cosine"] => Ok(Self::Cosine),
            ["one-cycle"] => Ok(Self::OneCycle),
            ["plateau", factor, patience] => Ok(Self::Plateau {
                factor: factor.parse().map_err(|_| unknown())?,
                patience: patience.parse().map_err(|_| unknown())?,
            }),
            _ => Err(unknown()),
        }
    }
}

/// The form that [`FromStr`] reads; a piecewise schedule in words.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Piecewise(pieces) => {
                let texts = pieces.iter().map(|(epoch, rate)| format!("{rate} after {epoch} epochs"));
                f.write_str(&texts.collect::<Vec<_>>().join(", "))
            }
            Self::Cosine => f.write_str("cosine"),
            Self::OneCycle => f.write_str("one-cycle"),
            Self::Plateau { factor, patience } => write!(f, "plateau:{factor}:{patience}"),
        }
    }
}

/// The lengths that a schedule is stretched over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Horizon {
    /// Steps of one epoch.
    pub steps_per_epoch: u64,
    /// Epochs E that the settings are written for.
    pub epochs: u32,
    /// Epochs B of the training.
    pub budget: u32,
    /// Epochs of E in which the learning rate rises from 0 to η; may be a fraction.
    pub warm_up: f64,
}

impl Horizon {
    /// Steps in which an epoch of the settings is spent.
    fn stretched_epoch(&self) -> f64 {
        self.stretch() * self.steps_per_epoch as f64
    }

    fn stretch(&self) -> f64 {
        f64::from(self.budget) / f64::from(self.epochs)
    }
}

/// A schedule under way: gives the learning rate of each step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LearningRate {
    schedule: Schedule,
    base: f64,
    pub horizon: Horizon,
    pub plateau: Plateau,
}

/// What a plateau schedule remembers from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plateau {
    /// What η is multiplied by.
    pub multiplier: f64,
    /// Lowest validation loss so far; infinity before the first epoch.
    pub best_loss: f64,
    /// Epochs since then, or since the multiplier changed.
    pub epochs_without_gain: u32,
}

impl LearningRate {
    pub fn new(schedule: &Schedule, base: f64, horizon: Horizon) -> Self {
        let plateau = Plateau { multiplier: 1.0, best_loss: f64::INFINITY, epochs_without_gain: 0 };
        Self { schedule: schedule.clone(), base, horizon, plateau }
    }

    /// The learning rate of step `step` (0 is the first of the training).
    pub fn at(&self, step: u64) -> f64 {
        let epoch = self.horizon.stretched_epoch();
        let warm_up_steps = self.horizon.warm_up * epoch;
        let position = step as f64;
        if position < warm_up_steps {
            return self.base * ((position + 1.0) / warm_up_steps).min(1.0);
        }
        let total = f64::from(self.horizon.epochs) * epoch;
        let progress = (position - warm_up_steps) / (total - warm_up_steps);
        match &self.schedule {
            Schedule::Constant => self.base,
            Schedule::Piecewise(pieces) => {
                let reached = pieces.iter().rev().find(|&&(start, _)| f64::from(start) * epoch <= position);
                reached.map_or(self.base, |&(_, learning_rate)| learning_rate)
            }
            Schedule::Cosine => half_cosine(self.base, 0.0, progress),
            Schedule::OneCycle => {
                let start = self.base / ONE_CYCLE_START;
                if progress < ONE_CYCLE_RISE {
                    half_cosine(start, self.base, progress / ONE_CYCLE_RISE)
                } else {
                    let fall = (progress - ONE_CYCLE_RISE) / (1.0 - ONE_CYCLE_RISE);
                    half_cosine(self.base, start / ONE_CYCLE_END, fall)
                }
            }
            Schedule::Plateau { .. } => self.base * self.plateau.multiplier,
        }
    }

    /// Tells the schedule the validation loss after an epoch.
    pub fn finish_epoch(&mut self, validation_loss: f64) {
        let Schedule::Plateau { factor, patience } = self.schedule else { return };
        let plateau = &mut self.plateau;
        if validation_loss < plateau.best_loss - PLATEAU_MIN_GAIN {
            plateau.best_loss = validation_loss;
            plateau.epochs_without_gain = 0;
            return;
        }
        plateau.epochs_without_gain += 1;
        let patience = (f64::from(patience) * self.horizon.stretch()).round().max(1.0);
        if f64::from(plateau.epochs_without_gain) >= patience {
            plateau.multiplier *= factor;
            plateau.epochs_without_gain = 0;
        }
    }
}

/// From `from` at progress 0 to `to` at progress 1, flat at both ends.
fn half_cosine(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * progress).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::{Horizon, LearningRate, Schedule};

    const HORIZON: Horizon = Horizon { steps_per_epoch: 10, epochs: 10, budget: 10, warm_up: 0.0 };

    fn rates(schedule: &Schedule, horizon: Horizon) -> Vec<f64> {
        let rate = LearningRate::new(schedule, 0.5, horizon);
        (0..u64::from(horizon.budget) * horizon.steps_per_epoch).map(|step| rate.at(step)).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn piecewise_counts_finished_epochs() {
        let found = rates(&Schedule::Piecewise(vec![(2, 0.1), (5, 0.01)]), HORIZON);
        assert!(found[..20].iter().all(|&rate| rate == 0.5));
        assert!(found[20..50].iter().all(|&rate| rate == 0.1));
        assert!(found[50..].iter().all(|&rate| rate == 0.01));
    }

    #[test]
    fn cosine_halves_midway_and_ends_near_zero() {
        let found = rates(&Schedule::Cosine, HORIZON);
        assert!(close(found[0], 0.5) && close(found[50], 0.25));
        assert!(found[99] < 1e-3 && found.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn one_cycle_rises_to_the_base_and_falls_below_its_start() {
        let found = rates(&Schedule::OneCycle, HORIZON);
        assert!(close(found[0], 0.02) && close(found[30], 0.5));
        assert!(found[..=30].windows(2).all(|pair| pair[1] > pair[0]));
        assert!(found[30..].windows(2).all(|pair| pair[1] < pair[0]) && found[99] < 0.002);
    }

    #[test]
    fn warm_up_rises_linearly_and_shortens_the_rest() {
        let horizon = Horizon { warm_up: 1.5, ..HORIZON };
        let found = rates(&Schedule::Cosine, horizon);
        assert!(close(found[0], 0.5 / 15.0) && close(found[14], 0.5) && close(found[15], 0.5));
        assert!(found[16] < 0.5);
        let piecewise = rates(&Schedule::Piecewise(vec![(1, 0.1)]), horizon);
        assert!(close(piecewise[14], 0.5) && close(piecewise[15], 0.1));
    }

    #[test]
    fn a_short_budget_is_a_whole_short_training() {
        for schedule in [Schedule::Piecewise(vec![(2, 0.1), (6, 0.01)]), Schedule::Cosine, Schedule::OneCycle]
        {
            let warm_up = if schedule == Schedule::OneCycle { 0.0 } else { 2.0 };
            let whole = rates(&schedule, Horizon { warm_up, ..HORIZON });
            let short = rates(&schedule, Horizon { warm_up, budget: 5, ..HORIZON });
            assert_eq!(short.len(), 50);
            // The linear rise counts from one step, which is longer in a short training.
            let from = if warm_up > 0.0 { 10 } else { 0 };
            for (step, rate) in short.iter().enumerate().skip(from) {
                assert!(close(*rate, whole[2 * step]), "{schedule} at step {step}");
            }
        }
        let patient: Schedule = "plateau:0.5:4".parse().unwrap();
        let mut rate = LearningRate::new(&patient, 0.4, Horizon { budget: 5, ..HORIZON });
        let found: Vec<f64> = [1.0; 5].map(|loss| (rate.finish_epoch(loss), rate.at(0)).1).to_vec();
        assert_eq!(found, [0.4, 0.4, 0.2, 0.2, 0.1]);
    }

    #[test]
    fn plateau_halves_after_patience_without_gain() {
        let schedule: Schedule = "plateau:0.5:2".parse().unwrap();
        let mut rate = LearningRate::new(&schedule, 0.4, HORIZON);
        let mut found = Vec::new();
        for loss in [1.0, 0.9, 0.90001, 0.89995, 0.5, 0.6, 0.7, 0.8, 0.9] {
            rate.finish_epoch(loss);
            found.push(rate.at(0));
        }
        assert_eq!(found, [0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.05]);
    }

    #[test]
    fn text_form_is_read_back() {
        for schedule in [
            Schedule::Constant,
            Schedule::Cosine,
            Schedule::OneCycle,
            Schedule::Plateau { factor: 0.5, patience: 4 },
        ] {
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        for wrong in ["", "plateau", "plateau:x:4", "plateau:0.5:-1", "cosine:2"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }
}
