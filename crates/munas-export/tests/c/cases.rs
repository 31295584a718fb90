//! Small networks with what random ones rarely have.

use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
};

/// A convolution with a square kernel and a ReLU.
fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(stride),
            padding,
            batch_norm: true,
            activation: Activation::Relu,
        },
    }
}

fn depthwise(kernel: Window, stride: usize, padding: Padding) -> Op {
    Op::DepthwiseConv2d(ConvAttributes {
        kernel,
        stride: Window::square(stride),
        padding,
        batch_norm: false,
        activation: Activation::Relu,
    })
}

fn pool(kind: PoolKind, height: usize, width: usize) -> Op {
    Op::Pool { kind, window: Window::new(height, width) }
}

fn dense(units: usize) -> Op {
    Op::Dense { units, activation: Activation::None }
}

/// Appends operators to a graph, each with the positions of the tensors it reads.
fn graph(input: Shape, ops: &[(Op, &[usize])]) -> Graph {
    let mut builder = GraphBuilder::new(input).expect("an input with elements");
    for (op, inputs) in ops {
        let inputs: Vec<TensorId> = inputs.iter().map(|&index| TensorId::new(index)).collect();
        builder.push(*op, &inputs).expect("the operator fits its inputs");
    }
    builder.finish().expect("every tensor is read")
}

/// A dense layer and nothing else.
pub fn one_dense() -> Graph {
    dense_with(5)
}

/// A dense layer of so many units.
pub fn dense_with(units: usize) -> Graph {
    graph(Shape::new(1, 1, 30), &[(dense(units), &[0])])
}

/// A dense layer on so many elements in rows of so many channels.
pub fn dense_on(elements: usize, channels: usize) -> Graph {
    graph(Shape::new(1, elements / channels, channels), &[(dense(3), &[0])])
}

/// One of each kernel, small enough for the AVR.
pub fn every_kernel() -> Graph {
    graph(
        Shape::new(9, 10, 3),
        &[
            (conv(6, 3, 1, Padding::Same), &[0]),
            (depthwise(Window::square(3), 1, Padding::Same), &[1]),
            (Op::Add, &[1, 2]),
            (pool(PoolKind::Max, 2, 2), &[3]),
            (conv(131, 1, 1, Padding::Valid), &[4]),
            (conv(3, 2, 1, Padding::Valid), &[5]),
            (pool(PoolKind::Avg, 3, 2), &[6]),
            (conv(7, 1, 1, Padding::Valid), &[7]),
            (dense(3), &[8]),
        ],
    )
}

/// Pooling and a convolution of another stride read the input, and the branches end at different rows.
pub fn forked_input() -> Graph {
    graph(
        Shape::new(20, 24, 2),
        &[
            (pool(PoolKind::Max, 2, 2), &[0]),
            (depthwise(Window::square(3), 1, Padding::Valid), &[1]),
            (depthwise(Window::square(7), 2, Padding::Valid), &[0]),
            (conv(2, 1, 1, Padding::Valid), &[3]),
            (Op::Add, &[2, 4]),
            (pool(PoolKind::Avg, 2, 2), &[5]),
            (dense(5), &[6]),
        ],
    )
}

/// The networks of the tests.
pub fn all() -> Vec<Graph> {
    let same = Padding::Same;
    let valid = Padding::Valid;
    vec![
        one_dense(),
        every_kernel(),
        forked_input(),
        // Kernels larger than their inputs, padded on all sides; one channel; strides that skip the last rows.
        graph(
            Shape::new(3, 4, 1),
            &[
                (conv(1, 7, 1, same), &[0]),
                (conv(5, 5, 2, same), &[1]),
                (depthwise(Window::new(5, 3), 2, same), &[2]),
                (dense(2), &[3]),
            ],
        ),
        // An Add of inputs of several sizes, in the place of its last; the same tensor twice; in place of the input.
        graph(
            Shape::new(8, 8, 4),
            &[
                (conv(4, 4, 1, valid), &[0]),
                (conv(4, 3, 2, valid), &[0]),
                (conv(4, 1, 1, valid), &[0]),
                (Op::Add, &[1, 2, 3]),
                (Op::Add, &[4, 4]),
                (Op::Add, &[0, 5]),
                (dense(1), &[6]),
            ],
        ),
        // More than 256 elements in a mean; a pooling that drops rows and columns; channels beside the groups of four.
        graph(
            Shape::new(19, 18, 5),
            &[(pool(PoolKind::Avg, 17, 18), &[0]), (dense(300), &[1]), (dense(9), &[2])],
        ),
        graph(
            Shape::new(11, 7, 11),
            &[
                (pool(PoolKind::Max, 3, 2), &[0]),
                (depthwise(Window::new(2, 3), 1, valid), &[1]),
                (pool(PoolKind::Avg, 2, 1), &[2]),
                (dense(4), &[3]),
            ],
        ),
        // Patches that are too long to be gathered, with rows of no whole number of words; a kernel that covers its input.
        graph(
            Shape::new(6, 5, 2),
            &[
                (conv(58, 1, 1, valid), &[0]),
                (conv(3, 3, 1, valid), &[1]),
                (
                    Op::Conv2d {
                        filters: 6,
                        attributes: ConvAttributes {
                            kernel: Window::new(4, 3),
                            stride: Window::square(1),
                            padding: valid,
                            batch_norm: false,
                            activation: Activation::None,
                        },
                    },
                    &[2],
                ),
                (dense(2), &[3]),
            ],
        ),
    ]
}
