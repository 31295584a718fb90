//! Lifetimes and places of a network's buffers; see the table in the module above.

use std::ops::Range;

use super::Purpose;
use super::arena::{self, Buffer};
use super::lower::{Lowered, Operator, ValueId};

/// The place of a buffer in the arena, in elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slot {
    offset: usize,
    block_len: usize,
}

impl Slot {
    pub fn range(self, blocks: usize) -> Range<usize> {
        self.offset..self.offset + self.block_len * blocks
    }
}

/// How the gradient of one input of a layer is delivered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Delivery {
    /// Not at all: nothing before the layer is trained.
    Skip,
    /// Written to the gradient of the value.
    Write(Slot),
    /// Written to `spare`, then added to `gradient`, which a later layer has written.
    Add { gradient: Slot, spare: Slot },
}

impl Delivery {
    /// Where the layer writes.
    pub fn target(self) -> Option<Slot> {
        match self {
            Self::Skip => None,
            Self::Write(slot) | Self::Add { spare: slot, .. } => Some(slot),
        }
    }
}

/// The backward pass of a layer that is, or stands after, a trained one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BackwardStep {
    pub d_output: Slot,
    /// One per input.
    pub d_inputs: Vec<Delivery>,
}

/// A dropout mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mask {
    pub slot: Slot,
    pub rate: f64,
}

/// The places of all buffers of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Memory {
    /// Place of each value.
    pub slots: Vec<Slot>,
    /// Per layer; empty in a plan that is not for training.
    pub backward: Vec<Option<BackwardStep>>,
    pub masks: Vec<Mask>,
    /// Place of the gradient of the logits; `None` in a plan that is not for training.
    pub d_logits: Option<Slot>,
    /// Elements of the arena.
    pub arena_len: usize,
}

/// Places all buffers for batches of up to `blocks` blocks.
pub(super) fn place(lowered: &Lowered, blocks: usize, purpose: Purpose) -> Memory {
    let mut planner = Planner::new(lowered, blocks);
    planner.values();
    let gradients = match purpose {
        Purpose::Training { .. } => {
            planner.keep_for_backward();
            Some(planner.gradients())
        }
        Purpose::Inference | Purpose::Statistics => None,
    };
    let placement = arena::place(&planner.buffers);
    let slot = |buffer: usize| Slot {
        offset: placement.offsets[buffer],
        block_len: planner.buffers[buffer].len / blocks,
    };
    let backward = gradients.iter().flat_map(|gradients| &gradients.steps).map(|step| {
        let step = step.as_ref()?;
        let deliver = |route: &Route| match *route {
            Route::Skip => Delivery::Skip,
            Route::Write(gradient) => Delivery::Write(slot(gradient)),
            Route::Add { gradient, spare } => Delivery::Add { gradient: slot(gradient), spare: slot(spare) },
        };
        Some(BackwardStep {
            d_output: slot(step.d_output),
            d_inputs: step.routes.iter().map(deliver).collect(),
        })
    });
    let masks = lowered.layers.iter().filter_map(|layer| match (&layer.operator, purpose) {
        (Operator::Dropout { mask }, Purpose::Training { dropout, .. }) => {
            Some(Mask { slot: slot(mask.index()), rate: dropout })
        }
        _ => None,
    });
    Memory {
        slots: (0..lowered.block_lens.len()).map(slot).collect(),
        backward: backward.collect(),
        masks: masks.collect(),
        d_logits: gradients.as_ref().map(|gradients| slot(gradients.d_logits)),
        arena_len: placement.len,
    }
}

/// Places the buffers of a lowered network.
struct Planner<'a> {
    lowered: &'a Lowered,
    blocks: usize,
    buffers: Vec<Buffer>,
    /// Whether the gradient of a value is needed: something before it is trained.
    needs_gradient: Vec<bool>,
}

/// A [`Delivery`] before the buffers have their places.
enum Route {
    Skip,
    Write(usize),
    Add { gradient: usize, spare: usize },
}

/// A [`BackwardStep`] before the buffers have their places.
struct StepBuffers {
    d_output: usize,
    routes: Vec<Route>,
}

