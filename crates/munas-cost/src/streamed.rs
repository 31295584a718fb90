//! The memory of a network that is executed in rows where that is smaller.
//!
//! Layer by layer, the input and the output of an operator are in memory whole. A convolution with a kernel of three rows reads three rows,
//! however: a part of the graph with one tensor in and one out can be executed row by row (time step by time step, of a series), with no
//! more than a ring of rows between two of its operators, at no extra arithmetic. Pex (arXiv 2211.17246) and StreamNet (NeurIPS 2023) do
//! so, in channels and in patches; MCUNetV2 (arXiv 2110.15352) computes patches again where they overlap. Here, rings belong to tensors
//! and not to patches, and which parts run in rows is chosen together: all rings of a part are alive together, so that rows throughout are
//! not always the smallest.
//!
//! | in a part that runs in rows | bytes |
//! |---|---|
//! | the part's tensors in and out | whole; an input that comes in rows has a ring |
//! | a tensor between two operators | the most rows alive, from the oldest that its slowest reader still needs to the newest |
//! | average pooling | a row of 32-bit sums |
//! | max pooling | the row of its output that is being made |
//! | dense layer | 32-bit sums of its units, or the tensor that it reads, whichever takes less |
//!
//! Rows that nobody reads, since a stride passes over them or a pooling drops them, are not made. [`choose_schedule`] chooses, by dynamic
//! programming over the tensors that the whole graph passes through, and [`price_schedule`] prices; both count rows with `rings`.

mod flow;
mod rings;
mod schedule;

pub use flow::{NeededRows, RowFlow, RowOperator, RowTensor, RowWindow, RowWork};
pub use rings::TensorRing;
pub use schedule::{
    Execution, NetworkInput, PartMemory, Schedule, ScheduleMemory, SchedulePart, choose_schedule,
    price_schedule,
};

#[cfg(test)]
mod tests;
