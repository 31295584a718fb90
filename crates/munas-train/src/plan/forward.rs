//! The forward pass.

use munas_ir::{BATCH_NORM_EPSILON, TensorQuantisation};
use munas_kernels::{
    AffineOutput, AffineParameters, BatchNormParameters, FakeQuantisation, Scratch, StatisticsOf, Write,
    blocks_for,
};

use super::lower::{Affine, BatchNorm, Layer, Operator};
use super::profile::{Observer, Part, Phase, Unobserved};
use super::{Pass, Plan, Workspace, disjoint};

impl Plan {
    /// Computes the logits of the input in `workspace`. Batch norms normalise by the statistics of the batch.
    pub fn forward(&self, pass: &Pass<'_>, workspace: &mut Workspace) {
        self.forward_observed(pass, workspace, &mut Unobserved);
    }

    /// As [`Plan::forward`], with `observer` told of each layer.
    pub(super) fn forward_observed(
        &self,
        pass: &Pass<'_>,
        workspace: &mut Workspace,
        observer: &mut impl Observer,
    ) {
        assert!(pass.batch <= self.largest_batch, "{} samples in a plan for fewer", pass.batch);
        for (index, layer) in self.layers.iter().enumerate() {
            let work = || self.forward_layer(layer, pass, workspace);
            observer.observe(Part::Layer(index), Phase::Forward, work);
        }
    }

    fn forward_layer(&self, layer: &Layer, pass: &Pass<'_>, workspace: &mut Workspace) {
        let Pass { kernels, batch, .. } = *pass;
        let blocks = blocks_for(batch);
        let output = self.slot(layer.output).range(blocks);
        let first_input = self.slot(layer.inputs[0]).range(blocks);
        let Workspace { arena, scratch, statistics, observed } = workspace;
        if let Operator::Dropout { mask } = layer.operator {
            let mask = self.slot(mask).range(blocks);
            let [input, mask, output] = disjoint(arena, [first_input, mask, output]);
            return kernels.multiply(input, mask, output);
        }
        if let Operator::Add(geometries) = &layer.operator {
            for (index, (geometry, &input)) in geometries.iter().zip(&layer.inputs).enumerate() {
                let [input, output] = disjoint(arena, [self.slot(input).range(blocks), output.clone()]);
                let write = if index == 0 { Write::Overwrite } else { Write::Add };
                kernels.add_padded_forward(geometry, blocks, input, output, write);
            }
            return;
        }
        let [input, output] = disjoint(arena, [first_input, output]);
        match &layer.operator {
            Operator::Affine(affine) => {
                let statistics = affine.statistics.map(|of| StatisticsOf {
                    geometry: of.geometry,
                    batch,
                    statistics: &mut statistics[of.norm],
                });
                affine.forward(pass, input, AffineOutput { values: output, statistics }, scratch);
            }
            Operator::BatchNorm(norm) => {
                let (parameters, statistics) = (norm_parameters(pass, norm), &statistics[norm.ranges.index]);
                if let Some(pool) = &norm.pool {
                    kernels.batch_norm_max_pool_forward(pool, batch, &parameters, statistics, input, output);
                } else {
                    let geometry = &norm.geometry;
                    kernels.batch_norm_forward(geometry, batch, &parameters, statistics, input, output);
                }
            }
            Operator::MaxPool(geometry) => kernels.max_pool_forward(geometry, blocks, input, output),
            Operator::AvgPool(geometry) => kernels.avg_pool_forward(geometry, blocks, input, output),
            Operator::FakeQuantise { tensor, observes } => {
                if *observes {
                    observed[tensor.index()] = kernels.range(batch, input);
                }
                match pass.activations.get(tensor.index()) {
                    Some(quantisation) => {
                        kernels.fake_quantise(fake_quantisation(*quantisation), input, output);
                    }
                    None => output.copy_from_slice(input),
                }
            }
            Operator::ChannelMask(mask) => mask.forward(pass.mask, input, output),
            Operator::Add(_) | Operator::Dropout { .. } => unreachable!("handled above"),
        }
    }
}

/// The representable values of an activation.
pub(super) fn fake_quantisation(quantisation: TensorQuantisation) -> FakeQuantisation {
    let [low, high] = quantisation.steps();
    FakeQuantisation { scale: quantisation.scale, low, high }
}

/// The parameters of a batch norm.
pub(super) fn norm_parameters<'a>(pass: &Pass<'a>, norm: &BatchNorm) -> BatchNormParameters<'a> {
    BatchNormParameters {
        gamma: &pass.parameters[norm.ranges.gamma.clone()],
        beta: &pass.parameters[norm.ranges.beta.clone()],
        epsilon: BATCH_NORM_EPSILON,
        activation: norm.activation,
    }
}

impl Affine {
    fn forward(&self, pass: &Pass<'_>, input: &[f32], output: AffineOutput<'_>, scratch: &mut Scratch) {
        let blocks = blocks_for(pass.batch);
        let parameters = AffineParameters {
            weights: &pass.parameters[self.ranges.kernel.clone()],
            bias: &pass.parameters[self.ranges.bias.clone()],
            activation: self.activation,
        };
        let convolution = self.geometry.convolution();
        pass.kernels.affine_forward(&convolution, blocks, &parameters, input, output, scratch);
    }
}
