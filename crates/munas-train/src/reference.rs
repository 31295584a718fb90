//! The networks that training is measured on: of the size of a search's candidates, small, middling and large.
//!
//! | network | input | layers | MACs |
//! |---|---|---|---|
//! | A | 28×28×1 | conv 3 stride 2 (4, bn), depthwise 3, pointwise (8, bn), max 2, conv 3 (10), dense | 21,692 |
//! | B | 32×32×3 | conv 3 stride 2 (16, bn), depthwise 3, pointwise (32, bn), max 2, conv 3 (32), dense | 360,640 |
//! | C | 32×32×3 | conv 3 (24, bn), max 2, conv 3 (48, bn), depthwise 3, pointwise (64, bn), max 2, conv 3 (64), dense | 3,096,912 |
//!
//! All convolutions have a ReLU and no padding. MACs are those of convolutions and dense layers, with ten classes.

use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
};

/// One of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceNetwork {
    /// 21,692 MACs.
    A,
    /// 360,640 MACs.
    B,
    /// 3,096,912 MACs.
    C,
}

impl ReferenceNetwork {
    /// All of them, by size.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// The letter of the module's table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }

    /// The input that the network was made for.
    pub const fn input(self) -> Shape {
        match self {
            Self::A => Shape::new(28, 28, 1),
            Self::B | Self::C => Shape::new(32, 32, 3),
        }
    }

    /// The network.
    ///
    /// # Panics
    /// If the input is smaller than 16×16, or there are no classes.
    pub fn graph(self, input: Shape, classes: usize) -> Graph {
        let mut ops = match self {
            Self::A => strided([4, 8, 10]),
            Self::B => strided([16, 32, 32]),
            Self::C => vec![
                convolution(24, 3, 1, true),
                MAX_POOL,
                convolution(48, 3, 1, true),
                DEPTHWISE,
                convolution(64, 1, 1, true),
                MAX_POOL,
                convolution(64, 3, 1, false),
            ],
        };
        ops.push(Op::Dense { units: classes, activation: Activation::None });
        let mut builder = GraphBuilder::new(input).expect("an input has elements");
        let mut last = TensorId::INPUT;
        for op in ops {
            last = builder.push(op, &[last]).expect("the layers fit an input of 16x16 and more");
        }
        builder.finish().expect("every layer is read by the next")
    }
}

const MAX_POOL: Op = Op::Pool { kind: PoolKind::Max, window: Window::square(2) };

const DEPTHWISE: Op = Op::DepthwiseConv2d(ConvAttributes {
    kernel: Window::square(3),
    stride: Window::square(1),
    padding: Padding::Valid,
    batch_norm: false,
    activation: Activation::Relu,
});

/// The layers that A and B share, which differ in their widths.
fn strided(widths: [usize; 3]) -> Vec<Op> {
    vec![
        convolution(widths[0], 3, 2, true),
        DEPTHWISE,
        convolution(widths[1], 1, 1, true),
        MAX_POOL,
        convolution(widths[2], 3, 1, false),
    ]
}

const fn convolution(filters: usize, size: usize, stride: usize, batch_norm: bool) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(size),
            stride: Window::square(stride),
            padding: Padding::Valid,
            batch_norm,
            activation: Activation::Relu,
        },
    }
}
