//! C source of an int8 network: C99, no allocation, one static arena, no dependency beyond `<stdint.h>`.
//!
//! | file | holds |
//! |---|---|
//! | `model.h` | `int munas_invoke(const int8_t *input, int8_t *output)`, sizes, scales, zero points, `munas_classify` |
//! | `model.c` | the kernels that the network needs, its tables, its arena |
//! | `model_vectors.h` | samples with the outputs and classes of the host executor |
//! | `model_test.c` | a host program that compares the network with them |
//! | `README.md` | what is where, how to build and call it |
//!
//! Another name than the default one ([`CName`]) takes the place of `model` and `munas` in all of them, so that
//! firmware can hold several networks.
//!
//! The kernels are C text under `kernels/`, put together by `source.rs`. They hold two sets of loops: portable
//! ones, also for 16-bit `int`, and ones for the DSP extension of Cortex-M4 and later (`__ARM_FEATURE_DSP`). Of the
//! portable ones, that of convolutions and dense layers is assembly on Cortex-M0 (`rows.c`).
//! Outputs equal those of [`munas_quant::Executor`] to the bit.
//!
//! Memory: the arena is that of [`crate::arena::plan_best`], to the byte. Beside it stands the stack, whose
//! only large item is the patch that convolutions of the DSP set gather ([`CSource::patch_bytes`]).

mod classes;
mod fixed_point;
mod header;
mod input;
mod invoke;
mod layer;
mod linear;
mod name;
mod readme;
mod rows;
mod sequence;
mod source;
mod sum;
pub(crate) mod text;
mod vectors;

use munas_cost::{
    Execution, InputMemory, MemoryModel, MemoryRules, NeededRows, NetworkInput, RowFlow, Runtime,
    price_schedule,
};
use munas_ir::{Graph, OpId, TensorId};
use munas_quant::QuantisedNetwork;

use self::layer::Layer;
pub use self::name::{CName, CNameError};
use self::rows::Streamed;
use crate::arena::{ArenaPlan, plan_best, plan_streamed};
use crate::input::{InputConversion, RawType};

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct CSettings<'a> {
    /// What the network is, for comments: `run 3, trial 17`.
    pub title: &'a str,
    /// The name of files and of what they define.
    pub name: &'a CName,
    /// How it is executed, and where its input is: in the caller's buffer, which is not written to (`External`); in the arena, where
    /// `munas_input()` points to and where its bytes are reused once it has been read (`Buffer`); or in rows that `munas_push_rows()` is
    /// called with (`Rows`). The arena has the peak memory of this model.
    pub memory: MemoryModel,
    /// How raw values become elements of the input, if that is known: `munas_quantise_input` does it.
    pub conversion: Option<&'a InputConversion>,
    /// Names of the classes, in order; empty to leave them out.
    pub labels: &'a [String],
    /// What the test vectors are made of.
    pub samples: TestSamples<'a>,
}

impl Default for CSettings<'_> {
    /// A network with the default name, executed layer by layer with its input in the caller's buffer, and no test vectors.
    fn default() -> Self {
        Self {
            title: "network",
            name: &CName::MODEL,
            memory: MemoryModel::PUBLISHED,
            conversion: None,
            labels: &[],
            samples: TestSamples::Elements(&[]),
        }
    }
}

/// Samples for test vectors, each in (h, w, c) order.
#[derive(Clone, Copy, Debug)]
pub enum TestSamples<'a> {
    /// Inputs of the network.
    Elements(&'a [Vec<i8>]),
    /// Raw values, to which [`CSettings::conversion`] is applied.
    Raw(&'a [Vec<f32>]),
}

impl<'a, T: AsRef<[Vec<i8>]> + ?Sized> From<&'a T> for TestSamples<'a> {
    fn from(samples: &'a T) -> Self {
        Self::Elements(samples.as_ref())
    }
}

impl TestSamples<'_> {
    /// Number of samples, in either form.
    pub const fn len(self) -> usize {
        match self {
            Self::Elements(samples) => samples.len(),
            Self::Raw(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The samples in pieces of at most so many; one empty piece if there are none.
    pub(crate) fn pieces(self, size: usize) -> Vec<Self> {
        match self {
            _ if self.is_empty() => vec![self],
            Self::Elements(samples) => samples.chunks(size).map(Self::Elements).collect(),
            Self::Raw(samples) => samples.chunks(size).map(Self::Raw).collect(),
        }
    }

    pub(crate) fn lengths(&self) -> Vec<usize> {
        match self {
            Self::Elements(samples) => samples.iter().map(Vec::len).collect(),
            Self::Raw(samples) => samples.iter().map(Vec::len).collect(),
        }
    }
}

/// A file of the generated source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// File name, without a folder.
    pub name: String,
    /// C source, or text for people.
    pub text: String,
}

/// The generated source and the memory it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSource {
    /// The name that files and definitions begin with.
    pub name: CName,
    /// The files, all for one folder.
    pub files: Vec<GeneratedFile>,
    /// The type of the raw values that `munas_quantise_input` takes, if there is that function.
    pub raw: Option<RawType>,
    /// The plan of the arena.
    pub plan: ArenaPlan,
    /// Bytes of the largest patch on the stack, with the DSP extension; the portable loops have none.
    pub patch_bytes: usize,
}

