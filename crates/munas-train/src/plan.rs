//! The execution of a network: layers in order, with every buffer placed in one arena.
//!
//! A plan is made for a graph and a largest batch; a pass may have any smaller batch. Nothing is allocated by a pass.
//! All buffers are in the kernels' batch-in-lanes layout, `[block][channel][row][column][LANES]`; a pass over fewer
//! blocks uses the front of each buffer.
//!
//! Points in time, for lifetimes, with n layers: the forward pass of layer i is at i, the loss at n, the backward
//! pass of layer i at 2n − i. A plan for inference or statistics ends with the loss. Gradients and the activations that the
//! backward pass no longer needs share memory, so a training plan takes little more than the activations that the
//! gradients are computed from: for batches of 128, 2.6 MB for the benchmark network A (28×28×1, 22 k MACs), 14 MB for B
//! (32×32×3, 361 k MACs) and 38 MB for C (32×32×3, 3.1 M MACs); for inference 1.0, 4.2 and 13.8 MB.
//!
//! | buffer | written | read last |
//! |---|---|---|
//! | input, dropout masks | 0 | as an activation |
//! | activation | forward of its layer | forward of its readers, backward of those that need it |
//! | gradient of an activation | backward of its last reader (of the logits: the loss) | backward of its layer |
//! | spare gradient | backward of a further reader, which adds it to the gradient | the same |

mod arena;
mod backward;
mod forward;
mod lower;
mod place;
mod profile;

use std::ops::Range;

use munas_ir::{Graph, TensorQuantisation};
use munas_kernels::{AlignedBuffer, BatchStatistics, Kernels, Scratch, blocks_for};
use rand::Rng;

use crate::parameters::{NormRanges, ParameterLayout};
use crate::pruning::maskable;
use lower::{Extras, Layer, Operator, ValueId};
use place::{Memory, Slot};
pub use profile::{Phase, ProfileRow, StepProfile, profile};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// Forward and backward.
    Training {
        /// Rate of the dropout before hidden dense layers; none where it is 0.
        dropout: f64,
        /// Whether output channels are masked, for structured pruning.
        channel_masks: bool,
    },
    /// Forward only. The graph's batch norms must have been folded.
    Inference,
    /// Forward only, for the statistics of the batch norms. Dropout is left out.
    Statistics,
}

/// An executable network; see the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    layers: Vec<Layer>,
    logits: ValueId,
    memory: Memory,
    largest_batch: usize,
    /// Tensors of the graph of a quantised plan; else 0.
    observed_tensors: usize,
}

/// The memory that passes run in. One workspace serves several plans, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    arena: AlignedBuffer,
    scratch: Scratch,
    /// Of the last forward pass, in the order of [`NormRanges::index`].
    statistics: Vec<BatchStatistics>,
    /// Smallest and largest value of each tensor of the graph in the last forward pass of a quantised plan.
    observed: Vec<[f32; 2]>,
}

/// What a pass works on besides the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass<'a> {
    pub kernels: &'a Kernels,
    /// Trained parameters, in the layout that the plan was made with.
    pub parameters: &'a [f32],
    /// Valid samples; the other lanes are left out of statistics and gradients.
    pub batch: usize,
    /// The mask of the parameters, for a plan with channel masks; else not read.
    pub mask: &'a [f32],
    /// How the tensors of the graph are rounded in a quantised plan; where empty, they are only observed.
    pub activations: &'a [TensorQuantisation],
}

impl Plan {
    pub fn new(graph: &Graph, layout: &ParameterLayout, largest_batch: usize, purpose: Purpose) -> Self {
        let extras = match purpose {
            Purpose::Training { dropout, channel_masks } => Extras {
                dropout: dropout > 0.0,
                maskable: if channel_masks { maskable(graph) } else { Vec::new() },
                ..Extras::default()
            },
            Purpose::Inference | Purpose::Statistics => Extras::default(),
        };
        Self::with_extras(graph, layout, largest_batch, (purpose, extras))
    }

    /// A plan in which the input and what operators produce is fake-quantised. `graph` has no batch norms.
    pub fn quantised(
        graph: &Graph,
        layout: &ParameterLayout,
        largest_batch: usize,
        purpose: Purpose,
    ) -> Self {
        let dropout = matches!(purpose, Purpose::Training { dropout, .. } if dropout > 0.0);
        let extras = Extras { dropout, fake_quantisation: true, ..Extras::default() };
        let plan = Self::with_extras(graph, layout, largest_batch, (purpose, extras));
        Self { observed_tensors: graph.shapes().len(), ..plan }
    }

    fn with_extras(
        graph: &Graph,
        layout: &ParameterLayout,
        largest_batch: usize,
        (purpose, extras): (Purpose, Extras),
    ) -> Self {
        let lowered = lower::lower(graph, layout, extras);
        let memory = place::place(&lowered, blocks_for(largest_batch), purpose);
        Self { layers: lowered.layers, logits: lowered.logits, memory, largest_batch, observed_tensors: 0 }
    }

