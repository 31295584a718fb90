//! The backward pass.

use munas_kernels::{
    AffineActivations, BatchNormGradients, BatchNormOperands, BatchStatistics, PoolActivations, Scratch,
    blocks_for,
};

use super::forward::{fake_quantisation, norm_parameters};
use super::lower::{Affine, BatchNorm, Layer, Operator};
use super::place::{BackwardStep, Delivery};
use super::profile::{Observer, Part, Phase, Unobserved};
use super::{Pass, Plan, Workspace, disjoint};

impl Plan {
    /// Computes the gradients of all trained parameters from that of the logits, after a forward pass over the same
    /// batch. `gradients` has the parameters' layout and is overwritten.
    pub fn backward(&self, pass: &Pass<'_>, workspace: &mut Workspace, gradients: &mut [f32]) {
        self.backward_observed(pass, workspace, gradients, &mut Unobserved);
    }

    /// As [`Plan::backward`], with `observer` told of each piece of work.
    pub(super) fn backward_observed(
        &self,
        pass: &Pass<'_>,
        workspace: &mut Workspace,
        gradients: &mut [f32],
        observer: &mut impl Observer,
    ) {
        for (index, (layer, step)) in self.layers.iter().zip(&self.memory.backward).enumerate().rev() {
            let Some(step) = step else { continue };
            if let Operator::Affine(affine) = &layer.operator {
                observer.observe(Part::Layer(index), Phase::BackwardWeights, || {
                    self.backward_weights((affine, layer), step, pass, workspace, gradients);
                });
            }
            if step.d_inputs.iter().all(|delivery| delivery.target().is_none()) {
                continue;
            }
            observer.observe(Part::Layer(index), Phase::BackwardInput, || {
                self.backward_input(layer, step, pass, workspace, gradients);
                for delivery in &step.d_inputs {
                    add_spare(*delivery, pass, workspace);
                }
            });
        }
    }

    /// The gradients by the parameters of an affine layer. Passes the gradient of its output through its activation.
    fn backward_weights(
        &self,
        (affine, layer): (&Affine, &Layer),
        step: &BackwardStep,
        pass: &Pass<'_>,
        workspace: &mut Workspace,
        gradients: &mut [f32],
    ) {
        let blocks = blocks_for(pass.batch);
        let d_output = step.d_output.range(blocks);
        let Workspace { arena, scratch, .. } = workspace;
        let [d_weights, d_bias] =
            disjoint(gradients, [affine.ranges.kernel.clone(), affine.ranges.bias.clone()]);
        if !affine.activation.is_identity() {
            let output = self.slot(layer.output).range(blocks);
            let [output, d_output] = disjoint(arena, [output, d_output.clone()]);
            pass.kernels.activation_bias_backward(affine.activation, blocks, output, d_output, d_bias);
        } else if affine.statistics.is_some() {
            // A batch norm takes away whatever a bias adds.
            d_bias.fill(0.0);
        } else {
            pass.kernels.bias_backward(blocks, &arena[d_output.clone()], d_bias);
        }
        let input = self.slot(layer.inputs[0]).range(blocks);
        let [input, d_output] = disjoint(arena, [input, d_output]);
        affine.backward_weights(pass, &AffineActivations { input, d_output }, d_weights, scratch);
    }

