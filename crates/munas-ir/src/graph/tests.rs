use crate::{
    Activation, ConvAttributes, GraphBuilder, GraphError, Op, Padding, PoolKind, Shape, ShapeError, TensorId,
    Window,
};

fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(stride),
            padding,
            batch_norm: false,
            activation: Activation::None,
        },
    }
}

#[test]
fn shapes_follow_valid_and_same_padding() {
    let input = Shape::new(10, 7, 3);
    assert_eq!(conv(4, 3, 2, Padding::Valid).output_shape(&[input]), Ok(Shape::new(4, 3, 4)));
    assert_eq!(conv(4, 3, 2, Padding::Same).output_shape(&[input]), Ok(Shape::new(5, 4, 4)));
    assert_eq!(Padding::Same.along(10, 3, 2), Some((5, 0)), "one zero in total, at the bottom");
    assert_eq!(Padding::Same.along(7, 5, 1), Some((7, 2)));
    assert_eq!(Padding::Valid.along(2, 3, 1), None);
}

#[test]
fn add_takes_the_largest_height_and_width() {
    let shapes = [Shape::new(5, 2, 8), Shape::new(3, 4, 8)];
    assert_eq!(Op::Add.output_shape(&shapes), Ok(Shape::new(5, 4, 8)));
    assert!(matches!(
        Op::Add.output_shape(&[Shape::new(5, 2, 8), Shape::new(5, 2, 7)]),
        Err(ShapeError { .. })
    ));
    assert!(Op::Add.output_shape(&[Shape::new(5, 2, 8)]).is_err());
}

#[test]
fn zero_attributes_and_oversized_windows_are_refused() {
    let input = Shape::new(4, 4, 2);
    let pool = |size| Op::Pool { kind: PoolKind::Max, window: Window::square(size) };
    assert_eq!(pool(3).output_shape(&[input]), Ok(Shape::new(1, 1, 2)));
    for op in [pool(5), pool(0), conv(0, 1, 1, Padding::Valid), conv(1, 0, 1, Padding::Same)] {
        assert!(op.output_shape(&[input]).is_err(), "{op:?}");
    }
    assert!(conv(1, 1, 0, Padding::Same).output_shape(&[input]).is_err());
    assert!(Op::Dense { units: 0, activation: Activation::None }.output_shape(&[input]).is_err());
}

#[test]
fn builder_refuses_unknown_and_dead_tensors() {
    assert!(GraphBuilder::new(Shape::new(0, 1, 1)).is_err());
    let mut builder = GraphBuilder::new(Shape::new(4, 4, 1)).unwrap();
    assert!(matches!(
        builder.push(Op::Add, &[TensorId::INPUT, TensorId::new(1)]),
        Err(GraphError::UnknownTensor { op: 0, tensor: 1 })
    ));
    let a = builder.push(conv(2, 3, 1, Padding::Valid), &[TensorId::INPUT]).unwrap();
    builder.push(conv(2, 1, 1, Padding::Valid), &[TensorId::INPUT]).unwrap();
    assert_eq!(builder.clone().finish(), Err(GraphError::DeadTensor { tensor: a.index() }));
}

#[test]
fn consumers_name_each_reader_once() {
    let mut builder = GraphBuilder::new(Shape::new(4, 4, 1)).unwrap();
    let a = builder.push(conv(1, 1, 1, Padding::Valid), &[TensorId::INPUT]).unwrap();
    builder.push(Op::Add, &[TensorId::INPUT, a, a]).unwrap();
    let graph = builder.finish().unwrap();
    let readers: Vec<Vec<usize>> =
        graph.consumers().iter().map(|ops| ops.iter().map(|op| op.index()).collect()).collect();
    assert_eq!(readers, [vec![0, 1], vec![1], vec![]]);
}
