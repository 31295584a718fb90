//! What a model of a file costs: memory, parameters, multiply-accumulates.
//!
//! | figure | counts |
//! |---|---|
//! | memory | the activations alive at a step: operators' inputs and outputs, and what is needed later; results to the end |
//! | model size | bytes of the constants that are parameters (kernels, biases, operands), each buffer once; no settings such as shapes, paddings and axes |
//! | MACs | see [`Arithmetic`]; rescaling and activations count nothing |
//!
//! In the order of the file the runtime is TensorFlow Lite for Microcontrollers: every operator writes tensors of its own
//! and the network's inputs lie in the arena too. Its arena also has the kernels' scratch buffers, aligns every tensor
//! to 16 bytes and may have gaps; these are not counted.

use munas_cost::{ChosenOrder, MemoryRules, Timeline};
use rustc_hash::FxHashSet;

use super::{
    error::TfliteError,
    flow::NamedFlow,
    model::{Model, Operator, OperatorKind, Tensor, TensorIndex},
    supported::{Arithmetic, Supported, supported},
};

/// Tensors of more bytes are refused: no device that the figures are for has them, and sums cannot overflow.
const LARGEST_TENSOR: u64 = 1 << 32;

type Result<T> = std::result::Result<T, TfliteError>;

/// The figures of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCost {
    /// Each operator, in the order of the file.
    pub operators: Vec<OperatorCost>,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Number of the parameters.
    pub parameters: u64,
    /// Bytes of the parameters.
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
    /// Whether no order has smaller peaks than `peak_memory` and `peak_memory_with_input`.
    pub exact: bool,
}

/// The figures of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCost {
    /// Its name in the schema.
    pub name: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Number of its parameters.
    pub parameters: u64,
    /// Their bytes.
    pub parameter_bytes: u64,
    /// Dimensions of the first output.
    pub output_shape: Vec<u64>,
}

impl Model<'_> {
    /// Prices the model.
    ///
    /// # Errors
    /// [`TfliteError::Operator`] or [`TfliteError::Tensor`] names what cannot be priced: control flow, variables, custom
    /// operators, tensors without fixed shapes.
    pub fn cost(&self) -> Result<ModelCost> {
        if self.operators.is_empty() {
            return Err(TfliteError::Empty("operator"));
        }
        for (index, operator) in self.operators.iter().enumerate() {
            arithmetic_of(index, operator)?;
        }
        let pricing = Pricing::new(self)?;
        let operators = self.operators.iter().enumerate();
        let operators: Vec<OperatorCost> =
            operators.map(|(index, operator)| pricing.operator(index, operator)).collect::<Result<_>>()?;
        let (parameters, model_size) = pricing.parameters(&self.operators);
        let tflm = NamedFlow::new(&pricing, MemoryRules::TFLM)?;
        let order: Vec<_> = tflm.flow.ops().collect();
        let best = |rules| Ok(NamedFlow::new(&pricing, rules)?.flow.choose_order());
        let (without_input, with_input) = (best(MemoryRules::WITHOUT_INPUT)?, best(MemoryRules::WITH_INPUT)?);
        Ok(ModelCost {
            macs: operators.iter().fold(0, |sum: u64, operator| sum.saturating_add(operator.macs)),
            operators,
            parameters,
            model_size,
            file_order: tflm.named(tflm.flow.price(&order)),
            best_order: tflm.flow.choose_order(),
            peak_memory: without_input.peak,
            peak_memory_with_input: with_input.peak,
            exact: without_input.exact && with_input.exact,
        })
    }
}

/// How an operator's MACs are counted, if it can be priced.
fn arithmetic_of(index: usize, operator: &Operator) -> Result<Arithmetic> {
    match operator.kind {
        OperatorKind::Builtin(code) => match supported(code) {
            Ok(Supported { arithmetic, .. }) => Ok(arithmetic),
            Err(reason) => Err(refusal(index, operator, reason)),
        },
        OperatorKind::Custom(_) => Err(refusal(index, operator, "custom operators cannot be priced")),
    }
}

pub(super) fn refusal(index: usize, operator: &Operator, reason: impl Into<String>) -> TfliteError {
    TfliteError::Operator { index, name: operator.kind.to_string(), reason: reason.into() }
}

/// A model whose tensors all have sizes.
pub(super) struct Pricing<'m, 'a> {
    pub model: &'m Model<'a>,
    sizes: Vec<TensorSize>,
}

/// The size of a tensor.
#[derive(Clone, Debug)]
pub(super) struct TensorSize {
    pub dimensions: Vec<u64>,
    pub elements: u64,
    pub bytes: u64,
}

impl<'m, 'a> Pricing<'m, 'a> {
    fn new(model: &'m Model<'a>) -> Result<Self> {
        let sizes = model.tensors.iter().enumerate().map(|(index, tensor)| {
            tensor_size(tensor).map_err(|reason| TfliteError::Tensor {
                index,
                name: tensor.name.clone(),
                reason,
            })
        });
        Ok(Self { model, sizes: sizes.collect::<Result<_>>()? })
    }

    pub fn size(&self, tensor: TensorIndex) -> &TensorSize {
        &self.sizes[tensor.index()]
    }

    pub fn is_constant(&self, tensor: TensorIndex) -> bool {
        self.model.tensor(tensor).is_constant()
    }

    fn operator(&self, index: usize, operator: &Operator) -> Result<OperatorCost> {
        let arithmetic = arithmetic_of(index, operator)?;
        let refuse = |reason| refusal(index, operator, reason);
        let output = operator.outputs.first().ok_or_else(|| refuse("it has no output"))?;
        let macs = self
            .macs(arithmetic, operator)
            .ok_or_else(|| refuse("it lacks an input or attribute, or they do not fit together"))?;
        let (parameters, parameter_bytes) = self.parameters(std::slice::from_ref(operator));
        let output_shape = self.size(*output).dimensions.clone();
        Ok(OperatorCost { name: operator.kind.to_string(), macs, parameters, parameter_bytes, output_shape })
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
            let settings = match operator.kind {
                OperatorKind::Builtin(code) => supported(code).map_or(&[][..], |operator| operator.settings),
                OperatorKind::Custom(_) => &[],
            };
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

/// The size of a tensor; the reason, if it has none.
fn tensor_size(tensor: &Tensor<'_>) -> std::result::Result<TensorSize, String> {
    if tensor.is_variable {
        return Err("a variable, which lives from one inference to the next, cannot be priced".into());
    }
    let bits =
        tensor.element_type.bits().ok_or(format!("elements of type {} have no size", tensor.element_type))?;
    let dynamic = || format!("the shape {:?} is not fixed", tensor.shape);
    let dimensions = tensor.shape.iter().map(|&size| u64::try_from(size).ok().filter(|size| *size > 0));
    let dimensions: Vec<u64> = dimensions.collect::<Option<_>>().ok_or_else(dynamic)?;
    // Converters leave the batch open: the runtime takes it as it is in the shape, which is 1.
    if tensor.shape_signature.iter().skip(1).any(|size| *size < 0) {
        return Err(format!("the shape {:?} is not fixed", tensor.shape_signature));
    }
    let elements = dimensions.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let bytes = elements.and_then(|elements| Some(elements.checked_mul(bits)?.div_ceil(8)));
    match (elements, bytes.filter(|bytes| *bytes <= LARGEST_TENSOR)) {
        (Some(elements), Some(bytes)) => Ok(TensorSize { dimensions, elements, bytes }),
        _ => Err(format!("the shape {dimensions:?} is too large")),
    }
}
