//! A network that is executed in rows: which operators are, and what is alive meanwhile.

use munas_cost::{
    Execution, MemoryModel, NetworkInput, PartMemory, RowFlow, Runtime, Schedule, ScheduleMemory,
    SchedulePart, TensorRing, choose_schedule, price_schedule,
};
use munas_ir::{Graph, TensorId};

use super::{BAR_WIDTH, Network, tensor_name};
use crate::plot::{MemoryPlot, MemoryStep, TensorBar};
use crate::table::{Align, Table};
use crate::units;

/// The schedule with the smallest memory, priced for display. Operators and tensors are called as in [`Network`].
#[derive(Debug)]
pub struct RowsView<'n> {
    graph: &'n Graph,
    flow: RowFlow,
    schedule: Schedule,
    memory: ScheduleMemory,
}

/// What is alive while a part runs in rows, or an operator of another part.
struct Stage {
    execution: Execution,
    step: MemoryStep,
}

impl Network {
    /// How it is executed in rows, with its input there.
    pub fn in_rows(&self, input: NetworkInput) -> RowsView<'_> {
        let flow = RowFlow::of(self.graph());
        let schedule = choose_schedule(&flow, input);
        let memory = price_schedule(&flow, &schedule);
        RowsView { graph: self.graph(), flow, schedule, memory }
    }
}

/// Where the input is in what is shown of execution in rows: as a search under this model counts, or, if it counts layer by layer, as
/// munas exports.
pub const fn shown_input(memory: MemoryModel) -> NetworkInput {
    match memory.runtime {
        Runtime::Streamed => memory.input,
        Runtime::Layers => MemoryModel::STREAMED.input,
    }
}

impl RowsView<'_> {
    /// Whether some part of the network takes less in rows.
    pub fn is_any(&self) -> bool {
        self.schedule.parts.iter().any(|part| part.execution == Execution::Rows)
    }

    /// The largest memory of a part, in bytes.
    pub fn peak(&self) -> u64 {
        self.memory.peak
    }

    /// The parts with their memory, in the order of execution.
    pub fn parts(&self) -> impl Iterator<Item = (&SchedulePart, &PartMemory)> {
        self.schedule.parts.iter().zip(&self.memory.parts)
    }

    /// A row for each part that runs in rows, and for each operator of the others.
    pub fn table(&self) -> String {
        let columns = [
            ("operators", Align::Left),
            ("run", Align::Left),
            ("memory", Align::Right),
            ("", Align::Left),
            ("alive", Align::Left),
        ];
        let mut table = Table::new(&columns);
        for Stage { execution, step } in self.stages() {
            let bytes = step.bytes();
            let filled = (bytes as f64 / self.peak().max(1) as f64 * BAR_WIDTH as f64).ceil() as usize;
            let mark = if bytes == self.peak() { " peak" } else { "" };
            let alive = step.tensors.iter().map(|bar| format!("{} {}", bar.name, units::bytes(bar.bytes)));
            let run = match execution {
                Execution::Rows => "in rows",
                Execution::Layers => "in full",
            };
            table.row([
                step.operator.clone(),
                run.to_owned(),
                units::bytes(bytes),
                format!("{}{mark}", "█".repeat(filled)),
                alive.collect::<Vec<_>>().join(" + "),
            ]);
        }
        table.render()
    }

    /// The same as a plot.
    pub fn plot(&self, bound: Option<u64>) -> MemoryPlot {
        MemoryPlot { steps: self.stages().into_iter().map(|stage| stage.step).collect(), bound }
    }

    fn stages(&self) -> Vec<Stage> {
        let mut tensor_in = TensorId::INPUT;
        let mut stages = Vec::new();
        for (part, memory) in self.parts() {
            let tensor_out = part.ops.iter().max().map_or(TensorId::INPUT, |last| last.output());
            match part.execution {
                Execution::Rows => {
                    stages.push(Stage {
                        execution: Execution::Rows,
                        step: self.rows_of(part, memory, [tensor_in, tensor_out]),
                    });
                }
                Execution::Layers => stages.extend(memory.steps.iter().map(|step| {
                    let tensors = step.live.iter().map(|live| whole(live.tensor, live.bytes));
                    let number = step.op.index() + 1;
                    let step = MemoryStep {
                        label: number.to_string(),
                        operator: format!("{number} {}", self.graph.node(step.op).op.kind_name()),
                        tensors: tensors.filter(|bar| bar.bytes > 0).collect(),
                    };
                    Stage { execution: Execution::Layers, step }
                })),
            }
            tensor_in = tensor_out;
        }
        stages
    }

    /// What is alive throughout a part that runs in rows: the tensor in, its rings and sums, the tensor out.
    fn rows_of(
        &self,
        part: &SchedulePart,
        memory: &PartMemory,
        [tensor_in, tensor_out]: [TensorId; 2],
    ) -> MemoryStep {
        let bytes = |tensor: TensorId| self.graph.shape(tensor).elements() as u64;
        let is_whole = tensor_in != TensorId::INPUT || self.schedule.input == NetworkInput::Buffer;
        let mut tensors = Vec::new();
        tensors.extend(is_whole.then(|| whole(tensor_in, bytes(tensor_in))));
        tensors.extend(memory.rings.iter().map(|ring| self.ring(ring)));
        tensors.push(TensorBar {
            tensor: self.graph.shapes().len(),
            name: "sums".to_owned(),
            bytes: memory.sums,
        });
        tensors.push(whole(tensor_out, bytes(tensor_out)));
        tensors.retain(|bar| bar.bytes > 0);
        let first = part.ops.iter().min().map_or(0, |op| op.index()) + 1;
        let label = match tensor_out.index() {
            last if last == first => first.to_string(),
            last => format!("{first}–{last}"),
        };
        let mut kinds: Vec<&str> = part.ops.iter().map(|op| self.graph.node(*op).op.kind_name()).collect();
        kinds.dedup();
        MemoryStep { operator: format!("{label} {}", kinds.join(", ")), label, tensors }
    }

    fn ring(&self, ring: &TensorRing) -> TensorBar {
        let all = self.flow.tensor(ring.tensor).rows;
        let rows = if all == 1 { "row" } else { "rows" };
        TensorBar {
            tensor: ring.tensor.index(),
            name: format!("{} {} of {all} {rows}", tensor_name(ring.tensor), ring.rows),
            bytes: ring.bytes,
        }
    }
}

fn whole(tensor: TensorId, bytes: u64) -> TensorBar {
    TensorBar { tensor: tensor.index(), name: tensor_name(tensor), bytes }
}