    /// Memory of the arena in bytes.
    pub fn arena_bytes(&self) -> usize {
        self.memory.arena_len * size_of::<f32>()
    }

    /// Bytes of working memory that the layer with the most of it takes.
    pub fn scratch_bytes(&self) -> usize {
        let blocks = blocks_for(self.largest_batch);
        let of_layer = |layer: &Layer| match &layer.operator {
            Operator::Affine(affine) => affine.geometry.convolution().scratch_bytes(blocks),
            _ => 0,
        };
        self.layers.iter().map(of_layer).max().unwrap_or(0)
    }

    /// Samples of the largest batch.
    pub fn largest_batch(&self) -> usize {
        self.largest_batch
    }

    /// The batch norms, in the order of [`NormRanges::index`].
    pub fn norms(&self) -> impl Iterator<Item = &NormRanges> {
        self.layers.iter().filter_map(|layer| match &layer.operator {
            Operator::BatchNorm(norm) => Some(&norm.ranges),
            _ => None,
        })
    }

    /// Draws every dropout mask anew: 0 with probability `rate`, else 1/(1 − rate).
    pub fn draw_masks(&self, batch: usize, workspace: &mut Workspace, rng: &mut impl Rng) {
        for mask in &self.memory.masks {
            draw_mask(mask.rate, rng, &mut workspace.arena[mask.slot.range(blocks_for(batch))]);
        }
    }

    /// The network's input for `batch` samples, to be filled before a forward pass.
    pub fn input<'w>(&self, batch: usize, workspace: &'w mut Workspace) -> &'w mut [f32] {
        &mut workspace.arena[self.slot(ValueId::INPUT).range(blocks_for(batch))]
    }

    /// The logits of the last forward pass, `[block][unit][LANES]`.
    pub fn logits<'w>(&self, batch: usize, workspace: &'w Workspace) -> &'w [f32] {
        &workspace.arena[self.slot(self.logits).range(blocks_for(batch))]
    }

    /// The logits of the last forward pass, and where their gradient is written before a backward pass.
    ///
    /// # Panics
    /// If the plan is not for training.
    pub fn logits_and_gradient<'w>(
        &self,
        batch: usize,
        workspace: &'w mut Workspace,
    ) -> (&'w [f32], &'w mut [f32]) {
        let blocks = blocks_for(batch);
        let d_logits = self.memory.d_logits.expect("only plans for training have gradients");
        let [logits, d_logits] =
            disjoint(&mut workspace.arena, [self.slot(self.logits).range(blocks), d_logits.range(blocks)]);
        (logits, d_logits)
    }

    fn slot(&self, value: ValueId) -> Slot {
        self.memory.slots[value.index()]
    }
}

/// Mutable views of buffers that are alive at the same time.
fn disjoint<const N: usize>(arena: &mut [f32], ranges: [Range<usize>; N]) -> [&mut [f32]; N] {
    arena.get_disjoint_mut(ranges).expect("buffers that are alive together do not overlap")
}

/// Sixteen random bits decide about an element; the rate is met to 1/65,536.
fn draw_mask(rate: f64, rng: &mut impl Rng, mask: &mut [f32]) {
    let threshold = (rate * 65_536.0).round() as u32;
    let kept = (1.0 / (1.0 - rate)) as f32;
    for group in mask.chunks_exact_mut(4) {
        let mut bits = rng.next_u64();
        for factor in group {
            *factor = if (bits & 0xffff) as u32 >= threshold { kept } else { 0.0 };
            bits >>= 16;
        }
    }
}

impl Workspace {
    /// Memory for any of `plans`.
    pub fn for_plans(plans: &[&Plan]) -> Self {
        let len = plans.iter().map(|plan| plan.memory.arena_len).max().unwrap_or(0);
        let mut statistics = Vec::new();
        for plan in plans {
            for norm in plan.norms() {
                if statistics.len() <= norm.index {
                    statistics.push(BatchStatistics::new(norm.gamma.len()));
                }
            }
        }
        let tensors = plans.iter().map(|plan| plan.observed_tensors).max().unwrap_or(0);
        let observed = vec![[0.0; 2]; tensors];
        Self { arena: AlignedBuffer::zeroed(len), scratch: Scratch::default(), statistics, observed }
    }

    /// Becomes memory for `plans`. The old memory is given back first: there is never room for both.
    pub fn replan(&mut self, plans: &[&Plan]) {
        *self = Self::default();
        *self = Self::for_plans(plans);
    }

    /// Smallest and largest value of each tensor in the last forward pass of a quantised plan.
    pub fn observed(&self) -> &[[f32; 2]] {
        &self.observed
    }

    /// Statistics of each batch norm in the last forward pass of a plan that has any.
    pub fn statistics(&self) -> &[BatchStatistics] {
        &self.statistics
    }
}

#[cfg(test)]
mod tests;