    /// The gradients by the inputs of a layer that are asked for, and those by the parameters of a batch norm.
    fn backward_input(
        &self,
        layer: &Layer,
        step: &BackwardStep,
        pass: &Pass<'_>,
        workspace: &mut Workspace,
        gradients: &mut [f32],
    ) {
        let Pass { kernels, batch, .. } = *pass;
        let blocks = blocks_for(batch);
        let d_output = step.d_output.range(blocks);
        let input = self.slot(layer.inputs[0]).range(blocks);
        let output = self.slot(layer.output).range(blocks);
        let Workspace { arena, scratch, statistics, .. } = workspace;
        if let Operator::Add(geometries) = &layer.operator {
            for (geometry, delivery) in geometries.iter().zip(&step.d_inputs) {
                let Some(d_input) = delivery.target() else { continue };
                let ranges = [d_output.clone(), d_input.range(blocks)];
                let [d_output, d_input] = disjoint(arena, ranges);
                kernels.add_padded_backward(geometry, blocks, d_output, d_input);
            }
            return;
        }
        let Some(d_input) = step.d_inputs[0].target().map(|slot| slot.range(blocks)) else { return };
        match &layer.operator {
            Operator::Affine(affine) => {
                let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                affine.backward_input(pass, d_output, d_input, scratch);
            }
            Operator::BatchNorm(norm) => {
                let [input, d_output, d_input] = disjoint(arena, [input, d_output, d_input]);
                let operands = (&*input, &*d_output);
                norm_backward(norm, pass, operands, d_input, &statistics[norm.ranges.index], gradients);
            }
            Operator::MaxPool(geometry) => {
                let [input, output, d_output, d_input] = disjoint(arena, [input, output, d_output, d_input]);
                let activations = PoolActivations { input, output, d_output };
                kernels.max_pool_backward(geometry, blocks, &activations, d_input);
            }
            Operator::AvgPool(geometry) => {
                let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                kernels.avg_pool_backward(geometry, blocks, d_output, d_input);
            }
            Operator::ChannelMask(_) => {
                let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                d_input.copy_from_slice(d_output);
            }
            Operator::FakeQuantise { tensor, .. } => {
                let [input, d_output, d_input] = disjoint(arena, [input, d_output, d_input]);
                let quantisation = fake_quantisation(pass.activations[tensor.index()]);
                kernels.fake_quantise_backward(quantisation, input, d_output, d_input);
            }
            Operator::Dropout { mask } => {
                let mask = self.slot(*mask).range(blocks);
                let [d_output, mask, d_input] = disjoint(arena, [d_output, mask, d_input]);
                kernels.multiply(d_output, mask, d_input);
            }
            Operator::Add(_) => unreachable!("handled above"),
        }
    }
}

/// The gradients by the input of a batch norm and by its parameters, from its input and the gradients by its output.
fn norm_backward(
    norm: &BatchNorm,
    pass: &Pass<'_>,
    (input, d_output): (&[f32], &[f32]),
    d_input: &mut [f32],
    statistics: &BatchStatistics,
    gradients: &mut [f32],
) {
    let parameters = norm_parameters(pass, norm);
    let operands = BatchNormOperands { parameters: &parameters, statistics, input, d_output };
    let [gamma, beta] = disjoint(gradients, [norm.ranges.gamma.clone(), norm.ranges.beta.clone()]);
    let mut gradients = BatchNormGradients { gamma, beta };
    match &norm.pool {
        Some(pool) => {
            pass.kernels.batch_norm_max_pool_backward(pool, pass.batch, &operands, d_input, &mut gradients);
        }
        None => {
            pass.kernels.batch_norm_backward(&norm.geometry, pass.batch, &operands, d_input, &mut gradients);
        }
    }
}

fn add_spare(delivery: Delivery, pass: &Pass<'_>, workspace: &mut Workspace) {
    let Delivery::Add { gradient, spare } = delivery else { return };
    let blocks = blocks_for(pass.batch);
    let [gradient, spare] = disjoint(&mut workspace.arena, [gradient.range(blocks), spare.range(blocks)]);
    pass.kernels.axpy(1.0, spare, gradient);
}

impl Affine {
    fn backward_weights(
        &self,
        pass: &Pass<'_>,
        activations: &AffineActivations<'_>,
        d_weights: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let blocks = blocks_for(pass.batch);
        let convolution = self.geometry.convolution();
        pass.kernels.affine_backward_weights(&convolution, blocks, activations, d_weights, scratch);
    }

    fn backward_input(&self, pass: &Pass<'_>, d_output: &[f32], d_input: &mut [f32], scratch: &mut Scratch) {
        let blocks = blocks_for(pass.batch);
        let weights = &pass.parameters[self.ranges.kernel.clone()];
        let convolution = self.geometry.convolution();
        pass.kernels.affine_backward_input(&convolution, blocks, weights, d_output, d_input, scratch);
    }
}
