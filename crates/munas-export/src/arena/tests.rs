use std::ops::Range;

use munas_cost::{
    Execution, InputMemory, MemoryRules, NetworkInput, RowFlow, RowWork, price, price_schedule,
};
use munas_ir::{Graph, Shape, TensorId};
use munas_space::Space;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{ArenaPlan, Buffer, bound, pack, plan_best, plan_streamed, search};

const INPUT_INSIDE: MemoryRules = MemoryRules { input: InputMemory::Once, in_place_add: true };

/// Random architectures; `MUNAS_ARENA_NETWORKS` of them.
fn graphs(kind: &str, bounds: &str) -> Vec<Graph> {
    let count = std::env::var("MUNAS_ARENA_NETWORKS").map_or(150, |text| text.parse().unwrap());
    let space = Space::named(kind, bounds).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let graph = |index: usize| {
        let size = [28, 32, 49, 96][index % 4];
        space.sample(&mut rng).lower(Shape::new(size, size, 1 + index % 3), 10)
    };
    (0..count).map(graph).collect()
}

/// Tensors that are alive at the same step share no byte, but for an output in the place of an input.
fn check(graph: &Graph, rules: MemoryRules, plan: &ArenaPlan) {
    let timeline = price(graph, &plan.order, rules);
    assert_eq!(plan.predicted as u64, timeline.peak);
    assert!(rules.input == InputMemory::PerReader || plan.size >= plan.predicted);
    let bytes = |tensor: TensorId| {
        let start = plan.offsets[tensor.index()].expect("what is alive has a place");
        start..start + graph.shape(tensor).elements()
    };
    for step in &timeline.steps {
        assert_eq!(plan.in_place[step.op.index()], step.in_place);
        for (position, a) in step.live.iter().enumerate() {
            assert!(bytes(a.tensor).end <= plan.size);
            for b in &step.live[..position] {
                let is_in_place = a.tensor == step.op.output() && step.in_place == Some(b.tensor);
                let (one, other) = (bytes(a.tensor), bytes(b.tensor));
                if is_in_place {
                    assert_eq!(one, other);
                } else {
                    assert!(one.end <= other.start || other.end <= one.start, "{graph}");
                }
            }
        }
    }
}

#[test]
fn plans_are_valid_and_nearly_all_have_the_predicted_size() {
    for (kind, bounds) in [("cnn2d", "munas-2020"), ("cnn2d", "wide"), ("cnn1d", "wide-1d")] {
        let graphs = graphs(kind, bounds);
        for rules in [MemoryRules::WITHOUT_INPUT, INPUT_INSIDE, MemoryRules::WITH_INPUT, MemoryRules::TFLM] {
            let mut larger = 0;
            for graph in &graphs {
                let plan = plan_best(graph, rules);
                check(graph, rules, &plan);
                larger += usize::from(plan.gap() > 0);
                assert!(plan.gap() * 10 < plan.predicted, "{} of {}", plan.gap(), plan.predicted);
            }
            assert!(larger * 50 <= graphs.len(), "{larger} of {} {kind} {bounds} {rules:?}", graphs.len());
        }
    }
}

/// The smallest packing: some order of placing each buffer on top of all it overlaps with attains it.
fn smallest(buffers: &[Buffer], heights: &[usize], placed: u32) -> usize {
    let orders = (0..buffers.len()).filter(|index| placed >> index & 1 == 0).map(|index| {
        let Buffer { first, last, size } = buffers[index];
        let top = heights[first..=last].iter().max().expect("a buffer is alive at a step") + size;
        let mut heights = heights.to_vec();
        heights[first..=last].fill(top);
        smallest(buffers, &heights, placed | 1 << index)
    });
    orders.min().unwrap_or_else(|| heights.iter().max().copied().unwrap_or(0))
}

const STEPS: usize = 6;

