use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Node, Op, OpId, Padding, PoolKind, Shape, TensorId,
    Window,
};
use proptest::prelude::*;

use super::{ChosenOrder, Readers, choose_order, cuts};
use crate::{InputMemory, MemoryRules, price};

const ALL_RULES: [MemoryRules; 4] = [
    MemoryRules::WITHOUT_INPUT,
    MemoryRules::WITH_INPUT,
    MemoryRules::TFLM,
    MemoryRules { input: InputMemory::Once, in_place_add: true },
];

fn conv(filters: usize, kernel: usize) -> Op {
    Op::Conv2d {
        filters,
        attributes: ConvAttributes {
            kernel: Window::square(kernel),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: false,
            activation: Activation::None,
        },
    }
}

/// An operator of a random graph: its kind, and which earlier tensors it reads.
type Draw = (u8, usize, usize, usize);

/// Appends the drawn operators, then adds up whatever nothing reads.
fn random_graph(input: Shape, draws: &[Draw]) -> Graph {
    let mut builder = GraphBuilder::new(input).unwrap();
    let mut tensors = vec![TensorId::INPUT];
    let mut unread = vec![];
    for &(kind, first, second, third) in draws {
        let x = tensors[first % tensors.len()];
        let shape = builder.shape(x);
        let mut inputs = vec![x];
        let op = match kind % 4 {
            0 => conv(1 + second % 3, 1 + third % 2 * usize::from(shape.height > 1)),
            1 => Op::Pool { kind: PoolKind::Max, window: Window::square(shape.height.min(2)) },
            _ => {
                let others = [second, third].map(|pick| tensors[pick % tensors.len()]);
                inputs.extend(others.iter().filter(|y| builder.shape(**y).channels == shape.channels));
                if inputs.len() > 1 { Op::Add } else { conv(1 + second % 3, 1) }
            }
        };
        let output = builder.push(op, &inputs).unwrap();
        unread.retain(|tensor| !inputs.contains(tensor));
        unread.push(output);
        tensors.push(output);
    }
    let mut ends: Vec<TensorId> =
        unread.iter().map(|&tensor| builder.push(conv(2, 1), &[tensor]).unwrap()).collect();
    if ends.len() == 1 {
        ends.push(ends[0]);
    }
    builder.push(Op::Add, &ends).unwrap();
    builder.finish().unwrap()
}

/// The definition of a step, word for word: what is alive while `op` runs, after the operators `before`.
fn defined_bytes(graph: &Graph, before: &[usize], op: usize, rules: MemoryRules) -> u64 {
    let reads = |op: usize, tensor: usize| graph.nodes()[op].inputs.contains(&TensorId::new(tensor));
    let is_later = |other: usize| other != op && !before.contains(&other);
    let needed_later = |tensor| (0..graph.nodes().len()).any(|other| is_later(other) && reads(other, tensor));
    let Node { op: kind, inputs } = &graph.nodes()[op];
    let bytes = |tensor: usize| graph.shapes()[tensor].elements() as u64;
    let may_accumulate = |input: &TensorId| {
        let is_writable = input.index() > 0 || rules.input == InputMemory::Once;
        is_writable && graph.shape(*input) == graph.shapes()[op + 1] && !needed_later(input.index())
    };
    let in_place = rules.in_place_add && matches!(kind, Op::Add) && inputs.iter().any(may_accumulate);
    let produced = before.iter().map(|op| op + 1);
    let alive: u64 = produced.filter(|&tensor| reads(op, tensor) || needed_later(tensor)).map(bytes).sum();
    let still_to_run = graph.nodes().iter().enumerate().filter(|(other, _)| !before.contains(other));
    let input_reads =
        still_to_run.flat_map(|(_, node)| &node.inputs).filter(|input| **input == TensorId::INPUT).count();
    let input_copies = match rules.input {
        InputMemory::NotCounted => 0,
        InputMemory::Once => input_reads.min(1),
        InputMemory::PerReader => input_reads,
    };
    alive + bytes(0) * input_copies as u64 + if in_place { 0 } else { bytes(op + 1) }
}

/// The smallest peak over all topological orders that begin with `before`, by trying each.
fn smallest_peak(graph: &Graph, rules: MemoryRules, before: &mut Vec<usize>) -> u64 {
    let operators = graph.nodes().len();
    if before.len() == operators {
        return 0;
    }
    let mut smallest = u64::MAX;
    for op in 0..operators {
        let has_run = |input: &TensorId| input.producer().is_none_or(|p| before.contains(&p.index()));
        if !before.contains(&op) && graph.nodes()[op].inputs.iter().all(has_run) {
            let bytes = defined_bytes(graph, before, op, rules);
            before.push(op);
            smallest = smallest.min(bytes.max(smallest_peak(graph, rules, before)));
            before.pop();
        }
    }
    smallest
}

fn check_order(graph: &Graph, rules: MemoryRules) -> ChosenOrder {
    let chosen = choose_order(graph, rules);
    assert_eq!(price(graph, &chosen.order, rules).peak, chosen.peak, "{rules:?}\n{graph}");
    chosen
}

