use munas_cost::{InputMemory, MemoryRules, price};
use munas_ir::{Graph, Shape, TensorId};
use munas_space::Space;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{ArenaPlan, Buffer, bound, pack, plan_best, search};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packings_are_the_smallest(buffers in buffers()) {
        let smallest = smallest(&buffers, &[0; STEPS], 0);
        let (packing, exact) = pack(&buffers, STEPS);
        prop_assert!(exact);
        prop_assert_eq!(packing.size, smallest);
    }

    #[test]
    fn the_search_decides_every_capacity(buffers in buffers(), capacity in 1..30_usize) {
        let smallest = smallest(&buffers, &[0; STEPS], 0);
        match search::Search::new(&buffers, STEPS).pack(capacity) {
            search::Outcome::Found(packing) => {
                prop_assert!(packing.size <= capacity);
                for (a, (one, at)) in buffers.iter().zip(&packing.offsets).enumerate() {
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
    let (packing, exact) = pack(&buffers, 303);
    assert!(exact == (packing.size == bound(&buffers, 303)));
    assert!(packing.size < 2 * bound(&buffers, 303));
}
