//! Masks in the layout of the parameters.

use std::ops::Range;

use munas_ir::{Graph, Op};
use munas_kernels::{AlignedBuffer, Kernels, LANES};

use super::channels::masked_channels;
use super::select::{largest, smallest};
use super::{Pruning, PruningGoal, PruningMode, Remainder};
use crate::parameters::ParameterLayout;

/// A network that is masked, with its dense parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network<'a> {
    pub graph: &'a Graph,
    pub layout: &'a ParameterLayout,
    pub dense: &'a [f32],
}

/// The mask m of a network's parameters: 1, or 0 where a parameter is masked.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    mode: PruningMode,
    factors: AlignedBuffer,
    /// Parameters of the step under way: m ⊙ w where w is a kernel that is pruned, w elsewhere.
    weights: AlignedBuffer,
    /// Share of the channels or weights within reach that are masked.
    pub sparsity: f64,
}

impl Mask {
    /// A mask of ones, before the first update.
    pub fn full(mode: PruningMode, layout: &ParameterLayout) -> Self {
        let mut factors = AlignedBuffer::zeroed(layout.parameters());
        factors.fill(1.0);
        Self { mode, factors, weights: AlignedBuffer::zeroed(layout.parameters()), sparsity: 0.0 }
    }

    /// Takes over what was stored.
    pub fn restore(&mut self, factors: AlignedBuffer, sparsity: f64) {
        (self.factors, self.sparsity) = (factors, sparsity);
    }

    /// One factor per parameter.
    pub fn factors(&self) -> &[f32] {
        &self.factors
    }

    /// Masks the share of smallest magnitude that is due in `epoch`. With a goal, what is left fits from the finish on.
    ///
    /// # Errors
    /// In the epoch of the finish, what is still too much at the goal's largest sparsity.
    pub fn update(
        &mut self,
        pruning: &Pruning,
        goal: Option<&PruningGoal>,
        epoch: u32,
        network: Network<'_>,
    ) -> Result<(), String> {
        let sparsity = match goal.map(|goal| self.fitting_share(pruning.sparsity, goal, network)) {
            None => pruning.sparsity,
            Some(Ok(share)) => share,
            Some(Err(excess)) if epoch >= pruning.finish => return Err(excess),
            // Magnitudes may yet change.
            Some(Err(_)) => goal.map_or(pruning.sparsity, |goal| goal.max_sparsity),
        };
        self.mask_share(Pruning { sparsity, ..*pruning }.sparsity_in(epoch), network);
        Ok(())
    }

    /// The smallest share, `least` or more, with which what is left fits; else what is too much at the largest share.
    fn fitting_share(&mut self, least: f64, goal: &PruningGoal, network: Network<'_>) -> Result<f64, String> {
        if self.judge_share(least, goal, network).is_ok() {
            return Ok(least);
        }
        let reach = self.reach(network);
        let count = |share: f64| (share * reach as f64).round() as usize;
        let share = |count: usize| count as f64 / reach.max(1) as f64;
        let (mut above, mut fits) = (count(least), count(goal.max_sparsity.max(least)));
        self.judge_share(share(fits), goal, network)?;
        // A larger share leaves a part of what a smaller one leaves.
        while fits - above > 1 {
            let middle = above.midpoint(fits);
            match self.judge_share(share(middle), goal, network) {
                Ok(()) => fits = middle,
                Err(_) => above = middle,
            }
        }
        Ok(share(fits))
    }

    /// Masks a share, and says what of the rest is too much.
    fn judge_share(&mut self, share: f64, goal: &PruningGoal, network: Network<'_>) -> Result<(), String> {
        self.mask_share(share, network);
        let Network { graph, layout, .. } = network;
        match self.mode {
            PruningMode::Structured => {
                let left = graph.without_channels(|op, channel| {
                    let ranges = layout.layer(op);
                    ranges.is_some_and(|ranges| self.factors[ranges.affine.bias.clone()][channel] == 0.0)
                });
                goal.judge(Remainder { graph: &left, stored: None })
            }
            PruningMode::Unstructured => {
                let stored = layout.layers().map(|ranges| {
                    let kernel = &self.factors[ranges.affine.kernel.clone()];
                    kernel.iter().filter(|factor| **factor != 0.0).count() + ranges.affine.bias.len()
                });
                goal.judge(Remainder { graph, stored: Some(stored.sum::<usize>() as u64) })
            }
        }
    }

    /// Number of channels or weights that are chosen from.
    pub(super) fn reach(&self, network: Network<'_>) -> usize {
        let Network { graph, layout, .. } = network;
        match self.mode {
            PruningMode::Structured => {
                graph.prunable_layers().map(|op| graph.output_shape(op).channels).sum()
            }
            PruningMode::Unstructured => hidden_kernels(graph, layout).map(|kernel| kernel.len()).sum(),
        }
    }

    fn mask_share(&mut self, share: f64, network: Network<'_>) {
        let Network { graph, layout, dense } = network;
        self.factors.fill(1.0);
        self.sparsity = match self.mode {
            PruningMode::Unstructured => self.mask_weights(share, graph, layout, dense),
            PruningMode::Structured => self.mask_channels(share, graph, layout, dense),
        };
    }

