//! Initial values: kernels Glorot-uniform (Glorot and Bengio, AISTATS 2010, equation 16), biases 0, γ 1, β 0,
//! moving mean 0, moving variance 1.

use munas_ir::{ConvAttributes, Graph, Op};
use rand::{Rng, RngExt};

use super::{ParameterLayout, Parameters};

/// Connections into and out of one output, as Keras counts them: a depthwise kernel counts as
/// `[kernel_h][kernel_w][channels][1]`, so it has the fan-in of a full convolution.
fn fans(op: Op, in_channels: usize, features: usize) -> (usize, usize) {
    match op {
        Op::Conv2d { filters, attributes: ConvAttributes { kernel, .. } } => {
            (kernel.area() * in_channels, kernel.area() * filters)
        }
        Op::DepthwiseConv2d(ConvAttributes { kernel, .. }) => (kernel.area() * in_channels, kernel.area()),
        Op::Dense { units, .. } => (features, units),
        Op::Pool { .. } | Op::Add => unreachable!("has no kernel"),
    }
}

impl Parameters {
    /// Draws the parameters of a network that starts to train.
    pub fn initialise(graph: &Graph, layout: &ParameterLayout, rng: &mut impl Rng) -> Self {
        let mut parameters = Self::zeroed(layout);
        for (op, node) in graph.ops() {
            let Some(ranges) = layout.layer(op) else { continue };
            let input = graph.first_input_shape(op);
            let (fan_in, fan_out) = fans(node.op, input.channels, input.elements());
            let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
            for weight in &mut parameters.trained[ranges.affine.kernel.clone()] {
                *weight = rng.random_range(-limit..=limit);
            }
            if let Some(norm) = &ranges.norm {
                parameters.trained[norm.gamma.clone()].fill(1.0);
                parameters.moving[norm.variance.clone()].fill(1.0);
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use munas_ir::{Activation, ConvAttributes, GraphBuilder, Op, Padding, Shape, TensorId, Window};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use crate::parameters::{ParameterLayout, Parameters};

    fn kernel_of(op: Op, input: Shape) -> Vec<f32> {
        let mut builder = GraphBuilder::new(input).unwrap();
        builder.push(op, &[TensorId::INPUT]).unwrap();
        let graph = builder.finish().unwrap();
        let layout = ParameterLayout::new(&graph);
        let parameters = Parameters::initialise(&graph, &layout, &mut ChaCha8Rng::seed_from_u64(1));
        let ranges = layout.layers().next().unwrap();
        assert!(parameters.trained[ranges.affine.bias.clone()].iter().all(|&bias| bias == 0.0));
        parameters.trained[ranges.affine.kernel.clone()].to_vec()
    }

    #[track_caller]
    fn check_limit(op: Op, input: Shape, fans: f32) {
        let kernel = kernel_of(op, input);
        let limit = (6.0 / fans).sqrt();
        let largest = kernel.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
        assert!(largest <= limit && largest > 0.95 * limit, "{largest} against {limit}");
        let mean = kernel.iter().sum::<f32>() / kernel.len() as f32;
        assert!(mean.abs() < 0.1 * limit);
    }

    #[test]
    fn limits_follow_the_fans() {
        let (kernel, stride) = (Window::new(3, 5), Window::square(1));
        let (padding, batch_norm, activation) = (Padding::Same, false, Activation::Relu);
        let input = Shape::new(6, 6, 24);
        let conv = Op::Conv2d {
            filters: 10,
            attributes: ConvAttributes { kernel, stride, padding, batch_norm, activation },
        };
        check_limit(conv, input, 15.0 * 24.0 + 15.0 * 10.0);
        let depthwise =
            Op::DepthwiseConv2d(ConvAttributes { kernel, stride, padding, batch_norm, activation });
        check_limit(depthwise, input, 15.0 * 24.0 + 15.0);
        check_limit(Op::Dense { units: 7, activation }, input, 36.0 * 24.0 + 7.0);
    }
}
