use munas_ir::OpId;
use proptest::prelude::*;

use super::{Dataflow, FlowTensor, Read};

/// An operator of a random dataflow: what it reads, its outputs' bytes, whether it may write over its inputs.
type Draw = (Vec<usize>, Vec<u64>, bool);

fn random_flow(sources: &[u64], draws: &[Draw], kept: &[usize]) -> Dataflow {
    let mut flow = Dataflow::new(sources.iter().copied());
    for (inputs, outputs, may_overwrite) in draws {
        let there = flow.tensor_count();
        let tensors = inputs.iter().map(|pick| FlowTensor::new(pick % there));
        let reads = tensors.map(|tensor| Read { tensor, may_overwrite: *may_overwrite });
        flow.push(reads, outputs.iter().copied());
    }
    for pick in kept {
        flow.keep(FlowTensor::new(pick % flow.tensor_count()));
    }
    flow
}

fn flows() -> impl Strategy<Value = Dataflow> {
    let draw =
        (prop::collection::vec(0..40_usize, 0..4), prop::collection::vec(0..30_u64, 1..3), any::<bool>());
    let sources = prop::collection::vec(0..30_u64, 1..4);
    (sources, prop::collection::vec(draw, 1..7), prop::collection::vec(0..40_usize, 0..3))
        .prop_map(|(sources, draws, kept)| random_flow(&sources, &draws, &kept))
}

/// The definition of a step: what is alive while `op` runs, after the operators `before`.
fn defined_bytes(flow: &Dataflow, before: &[OpId], op: OpId) -> u64 {
    let is_read_by = |tensor: usize, op| flow.reads(op).iter().any(|read| read.tensor.index() == tensor);
    let needed_later = |tensor: usize| {
        let later = flow.ops().filter(|other| *other != op && !before.contains(other));
        flow.is_kept(FlowTensor::new(tensor)) || later.into_iter().any(|other| is_read_by(tensor, other))
    };
    let alive = (0..flow.tensor_count()).filter(|&tensor| match flow.producer(FlowTensor::new(tensor)) {
        Some(producer) if !before.contains(&OpId::new(producer)) => false,
        _ => is_read_by(tensor, op) || needed_later(tensor),
    });
    let in_place = flow.reads(op).iter().any(|read| read.may_overwrite && !needed_later(read.tensor.index()));
    alive.map(|tensor| flow.bytes(FlowTensor::new(tensor))).sum::<u64>()
        + if in_place { 0 } else { flow.output_bytes(op) }
}

/// The smallest peak over all topological orders that begin with `before`, by trying each.
fn smallest_peak(flow: &Dataflow, before: &mut Vec<OpId>) -> u64 {
    if before.len() == flow.operator_count() {
        return 0;
    }
    let mut smallest = u64::MAX;
    for op in flow.ops() {
        let mut inputs = flow.reads(op).iter().filter_map(|read| flow.producer(read.tensor));
        if !before.contains(&op) && inputs.all(|producer| before.contains(&OpId::new(producer))) {
            let bytes = defined_bytes(flow, before, op);
            before.push(op);
            smallest = smallest.min(bytes.max(smallest_peak(flow, before)));
            before.pop();
        }
    }
    smallest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn best_order_of_any_flow_is_the_best_of_all(flow in flows()) {
        let chosen = flow.choose_order();
        prop_assert!(chosen.exact);
        prop_assert_eq!(chosen.peak, smallest_peak(&flow, &mut Vec::new()));
        prop_assert_eq!(flow.price(&chosen.order).peak, chosen.peak);
    }

    #[test]
    fn every_step_of_any_flow_is_priced_as_defined(flow in flows()) {
        let order: Vec<OpId> = flow.ops().collect();
        for (position, step) in flow.price(&order).steps.iter().enumerate() {
            prop_assert_eq!(step.bytes, defined_bytes(&flow, &order[..position], order[position]));
            prop_assert_eq!(step.bytes, step.live.iter().map(|tensor| tensor.bytes).sum::<u64>());
        }
    }
}

/// A split into halves of which one is dropped, and two results that stay.
#[test]
fn kept_tensors_stay_and_unread_ones_go() {
    let mut flow = Dataflow::new([10]);
    let read = |tensor: FlowTensor| Read { tensor, may_overwrite: false };
    let half = flow.push([read(FlowTensor::new(0))], [5, 5]);
    let small = flow.push([read(half)], [2]);
    let last = flow.push([read(small)], [1]);
    flow.keep(small);
    flow.keep(last);
    let order: Vec<OpId> = flow.ops().collect();
    let steps = flow.price(&order).steps;
    let bytes: Vec<u64> = steps.iter().map(|step| step.bytes).collect();
    assert_eq!(bytes, [20, 7, 3]);
    let live: Vec<usize> = steps[1].live.iter().map(|entry| entry.tensor.index()).collect();
    assert_eq!(live, [half.index(), small.index()]);
}