    /// Masks the kernels of a step; those of what follows a masked channel stay dense, as do all other parameters.
    pub fn apply(&mut self, kernels: &Kernels, graph: &Graph, layout: &ParameterLayout, dense: &[f32]) {
        self.weights.copy_from_slice(dense);
        for (op, node) in graph.ops() {
            let follows =
                self.mode == PruningMode::Structured && matches!(node.op, Op::DepthwiseConv2d { .. });
            let Some(ranges) = layout.layer(op).filter(|_| !follows) else { continue };
            let kernel = ranges.affine.kernel.clone();
            let (dense, factors) = (&dense[kernel.clone()], &self.factors[kernel.clone()]);
            kernels.multiply(dense, factors, &mut self.weights[kernel]);
        }
    }

    /// The parameters of the step under way.
    pub fn step_parameters(&self) -> &[f32] {
        &self.weights
    }

    fn mask_weights(&mut self, share: f64, graph: &Graph, layout: &ParameterLayout, dense: &[f32]) -> f64 {
        let indices: Vec<usize> = hidden_kernels(graph, layout).flatten().collect();
        let magnitudes: Vec<f32> = indices.iter().map(|&index| dense[index].abs()).collect();
        let masked = smallest(&magnitudes, share);
        for (&index, _) in indices.iter().zip(&masked).filter(|(_, is_masked)| **is_masked) {
            self.factors[index] = 0.0;
        }
        share_of(&masked)
    }

    fn mask_channels(&mut self, share: f64, graph: &Graph, layout: &ParameterLayout, dense: &[f32]) -> f64 {
        let mut norms = Vec::new();
        // The channels of each chosen layer among all norms.
        let mut places: Vec<(usize, Range<usize>)> = Vec::new();
        for op in graph.prunable_layers() {
            let Some(ranges) = layout.layer(op) else { continue };
            let kernel = &dense[ranges.affine.kernel.clone()];
            let first = norms.len();
            norms.extend(kernel.chunks_exact(kernel.len() / ranges.affine.bias.len()).map(l2_norm));
            places.push((op.index(), first..norms.len()));
        }
        let mut masked = smallest(&norms, share);
        let mut chosen = vec![Vec::new(); graph.nodes().len()];
        for (op, place) in places {
            if let Some(survivor) = largest(&norms[place.clone()]) {
                masked[place.start + survivor] = false;
            }
            chosen[op] = masked[place].to_vec();
        }
        self.set_channels(graph, layout, &chosen);
        share_of(&masked)
    }

    /// Masks channels of the chosen layers (by operator; empty for others), and those that are zero where they are.
    pub(super) fn set_channels(&mut self, graph: &Graph, layout: &ParameterLayout, chosen: &[Vec<bool>]) {
        for ((op, _), channels) in graph.ops().zip(masked_channels(graph, chosen)) {
            let Some(ranges) = layout.layer(op) else { continue };
            let norm = ranges.norm.iter().flat_map(|norm| [norm.gamma.clone(), norm.beta.clone()]);
            let parts = [ranges.affine.kernel.clone(), ranges.affine.bias.clone()];
            for part in parts.into_iter().chain(norm) {
                mask_rows(&mut self.factors[part], &channels);
            }
        }
    }
}

/// The kernels that single weights are masked in: all but the last layer's.
fn hidden_kernels<'a>(
    graph: &'a Graph,
    layout: &'a ParameterLayout,
) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let hidden = graph.ops().filter(|(op, _)| op.output() != graph.output());
    hidden.filter_map(|(op, _)| layout.layer(op)).map(|ranges| ranges.affine.kernel.clone())
}

/// Zeroes the rows of the masked channels in a tensor whose slowest axis is the output channel.
fn mask_rows(factors: &mut [f32], masked: &[bool]) {
    for (row, _) in factors.chunks_exact_mut(factors.len() / masked.len()).zip(masked).filter(|(_, m)| **m) {
        row.fill(0.0);
    }
}

fn l2_norm(row: &[f32]) -> f32 {
    row.iter().map(|weight| weight * weight).sum::<f32>().sqrt()
}

fn share_of(masked: &[bool]) -> f64 {
    masked.iter().filter(|is_masked| **is_masked).count() as f64 / masked.len().max(1) as f64
}

/// The channels of one layer's output, each masked by the factor of its bias.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelMask {
    /// Where the factors are, one per channel.
    pub bias: Range<usize>,
    /// Pixels of a channel.
    pub pixels: usize,
}

impl ChannelMask {
    /// Writes `input`, `[block][channel][pixel][LANES]`, to `output`, with zeros for masked channels.
    pub fn forward(&self, factors: &[f32], input: &[f32], output: &mut [f32]) {
        let planes =
            input.chunks_exact(self.pixels * LANES).zip(output.chunks_exact_mut(self.pixels * LANES));
        for ((input, output), factor) in planes.zip(factors[self.bias.clone()].iter().cycle()) {
            if *factor == 0.0 {
                output.fill(0.0);
            } else {
                output.copy_from_slice(input);
            }
        }
    }
}
