//! Rings against a simulator that knows nothing but which rows of which tensors are there; schedules against all of them.

use std::collections::BTreeSet;

use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, OpId, Padding, PoolKind, Shape, TensorId, Window,
};
use proptest::prelude::*;

use super::*;
use crate::{MemoryRules, choose_order};

fn attributes(kernel: Window, stride: Window, padding: Padding) -> ConvAttributes {
    ConvAttributes { kernel, stride, padding, batch_norm: false, activation: Activation::Relu }
}

fn conv(filters: usize, kernel: usize, stride: usize, padding: Padding) -> Op {
    let attributes = attributes(Window::square(kernel), Window::square(stride), padding);
    Op::Conv2d { filters, attributes }
}

fn chain(input: Shape, ops: &[Op]) -> Graph {
    let mut builder = GraphBuilder::new(input).unwrap();
    let mut last = TensorId::INPUT;
    for &op in ops {
        last = builder.push(op, &[last]).unwrap();
    }
    builder.finish().unwrap()
}

fn rings_of(graph: &Graph) -> rings::Rings {
    let flow = RowFlow::of(graph);
    rings::rings(&flow, &NeededRows::of(&flow), TensorId::INPUT, 0..graph.nodes().len())
}

fn schedule_of(graph: &Graph, input: NetworkInput) -> ScheduleMemory {
    let flow = RowFlow::of(graph);
    price_schedule(&flow, &choose_schedule(&flow, input))
}

/// An operator of a random graph: its kind, two sizes, and whether padding is `same`.
type Draw = (u8, usize, usize, bool);

fn random_op((kind, size, step, same): Draw, shape: Shape) -> Op {
    let padding = if same { Padding::Same } else { Padding::Valid };
    let fits = |size: usize| Window::new(size.min(shape.height), size.min(shape.width));
    let stride = Window::new(step.min(shape.height), step.min(shape.width));
    match kind % 6 {
        0 | 1 => Op::Conv2d { filters: 1 + size, attributes: attributes(fits(size), stride, padding) },
        2 => Op::DepthwiseConv2d(attributes(fits(size), stride, padding)),
        3 => Op::Pool { kind: PoolKind::Max, window: fits(step) },
        4 => Op::Pool { kind: PoolKind::Avg, window: fits(step) },
        _ => Op::Conv2d { filters: size, attributes: attributes(fits(1), Window::square(1), padding) },
    }
}

/// A graph of parts: single operators, and forks of two chains, or of a chain and its own input, that are added up; then dense layers.
fn random_graph(input: Shape, parts: &[(u8, Vec<Draw>, Vec<Draw>)], dense: usize) -> Graph {
    let mut builder = GraphBuilder::new(input).unwrap();
    let mut last = TensorId::INPUT;
    let run = |builder: &mut GraphBuilder, from: TensorId, draws: &[Draw]| {
        draws.iter().fold(from, |tensor, &draw| {
            let op = random_op(draw, builder.shape(tensor));
            builder.push(op, &[tensor]).unwrap()
        })
    };
    for (kind, one, other) in parts {
        if kind % 2 == 0 {
            last = run(&mut builder, last, &one[..1]);
            continue;
        }
        let (mut left, mut right) = (run(&mut builder, last, one), run(&mut builder, last, other));
        let channels = builder.shape(left).channels.max(builder.shape(right).channels);
        for side in [&mut left, &mut right] {
            if builder.shape(*side).channels != channels || *side == last {
                *side = builder.push(conv(channels, 1, 1, Padding::Valid), &[*side]).unwrap();
            }
        }
        last = builder.push(Op::Add, &[left, right]).unwrap();
    }
    for units in 0..dense {
        let op = Op::Dense { units: 2 + 3 * units, activation: Activation::None };
        last = builder.push(op, &[last]).unwrap();
    }
    if builder.shape(last) == input && last == TensorId::INPUT {
        builder.push(conv(2, 1, 1, Padding::Valid), &[last]).unwrap();
    }
    builder.finish().unwrap()
}

fn graphs() -> impl Strategy<Value = Graph> {
    let draw = || (any::<u8>(), 1_usize..6, 1_usize..4, any::<bool>());
    let draws = || prop::collection::vec(draw(), 1..4);
    let parts = prop::collection::vec((any::<u8>(), draws(), draws()), 1..6);
    let input = (1_usize..24, 1_usize..10, 1_usize..4);
    (input, parts, 0_usize..3).prop_map(|((height, width, channels), parts, dense)| {
        random_graph(Shape::new(height, width, channels), &parts, dense)
    })
}

/// Executes a whole graph row by row with sets of rows, each named by tensor and position.
struct Simulator<'g> {
    graph: &'g Graph,
    /// The rows that lead to the output.
    needed: BTreeSet<(usize, usize)>,
    made: BTreeSet<(usize, usize)>,
    most: Vec<usize>,
}

