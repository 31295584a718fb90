//! Operator order, peak memory, model size and MACs of a network graph; latency and energy on a board.
//!
//! | item | gives |
//! |---|---|
//! | [`resources`] | all figures that a search bounds, in microseconds |
//! | [`choose_order`] | the operator order with the smallest peak memory |
//! | [`price`] | the memory in use at every step of an order |
//! | [`Dataflow`] | the same two for any network, given as operators that read and write tensors of so many bytes |
//! | [`peak_memory`] | the peak under a runtime (layer by layer, in rows) and a place of the input |
//! | [`choose_schedule`], [`price_schedule`] | which parts of a graph run row by row, and the memory that this takes |
//! | [`layer_costs`] | MACs and parameters of every operator |
//! | [`boards`] | memory, clock and power of microcontrollers |
//! | [`instruction_models`] | what cores execute for an operator, fitted to counts of emulators |
//! | [`latency()`] | an estimate of the time of one inference on a board |
//! | [`energy()`] | of its energy, with the sleep until the next one |
//! | [`flash()`] | what a network takes of a board's program memory |
//! | [`board_figures`] | the figures of a board that a search bounds |
//!
//! All figures are those of the inference graph: batch norm folded into its convolution, activations fused, a
//! batch of one, one byte per element ([`Resources::with_element_bytes`] for others). Choosing an order and
//! pricing one are two functions that share one account of the memory.
//!
//! ```
//! use munas_cost::{boards, energy, latency_ms, resources};
//! use munas_ir::{Activation, GraphBuilder, Op, Shape, TensorId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = GraphBuilder::new(Shape::flat(20))?;
//! let hidden = Op::Dense { units: 7, activation: Activation::Relu };
//! let hidden = builder.push(hidden, &[TensorId::INPUT])?;
//! builder.push(Op::Dense { units: 3, activation: Activation::None }, &[hidden])?;
//! let graph = builder.finish()?;
//!
//! let priced = resources(&graph);
//! assert_eq!(priced.macs, 20 * 7 + 7 * 3);
//! assert_eq!(priced.model_size, (20 + 1) * 7 + (7 + 1) * 3);
//! assert_eq!(priced.peak_memory, 7 + 3); // the input is the sensor's
//!
//! let board = boards::find("nrf52840")?;
//! let milliseconds = latency_ms(&graph, board);
//! let power = board.power.as_ref().ok_or("its data sheet tells")?;
//! let (alone, each_second) = (energy(milliseconds, power, None), energy(milliseconds, power, Some(1.0)));
//! assert!(milliseconds < 0.1 && each_second.total() > alone.total());
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: I/O, clocks, execution.

pub mod boards;
mod code;
mod energy;
mod figures;
mod flash;
mod flow;
mod instructions;
mod latency;
mod layers;
mod memory;
mod order;
mod resources;
mod runtime;
mod streamed;
mod timeline;

pub use code::{CodeModel, CodeModels, InputCode, KindCode, code_models, operator_counts};
pub use energy::{EnergyEstimate, energy, period_ms};
pub use figures::{BoardFigures, board_figures};
pub use flash::{FlashEstimate, Interface, constants, flash, interface_flash};
pub use flow::{Dataflow, FlowTensor, Read};
pub use instructions::{
    CoefficientTable, CountUnit, InstructionModel, InstructionModels, OperatorCoefficients, OperatorKind,
    instruction_models,
};
pub use latency::{LatencyEstimate, OperatorLatency, latency, latency_ms, latency_of};
pub use layers::{LayerCost, layer_cost, layer_costs, macs, model_size, model_size_at, sparse_model_size};
pub use memory::{InputMemory, MemoryRules, price};
pub use order::{ChosenOrder, choose_order};
pub use resources::{Resources, resources, resources_under};
pub use runtime::{MemoryModel, Runtime, UnknownInput, UnknownRuntime, peak_memory};
pub use streamed::{
    Execution, NeededRows, NetworkInput, PartMemory, RowFlow, RowOperator, RowTensor, RowWindow, RowWork,
    Schedule, ScheduleMemory, SchedulePart, TensorRing, choose_schedule, price_schedule,
};
pub use timeline::{LiveTensor, Step, Timeline};
