//! Peak memory of architectures with many branches, against a plain search over all sets of operators.

use std::collections::HashMap;

use munas_cost::{MemoryRules, choose_order, price, resources};
use munas_ir::{Graph, Op, Shape, TensorId};
use munas_space::{Architecture, Space};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The smallest peak of the operators that are not in the set `done`, without the network's input.
fn smallest_peak(graph: &Graph, done: u64, known: &mut HashMap<u64, u64>) -> u64 {
    if let Some(&peak) = known.get(&done) {
        return peak;
    }
    let has_run = |tensor: &TensorId| tensor.producer().is_none_or(|op| done >> op.index() & 1 == 1);
    let to_run: Vec<_> = graph.ops().filter(|(op, _)| done >> op.index() & 1 == 0).collect();
    let readers = |tensor: TensorId| to_run.iter().filter(|(_, node)| node.inputs.contains(&tensor)).count();
    let bytes = |tensor: TensorId| graph.shape(tensor).elements() as u64;
    let produced = graph.ops().map(|(op, _)| op.output()).filter(has_run);
    let live: u64 = produced.filter(|&tensor| readers(tensor) > 0).map(bytes).sum();
    let mut smallest = if to_run.is_empty() { 0 } else { u64::MAX };
    for (op, node) in to_run.iter().filter(|(_, node)| node.inputs.iter().all(has_run)) {
        let in_place = |&input: &TensorId| {
            input != TensorId::INPUT && graph.shape(input) == graph.output_shape(*op) && readers(input) == 1
        };
        let accumulates = matches!(node.op, Op::Add) && node.inputs.iter().any(in_place);
        let step = live + if accumulates { 0 } else { bytes(op.output()) };
        smallest = smallest.min(step.max(smallest_peak(graph, done | 1 << op.index(), known)));
    }
    known.insert(done, smallest);
    smallest
}

/// Random architectures of so many blocks, all but the first a branch.
fn branchy(blocks: usize, count: usize, seed: u64) -> impl Iterator<Item = Graph> {
    let Ok(Space::Cnn2d(mut bounds)) = Space::named("cnn2d", "munas-2020") else {
        panic!("the space of the paper is cnn2d")
    };
    (bounds.blocks.min, bounds.blocks.max) = (blocks, blocks);
    let space = Space::Cnn2d(bounds);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(move |index| {
        let mut architecture = space.sample(&mut rng);
        if let Architecture::Cnn2d(cnn) = &mut architecture {
            cnn.blocks.iter_mut().skip(1).for_each(|block| block.branch = true);
        }
        let size = [28, 33, 48, 96][index % 4];
        architecture.lower(Shape::new(size, size, 3), 10)
    })
}

#[test]
fn four_parallel_blocks_match_the_plain_search() {
    for graph in branchy(4, 150, 1) {
        let expected = smallest_peak(&graph, 0, &mut HashMap::new());
        assert_eq!(resources(&graph).peak_memory, expected, "{graph}");
    }
}

#[test]
fn ten_parallel_blocks_are_exact() {
    for graph in branchy(10, 60, 2) {
        for rules in [MemoryRules::WITHOUT_INPUT, MemoryRules::WITH_INPUT] {
            let chosen = choose_order(&graph, rules);
            assert!(chosen.exact, "{graph}");
            assert_eq!(price(&graph, &chosen.order, rules).peak, chosen.peak);
        }
    }
}
