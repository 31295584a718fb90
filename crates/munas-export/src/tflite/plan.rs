//! Where the runtime is to put each activation: a plan made offline, which goes into the file as metadata.
//!
//! The runtime's own planner places tensors greedily and can leave gaps. With a plan its arena is as large as the
//! tensors alive at the worst step, where they can be packed so; other runtimes ignore the plan. The metadata is a
//! list of 32-bit integers: version, subgraph, number of tensors, and the offset of each tensor or −1 (a constant).
//!
//! Source: "Memory management in TensorFlow Lite Micro", offline planned tensor allocations.

use munas_cost::Timeline;

use super::model::TensorIndex;
use crate::arena::{Buffer, pack};

/// The name of the metadata.
pub(super) const NAME: &str = "OfflineMemoryAllocation";
/// What the runtime aligns tensors to.
const ALIGNMENT: u64 = 16;

const VERSION: i32 = 1;
const SUBGRAPH: i32 = 0;
/// The offset of a tensor that needs no place.
const NOWHERE: i32 = -1;

/// The plan for a model of `tensors` tensors whose operators run as in the timeline.
pub(super) fn plan(tensors: usize, timeline: &Timeline<TensorIndex>) -> Vec<u8> {
    let mut buffers: Vec<Buffer> = Vec::new();
    let mut buffer_of: Vec<Option<usize>> = vec![None; tensors];
    for (position, step) in timeline.steps.iter().enumerate() {
        for entry in &step.live {
            let buffer = *buffer_of[entry.tensor.index()].get_or_insert_with(|| {
                let size = entry.bytes.next_multiple_of(ALIGNMENT) as usize;
                buffers.push(Buffer { first: position, last: position, size });
                buffers.len() - 1
            });
            buffers[buffer].last = position;
        }
    }
    let (packing, _) = pack(&buffers, &vec![0; timeline.steps.len()]);
    let offsets =
        buffer_of.iter().map(|buffer| buffer.map_or(NOWHERE, |buffer| packing.offsets[buffer] as i32));
    let numbers = [VERSION, SUBGRAPH, tensors as i32].into_iter().chain(offsets);
    numbers.flat_map(i32::to_le_bytes).collect()
}
