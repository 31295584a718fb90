use munas_ir::{
    Activation, ConvAttributes, GraphBuilder, LayerWeights, Op, Padding, PoolKind, Shape, TensorId, Weights,
    Window,
};

use super::{layer_costs, macs, model_size, sparse_model_size};
use crate::{Resources, resources};

#[test]
fn costs_follow_the_table() {
    let mut builder = GraphBuilder::new(Shape::new(9, 7, 3)).unwrap();
    let conv = Op::Conv2d {
        filters: 4,
        attributes: ConvAttributes {
            kernel: Window::new(3, 1),
            stride: Window::square(2),
            padding: Padding::Valid,
            batch_norm: true,
            activation: Activation::Relu,
        },
    };
    let depthwise = Op::DepthwiseConv2d(ConvAttributes {
        kernel: Window::square(3),
        stride: Window::square(1),
        padding: Padding::Same,
        batch_norm: true,
        activation: Activation::None,
    });
    let a = builder.push(conv, &[TensorId::INPUT]).unwrap();
    let b = builder.push(depthwise, &[a]).unwrap();
    let c = builder.push(Op::Add, &[a, b, a]).unwrap();
    let d = builder.push(Op::Pool { kind: PoolKind::Max, window: Window::new(2, 3) }, &[c]).unwrap();
    builder.push(Op::Dense { units: 5, activation: Activation::None }, &[d]).unwrap();
    let graph = builder.finish().unwrap();
    let costs: Vec<(u64, u64)> =
        layer_costs(&graph).iter().map(|cost| (cost.macs, cost.parameters)).collect();
    let expected = [
        (4 * 4 * 4 * (3 * 3), 4 * 3 * 3 + 4),
        (4 * 4 * 4 * 9, 4 * 9 + 4),
        (2 * 4 * 4 * 4, 0),
        (2 * 4 * (2 * 3), 0),
        (8 * 5, 8 * 5 + 5),
    ];
    assert_eq!(costs, expected);
    assert_eq!(macs(&graph), expected.iter().map(|cost| cost.0).sum::<u64>());
    assert_eq!(model_size(&graph), expected.iter().map(|cost| cost.1).sum::<u64>());
    let bytes = resources(&graph);
    let floats = bytes.with_element_bytes(4);
    assert_eq!(floats.model_size, 4 * model_size(&graph));
    let expected = Resources {
        peak_memory: 4 * bytes.peak_memory,
        peak_memory_with_input: 4 * bytes.peak_memory_with_input,
        ..floats
    };
    assert_eq!(floats, expected);
    assert_eq!(floats.macs, bytes.macs);
}

#[test]
fn sparse_size_counts_non_zero_weights_and_biases() {
    let mut builder = GraphBuilder::new(Shape::flat(3)).unwrap();
    builder.push(Op::Dense { units: 2, activation: Activation::None }, &[TensorId::INPUT]).unwrap();
    let graph = builder.finish().unwrap();
    let kernel = vec![0.0, 1.0, 0.0, -2.0, 0.5, 0.0];
    let layer = LayerWeights { kernel, bias: vec![0.0, 1.0], batch_norm: None };
    let weights = Weights::new(&graph, vec![Some(layer)]).unwrap();
    assert_eq!(sparse_model_size(&weights), 5);
}
