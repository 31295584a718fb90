//! Statistics of batch norms, estimated anew for given weights.
//!
//! Moving statistics are of weights that are gone: after a step of a high learning rate they can be so far from those of
//! the present weights that a network which fits its training samples fails on all others. Estimated anew, they belong to
//! the weights that are judged ("precise batch norm": Wu and Johnson, arXiv 2105.07576, section 3).
//!
//! | symbol | meaning |
//! |---|---|
//! | b, n_b | batch, and values of a channel in it (samples times pixels) |
//! | μ_b, σ²_b | mean and biased variance of the channel in the batch |
//! | μ, σ² | Σ n_b·μ_b / Σ n_b, and Σ n_b·(σ²_b + (μ_b − μ)²) / Σ n_b |
//!
//! One pass of forward passes in training mode: each layer reads what earlier layers have normalised by the batch's own
//! statistics, as in a training step. μ and σ² are then the exact mean and variance of what the first batch norm reads, and, where
//! all samples fit into one batch, of what every one reads.
//!
//! The samples are drawn once, by the training's seed: neither epochs nor checkpoints change them.

use std::ops::ControlFlow;

use munas_data::Split;
use munas_ir::Graph;
use munas_kernels::{Kernels, LANES};
use rand::Rng;
use rand::seq::index;
use serde::{Deserialize, Serialize};

use crate::batch::{BatchLoader, Selection};
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Pass, Plan, Purpose, Workspace};

/// Where the means and variances come from that batch norms use once a network is no longer trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormStatistics {
    /// Moving averages over the batches of training, as in the usual frameworks.
    #[default]
    Moving,
    /// Estimated anew before each evaluation, with the weights that are evaluated: see the documentation of the module
    /// `norm_statistics`.
    ReEstimated,
}

/// Samples of a batch, for which statistics of small training parts are exact in every layer.
const BATCH: usize = 512;
/// Bytes of activations beyond which batches are smaller, but never smaller than those of the training.
const ROOM: usize = 32 << 20;
/// Samples beyond which statistics hardly change.
const MOST_SAMPLES: usize = 2_048;
/// So many are worth their time in small training parts too.
const FEWEST_SAMPLES: usize = 512;
/// Otherwise at most the training part divided by this: forward passes over a quarter take less than a tenth of an epoch.
const TRAINING_SHARE: usize = 4;

/// Samples that the statistics of a training part of `samples` are estimated on.
fn samples_for(samples: usize) -> usize {
    (samples / TRAINING_SHARE).clamp(FEWEST_SAMPLES, MOST_SAMPLES).min(samples)
}

/// Estimates the statistics of a network's batch norms.
pub(crate) struct StatisticsEstimator {
    plan: Plan,
    positions: Vec<u32>,
    totals: Vec<ChannelTotals>,
}

impl StatisticsEstimator {
    /// An estimator for `graph`, which is trained in batches of `batch` on `samples` samples; `None` if it has no batch norms.
    pub fn new(
        graph: &Graph,
        layout: &ParameterLayout,
        batch: usize,
        samples: usize,
        rng: &mut impl Rng,
    ) -> Option<Self> {
        if layout.moving() == 0 {
            return None;
        }
        let chosen = samples_for(samples);
        let mut positions: Vec<u32> =
            index::sample(rng, samples, chosen).into_iter().map(|position| position as u32).collect();
        // Neighbours in memory are loaded faster, and sums do not care.
        positions.sort_unstable();
        let totals = vec![ChannelTotals::default(); layout.moving()];
        Some(Self { plan: Self::plan_for(graph, layout, batch, chosen), positions, totals })
    }

    /// The plan of an estimator for a training part of any size.
    pub fn largest_plan(graph: &Graph, layout: &ParameterLayout, batch: usize) -> Option<Plan> {
        (layout.moving() > 0).then(|| Self::plan_for(graph, layout, batch, MOST_SAMPLES))
    }

    fn plan_for(graph: &Graph, layout: &ParameterLayout, batch: usize, samples: usize) -> Plan {
        let plan = |batch| Plan::new(graph, layout, batch, Purpose::Statistics);
        let affordable = ROOM / plan(LANES).arena_bytes() * LANES;
        plan(affordable.min(BATCH).max(batch).min(samples))
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The statistics under `parameters`, in the places of the moving ones. `None` if `proceed`, which is asked after every
    /// batch, answers `Break`.
    pub fn estimate(
        &mut self,
        kernels: &Kernels,
        parameters: &Parameters,
        split: &Split,
        loader: &BatchLoader,
        workspace: &mut Workspace,
        proceed: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Option<Vec<f32>> {
        self.totals.fill(ChannelTotals::default());
        // Batches of about the same size: a small last one would be normalised by statistics of few samples.
        let batches = self.positions.len().div_ceil(self.plan.largest_batch());
        for positions in self.positions.chunks(self.positions.len().div_ceil(batches)) {
            let batch = positions.len();
            loader.load(kernels, Selection { split, positions }, self.plan.input(batch, workspace));
            let parameters = &parameters.trained;
            self.plan.forward(&Pass { kernels, parameters, batch, mask: &[], activations: &[] }, workspace);
            for ranges in self.plan.norms() {
                let of_batch = &workspace.statistics()[ranges.index];
                let values = of_batch.mean.iter().zip(&of_batch.variance);
                for (total, (&mean, &variance)) in self.totals[ranges.mean.clone()].iter_mut().zip(values) {
                    total.add(batch as f64, f64::from(mean), f64::from(variance));
                }
            }
            if proceed().is_break() {
                return None;
            }
        }
        let mut statistics = vec![0.0; self.totals.len()];
        for ranges in self.plan.norms() {
            let totals = &self.totals[ranges.mean.clone()];
            for ((place, variance), total) in ranges.mean.clone().zip(ranges.variance.clone()).zip(totals) {
                statistics[place] = total.mean as f32;
                statistics[variance] = total.variance() as f32;
            }
        }
        Some(statistics)
    }
}

/// Mean and variance over the batches so far (Chan, Golub and LeVeque, 1979). Pixels of a channel are as many in every sample:
/// samples are weight enough.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ChannelTotals {
    samples: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl ChannelTotals {
    fn add(&mut self, samples: f64, mean: f64, variance: f64) {
        let (before, distance) = (self.samples, mean - self.mean);
        self.samples += samples;
        self.mean += distance * samples / self.samples;
        self.squares += samples * variance + distance * distance * before * samples / self.samples;
    }

    fn variance(&self) -> f64 {
        self.squares / self.samples
    }
}

#[cfg(test)]
mod tests;
