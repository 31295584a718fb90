use super::remove_zero_channels;
use crate::{
    Activation, ConvAttributes, Graph, GraphBuilder, LayerWeights, Op, OpId, Padding, PoolKind, Shape,
    TensorId, Weights, Window,
};

fn conv(filters: usize) -> Op {
    let window = Window::square(1);
    let (batch_norm, activation) = (false, Activation::Relu);
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: window,
            stride: window,
            padding: Padding::Valid,
            batch_norm,
            activation,
        },
    }
}

fn depthwise() -> Op {
    let window = Window::square(1);
    let (batch_norm, activation) = (false, Activation::Relu);
    Op::DepthwiseConv2d(ConvAttributes {
        kernel: window,
        stride: window,
        padding: Padding::Valid,
        batch_norm,
        activation,
    })
}

fn dense(units: usize) -> Op {
    Op::Dense { units, activation: Activation::None }
}

fn graph(ops: &[(Op, &[usize])]) -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(2, 2, 2)).unwrap();
    for (op, inputs) in ops {
        let inputs: Vec<TensorId> = inputs.iter().map(|&tensor| TensorId::new(tensor)).collect();
        builder.push(*op, &inputs).unwrap();
    }
    builder.finish().unwrap()
}

/// Kernels that count up from 1 and biases of 1, but for the channels `zero` (operator, channel).
fn weights(graph: &Graph, zero: &[(usize, usize)]) -> Weights {
    let layers = graph.ops().map(|(op, node)| {
        let dims = graph.weight_dims(op)?;
        let mut kernel: Vec<f32> = (1..=dims.kernel_len()).map(|value| value as f32).collect();
        let mut bias = vec![1.0; dims.outputs];
        for &(_, channel) in zero.iter().filter(|(position, _)| *position == op.index()) {
            bias[channel] = 0.0;
            let row = kernel.len() / dims.outputs;
            for (index, weight) in kernel.iter_mut().enumerate() {
                let is_depthwise = matches!(node.op, Op::DepthwiseConv2d { .. });
                let of = if is_depthwise { index % dims.outputs } else { index / row };
                if of == channel {
                    *weight = 0.0;
                }
            }
        }
        Some(LayerWeights { kernel, bias, batch_norm: None })
    });
    Weights::new(graph, layers.collect()).unwrap()
}

fn channels(graph: &Graph) -> Vec<usize> {
    graph.shapes().iter().map(|shape| shape.channels).collect()
}

#[test]
fn readers_lose_the_matching_inputs_in_hwc_order() {
    let graph = graph(&[(conv(3), &[0]), (conv(2), &[1]), (dense(2), &[2])]);
    let (pruned, weights) = remove_zero_channels(&graph, &weights(&graph, &[(0, 1), (1, 0)]));
    assert_eq!(channels(&pruned), [2, 2, 1, 2]);
    let kernel = |op: usize| weights.layer(OpId::new(op)).unwrap().kernel.clone();
    assert_eq!(kernel(0), [1.0, 2.0, 5.0, 6.0]);
    assert_eq!(kernel(1), [4.0, 6.0]);
    // Of the features (pixel, channel) = (0, 0), (0, 1), (1, 0) …, every second one.
    assert_eq!(kernel(2), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0]);
}

#[test]
fn tensors_that_meet_keep_the_union() {
    let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(1) };
    let graph = graph(&[
        (conv(4), &[0]),
        (depthwise(), &[1]),
        (conv(4), &[1]),
        (pool, &[3]),
        (Op::Add, &[2, 4]),
        (dense(3), &[5]),
    ]);
    let all_of_two = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let (untouched, _) = remove_zero_channels(&graph, &weights(&graph, &all_of_two));
    assert_eq!(channels(&untouched), [2, 4, 4, 4, 4, 4, 3]);
    let and_beside: Vec<_> = all_of_two.into_iter().chain([(2, 1), (2, 2)]).collect();
    let (pruned, weights) = remove_zero_channels(&graph, &weights(&graph, &and_beside));
    assert_eq!(channels(&pruned), [2, 3, 3, 3, 3, 3, 3]);
    // Channel 0 stays, and is zero still; channel 2 stays for the other summand.
    assert_eq!(weights.layer(OpId::new(1)).unwrap().bias, [0.0, 1.0, 1.0]);
    assert_eq!(weights.layer(OpId::new(2)).unwrap().bias, [1.0, 0.0, 1.0]);
}

#[test]
fn a_channel_that_becomes_constant_later_stays() {
    let graph = graph(&[(conv(2), &[0]), (depthwise(), &[1]), (dense(1), &[2])]);
    let (pruned, _) = remove_zero_channels(&graph, &weights(&graph, &[(0, 1)]));
    assert_eq!(channels(&pruned), [2, 2, 2, 1], "the depthwise layer still adds its bias");
}

#[test]
fn input_output_and_one_channel_of_each_stay() {
    let graph = graph(&[(depthwise(), &[0]), (conv(2), &[1]), (dense(2), &[2])]);
    let zero = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)];
    let (pruned, _) = remove_zero_channels(&graph, &weights(&graph, &zero));
    assert_eq!(channels(&pruned), [2, 2, 1, 2]);
}

#[test]
fn an_even_share_is_taken_where_all_that_is_coupled_can_lose_it() {
    let net =
        graph(&[(conv(8), &[0]), (conv(8), &[1]), (depthwise(), &[2]), (dense(5), &[3]), (dense(3), &[4])]);
    assert_eq!(channels(&net.evenly_pruned(0.0)), [2, 8, 8, 8, 5, 3]);
    assert_eq!(channels(&net.evenly_pruned(0.5)), [2, 8, 4, 4, 2, 3]);
    assert_eq!(channels(&net.evenly_pruned(0.99)), [2, 8, 1, 1, 1, 3]);
    let coupled = graph(&[(conv(8), &[0]), (conv(8), &[1]), (Op::Add, &[1, 2]), (dense(3), &[3])]);
    assert_eq!(coupled.evenly_pruned(0.5), coupled);
    assert_eq!(net.prunable_layers().map(OpId::index).collect::<Vec<_>>(), [1, 3]);
}