impl<'g> Simulator<'g> {
    fn run(graph: &'g Graph) -> Vec<usize> {
        let most = vec![0; graph.shapes().len()];
        let mut simulator = Self { graph, needed: BTreeSet::new(), made: BTreeSet::new(), most };
        let output = graph.output().index();
        (0..graph.shapes()[output].height).for_each(|row| simulator.need(output, row));
        for row in 0..graph.input_shape().height {
            simulator.make(0, row);
        }
        assert_eq!(simulator.made, simulator.needed, "every row that is needed is made");
        simulator.most
    }

    fn need(&mut self, tensor: usize, row: usize) {
        if self.needed.insert((tensor, row)) {
            self.reads(tensor, row).into_iter().for_each(|(tensor, row)| self.need(tensor, row));
        }
    }

    /// The rows that a row of an operator's output is made from.
    fn reads(&self, tensor: usize, row: usize) -> Vec<(usize, usize)> {
        let Some(op) = tensor.checked_sub(1) else { return Vec::new() };
        let node = &self.graph.nodes()[op];
        let of_input = |input: &TensorId| {
            let height = self.graph.shape(*input).height as isize;
            let (first, count) = match node.op {
                Op::Conv2d { attributes, .. } | Op::DepthwiseConv2d(attributes) => {
                    let (kernel, stride) = (attributes.kernel.height, attributes.stride.height);
                    let made = self.graph.shapes()[tensor].height;
                    let before = match attributes.padding {
                        Padding::Valid => 0,
                        Padding::Same => ((made - 1) * stride + kernel).saturating_sub(height as usize) / 2,
                    };
                    ((row * stride) as isize - before as isize, kernel)
                }
                Op::Pool { window, .. } => ((row * window.height) as isize, window.height),
                Op::Add => (row as isize, 1),
                Op::Dense { .. } => (0, height as usize),
            };
            let rows = first..first + count as isize;
            let rows = rows.filter(|row| (0..height).contains(row)).map(|row| row as usize);
            rows.map(|row| (input.index(), row)).collect::<Vec<_>>()
        };
        node.inputs.iter().flat_map(of_input).collect()
    }

    /// Whether rows of an input are taken up by sums or maxima as they come.
    fn takes_up(&self, op: usize) -> bool {
        let node = &self.graph.nodes()[op];
        let input = self.graph.shape(node.inputs[0]);
        match node.op {
            Op::Pool { .. } => true,
            Op::Dense { units, .. } => 4 * units + input.width * input.channels < input.elements(),
            _ => false,
        }
    }

    fn count(&mut self, tensor: usize, newest: usize) {
        let readers = (0..self.graph.nodes().len()).filter(|&op| {
            let node = &self.graph.nodes()[op];
            !self.takes_up(op) && node.inputs.iter().any(|input| input.index() == tensor)
        });
        let mut oldest = newest;
        for op in readers {
            let to_come = self.needed.iter().filter(|row| row.0 == op + 1 && !self.made.contains(row));
            for row in to_come.flat_map(|&(tensor, row)| self.reads(tensor, row)) {
                if row.0 == tensor && self.made.contains(&row) {
                    oldest = oldest.min(row.1);
                }
            }
        }
        let alive = (oldest..=newest).filter(|&row| self.needed.contains(&(tensor, row))).count();
        self.most[tensor] = self.most[tensor].max(alive);
    }

    /// A row is there; then, as long as any operator can make a row, the last that can makes one.
    fn make(&mut self, tensor: usize, row: usize) {
        if !self.needed.contains(&(tensor, row)) {
            return;
        }
        self.made.insert((tensor, row));
        self.count(tensor, row);
        for op in (0..self.graph.nodes().len()).rev() {
            let to_come = self.needed.iter().find(|row| row.0 == op + 1 && !self.made.contains(row));
            let Some(&(output, next)) = to_come else { continue };
            let reads = self.reads(output, next);
            let is_maximum = matches!(self.graph.nodes()[op].op, Op::Pool { kind: PoolKind::Max, .. });
            if is_maximum && reads.iter().any(|row| self.made.contains(row)) {
                self.count(output, next);
            }
            if reads.iter().all(|row| self.made.contains(row)) {
                return self.make(output, next);
            }
        }
    }
}

