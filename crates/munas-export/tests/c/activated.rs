//! A network for each activation.

use munas_ir::{Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, Shape, TensorId, Window};

/// Every operator that has an activation, with this one.
pub fn activated(activation: Activation) -> Graph {
    let (stride, batch_norm) = (Window::square(1), true);
    let conv = |filters, size, padding| {
        let kernel = Window::square(size);
        Op::Conv2d { filters, attributes: ConvAttributes { kernel, stride, padding, batch_norm, activation } }
    };
    let (kernel, padding) = (Window::square(3), Padding::Same);
    let ops = [
        conv(7, 3, Padding::Same),
        Op::DepthwiseConv2d(ConvAttributes { kernel, stride, padding, batch_norm, activation }),
        conv(9, 1, Padding::Valid),
        Op::Dense { units: 11, activation },
        Op::Dense { units: 4, activation: Activation::None },
    ];
    let mut builder = GraphBuilder::new(Shape::new(8, 7, 3)).expect("an input with elements");
    let push = |input, op| builder.push(op, &[input]).expect("the operator fits its input");
    ops.into_iter().fold(TensorId::INPUT, push);
    builder.finish().expect("every tensor is read")
}