struct GradientBuffers {
    d_logits: usize,
    /// Per layer.
    steps: Vec<Option<StepBuffers>>,
}

impl<'a> Planner<'a> {
    fn new(lowered: &'a Lowered, blocks: usize) -> Self {
        let mut needs_gradient = vec![false; lowered.block_lens.len()];
        for layer in &lowered.layers {
            needs_gradient[layer.output.index()] =
                layer.operator.is_trained() || layer.inputs.iter().any(|input| needs_gradient[input.index()]);
        }
        Self { lowered, blocks, buffers: Vec::new(), needs_gradient }
    }

    fn loss_time(&self) -> usize {
        self.lowered.layers.len()
    }

    fn backward_time(&self, layer: usize) -> usize {
        2 * self.loss_time() - layer
    }

    /// Makes the buffers of all values, alive as long as the forward pass needs them. A value's buffer has its index.
    fn values(&mut self) {
        let blocks = self.blocks;
        let buffer = |block_len: &usize| Buffer { len: block_len * blocks, alive: 0..=0 };
        self.buffers = self.lowered.block_lens.iter().map(buffer).collect();
        for (index, layer) in self.lowered.layers.iter().enumerate() {
            self.buffers[layer.output.index()].alive = index..=index;
            for input in &layer.inputs {
                self.extend(*input, index);
            }
        }
        self.extend(self.lowered.logits, self.loss_time());
    }

    /// Keeps the values that the backward pass reads.
    fn keep_for_backward(&mut self) {
        for (index, layer) in self.lowered.layers.iter().enumerate() {
            let now = self.backward_time(index);
            if let Operator::Dropout { mask } = layer.operator {
                self.extend(mask, now);
            }
            if !self.needs_gradient[layer.output.index()] {
                continue;
            }
            if layer.operator.backward_reads_output() {
                self.extend(layer.output, now);
            }
            if layer.operator.backward_reads_inputs() {
                for input in &layer.inputs {
                    self.extend(*input, now);
                }
            }
        }
    }

    fn extend(&mut self, value: ValueId, time: usize) {
        let alive = &mut self.buffers[value.index()].alive;
        *alive = *alive.start()..=time.max(*alive.end());
    }

    fn gradient_of(&mut self, value: ValueId, from: usize, to: usize) -> usize {
        let len = self.lowered.block_lens[value.index()] * self.blocks;
        self.buffers.push(Buffer { len, alive: from..=to });
        self.buffers.len() - 1
    }

    /// Makes the buffers of all gradients.
    fn gradients(&mut self) -> GradientBuffers {
        let lowered = self.lowered;
        // A gradient is read last by the backward pass of the layer that produced the value.
        let mut last_read = vec![0; lowered.block_lens.len()];
        for (index, layer) in lowered.layers.iter().enumerate() {
            last_read[layer.output.index()] = self.backward_time(index);
        }
        let logits = lowered.logits.index();
        let d_logits = self.gradient_of(lowered.logits, self.loss_time(), last_read[logits]);
        let mut gradients = vec![None; lowered.block_lens.len()];
        gradients[logits] = Some(d_logits);
        let mut steps = Vec::with_capacity(lowered.layers.len());
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            if !self.needs_gradient[layer.output.index()] {
                steps.push(None);
                continue;
            }
            let now = self.backward_time(index);
            let mut routes = Vec::with_capacity(layer.inputs.len());
            for &input in &layer.inputs {
                routes.push(if !self.needs_gradient[input.index()] {
                    Route::Skip
                } else if let Some(gradient) = gradients[input.index()] {
                    Route::Add { gradient, spare: self.gradient_of(input, now, now) }
                } else {
                    let gradient = self.gradient_of(input, now, last_read[input.index()]);
                    gradients[input.index()] = Some(gradient);
                    Route::Write(gradient)
                });
            }
            let d_output = gradients[layer.output.index()].expect("every value but the logits is read");
            steps.push(Some(StepBuffers { d_output, routes }));
        }
        steps.reverse();
        GradientBuffers { d_logits, steps }
    }
}
