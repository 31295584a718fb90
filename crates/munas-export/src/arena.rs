//! The arena plan: an offset for every tensor of an operator order in one block of memory.
//!
//! 1. Walking the order, [`munas_cost::price`] says which tensors are alive at each step and which Add
//!    accumulates into which input. An Add's output and the input that it overwrites are one buffer.
//! 2. A buffer has a size and an interval of steps. Buffers whose intervals overlap must not share a byte.
//! 3. No plan is smaller than the bytes alive at the worst step: the *bound*, which is the predicted peak.
//! 4. Greedy placement in several orders usually meets the bound (`greedy.rs`).
//! 5. Where it does not, an exact search looks for a plan of the bound's size, then for the smallest
//!    plan, within a budget (`search.rs`).
//!
//! Parts in rows are steps, too (`streamed.rs`): all of their rings are alive together. Their 32-bit sums come first in the arena,
//! and everything else above them.
//!
//! Elements have one byte and need no alignment, so offsets are not rounded: the kernels read words with
//! loads that may be unaligned.
//!
//! Sources: Gergov, "Algorithms for compile-time memory optimization" (SODA 1999) for the problem;
//! Moffitt, "MiniMalloc: a lightweight memory allocator for hardware-accelerated machine learning"
//! (ASPLOS 2023) for the search from the lowest valley of a skyline.

mod greedy;
mod search;
mod streamed;

use munas_cost::{MemoryRules, Schedule, Timeline, choose_order, price};
use munas_ir::{Graph, OpId, TensorId};

pub use self::streamed::plan_streamed;

/// Where the tensors of an operator order lie. All figures are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArenaPlan {
    /// The operator order that was planned.
    pub order: Vec<OpId>,
    /// The offset of each tensor, or of the rows of it that are kept, by [`TensorId::index`]; `None` for an input outside of the arena.
    pub offsets: Vec<Option<usize>>,
    /// For each operator, by [`OpId::index`], the input in whose place its output lies.
    pub in_place: Vec<Option<TensorId>>,
    /// The parts that are executed in rows and layer by layer; `None` if the whole network runs layer by layer.
    pub schedule: Option<Schedule>,
    /// The offset of the 32-bit sums of each operator that keeps any, a multiple of four, by [`OpId::index`].
    pub sums: Vec<Option<usize>>,
    /// Size of the arena.
    pub size: usize,
    /// The peak memory that [`price`] or [`munas_cost::price_schedule`] gives for the order under the same rules. With
    /// [`munas_cost::InputMemory::PerReader`] it counts copies of the input that the plan does not need.
    pub predicted: usize,
    /// Whether no plan of this order is smaller.
    pub exact: bool,
}

impl ArenaPlan {
    /// Bytes by which the plan exceeds the predicted peak memory.
    pub const fn gap(&self) -> usize {
        self.size.saturating_sub(self.predicted)
    }
}

/// Tensors that share their bytes, alive from step `first` to step `last` of the order, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub first: usize,
    pub last: usize,
    pub size: usize,
}

impl Buffer {
    const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Offsets of buffers, in the order of the buffers, and the size of the memory that holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packing {
    pub offsets: Vec<usize>,
    pub size: usize,
}

/// Plans the order with the smallest peak memory.
///
/// With [`MemoryRules::WITHOUT_INPUT`] the input stays in the caller's buffer and the plan's size is to be
/// compared with the figure `peak_memory`. With [`munas_cost::InputMemory::Once`] the input lies in the
/// arena; `peak_memory_with_input` counts it once per remaining reader and is never below the plan's bound.
pub fn plan_best(graph: &Graph, rules: MemoryRules) -> ArenaPlan {
    plan(graph, &choose_order(graph, rules).order, rules)
}

/// Plans an operator order.
///
/// # Panics
/// If `order` is not a topological order of all the graph's operators.
pub fn plan(graph: &Graph, order: &[OpId], rules: MemoryRules) -> ArenaPlan {
    let timeline = price(graph, order, rules);
    let Lifetimes { buffers, buffer_of, in_place } = Lifetimes::new(graph, &timeline);
    let (packing, exact) = pack(&buffers, &vec![0; order.len()]);
    ArenaPlan {
        order: order.to_vec(),
        offsets: buffer_of.iter().map(|buffer| Some(packing.offsets[(*buffer)?])).collect(),
        in_place,
        schedule: None,
        sums: vec![None; graph.nodes().len()],
        size: packing.size,
        predicted: usize::try_from(timeline.peak).expect("tensors fit the address space"),
        exact,
    }
}

/// The smallest packing of buffers that is found, and whether none is smaller. At each step, so many bytes at the start are taken.
pub(crate) fn pack(buffers: &[Buffer], taken: &[usize]) -> (Packing, bool) {
    let bound = bound(buffers, taken);
    let mut best = greedy::pack(buffers, taken, bound);
    let mut search = search::Search::new(buffers, taken);
    // A capacity at the bound leaves no byte to waste at the worst step, which makes it the quickest to
    // decide; and the answer is nearly always yes.
    if best.size > bound
        && let search::Outcome::Found(found) = search.pack(bound)
    {
        best = found;
    }
    while best.size > bound {
        match search.pack(best.size - 1) {
            search::Outcome::Found(found) => best = found,
            search::Outcome::Impossible => return (best, true),
            search::Outcome::OutOfBudget => return (best, false),
        }
    }
    (best, true)
}

/// The most bytes alive at a step.
fn bound(buffers: &[Buffer], taken: &[usize]) -> usize {
    let loads = loads(buffers, taken.len());
    loads.into_iter().zip(taken).map(|(load, taken)| load + taken).max().unwrap_or(0)
}

/// The bytes of buffers at each step.
fn loads(buffers: &[Buffer], steps: usize) -> Vec<usize> {
    let mut loads = vec![0; steps];
    for buffer in buffers {
        for load in &mut loads[buffer.first..=buffer.last] {
            *load += buffer.size;
        }
    }
    loads
}

/// The buffers of a timeline.
struct Lifetimes {
    buffers: Vec<Buffer>,
    /// For each tensor, its buffer; `None` for an input that is not counted.
    buffer_of: Vec<Option<usize>>,
    in_place: Vec<Option<TensorId>>,
}

impl Lifetimes {
    fn new(graph: &Graph, timeline: &Timeline) -> Self {
        let mut lifetimes = Self {
            buffers: Vec::new(),
            buffer_of: vec![None; graph.shapes().len()],
            in_place: vec![None; graph.nodes().len()],
        };
        for (position, step) in timeline.steps.iter().enumerate() {
            if let Some(overwritten) = step.in_place {
                lifetimes.in_place[step.op.index()] = Some(overwritten);
                lifetimes.buffer_of[step.op.output().index()] = lifetimes.buffer_of[overwritten.index()];
            }
            for tensor in step.live.iter().map(|entry| entry.tensor) {
                let buffers = &mut lifetimes.buffers;
                let buffer = *lifetimes.buffer_of[tensor.index()].get_or_insert_with(|| {
                    let size = graph.shape(tensor).elements();
                    buffers.push(Buffer { first: position, last: position, size });
                    buffers.len() - 1
                });
                buffers[buffer].last = position;
            }
        }
        lifetimes
    }
}

#[cfg(test)]
mod tests;
