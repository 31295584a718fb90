use munas_ir::{Activation, ConvAttributes, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window};

use super::*;
use crate::boards::{builtin, find};
use crate::instructions::{CoefficientTable, OperatorCoefficients, instruction_models};

/// Conv 3×3 → pointwise → depthwise → add → max pool → average pool → dense: one operator of every kind.
fn every_kind() -> Graph {
    let (padding, activation, stride) = (Padding::Same, Activation::Relu, Window::square(1));
    let conv = |size| Op::Conv2d {
        filters: 4,
        attributes: ConvAttributes {
            kernel: Window::square(size),
            stride,
            padding,
            batch_norm: false,
            activation,
        },
    };
    let depthwise = Op::DepthwiseConv2d(ConvAttributes {
        kernel: Window::square(3),
        stride,
        padding,
        batch_norm: false,
        activation,
    });
    let pool = |kind| Op::Pool { kind, window: Window::square(2) };
    let mut builder = GraphBuilder::new(Shape::new(8, 8, 3)).unwrap();
    let first = builder.push(conv(3), &[TensorId::INPUT]).unwrap();
    let second = builder.push(conv(1), &[first]).unwrap();
    let third = builder.push(depthwise, &[second]).unwrap();
    let sum = builder.push(Op::Add, &[first, third]).unwrap();
    let maximum = builder.push(pool(PoolKind::Max), &[sum]).unwrap();
    let mean = builder.push(pool(PoolKind::Avg), &[maximum]).unwrap();
    builder.push(Op::Dense { units: 10, activation: Activation::None }, &[mean]).unwrap();
    builder.finish().unwrap()
}

#[test]
fn the_models_are_valid_and_say_where_they_come_from() {
    for model in instruction_models() {
        assert!(model.networks >= 5 && !model.compiler.is_empty() && !model.emulator.is_empty());
        assert!(0.0 < model.mean_error && model.mean_error <= model.max_error, "{}", model.core);
        for kind in OperatorKind::ALL {
            let all = model.operators.of(kind).to_array();
            assert!(all.iter().all(|value| *value >= 0.0) && all.iter().any(|value| *value > 0.0));
        }
    }
}

#[test]
fn every_kind_has_its_own_coefficients() {
    let graph = every_kind();
    let kinds: Vec<OperatorKind> = graph.ops().map(|(_, node)| OperatorKind::of(node.op)).collect();
    let expected = [
        OperatorKind::Conv2d,
        OperatorKind::PointwiseConv2d,
        OperatorKind::DepthwiseConv2d,
        OperatorKind::Add,
        OperatorKind::MaxPool,
        OperatorKind::AveragePool,
        OperatorKind::Dense,
    ];
    assert_eq!(kinds, expected);
    let mut table = CoefficientTable::default();
    for (index, kind) in OperatorKind::ALL.into_iter().enumerate() {
        table.of_mut(kind).per_call = index as f64;
    }
    let calls = OperatorKind::ALL.map(|kind| table.of(kind).per_call);
    assert_eq!(calls, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn every_term_of_the_formula_counts() {
    let graph = every_kind();
    let depthwise = layer_cost(&graph, OpId::new(2));
    assert_eq!((depthwise.macs, depthwise.output), (8 * 8 * 4 * 9, Shape::new(8, 8, 4)));
    let counts = [1.0, 64.0, 64.0 * 9.0, 256.0, 2304.0];
    assert_eq!(OperatorCoefficients::terms(&depthwise), counts);
    for (index, count) in counts.into_iter().enumerate() {
        let mut single = [0.0; OperatorCoefficients::TERMS];
        single[index] = 2.0;
        assert_eq!(OperatorCoefficients::from_array(single).count(&depthwise), 2.0 * count);
        assert_eq!(OperatorCoefficients::from_array(single).to_array(), single);
    }
}

#[test]
fn time_follows_from_the_cycles() {
    let graph = every_kind();
    for board in builtin().boards() {
        let estimate = latency(&graph, board);
        let seconds = estimate.cycles as f64 / board.clock_hz as f64;
        assert!((estimate.milliseconds - 1e3 * seconds).abs() <= 1e3 / board.clock_hz as f64);
        let sum: f64 = estimate.operators.iter().map(|operator| operator.milliseconds).sum();
        assert!((sum - estimate.milliseconds).abs() < 1e-9 * sum);
        assert!((latency_ms(&graph, board) - estimate.milliseconds).abs() < 1e-9 * sum);
        match estimate.instructions {
            Some(count) => {
                let cycles = count as f64 * board.core.cycles_per_instruction;
                assert!((cycles - estimate.cycles as f64).abs() <= 2.0);
            }
            None => assert_eq!(board.core.instructions.unit, CountUnit::Cycles),
        }
    }
}

#[test]
fn a_faster_core_takes_less_time() {
    let graph = every_kind();
    let time = |name: &str| latency_ms(&graph, find(name).unwrap());
    assert!(time("stm32h743zi") < time("stm32f446re"));
    assert!(time("stm32f446re") < time("stm32f103c8"));
    assert!(time("stm32f103c8") < time("atmega1284p"));
}
