//! Peak memory, layer by layer and in rows, as people read it.

use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_report::units;

/// The figures of a network, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct PeakMemory {
    /// What a search counts.
    pub model: MemoryModel,
    /// The figure that it counts.
    pub counted: u64,
    /// Layer by layer, without and with the input.
    pub layers: [u64; 2],
    /// In rows, without the input and with its rows that are kept; `None` where that is not known yet.
    pub streamed: Option<[u64; 2]>,
}

impl PeakMemory {
    /// Facts for a terminal: what a search counts comes first.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let text = |[alone, with_input]: [u64; 2]| {
            format!("{} ({} with input)", units::bytes(alone), units::bytes(with_input))
        };
        let counted = units::bytes(self.counted);
        match self.model.runtime {
            Runtime::Layers => {
                let layers = match self.model.input {
                    NetworkInput::External => text(self.layers),
                    NetworkInput::Buffer | NetworkInput::Rows => {
                        format!("{counted} with input ({} without)", units::bytes(self.layers[0]))
                    }
                };
                let streamed = self.streamed.map(|streamed| ("streamed", text(streamed)));
                [("peak memory", layers)].into_iter().chain(streamed).collect()
            }
            Runtime::Streamed => {
                let other = |place: usize| self.streamed.map(|streamed| units::bytes(streamed[place]));
                let (input, other) = match self.model.input {
                    NetworkInput::External => ("", other(1).map(|other| format!(" ({other} with input)"))),
                    NetworkInput::Buffer => {
                        (", with all of the input", other(0).map(|other| format!(" ({other} without)")))
                    }
                    NetworkInput::Rows => {
                        (", with input", other(0).map(|other| format!(" ({other} without)")))
                    }
                };
                let streamed = format!("{counted}, streamed{input}{}", other.unwrap_or_default());
                vec![("peak memory", streamed), ("in layers", text(self.layers))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_comes_first_and_the_other_stands_beside_it() {
        let facts = |runtime, input| {
            let model = MemoryModel { runtime, input };
            let memory = PeakMemory { model, counted: 7, layers: [500, 800], streamed: Some([90, 120]) };
            memory.facts().into_iter().map(|(name, fact)| format!("{name}: {fact}")).collect::<Vec<_>>()
        };
        assert_eq!(
            facts(Runtime::Layers, NetworkInput::External),
            ["peak memory: 500 B (800 B with input)", "streamed: 90 B (120 B with input)"]
        );
        assert_eq!(
            facts(Runtime::Layers, NetworkInput::Buffer)[0],
            "peak memory: 7 B with input (500 B without)"
        );
        assert_eq!(
            facts(Runtime::Streamed, NetworkInput::Rows),
            ["peak memory: 7 B, streamed, with input (90 B without)", "in layers: 500 B (800 B with input)"]
        );
        assert_eq!(
            facts(Runtime::Streamed, NetworkInput::External)[0],
            "peak memory: 7 B, streamed (120 B with input)"
        );
    }
}