fn buffers() -> impl Strategy<Value = Vec<Buffer>> {
    let buffer = (0..STEPS, 0..STEPS, 1..9_usize);
    let buffer = buffer.prop_map(|(a, b, size)| Buffer { first: a.min(b), last: a.max(b), size });
    prop::collection::vec(buffer, 1..7)
}

/// Bytes that are taken at each step; mostly none.
fn taken() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![3 => Just(0_usize), 1 => 1..9_usize], STEPS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packings_are_the_smallest(buffers in buffers(), taken in taken()) {
        let smallest = smallest(&buffers, &taken, 0);
        let (packing, exact) = pack(&buffers, &taken);
        prop_assert!(exact);
        prop_assert_eq!(packing.size, smallest);
    }

    #[test]
    fn the_search_decides_every_capacity(buffers in buffers(), taken in taken(), capacity in 1..30_usize) {
        let smallest = smallest(&buffers, &taken, 0);
        match search::Search::new(&buffers, &taken).pack(capacity) {
            search::Outcome::Found(packing) => {
                prop_assert!(packing.size <= capacity);
                for (a, (one, at)) in buffers.iter().zip(&packing.offsets).enumerate() {
                    prop_assert!(taken[one.first..=one.last].iter().all(|taken| at >= taken));
                    for (other, other_at) in buffers.iter().zip(&packing.offsets).take(a) {
                        let apart = at + one.size <= *other_at || other_at + other.size <= *at;
                        prop_assert!(apart || !one.overlaps(*other));
                    }
                }
            }
            search::Outcome::Impossible => prop_assert!(capacity < smallest),
            search::Outcome::OutOfBudget => prop_assert!(false, "out of budget"),
        }
    }
}

#[test]
fn more_buffers_than_are_searched_are_placed_greedily() {
    let buffers: Vec<Buffer> = (0..600)
        .map(|index| Buffer { first: index / 2, last: index / 2 + index % 3, size: 1 + index % 7 })
        .collect();
    let (packing, exact) = pack(&buffers, &[0; 303]);
    assert!(exact == (packing.size == bound(&buffers, &[0; 303])));
    assert!(packing.size < 2 * bound(&buffers, &[0; 303]));
}

#[test]
fn streamed_plans_have_the_predicted_size_and_share_no_byte() {
    for (kind, bounds) in [("cnn2d", "munas-2020"), ("cnn2d", "wide"), ("cnn1d", "wide-1d")] {
        for graph in graphs(kind, bounds) {
            for input in NetworkInput::ALL {
                let plan = plan_streamed(&graph, input);
                assert_eq!(plan.size, plan.predicted, "{input} of {graph}");
                let flow = RowFlow::of(&graph);
                let schedule = plan.schedule.as_ref().unwrap();
                let memory = price_schedule(&flow, schedule);
                for (part, memory) in schedule.parts.iter().zip(&memory.parts) {
                    let mut taken: Vec<Range<usize>> = Vec::new();
                    let offset = |tensor: TensorId| plan.offsets[tensor.index()].expect("a ring has a place");
                    taken.extend(memory.rings.iter().map(|ring| {
                        let start = offset(ring.tensor);
                        start..start + ring.bytes as usize
                    }));
                    for &op in part.ops.iter().filter(|op| plan.sums[op.index()].is_some()) {
                        let RowWork::Sums(bytes) = flow.operators()[op.index()].work else {
                            panic!("no sums")
                        };
                        let start = plan.sums[op.index()].unwrap();
                        assert_eq!(start % 4, 0);
                        taken.push(start..start + bytes as usize);
                    }
                    if part.execution == Execution::Rows {
                        let out = part.ops.last().unwrap().output();
                        taken.push(offset(out)..offset(out) + graph.shape(out).elements());
                    }
                    assert!(taken.iter().all(|range| range.end <= plan.size));
                    for (index, one) in taken.iter().enumerate() {
                        let is_apart =
                            |other: &Range<usize>| one.end <= other.start || other.end <= one.start;
                        assert!(taken[..index].iter().all(is_apart), "{input} of {graph}");
                    }
                }
            }
        }
    }
}
