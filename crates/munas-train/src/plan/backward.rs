//! The backward pass.

use munas_kernels::{
    AffineActivations, AffineGradients, BatchNormGradients, BatchNormOperands, PoolActivations, Scratch,
    blocks_for,
};

use super::forward::{fake_quantisation, norm_parameters};
use super::lower::{Affine, AffineGeometry, Layer, Operator};
use super::place::{BackwardStep, Delivery};
use super::{Pass, Plan, Workspace, disjoint};

impl Plan {
    /// Computes the gradients of all trained parameters from that of the logits, after a forward pass over the same
    /// batch. `gradients` has the parameters' layout and is overwritten.
    pub fn backward(&self, pass: &Pass<'_>, workspace: &mut Workspace, gradients: &mut [f32]) {
        for (layer, step) in self.layers.iter().zip(&self.memory.backward).rev() {
            let Some(step) = step else { continue };
            self.backward_layer(layer, step, pass, workspace, gradients);
            for delivery in &step.d_inputs {
                add_spare(*delivery, pass, workspace);
            }
        }
    }

    fn backward_layer(
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
        let d_input = step.d_inputs[0].target().map(|slot| slot.range(blocks));
        match &layer.operator {
            Operator::Affine(affine) => {
                if affine.relu {
                    let [output, d_output] = disjoint(arena, [output, d_output.clone()]);
                    kernels.relu_backward(output, d_output);
                }
                let [input, d_output_view] = disjoint(arena, [input, d_output.clone()]);
                affine.backward_weights(pass, input, d_output_view, gradients, scratch);
                if let Some(d_input) = d_input {
                    let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                    if let Some(mask) = &affine.mask {
                        mask.clear(pass.mask, d_output);
                    }
                    affine.backward_input(pass, d_output, d_input, scratch);
                }
            }
            Operator::BatchNorm { geometry, ranges, relu } => {
                let d_input = d_input.expect("the convolution before a batch norm is trained");
                let [input, d_output, d_input] = disjoint(arena, [input, d_output, d_input]);
                let parameters = norm_parameters(pass, ranges, *relu);
                let statistics = &statistics[ranges.index];
                let operands = BatchNormOperands { parameters: &parameters, statistics, input, d_output };
                let [gamma, beta] = disjoint(gradients, [ranges.gamma.clone(), ranges.beta.clone()]);
                let mut gradients = BatchNormGradients { gamma, beta };
                kernels.batch_norm_backward(geometry, batch, &operands, d_input, &mut gradients);
            }
            Operator::MaxPool(geometry) => {
                let Some(d_input) = d_input else { return };
                let [input, output, d_output, d_input] = disjoint(arena, [input, output, d_output, d_input]);
                let activations = PoolActivations { input, output, d_output };
                kernels.max_pool_backward(geometry, blocks, &activations, d_input);
            }
            Operator::AvgPool(geometry) => {
                let Some(d_input) = d_input else { return };
                let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                kernels.avg_pool_backward(geometry, blocks, d_output, d_input);
            }
            Operator::Add(geometries) => {
                for (geometry, delivery) in geometries.iter().zip(&step.d_inputs) {
                    let Some(d_input) = delivery.target() else { continue };
                    let ranges = [d_output.clone(), d_input.range(blocks)];
                    let [d_output, d_input] = disjoint(arena, ranges);
                    kernels.add_padded_backward(geometry, blocks, d_output, d_input);
                }
            }
            Operator::ChannelMask(_) => {
                let d_input = d_input.expect("the layer before a mask is trained");
                let [d_output, d_input] = disjoint(arena, [d_output, d_input]);
                d_input.copy_from_slice(d_output);
            }
            Operator::FakeQuantise { tensor, .. } => {
                let Some(d_input) = d_input else { return };
                let [input, d_output, d_input] = disjoint(arena, [input, d_output, d_input]);
                let quantisation = fake_quantisation(pass.activations[tensor.index()]);
                kernels.fake_quantise_backward(quantisation, input, d_output, d_input);
            }
            Operator::Dropout { mask } => {
                let Some(d_input) = d_input else { return };
                let mask = self.slot(*mask).range(blocks);
                let [d_output, mask, d_input] = disjoint(arena, [d_output, mask, d_input]);
                kernels.multiply(d_output, mask, d_input);
            }
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
        input: &[f32],
        d_output: &[f32],
        gradients: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Pass { kernels, batch, .. } = *pass;
        let blocks = blocks_for(batch);
        let [weights, bias] = disjoint(gradients, [self.ranges.kernel.clone(), self.ranges.bias.clone()]);
        let mut gradients = AffineGradients { weights, bias };
        let activations = AffineActivations { input, d_output };
        match &self.geometry {
            AffineGeometry::Conv(g) => {
                kernels.conv_backward_weights(g, blocks, &activations, &mut gradients, scratch);
            }
            AffineGeometry::Depthwise(g) => {
                kernels.depthwise_backward_weights(g, blocks, &activations, &mut gradients, scratch);
            }
            AffineGeometry::Dense(g) => {
                kernels.dense_backward_weights(g, blocks, &activations, &mut gradients, scratch);
            }
        }
    }

    fn backward_input(&self, pass: &Pass<'_>, d_output: &[f32], d_input: &mut [f32], scratch: &mut Scratch) {
        let Pass { kernels, batch, .. } = *pass;
        let blocks = blocks_for(batch);
        let weights = &pass.parameters[self.ranges.kernel.clone()];
        match &self.geometry {
            AffineGeometry::Conv(g) => {
                kernels.conv_backward_input(g, blocks, weights, d_output, d_input, scratch);
            }
            AffineGeometry::Depthwise(g) => {
                kernels.depthwise_backward_input(g, blocks, weights, d_output, d_input, scratch);
            }
            AffineGeometry::Dense(g) => {
                kernels.dense_backward_input(g, blocks, weights, d_output, d_input, scratch);
            }
        }
    }
}
