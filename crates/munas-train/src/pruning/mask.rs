//! Masks in the layout of the parameters.

use std::ops::Range;

use munas_ir::{Graph, Op};
use munas_kernels::{AlignedBuffer, Kernels, LANES};

use super::channels::masked_channels;
use super::select::{largest, smallest};
use super::{Pruning, PruningMode};
use crate::parameters::ParameterLayout;

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
    /// Nothing is masked.
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

    /// Masks the share of smallest magnitude that is due in `epoch`.
    pub fn update(
        &mut self,
        pruning: &Pruning,
        epoch: u32,
        graph: &Graph,
        layout: &ParameterLayout,
        dense: &[f32],
    ) {
        let share = pruning.sparsity_in(epoch);
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
        let hidden = graph.ops().filter(|(op, _)| op.output() != graph.output());
        let indices: Vec<usize> = hidden
            .filter_map(|(op, _)| layout.layer(op))
            .flat_map(|ranges| ranges.affine.kernel.clone())
            .collect();
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