/// Why a network has no C source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CError {
    /// A size of a layer does not fit the 16 bits of the layer descriptions.
    #[error("operator {op} ({kind}): {what} is {size}, the C kernels go to {}", u16::MAX)]
    TooLarge {
        /// Position of the operator.
        op: usize,
        /// Name of the operator's kind.
        kind: &'static str,
        /// Which size it is, in words.
        what: &'static str,
        /// The size that does not fit into 16 bits.
        size: usize,
    },
    /// The conversion of the input has other channels than the network.
    #[error("the input's conversion has {found} channels, the network {expected}")]
    Channels {
        /// Channels of the network's input.
        expected: usize,
        /// Channels of the conversion.
        found: usize,
    },
    /// There are not as many labels as classes.
    #[error("{found} labels, the network has {expected} classes")]
    Labels {
        /// Classes of the network.
        expected: usize,
        /// Labels that were given.
        found: usize,
    },
    /// Raw samples without a conversion.
    #[error("raw samples need the conversion that makes inputs of them")]
    NoConversion,
    /// A sample of the test vectors does not have the input's length.
    #[error("sample {index} has {found} elements, the network's input {expected}")]
    SampleLength {
        /// Position of the sample.
        index: usize,
        /// Elements of the network's input.
        expected: usize,
        /// Elements of the sample.
        found: usize,
    },
}

/// The C source of a network.
///
/// # Errors
/// [`CError`] if a layer is beyond 16-bit sizes, or the samples, their conversion or the labels do not belong to the
/// network.
pub fn generate(network: &QuantisedNetwork, settings: &CSettings<'_>) -> Result<CSource, CError> {
    let graph = network.graph();
    check(network, settings)?;
    let mut layers =
        graph.ops().map(|(op, _)| Layer::new(network, op)).collect::<Result<Vec<Layer>, CError>>()?;
    let plan = plan(graph, settings.memory);
    let streamed = plan.schedule.as_ref().map(|schedule| {
        let flow = RowFlow::of(graph);
        Streamed { needed: NeededRows::of(&flow), memory: price_schedule(&flow, schedule), flow }
    });
    if let (Some(schedule), Some(streamed)) = (&plan.schedule, &streamed) {
        let in_rows = schedule.parts.iter().filter(|part| part.execution == Execution::Rows);
        for &op in in_rows.flat_map(|part| &part.ops) {
            layers[op.index()] = layers[op.index()].clone().in_rows(streamed.work(op));
        }
    }
    let model = Model { network, settings, layers, plan, streamed };
    let name = settings.name;
    let file = |end: &str, text: String| GeneratedFile { name: format!("{name}{end}"), text };
    Ok(CSource {
        name: name.clone(),
        files: vec![
            file(".h", header::header(&model)),
            file(".c", source::source(&model)),
            file("_vectors.h", vectors::vectors(&model)),
            file("_test.c", name.rename(include_str!("c/templates/model_test.c"))),
            GeneratedFile { name: readme::file_name(name), text: readme::text(&model) },
        ],
        raw: settings.conversion.map(|conversion| conversion.raw),
        patch_bytes: model.patch_words() * layer::STACK_BYTES_PER_PATCH_WORD,
        plan: model.plan,
    })
}

/// The arena of a graph under a model.
fn plan(graph: &Graph, memory: MemoryModel) -> ArenaPlan {
    match (memory.runtime, memory.input) {
        (Runtime::Streamed, input) => plan_streamed(graph, input),
        (Runtime::Layers, NetworkInput::External) => plan_best(graph, MemoryRules::WITHOUT_INPUT),
        (Runtime::Layers, NetworkInput::Buffer | NetworkInput::Rows) => {
            plan_best(graph, MemoryRules { input: InputMemory::Once, in_place_add: true })
        }
    }
}

/// Checks that conversion, labels and samples belong to the network.
fn check(network: &QuantisedNetwork, settings: &CSettings<'_>) -> Result<(), CError> {
    let input = network.graph().input_shape();
    match settings.conversion {
        None if matches!(settings.samples, TestSamples::Raw(_)) => return Err(CError::NoConversion),
        Some(conversion) if conversion.channels() != input.channels => {
            return Err(CError::Channels { expected: input.channels, found: conversion.channels() });
        }
        _ => {}
    }
    let (expected, found) = (network.classes(), settings.labels.len());
    if ![0, expected].contains(&found) {
        return Err(CError::Labels { expected, found });
    }
    let expected = input.elements();
    match settings.samples.lengths().into_iter().enumerate().find(|(_, found)| *found != expected) {
        Some((index, found)) => Err(CError::SampleLength { index, expected, found }),
        None => Ok(()),
    }
}

/// A network with everything that its source is written from.
struct Model<'a> {
    network: &'a QuantisedNetwork,
    settings: &'a CSettings<'a>,
    /// Of each operator, in the graph's order.
    layers: Vec<Layer>,
    plan: ArenaPlan,
    /// Where parts of it run in rows.
    streamed: Option<Streamed>,
}

impl Model<'_> {
    fn layer(&self, op: OpId) -> &Layer {
        &self.layers[op.index()]
    }

    /// The C expression that points to a tensor, or to the rows of it that are kept.
    fn place(&self, tensor: TensorId) -> String {
        match self.plan.offsets[tensor.index()] {
            Some(offset) => format!("munas_arena + {offset}"),
            None => "input".to_owned(),
        }
    }

    /// Elements of the output.
    fn outputs(&self) -> usize {
        let graph = self.network.graph();
        graph.shape(graph.output()).elements()
    }

    /// Words of the largest gathered patch.
    fn patch_words(&self) -> usize {
        self.layers.iter().map(Layer::patch_words).max().unwrap_or(0)
    }
}