/// All ways to divide the blocks of a graph into parts that run in rows or layer by layer.
fn smallest_peak(graph: &Graph, input: NetworkInput) -> u64 {
    let flow = RowFlow::of(graph);
    let chosen = choose_schedule(&flow, input);
    // Layer by layer, a part is priced in the order of the graph or a better one: both are tried.
    let order = choose_order(graph, MemoryRules::WITHOUT_INPUT).order;
    let count = graph.nodes().len();
    let is_part = |first: usize, last: usize| {
        let inside = |tensor: &TensorId| tensor.index() >= first && tensor.index() <= last;
        let outside_reads_last =
            (last..count).all(|op| graph.nodes()[op].inputs.iter().all(|tensor| tensor.index() >= last));
        (first..last).all(|op| graph.nodes()[op].inputs.iter().all(inside)) && outside_reads_last
    };
    let mut smallest = price_schedule(&flow, &chosen).peak;
    let mut open = vec![(0, Vec::new())];
    while let Some((first, parts)) = open.pop() {
        if first == count {
            smallest = smallest.min(price_schedule(&flow, &Schedule { parts, input }).peak);
            continue;
        }
        for last in (first + 1..=count).filter(|&last| is_part(first, last)) {
            let ops: Vec<OpId> = (first..last).map(OpId::new).collect();
            let ordered: Vec<OpId> = order.iter().copied().filter(|op| ops.contains(op)).collect();
            for (execution, ops) in [(Execution::Rows, ops), (Execution::Layers, ordered)] {
                let mut parts: Vec<SchedulePart> = parts.clone();
                parts.push(SchedulePart { execution, ops });
                open.push((last, parts));
            }
        }
    }
    smallest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rings_are_those_of_the_simulator(graph in graphs()) {
        let expected = Simulator::run(&graph);
        let found = rings_of(&graph);
        for ring in &found.inner {
            let tensor = ring.tensor.index();
            prop_assert_eq!(ring.rows, expected[tensor], "tensor {} of\n{}", tensor, graph);
        }
        let input = graph.input_shape();
        prop_assert_eq!(found.input.bytes, (expected[0] * input.width * input.channels) as u64, "{}", graph);
    }

    #[test]
    fn what_is_chosen_is_the_smallest_and_never_above_layers(graph in graphs()) {
        for input in [NetworkInput::External, NetworkInput::Buffer, NetworkInput::Rows] {
            let peak = schedule_of(&graph, input).peak;
            if graph.nodes().len() <= 9 {
                prop_assert_eq!(peak, smallest_peak(&graph, input), "{:?} of\n{}", input, graph);
            }
            let rules = match input {
                NetworkInput::External => MemoryRules::WITHOUT_INPUT,
                NetworkInput::Buffer | NetworkInput::Rows => {
                    MemoryRules { input: crate::InputMemory::Once, in_place_add: true }
                }
            };
            prop_assert!(peak <= choose_order(&graph, rules).peak, "{:?} of\n{}", input, graph);
        }
    }
}

#[test]
fn a_chain_keeps_the_rows_of_its_kernels() {
    let same = Padding::Same;
    let graph = chain(
        Shape::new(28, 28, 1),
        &[
            conv(8, 3, 1, same),
            conv(8, 3, 1, same),
            Op::Pool { kind: PoolKind::Avg, window: Window::square(28) },
            Op::Dense { units: 10, activation: Activation::None },
        ],
    );
    let flow = RowFlow::of(&graph);
    let schedule = choose_schedule(&flow, NetworkInput::Rows);
    let memory = price_schedule(&flow, &schedule);
    let executions: Vec<Execution> = schedule.parts.iter().map(|part| part.execution).collect();
    assert_eq!(executions, [Execution::Rows, Execution::Layers]);
    let [rows, _] = &memory.parts[..] else { panic!("{memory:?}") };
    assert_eq!(rows.rings.iter().map(|ring| ring.rows).collect::<Vec<_>>(), [3, 3, 1], "of the input too");
    assert_eq!(rows.sums, 4 * 8);
    // Three rows of the input, three and one of the convolutions, a sum per channel, and the mean of each.
    assert_eq!(memory.peak, 3 * 28 + 3 * 28 * 8 + 28 * 8 + 4 * 8 + 8);
    assert_eq!(choose_order(&graph, MemoryRules::WITHOUT_INPUT).peak, 2 * 28 * 28 * 8);
}

#[test]
fn the_earlier_branch_of_a_sum_keeps_the_rows_by_which_the_other_is_late() {
    let mut builder = GraphBuilder::new(Shape::new(16, 4, 2)).unwrap();
    let stem = builder.push(conv(2, 1, 1, Padding::Same), &[TensorId::INPUT]).unwrap();
    let one = builder.push(conv(2, 5, 1, Padding::Same), &[stem]).unwrap();
    let two = builder.push(conv(2, 5, 1, Padding::Same), &[one]).unwrap();
    builder.push(Op::Add, &[stem, two]).unwrap();
    let graph = builder.finish().unwrap();
    let found = rings_of(&graph);
    // The second convolution makes row 0 when row 4 of the stem is there.
    assert_eq!(found.inner.iter().map(|ring| ring.rows).collect::<Vec<_>>(), [5, 5, 1]);
}

#[test]
fn rows_that_are_dropped_are_not_kept() {
    let stride = chain(Shape::new(13, 7, 1), &[conv(1, 1, 3, Padding::Valid), conv(1, 2, 2, Padding::Valid)]);
    let found = rings_of(&stride);
    assert_eq!((found.input.bytes, found.inner[0].rows), (7, 2), "one row of seven, and two");
}
