//! What a model of a file costs: memory, parameters, multiply-accumulates.
//!
//! | figure | counts |
//! |---|---|
//! | memory | the activations alive at a step: operators' inputs and outputs, and what is needed later; results to the end |
//! | model size | bytes of the constants that are parameters (kernels, biases, operands), each buffer once; no settings such as shapes, paddings and axes |
//! | MACs | see [`Arithmetic`]; rescaling and activations count nothing |
//!
//! What is not known is left out and listed ([`Unpriced`]): arithmetic of operators that are not those of
//! convolutional networks, tensors without a size. Figures are then lower bounds. Variables, the state of recurrent
//! operators, are alive at every step.
//!
//! In the order of the file the runtime is TensorFlow Lite for Microcontrollers: every operator writes tensors of its own
//! and the network's inputs lie in the arena too. Its arena also has the kernels' scratch buffers, aligns every tensor
//! to 16 bytes and may have gaps; these are not counted.

use munas_cost::{ChosenOrder, MemoryRules, Timeline};
use rustc_hash::FxHashSet;

use super::{
    error::TfliteError,
    flow::NamedFlow,
    model::{Model, Operator, OperatorKind, TensorIndex},
    rows::{self, StreamedMemory},
    sizes::SizedModel,
    supported::{Arithmetic, Supported, supported},
};

type Result<T> = std::result::Result<T, TfliteError>;

/// The figures of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCost {
    /// Each operator, in the order of the file.
    pub operators: Vec<OperatorCost>,
    /// Multiply-accumulates of one inference, those that are known.
    pub macs: u64,
    /// Number of the parameters.
    pub parameters: u64,
    /// Bytes of the parameters; of operators that are not known, all constants count.
    pub model_size: u64,
    /// The memory at every step of the order of the file, under [`MemoryRules::TFLM`].
    pub file_order: Timeline<TensorIndex>,
    /// The best order under the same rules. `OpId`s are positions in the file.
    pub best_order: ChosenOrder,
    /// Smallest peak in bytes without the network's inputs, where an Add may accumulate in place
    /// ([`MemoryRules::WITHOUT_INPUT`]).
    pub peak_memory: u64,
    /// The same with the inputs ([`MemoryRules::WITH_INPUT`]).
    pub peak_memory_with_input: u64,
    /// Peak memory in rows; in words why not, where there is no such figure.
    pub streamed: std::result::Result<StreamedMemory, String>,
    /// Whether everything is priced, and no order has smaller peaks than `peak_memory` and `peak_memory_with_input`.
    pub exact: bool,
    /// What the figures lack.
    pub unpriced: Vec<Unpriced>,
}

/// Something that is not in the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpriced {
    /// The operator or tensor that is not priced.
    pub place: UnpricedPlace,
    /// The operator's name in the schema, or the tensor's.
    pub name: String,
    /// Why its figures are not known, in words.
    pub reason: String,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnpricedPlace {
    /// An operator, by its position.
    Operator(usize),
    /// A tensor, by its index.
    Tensor(usize),
}

/// The figures of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCost {
    /// Its name in the schema.
    pub name: String,
    /// Multiply-accumulates; `None` if they are not known.
    pub macs: Option<u64>,
    /// Number of its parameters.
    pub parameters: u64,
    /// Bytes of its parameters, as they lie in the file.
    pub parameter_bytes: u64,
    /// Dimensions of the first output; none without one.
    pub output_shape: Vec<u64>,
}

impl Model<'_> {
    /// Prices the model.
    ///
    /// # Errors
    /// [`TfliteError::Operator`] or [`TfliteError::Tensor`] names what no device can run: tensors that nothing writes
    /// or that are written twice, or of more bytes than there is memory for.
    pub fn cost(&self) -> Result<ModelCost> {
        if self.operators.is_empty() {
            return Err(TfliteError::Empty("operator"));
        }
        let sized = SizedModel::new(self)?;
        let mut unpriced = sized.unsized_tensors();
        let operators = self.operators.iter().enumerate();
        let operators: Vec<OperatorCost> = operators
            .map(|(index, operator)| {
                let (cost, reason) = sized.operator(operator);
                unpriced.extend(reason.map(|reason| Unpriced {
                    place: UnpricedPlace::Operator(index),
                    name: operator.kind.to_string(),
                    reason: reason.to_owned(),
                }));
                cost
            })
            .collect();
        let (parameters, model_size) = sized.parameters(&self.operators);
        let tflm = NamedFlow::new(&sized, MemoryRules::TFLM)?;
        let order: Vec<_> = tflm.flow.ops().collect();
        let best = |rules| Ok(NamedFlow::new(&sized, rules)?.flow.choose_order());
        let (without_input, with_input) = (best(MemoryRules::WITHOUT_INPUT)?, best(MemoryRules::WITH_INPUT)?);
        Ok(ModelCost {
            macs: operators
                .iter()
                .filter_map(|operator| operator.macs)
                .fold(0, |sum: u64, macs| sum.saturating_add(macs)),
            operators,
            parameters,
            model_size,
            file_order: tflm.named(tflm.flow.price(&order)),
            best_order: tflm.flow.choose_order(),
            peak_memory: without_input.peak,
            peak_memory_with_input: with_input.peak,
            streamed: rows::streamed(&sized),
            exact: without_input.exact && with_input.exact && unpriced.is_empty(),
            unpriced,
        })
    }
}

