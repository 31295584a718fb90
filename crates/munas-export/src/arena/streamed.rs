//! The plan of a network that is executed in rows where that takes less memory.

use munas_cost::{Execution, NetworkInput, RowFlow, RowWork, Schedule, choose_schedule, price_schedule};
use munas_ir::{Graph, OpId, TensorId};

use super::{ArenaPlan, Buffer, Packing, pack};

/// Plans the schedule with the smallest memory, with the input where it says.
pub fn plan_streamed(graph: &Graph, input: NetworkInput) -> ArenaPlan {
    let flow = RowFlow::of(graph);
    let schedule = choose_schedule(&flow, input);
    let memory = price_schedule(&flow, &schedule);
    let mut lifetimes = Lifetimes::new(graph);
    let mut tensor_in = TensorId::INPUT;
    for (part, memory) in schedule.parts.iter().zip(&memory.parts) {
        let tensor_out = part.ops.iter().max().expect("a part has an operator").output();
        match part.execution {
            Execution::Layers => {
                for step in &memory.steps {
                    let place =
                        |tensor: TensorId| tensor != TensorId::INPUT || input != NetworkInput::External;
                    let in_place = step.in_place.map(|over| (step.op, over));
                    let live = step.live.iter().map(|live| live.tensor).filter(|tensor| place(*tensor));
                    let live = live.map(|tensor| (tensor, graph.shape(tensor).elements()));
                    lifetimes.step(live, in_place, 0);
                }
            }
            Execution::Rows => {
                let whole = |tensor: TensorId| (tensor, graph.shape(tensor).elements());
                let is_whole = tensor_in != TensorId::INPUT || input == NetworkInput::Buffer;
                let ends = is_whole.then_some(tensor_in).into_iter().chain([tensor_out]).map(whole);
                let rings = memory.rings.iter().map(|ring| (ring.tensor, ring.bytes as usize));
                let sums = lifetimes.place_sums(&flow, &part.ops);
                lifetimes.step(ends.chain(rings), None, sums);
            }
        }
        tensor_in = tensor_out;
    }
    lifetimes.plan(schedule, memory.peak)
}

/// The buffers of a schedule. A part in rows is one step, an operator of another part is one, too.
struct Lifetimes {
    buffers: Vec<Buffer>,
    /// For each tensor, its buffer.
    buffer_of: Vec<Option<usize>>,
    in_place: Vec<Option<TensorId>>,
    /// For each operator, the offset of its sums.
    sums: Vec<Option<usize>>,
    /// For each step, the bytes of sums.
    taken: Vec<usize>,
}

impl Lifetimes {
    fn new(graph: &Graph) -> Self {
        let (tensors, operators) = (graph.shapes().len(), graph.nodes().len());
        Self {
            buffers: Vec::new(),
            buffer_of: vec![None; tensors],
            in_place: vec![None; operators],
            sums: vec![None; operators],
            taken: Vec::new(),
        }
    }

    /// Places the sums of a part's operators one behind the other, and returns their bytes.
    fn place_sums(&mut self, flow: &RowFlow, ops: &[OpId]) -> usize {
        let mut end = 0;
        for op in ops {
            if let RowWork::Sums(bytes @ 1..) = flow.operators()[op.index()].work {
                self.sums[op.index()] = Some(end);
                end += bytes as usize;
            }
        }
        end
    }

    /// A step with these tensors and their bytes, above so many bytes of sums.
    fn step(
        &mut self,
        live: impl Iterator<Item = (TensorId, usize)>,
        in_place: Option<(OpId, TensorId)>,
        sums: usize,
    ) {
        let step = self.taken.len();
        self.taken.push(sums);
        if let Some((op, overwritten)) = in_place {
            self.in_place[op.index()] = Some(overwritten);
            self.buffer_of[op.output().index()] = self.buffer_of[overwritten.index()];
        }
        for (tensor, size) in live {
            let buffers = &mut self.buffers;
            let buffer = *self.buffer_of[tensor.index()].get_or_insert_with(|| {
                buffers.push(Buffer { first: step, last: step, size });
                buffers.len() - 1
            });
            buffers[buffer].last = step;
        }
    }

    fn plan(self, schedule: Schedule, peak: u64) -> ArenaPlan {
        let (Packing { offsets, size }, exact) = pack(&self.buffers, &self.taken);
        ArenaPlan {
            order: schedule.parts.iter().flat_map(|part| part.ops.iter().copied()).collect(),
            offsets: self.buffer_of.iter().map(|buffer| Some(offsets[(*buffer)?])).collect(),
            in_place: self.in_place,
            schedule: Some(schedule),
            sums: self.sums,
            size,
            predicted: usize::try_from(peak).expect("tensors fit the address space"),
            exact,
        }
    }
}
