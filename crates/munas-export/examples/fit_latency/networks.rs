//! Random networks that fit a board, with their C source: what is measured on the emulated boards.

#[path = "../../tests/c/networks.rs"]
mod random;

use munas_cost::resources;
use munas_export::{
    c::{CSettings, CSource, generate},
    verify::CNetwork,
};
use munas_ir::Graph;
use munas_quant::QuantisedNetwork;

pub use random::{Case, Ranges, case};

/// What a network may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of activations, the input among them.
    pub memory: u64,
    /// Bytes of parameters.
    pub model_size: u64,
    /// Multiply-accumulates.
    pub macs: u64,
}

impl Limits {
    /// Boards with room.
    pub const MEDIUM: Self = Self { memory: 64_000, model_size: 60_000, macs: 3_000_000 };
    /// Boards with 16 KiB of RAM, the stack in it.
    pub const SMALL: Self = Self { memory: 9_000, model_size: 20_000, macs: 400_000 };

    fn hold(&self, graph: &Graph) -> bool {
        let resources = resources(graph);
        resources.peak_memory_with_input <= self.memory
            && resources.model_size <= self.model_size
            && resources.macs <= self.macs
    }
}

/// Random architectures of the spaces that are within the limits, without end.
pub fn graphs_within(limits: Limits, seed: u64) -> impl Iterator<Item = Graph> {
    random::random_graphs(usize::MAX, seed).filter(move |graph| limits.hold(graph))
}

/// The C source of a network, its input in the caller's buffer.
pub fn c_source(network: &QuantisedNetwork) -> (CSource, CNetwork) {
    let settings = CSettings { title: "random network", ..CSettings::default() };
    let source = generate(network, &settings).expect("the networks are small");
    let c_network = CNetwork::new(&source, network.graph());
    (source, c_network)
}
