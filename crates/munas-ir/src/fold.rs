//! Folding of batch norm into its convolution (the inference graph).

use crate::{BATCH_NORM_EPSILON, ConvAttributes, Graph, KernelLayout, LayerWeights, Weights};

/// The inference form of a graph and its weights: every batch norm folded into the kernel and bias before it.
///
/// w' = w·γ/√(σ² + ε), b' = (b − μ)·γ/√(σ² + ε) + β.
///
/// # Panics
/// If `weights` do not belong to `graph`.
pub fn fold_batch_norm(graph: &Graph, weights: &Weights) -> (Graph, Weights) {
    let folded_graph = graph.without_batch_norm();
    let layers = graph
        .ops()
        .map(|(op, _)| Some(fold_layer(KernelLayout::of(graph, op)?, weights.layer(op)?)))
        .collect();
    let folded = Weights::new(&folded_graph, layers).expect("folding keeps the kernel and bias lengths");
    (folded_graph, folded)
}

fn fold_layer(layout: KernelLayout, layer: &LayerWeights) -> LayerWeights {
    let Some(norm) = &layer.batch_norm else { return layer.clone() };
    let factors: Vec<f32> = norm
        .gamma
        .iter()
        .zip(&norm.variance)
        .map(|(gamma, variance)| gamma / (variance + BATCH_NORM_EPSILON).sqrt())
        .collect();
    let kernel = layer.kernel.iter().enumerate().map(|(i, w)| w * factors[layout.output_of(i)]).collect();
    let bias =
        (0..factors.len()).map(|c| (layer.bias[c] - norm.mean[c]) * factors[c] + norm.beta[c]).collect();
    LayerWeights { kernel, bias, batch_norm: None }
}

impl Graph {
    /// The same graph with every `batch_norm` attribute cleared.
    pub fn without_batch_norm(&self) -> Self {
        self.map_ops(|op| match op.convolution() {
            Some(attributes) => op.with_convolution(ConvAttributes { batch_norm: false, ..attributes }),
            None => op,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::fold_batch_norm;
    use crate::{
        Activation, BatchNorm, ConvAttributes, GraphBuilder, LayerWeights, Op, OpId, Padding, Shape,
        TensorId, Weights, Window,
    };

    fn fold(op: Op, input: Shape, kernel: Vec<f32>) -> LayerWeights {
        let mut builder = GraphBuilder::new(input).unwrap();
        builder.push(op, &[TensorId::INPUT]).unwrap();
        let graph = builder.finish().unwrap();
        let norm = BatchNorm {
            gamma: vec![2.0, 6.0],
            beta: vec![0.5, -0.5],
            mean: vec![1.0, 2.0],
            variance: vec![4.0 - 1e-3, 9.0 - 1e-3],
        };
        let layer = LayerWeights { kernel, bias: vec![3.0, 5.0], batch_norm: Some(norm) };
        let weights = Weights::new(&graph, vec![Some(layer)]).unwrap();
        let (folded_graph, folded) = fold_batch_norm(&graph, &weights);
        assert!(!folded_graph.node(OpId::new(0)).op.batch_norm());
        folded.layer(OpId::new(0)).unwrap().clone()
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn convolution_scales_by_slowest_axis() {
        let op = Op::Conv2d {
            filters: 2,
            attributes: ConvAttributes {
                kernel: Window::square(1),
                stride: Window::square(1),
                padding: Padding::Valid,
                batch_norm: true,
                activation: Activation::Relu,
            },
        };
        let layer = fold(op, Shape::new(2, 2, 2), vec![1.0, 2.0, 3.0, 4.0]);
        assert_close(&layer.kernel, &[1.0, 2.0, 6.0, 8.0]);
        assert_close(&layer.bias, &[2.5, 5.5]);
    }

    #[test]
    fn depthwise_scales_by_fastest_axis() {
        let op = Op::DepthwiseConv2d(ConvAttributes {
            kernel: Window::new(2, 1),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: true,
            activation: Activation::None,
        });
        let layer = fold(op, Shape::new(2, 2, 2), vec![1.0, 2.0, 3.0, 4.0]);
        assert_close(&layer.kernel, &[1.0, 4.0, 3.0, 8.0]);
        assert_close(&layer.bias, &[2.5, 5.5]);
    }
}
