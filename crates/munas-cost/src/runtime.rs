//! How a network is executed on a device, and the peak memory of that.

use std::fmt;
use std::str::FromStr;

use munas_ir::Graph;

use crate::{InputMemory, MemoryRules, NetworkInput, RowFlow, choose_order, choose_schedule, price_schedule};

/// How a network is executed on a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// One operator after the other, each in full: as the published figures count, and TensorFlow Lite Micro works.
    #[default]
    Layers,
    /// In rows where that takes less memory ([`choose_schedule`]).
    Streamed,
}

impl Runtime {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Layers, Self::Streamed];

    /// The name in experiment files and arguments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Streamed => "streamed",
        }
    }
}

impl NetworkInput {
    /// All places.
    pub const ALL: [Self; 3] = [Self::External, Self::Buffer, Self::Rows];

    /// The name in experiment files and arguments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Buffer => "buffer",
            Self::Rows => "rows",
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for NetworkInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a runtime (layers, streamed)")]
pub struct UnknownRuntime(pub String);

/// A name that is no place of a network's input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a place of the input (external, buffer, rows)")]
pub struct UnknownInput(pub String);

impl FromStr for Runtime {
    type Err = UnknownRuntime;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|runtime| runtime.name() == name);
        found.ok_or_else(|| UnknownRuntime(name.to_owned()))
    }
}

impl FromStr for NetworkInput {
    type Err = UnknownInput;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|input| input.name() == name);
        found.ok_or_else(|| UnknownInput(name.to_owned()))
    }
}

/// What peak memory counts: a runtime, and where the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryModel {
    /// How the network is executed.
    pub runtime: Runtime,
    /// Where its input is. Layer by layer, rows are gathered in a buffer.
    pub input: NetworkInput,
}

impl MemoryModel {
    /// The figure `peak_memory`.
    pub const PUBLISHED: Self = Self { runtime: Runtime::Layers, input: NetworkInput::External };
    /// What munas exports for a board: in rows, the input too.
    pub const STREAMED: Self = Self { runtime: Runtime::Streamed, input: NetworkInput::Rows };
}

impl Default for MemoryModel {
    fn default() -> Self {
        Self::PUBLISHED
    }
}

/// Peak memory of a graph under a model, in bytes at one byte per element; of the best order and schedule that were found.
pub fn peak_memory(graph: &Graph, model: MemoryModel) -> u64 {
    match model.runtime {
        Runtime::Layers => {
            let input = match model.input {
                NetworkInput::External => InputMemory::NotCounted,
                NetworkInput::Buffer | NetworkInput::Rows => InputMemory::Once,
            };
            choose_order(graph, MemoryRules { input, in_place_add: true }).peak
        }
        Runtime::Streamed => {
            let flow = RowFlow::of(graph);
            price_schedule(&flow, &choose_schedule(&flow, model.input)).peak
        }
    }
}
