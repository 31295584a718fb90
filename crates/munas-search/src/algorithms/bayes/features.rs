//! A network as the OTMANN distance sees it (Kandasamy et al., NeurIPS 2018, section 3, with muNAS's labels).
//!
//! One node per operator, in execution order, between `input` and `output`.
//!
//! | quantity | value |
//! |---|---|
//! | mass of an operator | MACs / 1,000 |
//! | mass of input and output | max(0.1·ΣMACs, 100) / 1,000 |
//! | path lengths of a node | for each group of steps (all, convolution, pooling, addition, dense) the shortest, the longest and the random walk's mean: 15 numbers towards the output, 15 back to the input |
//!
//! A step counts 1 for a group if the node it leaves belongs to it, else 0. The random walk takes each successor with
//! the same probability.

use munas_cost::layer_cost;
use munas_ir::{Activation, Graph, Op, PoolKind, TensorId};

/// Path lengths of one node in one direction: `[group][shortest, longest, mean]`.
pub(super) type PathLengths = [f64; GROUPS * 3];

const GROUPS: usize = 5;
/// Operators without MACs are not free to move: the least that the input and the output weigh, in MACs.
const LEAST_END_MACS: f64 = 100.0;
/// MACs per unit of mass.
const MACS_PER_MASS: f64 = 1000.0;

/// What tells nodes apart besides their place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Label {
    Input,
    Output,
    Convolution { depthwise: bool, kernel: usize, batch_norm: bool, activation: Activation },
    Pool(PoolKind),
    Add,
    Dense { batch_norm: bool, activation: Activation },
}

impl Label {
    fn of(op: Op) -> Self {
        let (batch_norm, activation) = (op.batch_norm(), op.activation());
        match op {
            Op::Conv2d { attributes, .. } | Op::DepthwiseConv2d(attributes) => Self::Convolution {
                depthwise: matches!(op, Op::DepthwiseConv2d { .. }),
                kernel: attributes.kernel.height.max(attributes.kernel.width),
                batch_norm,
                activation,
            },
            Op::Pool { kind, .. } => Self::Pool(kind),
            Op::Add => Self::Add,
            Op::Dense { .. } => Self::Dense { batch_norm, activation },
        }
    }

    /// Nodes of different kinds are never matched.
    pub fn kind(self) -> usize {
        match self {
            Self::Convolution { .. } => 0,
            Self::Pool(_) => 1,
            Self::Add => 2,
            Self::Dense { .. } => 3,
            Self::Input => 4,
            Self::Output => 5,
        }
    }

    /// Number of kinds.
    pub const KINDS: usize = 6;

    /// Which groups of steps begin at such a node: all of them, and that of its operator.
    fn steps(self) -> [f64; GROUPS] {
        let mut steps = [0.0; GROUPS];
        steps[0] = 1.0;
        if let Some(step) = steps.get_mut(1 + self.kind()) {
            *step = 1.0;
        }
        steps
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub label: Label,
    pub mass: f64,
    /// Towards the output.
    pub forward: PathLengths,
    /// Back to the input.
    pub backward: PathLengths,
}

/// The nodes of a network by kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    pub kinds: [Vec<Place>; Label::KINDS],
    /// Sum of all masses.
    pub mass: f64,
}

impl Network {
    pub fn of(graph: &Graph) -> Self {
        let macs: Vec<f64> = graph.ops().map(|(op, _)| layer_cost(graph, op).macs as f64).collect();
        let ends = (0.1 * macs.iter().sum::<f64>()).max(LEAST_END_MACS);
        // Node 0 is the input, node i + 1 operator i, as tensors are numbered; the output is the last.
        let mut labels = vec![Label::Input];
        labels.extend(graph.nodes().iter().map(|node| Label::of(node.op)));
        labels.push(Label::Output);
        let masses = [ends].into_iter().chain(macs).chain([ends]).map(|macs| macs / MACS_PER_MASS);
        let mut predecessors: Vec<Vec<usize>> = vec![Vec::new()];
        predecessors.extend(
            graph
                .nodes()
                .iter()
                .map(|node| node.inputs.iter().map(|input: &TensorId| input.index()).collect()),
        );
        predecessors.push(vec![graph.output().index()]);
        let mut successors = vec![Vec::new(); labels.len()];
        for (node, before) in predecessors.iter().enumerate() {
            before.iter().for_each(|&before| successors[before].push(node));
        }
        let forward = path_lengths(&labels, &successors, (0..labels.len()).rev());
        let backward = path_lengths(&labels, &predecessors, 0..labels.len());
        let mut network = Self { kinds: std::array::from_fn(|_| Vec::new()), mass: 0.0 };
        for (((&label, mass), forward), backward) in labels.iter().zip(masses).zip(forward).zip(backward) {
            network.mass += mass;
            network.kinds[label.kind()].push(Place { label, mass, forward, backward });
        }
        network
    }
}

/// Lengths of the ways that begin at each node and follow `next`; every node comes after those that it leads to.
fn path_lengths(
    labels: &[Label],
    next: &[Vec<usize>],
    order: impl Iterator<Item = usize>,
) -> Vec<PathLengths> {
    let mut lengths = vec![[0.0; GROUPS * 3]; labels.len()];
    for node in order {
        if next[node].is_empty() {
            continue;
        }
        let steps = labels[node].steps();
        let share = 1.0 / next[node].len() as f64;
        let mut of_node = [0.0; GROUPS * 3];
        for (group, [shortest, longest, mean]) in of_node.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let onward = || next[node].iter().map(|&next| &lengths[next][group * 3..]);
            *shortest = steps[group] + onward().map(|way| way[0]).fold(f64::INFINITY, f64::min);
            *longest = steps[group] + onward().map(|way| way[1]).fold(0.0, f64::max);
            *mean = steps[group] + share * onward().map(|way| way[2]).sum::<f64>();
        }
        lengths[node] = of_node;
    }
    lengths
}