fn draws(operators: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec((0..4u8, 0..40usize, 0..40usize, 0..40usize), operators)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn peak_is_the_smallest_over_all_orders(draws in draws(1..6), height in 1..6usize, channels in 1..4usize) {
        let graph = random_graph(Shape::new(height, height, channels), &draws);
        for rules in ALL_RULES {
            let chosen = check_order(&graph, rules);
            prop_assert!(chosen.exact);
            prop_assert_eq!(chosen.peak, smallest_peak(&graph, rules, &mut Vec::new()), "{:?}\n{}", rules, graph);
        }
    }

    #[test]
    fn every_step_is_priced_as_defined(draws in draws(1..20), height in 1..6usize) {
        let graph = random_graph(Shape::new(height, height, 2), &draws);
        for rules in ALL_RULES {
            let order = choose_order(&graph, rules).order;
            let positions: Vec<usize> = order.iter().map(|op| op.index()).collect();
            for (position, step) in price(&graph, &order, rules).steps.iter().enumerate() {
                let (before, rest) = positions.split_at(position);
                prop_assert_eq!(step.bytes, defined_bytes(&graph, before, rest[0], rules));
                prop_assert_eq!(step.bytes, step.live.iter().map(|tensor| tensor.bytes).sum::<u64>());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn larger_graphs_get_an_order_no_worse_than_their_own(draws in draws(15..40)) {
        let graph = random_graph(Shape::new(6, 6, 2), &draws);
        let own: Vec<OpId> = graph.ops().map(|(op, _)| op).collect();
        for rules in ALL_RULES {
            prop_assert!(check_order(&graph, rules).peak <= price(&graph, &own, rules).peak);
        }
    }
}

/// Parallel rows of convolutions with irregular widths, added up.
fn fork_join(branches: usize, length: usize) -> Graph {
    fork_join_behind(8, branches, length)
}

/// The same behind a convolution of `filters` channels.
fn fork_join_behind(filters: usize, branches: usize, length: usize) -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(12, 12, 3)).unwrap();
    let first = builder.push(conv(filters, 1), &[TensorId::INPUT]).unwrap();
    let trunk = builder.push(conv(8, 1), &[first]).unwrap();
    let mut noise = 7_u64;
    let mut ends = Vec::new();
    for _ in 0..branches {
        let mut x = trunk;
        for layer in 1..=length {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let filters = if layer == length { 8 } else { 1 + (noise >> 33) as usize % 60 };
            let kernel = builder.shape(x).height.min(1 + 2 * (noise >> 62) as usize);
            x = builder.push(conv(filters, kernel), &[x]).unwrap();
        }
        ends.push(x);
    }
    builder.push(Op::Add, &ends).unwrap();
    builder.finish().unwrap()
}

#[test]
fn ten_branches_are_ordered_exactly() {
    assert!(check_order(&fork_join(10, 4), MemoryRules::WITHOUT_INPUT).exact);
}

/// The search reaches its goal in the middle of the steps from one state.
#[test]
fn goal_is_found_among_other_steps() {
    let graph = random_graph(Shape::new(2, 2, 3), &[(2, 0, 0, 0), (2, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0)]);
    let rules = MemoryRules { input: InputMemory::Once, in_place_add: true };
    assert_eq!(check_order(&graph, rules).peak, smallest_peak(&graph, rules, &mut Vec::new()));
}

#[test]
fn hostile_graphs_end_with_a_good_order() {
    for (branches, length) in [(40, 4), (60, 2), (150, 3), (5000, 3)] {
        let graph = fork_join(branches, length);
        let own: Vec<OpId> = graph.ops().map(|(op, _)| op).collect();
        let chosen = choose_order(&graph, MemoryRules::WITH_INPUT);
        assert!(!chosen.exact, "{branches} branches");
        assert!(chosen.peak <= price(&graph, &own, MemoryRules::WITH_INPUT).peak);
    }
}

#[test]
fn a_segment_below_the_peak_does_not_make_it_inexact() {
    let branches = 200;
    let alone = choose_order(&fork_join(branches, 3), MemoryRules::WITHOUT_INPUT);
    let behind = choose_order(&fork_join_behind(2000, branches, 3), MemoryRules::WITHOUT_INPUT);
    assert!(!alone.exact);
    assert!(behind.exact && behind.peak == 12 * 12 * 2008);
}

#[test]
fn cuts_are_what_all_orders_agree_on() {
    let mut builder = GraphBuilder::new(Shape::new(4, 4, 2)).unwrap();
    let a = builder.push(conv(2, 1), &[TensorId::INPUT]).unwrap();
    let b = builder.push(conv(2, 1), &[a]).unwrap();
    let c = builder.push(conv(2, 1), &[b]).unwrap();
    let d = builder.push(conv(2, 1), &[a]).unwrap();
    let sum = builder.push(Op::Add, &[c, d]).unwrap();
    let skipped = builder.push(conv(2, 1), &[sum]).unwrap();
    builder.push(Op::Add, &[sum, skipped]).unwrap();
    let graph = builder.finish().unwrap();
    let flow = MemoryRules::WITHOUT_INPUT.dataflow(&graph);
    let is_cut = cuts(&flow, &Readers::new(&flow));
    assert_eq!(is_cut, [true, false, false, false, true, true, true]);
}