/// What is known of an operator; the reason, if nothing is.
fn known(operator: &Operator) -> std::result::Result<Supported, &'static str> {
    match operator.kind {
        OperatorKind::Builtin(code) => supported(code),
        OperatorKind::Custom(_) => Err("a custom operator: its multiply-accumulates are not counted"),
    }
}

impl SizedModel<'_, '_> {
    /// The tensors in use whose size is not known.
    fn unsized_tensors(&self) -> Vec<Unpriced> {
        let Model { inputs, outputs, operators, .. } = self.model;
        let of_operators =
            operators.iter().flat_map(|operator| operator.inputs.iter().flatten().chain(&operator.outputs));
        let used: FxHashSet<TensorIndex> = of_operators.chain(inputs).chain(outputs).copied().collect();
        let unknown = self.sizes.iter().enumerate().filter_map(|(index, size)| {
            let reason = size.unknown.clone().filter(|_| used.contains(&TensorIndex::new(index)))?;
            let name = self.model.tensors[index].name.clone();
            Some(Unpriced { place: UnpricedPlace::Tensor(index), name, reason })
        });
        unknown.collect()
    }

    /// The figures of an operator, and why its MACs are not known if they are not.
    fn operator(&self, operator: &Operator) -> (OperatorCost, Option<&'static str>) {
        let mut tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
        let (macs, reason) = match known(operator) {
            Err(reason) => (None, Some(reason)),
            // The tensors are listed themselves.
            Ok(_) if tensors.any(|tensor| self.size(*tensor).unknown.is_some()) => (None, None),
            Ok(Supported { arithmetic, .. }) => match self.macs(arithmetic, operator) {
                None => (None, Some("it lacks an input or attribute, or they do not fit together")),
                macs => (macs, None),
            },
        };
        let (parameters, parameter_bytes) = self.parameters(std::slice::from_ref(operator));
        let output = operator.outputs.first();
        let output_shape = output.map_or(Vec::new(), |output| self.size(*output).dimensions.clone());
        let name = operator.kind.to_string();
        (OperatorCost { name, macs, parameters, parameter_bytes, output_shape }, reason)
    }

    /// `None` if the operator does not have the inputs that it takes.
    fn macs(&self, arithmetic: Arithmetic, operator: &Operator) -> Option<u64> {
        let input = |position: usize| Some(self.size((*operator.inputs.get(position)?)?));
        let kernel = || <&[u64; 4]>::try_from(&input(1)?.dimensions[..]).ok();
        let output = self.size(*operator.outputs.first()?).elements;
        let factors = match arithmetic {
            Arithmetic::Convolution => {
                kernel().map(|[_, height, width, inputs]| [output, *height, *width, *inputs])?
            }
            Arithmetic::DepthwiseConvolution => {
                kernel().map(|[_, height, width, _]| [output, *height, *width, 1])?
            }
            Arithmetic::TransposedConvolution => {
                let [outputs, height, width, _] = *kernel()?;
                [input(2)?.elements, outputs, height, width]
            }
            Arithmetic::FullyConnected => [output, *input(1)?.dimensions.last()?, 1, 1],
            Arithmetic::Pooling => {
                let [height, width] = operator.options.window?.size.map(|size| u64::try_from(size).ok());
                [output, height?, width?, 1]
            }
            Arithmetic::Reduction => [input(0)?.elements, 1, 1, 1],
            Arithmetic::Elementwise => [output, operator.inputs.len().checked_sub(1)? as u64, 1, 1],
            Arithmetic::None => [0; 4],
        };
        Some(factors.into_iter().fold(1, u64::saturating_mul))
    }

    /// Number and bytes of the parameters of some operators, each buffer once.
    fn parameters(&self, operators: &[Operator]) -> (u64, u64) {
        let mut counted = FxHashSet::default();
        let (mut parameters, mut bytes) = (0, 0);
        for operator in operators {
            let settings = known(operator).map_or(&[][..], |operator| operator.settings);
            let inputs =
                operator.inputs.iter().enumerate().filter(|(position, _)| !settings.contains(position));
            for tensor in inputs.filter_map(|(_, input)| *input).filter(|&tensor| self.is_constant(tensor)) {
                let data = &self.model.tensor(tensor).data;
                if counted.insert((data.as_ptr(), data.len())) {
                    parameters += self.size(tensor).elements;
                    bytes += data.len() as u64;
                }
            }
        }
        (parameters, bytes)
    }
}
