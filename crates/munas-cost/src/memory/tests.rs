use expect_test::expect;
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, OpId, Padding, PoolKind, Shape, TensorId, Window,
};

use super::{InputMemory, MemoryRules, price};

fn conv(filters: usize, kernel: usize) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: true,
            activation: Activation::Relu,
        },
    }
}

/// A 4×4 and a 2×2 tensor added, then pooled.
fn example() -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(4, 4, 1)).unwrap();
    let large = builder.push(conv(2, 1), &[TensorId::INPUT]).unwrap();
    let small = builder.push(conv(2, 3), &[TensorId::INPUT]).unwrap();
    let sum = builder.push(Op::Add, &[small, large]).unwrap();
    builder.push(Op::Pool { kind: PoolKind::Avg, window: Window::square(4) }, &[sum]).unwrap();
    builder.finish().unwrap()
}

fn lines(rules: MemoryRules) -> String {
    let graph = example();
    let order: Vec<OpId> = graph.ops().map(|(op, _)| op).collect();
    let timeline = price(&graph, &order, rules);
    let mut text = format!("peak {}\n", timeline.peak);
    for step in timeline.steps {
        let live: Vec<String> =
            step.live.iter().map(|entry| format!("t{}:{}", entry.tensor.index(), entry.bytes)).collect();
        let in_place =
            step.in_place.map_or(String::new(), |input| format!(" in place of t{}", input.index()));
        let kind = graph.node(step.op).op.kind_name();
        text += &format!("{kind}{in_place}: {} = {}\n", live.join(" + "), step.bytes);
    }
    text
}

#[test]
fn timeline_without_input() {
    expect![[r#"
        peak 40
        Conv2D: t1:32 = 32
        Conv2D: t1:32 + t2:8 = 40
        Add in place of t1: t1:32 + t2:8 + t3:0 = 40
        Pool: t3:32 + t4:2 = 34
    "#]]
    .assert_eq(&lines(MemoryRules::WITHOUT_INPUT));
}

#[test]
fn timeline_with_an_input_per_reader() {
    expect![[r#"
        peak 64
        Conv2D: t0:32 + t1:32 = 64
        Conv2D: t0:16 + t1:32 + t2:8 = 56
        Add in place of t1: t1:32 + t2:8 + t3:0 = 40
        Pool: t3:32 + t4:2 = 34
    "#]]
    .assert_eq(&lines(MemoryRules::WITH_INPUT));
}

#[test]
fn timeline_of_tflm() {
    expect![[r#"
        peak 72
        Conv2D: t0:16 + t1:32 = 48
        Conv2D: t0:16 + t1:32 + t2:8 = 56
        Add: t1:32 + t2:8 + t3:32 = 72
        Pool: t3:32 + t4:2 = 34
    "#]]
    .assert_eq(&lines(MemoryRules::TFLM));
}

#[test]
fn add_writes_over_the_input_only_inside_the_arena() {
    let mut builder = GraphBuilder::new(Shape::new(2, 2, 1)).unwrap();
    let small = builder.push(conv(1, 2), &[TensorId::INPUT]).unwrap();
    builder.push(Op::Add, &[TensorId::INPUT, small]).unwrap();
    let graph = builder.finish().unwrap();
    let order = [OpId::new(0), OpId::new(1)];
    let last_step = |input| {
        let rules = MemoryRules { input, in_place_add: true };
        let step = price(&graph, &order, rules).steps.remove(1);
        (step.in_place, step.bytes)
    };
    assert_eq!(last_step(InputMemory::NotCounted), (None, 5));
    assert_eq!(last_step(InputMemory::Once), (Some(TensorId::INPUT), 5));
    assert_eq!(last_step(InputMemory::PerReader), (None, 9));
}

#[test]
#[should_panic(expected = "runs after those it reads from")]
fn an_order_that_is_not_topological_is_refused() {
    let order = [2, 0, 1, 3].map(OpId::new);
    price(&example(), &order, MemoryRules::WITHOUT_INPUT);
}
