//! For how many epochs a network is trained: BOCA (Kandasamy et al., "Multi-fidelity Bayesian Optimisation with Continuous
//! Approximations", ICML 2017, section 3), with the rules of its implementation in Dragonfly (Kandasamy et al., JMLR 2020), which muNAS
//! takes it from.
//!
//! | symbol | meaning |
//! |---|---|
//! | E | epochs of a full training: the error after these is sought |
//! | z | the fidelity: epochs in [max(1, ⌊0.3·E⌋), E]; its cost is z |
//! | τ(z) | deviation of the process at the network after z epochs |
//! | φ, ξ(z) | kernel of the fidelity, information gap √(1 − φ(1 − z/E)²) |
//! | s | scale of the kernel |
//! | c | coefficient of the threshold |
//!
//! The network is chosen first, by its error after E epochs. It is trained for the smallest z with τ(z) > c·√s·ξ(z)·√(z/E): so
//! short a training still has something to tell. E is trained for where no z has, or only one above 0.9·E, which would save next to
//! nothing. Epochs for which the network was trained, or is being trained, are passed over.
//!
//! c begins at 1. With each result that is not of a random start it is multiplied by 1.1 where at most a quarter of the last 20 of these were
//! full trainings, and divided by 1.1 where at least half were: whatever the scale of the process, some trainings are short and
//! some are full. Random starts are full trainings with probability one half; the others are of uniformly random z.

use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::RANDOM_STARTS;
use super::memo::Point;
use super::model::Model;
use crate::history::Duplicates;
use crate::sampling::Sampler;
use crate::{Context, Interrupted, Observed, Problem, Proposal, Proposer};

/// Probability that a random start is a full training.
const FULL_START: f64 = 0.5;
/// The largest share of E that counts as a saving.
const LARGEST_SHARE: f64 = 0.9;
/// Results that c follows, and the shares of full trainings among them that it is changed below and above.
const WINDOW: usize = 20;
const FULL_SHARE: [f64; 2] = [0.25, 0.5];
/// What c is changed by, and the values that it stays within, so that it can soon turn back.
const STEP: f64 = 1.1;
const COEFFICIENTS: [f64; 2] = [0.01, 100.0];

/// All fidelities.
pub(super) fn range(problem: &Problem) -> RangeInclusive<u32> {
    let least = (u64::from(problem.epochs) * 3 / 10) as u32;
    least.max(1)..=problem.epochs
}

/// Draws random starts.
pub(super) struct RandomStarts<'a> {
    pub problem: &'a Problem,
    pub sampler: Sampler<'a>,
}

impl Proposer for RandomStarts<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        let proposal = self.sampler.draw(rng);
        if rng.random_bool(FULL_START) {
            return Ok(proposal);
        }
        Ok(Proposal { epochs: rng.random_range(range(self.problem)), ..proposal })
    }
}

/// c after these results, in the order in which they arrived.
pub(super) fn coefficient(results: &[&Observed], problem: &Problem) -> f64 {
    let is_full = |result: &&&Observed| result.epochs >= problem.epochs;
    let [low, high] = FULL_SHARE;
    (RANDOM_STARTS + 1..=results.len()).fold(1.0, |coefficient, end| {
        let window = &results[end.saturating_sub(WINDOW).max(RANDOM_STARTS)..end];
        let share = window.iter().filter(is_full).count() as f64 / window.len() as f64;
        let next = match share {
            _ if share <= low => coefficient * STEP,
            _ if share >= high => coefficient / STEP,
            _ => coefficient,
        };
        next.clamp(COEFFICIENTS[0], COEFFICIENTS[1])
    })
}

/// Chooses fidelities.
pub(super) struct Boca<'a> {
    problem: &'a Problem,
    trained: Duplicates<'a>,
    /// c.
    coefficient: f64,
}

impl<'a> Boca<'a> {
    /// What is chosen by after these results.
    pub fn new(context: &Context<'a>, results: &[&Observed]) -> Self {
        let Context { problem, history, pending, .. } = *context;
        Self {
            problem,
            trained: Duplicates::new(history, pending),
            coefficient: coefficient(results, problem),
        }
    }

    /// Epochs that this proposal of a full training shall have.
    pub fn epochs(&self, model: &Model, proposal: &Proposal) -> u32 {
        let full = self.problem.epochs;
        let mut candidate = self.problem.candidate(proposal.clone());
        let mut pairs = model.pairs(&Point::of(self.problem, &candidate));
        let fully: Vec<f64> = pairs.iter().map(|pair| pair.fidelity).collect();
        let short = range(self.problem).find(|&epochs| {
            candidate.epochs = epochs;
            let share = f64::from(epochs) / f64::from(full);
            for (pair, fully) in pairs.iter_mut().zip(&fully) {
                pair.fidelity = fully - (1.0 - share);
            }
            let gap = model.hyper.information_gap(1.0 - share);
            let threshold = self.coefficient * model.hyper.scale().sqrt() * gap * share.sqrt();
            let is_new = self.problem.repeats || !self.trained.contains(&candidate);
            is_new && model.deviation(&pairs) > threshold
        });
        short.filter(|&epochs| f64::from(epochs) <= LARGEST_SHARE * f64::from(full)).unwrap_or(full)
    }
}
