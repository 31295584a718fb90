//! One network: its layers with their costs, and the memory that it takes step by step.

mod rows;

use munas_cost::{LayerCost, MemoryRules, Timeline, choose_order, layer_costs, price};
use munas_ir::{Graph, Shape, TensorId};
use munas_run::TrialRecord;
use munas_space::Architecture;

use crate::plot::{MemoryPlot, MemoryStep, TensorBar};
use crate::table::{Align, Table};
use crate::units;

pub use rows::{RowsView, shown_input};

/// A network priced for display. Operators are numbered from 1 in the order of the graph; tensor `t0` is the input and
/// `tN` the output of operator N.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    layers: Vec<LayerCost>,
    timeline: Timeline,
}

/// Columns of a bar in the text form of a timeline.
const BAR_WIDTH: usize = 40;

impl Network {
    /// Prices a graph in the operator order that takes the least memory, the input's buffer left out.
    pub fn new(graph: Graph) -> Self {
        let rules = MemoryRules::WITHOUT_INPUT;
        let chosen = choose_order(&graph, rules);
        let timeline = price(&graph, &chosen.order, rules);
        Self { layers: layer_costs(&graph), timeline, graph }
    }

    /// One row per layer: number, operator, what it reads, output shape, parameters, MACs.
    pub fn layer_rows(&self) -> Vec<[String; 6]> {
        let row = |cost: &LayerCost| {
            let node = self.graph.node(cost.op);
            let inputs: Vec<String> = node.inputs.iter().map(|&tensor| tensor_name(tensor)).collect();
            let parameters =
                if cost.parameters == 0 { "–".to_owned() } else { cost.parameters.to_string() };
            [
                (cost.op.index() + 1).to_string(),
                node.op.to_string(),
                inputs.join(", "),
                shape_text(cost.output),
                parameters,
                cost.macs.to_string(),
            ]
        };
        self.layers.iter().map(row).collect()
    }

    /// The layers as text.
    pub fn layer_table(&self) -> String {
        let columns =
            LAYER_COLUMNS.map(|(title, is_word)| (title, if is_word { Align::Left } else { Align::Right }));
        let mut table = Table::new(&columns);
        for row in self.layer_rows() {
            table.row(row);
        }
        table.render()
    }

    /// The memory in use at every step, as text with a bar per step.
    pub fn memory_table(&self) -> String {
        let peak = self.timeline.peak.max(1);
        let columns = [
            ("step", Align::Right),
            ("operator", Align::Left),
            ("memory", Align::Right),
            ("", Align::Left),
            ("alive", Align::Left),
        ];
        let mut table = Table::new(&columns);
        for (position, step) in self.memory_steps().into_iter().enumerate() {
            let bytes = step.bytes();
            let filled = (bytes as f64 / peak as f64 * BAR_WIDTH as f64).ceil() as usize;
            let mark = if bytes == self.timeline.peak { " peak" } else { "" };
            let alive: Vec<String> = step
                .tensors
                .iter()
                .map(|tensor| format!("{} {}", tensor.name, units::bytes(tensor.bytes)))
                .collect();
            table.row([
                (position + 1).to_string(),
                step.operator,
                units::bytes(bytes),
                format!("{}{mark}", "█".repeat(filled)),
                alive.join(" + "),
            ]);
        }
        table.render()
    }

    /// The memory timeline as a plot.
    pub fn memory_plot(&self, bound: Option<u64>) -> MemoryPlot {
        MemoryPlot { steps: self.memory_steps(), bound }
    }

    /// The largest memory of a step, in bytes.
    pub fn peak(&self) -> u64 {
        self.timeline.peak
    }

    /// The timeline, priced.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The cost of every layer, in the order of the graph.
    pub fn layers(&self) -> &[LayerCost] {
        &self.layers
    }

    fn memory_steps(&self) -> Vec<MemoryStep> {
        let steps = self.timeline.steps.iter().map(|step| {
            let tensors = step.live.iter().map(|live| TensorBar {
                tensor: live.tensor.index(),
                name: tensor_name(live.tensor),
                bytes: live.bytes,
            });
            let number = step.op.index() + 1;
            MemoryStep {
                label: number.to_string(),
                operator: format!("{number} {}", self.graph.node(step.op).op.kind_name()),
                tensors: tensors.filter(|tensor| tensor.bytes > 0).collect(),
            }
        });
        steps.collect()
    }
}

/// Titles of [`Network::layer_rows`], and which of them are words rather than numbers.
pub(crate) const LAYER_COLUMNS: [(&str, bool); 6] = [
    ("#", false),
    ("operator", true),
    ("reads", true),
    ("output", false),
    ("parameters", false),
    ("MACs", false),
];

fn tensor_name(tensor: TensorId) -> String {
    if tensor == TensorId::INPUT { "input".to_owned() } else { format!("t{}", tensor.index()) }
}

/// `13×13×4`, or `32` for a flat tensor.
fn shape_text(shape: Shape) -> String {
    match shape {
        Shape { height: 1, width: 1, channels } => channels.to_string(),
        Shape { height, width, channels } => format!("{height}×{width}×{channels}"),
    }
}

/// A trial's network in a few words: the [`outline`] of its architecture, and what pruning took.
pub fn trial_outline(trial: &TrialRecord) -> String {
    let architecture = outline(&trial.candidate.architecture);
    match &trial.pruned {
        Some(pruned) => format!("{architecture}; {:.0} % pruned", 100.0 * pruned.sparsity),
        None => architecture,
    }
}

/// An architecture in a few words: `3 blocks (1 parallel), 5 conv, dense 32-64`.
pub fn outline(architecture: &Architecture) -> String {
    let mut parts = Vec::new();
    if let Some(cnn) = architecture.cnn() {
        let blocks = cnn.blocks.len();
        let parallel = cnn.blocks.iter().filter(|block| block.branch).count();
        let plural = if blocks == 1 { "" } else { "s" };
        let branches = if parallel == 0 { String::new() } else { format!(" ({parallel} parallel)") };
        parts.push(format!("{blocks} block{plural}{branches}"));
        parts.push(format!("{} conv", cnn.blocks.iter().map(|block| block.layers.len()).sum::<usize>()));
    }
    let units: Vec<String> = architecture.dense().iter().map(ToString::to_string).collect();
    if !units.is_empty() {
        parts.push(format!("dense {}", units.join("-")));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests;
