//! A model as its file has it.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{
    error::TfliteError,
    schema::{
        BuiltinOperator, ElementType, Field, IDENTIFIER, buffer, metadata, model, operator, operator_code,
        options, quantization, subgraph, tensor,
    },
    table::{FlatFile, Table},
};

/// The most tensors and operators that are read. Networks have some hundreds; what is made of them grows with the
/// product of the two.
const MOST_TENSORS: usize = 8192;
const MOST_OPERATORS: usize = 2048;

type Result<T> = std::result::Result<T, TfliteError>;

/// A TensorFlow Lite model, the parts of its first subgraph: others are of use to control flow only.
#[derive(Clone, Debug, PartialEq)]
pub struct Model<'a> {
    /// What the file says about itself.
    pub description: String,
    /// All tensors: activations and constants.
    pub tensors: Vec<Tensor<'a>>,
    /// The tensors that the caller fills.
    pub inputs: Vec<TensorIndex>,
    /// The tensors that the caller reads.
    pub outputs: Vec<TensorIndex>,
    /// The operators in the order in which they are executed.
    pub operators: Vec<Operator>,
    /// Named pieces of data beside the network.
    pub metadata: Vec<(String, Cow<'a, [u8]>)>,
}

/// The position of a tensor in [`Model::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorIndex(u32);

impl TensorIndex {
    pub(super) fn new(index: usize) -> Self {
        Self(u32::try_from(index).expect("a model has fewer than 2^32 tensors"))
    }

    /// The position in [`Model::tensors`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tensor of a model: its shape and type, and for a constant its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// The name in the file, for people; it may be empty.
    pub name: String,
    /// Its dimensions, as they are in the file.
    pub shape: Vec<i32>,
    /// The same with −1 where the converter knew no size; empty if it knew all.
    pub shape_signature: Vec<i32>,
    /// The type of its elements.
    pub element_type: ElementType,
    /// The content of a constant, little-endian; empty for an activation.
    pub data: Cow<'a, [u8]>,
    /// Whether it keeps its content from one inference to the next.
    pub is_variable: bool,
    /// How integers stand for real numbers.
    pub quantisation: Quantisation,
}

impl Tensor<'_> {
    /// Whether the file has the tensor's content.
    pub fn is_constant(&self) -> bool {
        !self.data.is_empty()
    }
}

/// Real value = scale·(integer − zero point); without scales the tensor is not quantised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantisation {
    /// One, or one for each position along `dimension`.
    pub scales: Vec<f32>,
    /// The integer that stands for 0, as many as there are scales.
    pub zero_points: Vec<i64>,
    /// The dimension that the scales belong to.
    pub dimension: i32,
}

/// An operator of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Which operator of the schema it is.
    pub kind: OperatorKind,
    /// What it reads; `None` for an optional input that is left out.
    pub inputs: Vec<Option<TensorIndex>>,
    /// The tensors it writes, in the order of the schema.
    pub outputs: Vec<TensorIndex>,
    /// Its attributes, where they are of a kind that is read.
    pub options: Options,
}

/// What an operator computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// An operator of the schema.
    Builtin(BuiltinOperator),
    /// One that the runtime must bring along.
    Custom(Arc<str>),
}

impl fmt::Display for OperatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(code) => code.fmt(f),
            Self::Custom(name) => write!(f, "custom operator \"{name}\""),
        }
    }
}

/// Attributes of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The activation applied to the output: 0 for none, 1 for ReLU, 3 for ReLU6 and so on.
    pub activation: i8,
    /// Of convolutions and pooling.
    pub window: Option<WindowOptions>,
}

/// Attributes of a convolution or pooling. Heights come before widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOptions {
    /// The window of a pooling; 0×0 for a convolution, whose kernel has it.
    pub size: [i32; 2],
    /// The step between windows.
    pub stride: [i32; 2],
    /// The distance of a kernel's elements.
    pub dilation: [i32; 2],
    /// Outputs per input channel of a depthwise convolution; 0 for the others.
    pub depth_multiplier: i32,
    /// 0 for zeros that keep the size (divided by the stride), 1 for none.
    pub padding: i8,
}

impl<'a> Model<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TfliteError`] if the file is not a model or is damaged. Whether a model can be priced is for
    /// [`Model::cost`] to say.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let file = FlatFile::new(bytes);
        let identifier = IDENTIFIER.as_bytes().first_chunk().ok_or(TfliteError::NotTflite)?;
        if !file.has_identifier(identifier) {
            return Err(TfliteError::NotTflite);
        }
        let root = file.root()?;
        let buffers = root.tables(model::BUFFERS)?.map(|table| buffer_bytes(&file, table?));
        let buffers: Vec<&'a [u8]> = buffers.collect::<Result<_>>()?;
        let kinds = root.tables(model::OPERATOR_CODES)?.map(|table| operator_kind(table?));
        let kinds: Vec<OperatorKind> = kinds.collect::<Result<_>>()?;
        let main = root.tables(model::SUBGRAPHS)?.next().ok_or(TfliteError::Empty("subgraph"))??;
        let tensors = at_most(MOST_TENSORS, "tensors", main.tables(subgraph::TENSORS)?)?
            .map(|table| read_tensor(table?, &buffers));
        let tensors: Vec<Tensor<'a>> = tensors.collect::<Result<_>>()?;
        let indices = |table: Table<'_, 'a>, field| {
            let numbers = table.numbers(field, i32::from_le_bytes)?;
            numbers.into_iter().map(|number| tensor_index(number, tensors.len())).collect::<Result<Vec<_>>>()
        };
        let present = |indices: Vec<Option<TensorIndex>>| indices.into_iter().flatten().collect();
        let operators =
            at_most(MOST_OPERATORS, "operators", main.tables(subgraph::OPERATORS)?)?.map(|table| {
                let table = table?;
                let code = table.u32(operator::CODE)?;
                let kind = element(&kinds, "operator code", code)?.clone();
                let options = read_options(&kind, table)?;
                let outputs = present(indices(table, operator::OUTPUTS)?);
                Ok(Operator { kind, inputs: indices(table, operator::INPUTS)?, outputs, options })
            });
        let metadata = root.tables(model::METADATA)?.map(|table| {
            let table = table?;
            let data = element(&buffers, "buffer", table.u32(metadata::BUFFER)?)?;
            Ok((table.string(metadata::NAME)?, Cow::Borrowed(*data)))
        });
        Ok(Self {
            description: root.string(model::DESCRIPTION)?,
            inputs: present(indices(main, subgraph::INPUTS)?),
            outputs: present(indices(main, subgraph::OUTPUTS)?),
            operators: operators.collect::<Result<_>>()?,
            metadata: metadata.collect::<Result<_>>()?,
            tensors,
        })
    }

    /// The first tensor of this name.
    pub fn find_tensor(&self, name: &str) -> Option<TensorIndex> {
        self.tensors.iter().position(|tensor| tensor.name == name).map(TensorIndex::new)
    }

    /// A tensor of this model.
    ///
    /// # Panics
    /// If `index` comes from another model and is too large.
    pub fn tensor(&self, index: TensorIndex) -> &Tensor<'a> {
        &self.tensors[index.index()]
    }
}

/// The items, unless there are too many.
fn at_most<I: ExactSizeIterator>(limit: usize, what: &'static str, items: I) -> Result<I> {
    if items.len() > limit {
        return Err(TfliteError::TooMany { what, found: items.len(), limit });
    }
    Ok(items)
}

/// The element that a number in the file refers to.
fn element<'t, T>(all: &'t [T], what: &'static str, index: u32) -> Result<&'t T> {
    all.get(index as usize).ok_or(TfliteError::Index { what, index: index.into(), count: all.len() })
}

/// A reference to one of `count` tensors; −1 stands for none.
fn tensor_index(number: i32, count: usize) -> Result<Option<TensorIndex>> {
    if number == -1 {
        return Ok(None);
    }
    match u32::try_from(number) {
        Ok(index) if (index as usize) < count => Ok(Some(TensorIndex(index))),
        _ => Err(TfliteError::Index { what: "tensor", index: number.into(), count }),
    }
}

fn buffer_bytes<'a>(file: &FlatFile<'a>, table: Table<'_, 'a>) -> Result<&'a [u8]> {
    let (offset, size) = (table.u64(buffer::OFFSET)?, table.u64(buffer::SIZE)?);
    // The schema's 0 and 1 mean that the content is in the table.
    if offset <= 1 {
        return table.byte_vector(buffer::DATA);
    }
    let whole =
        |number: u64| usize::try_from(number).map_err(|_| TfliteError::Truncated { offset: usize::MAX });
    file.bytes(whole(offset)?, whole(size)?)
}

fn operator_kind(table: Table<'_, '_>) -> Result<OperatorKind> {
    // Files written before there were more than 127 operators have the small code only.
    let small = i32::from(table.i8(operator_code::SMALL_CODE, 0)?);
    let code = BuiltinOperator(table.i32(operator_code::CODE, 0)?.max(small));
    match code {
        BuiltinOperator::CUSTOM => Ok(OperatorKind::Custom(table.string(operator_code::CUSTOM_NAME)?.into())),
        code => Ok(OperatorKind::Builtin(code)),
    }
}

fn read_tensor<'a>(table: Table<'_, 'a>, buffers: &[&'a [u8]]) -> Result<Tensor<'a>> {
    let quantisation = match table.table(tensor::QUANTIZATION)? {
        None => Quantisation::default(),
        Some(parameters) => Quantisation {
            scales: parameters.numbers(quantization::SCALE, f32::from_le_bytes)?,
            zero_points: parameters.numbers(quantization::ZERO_POINT, i64::from_le_bytes)?,
            dimension: parameters.i32(quantization::DIMENSION, 0)?,
        },
    };
    Ok(Tensor {
        name: table.string(tensor::NAME)?,
        shape: table.numbers(tensor::SHAPE, i32::from_le_bytes)?,
        shape_signature: table.numbers(tensor::SHAPE_SIGNATURE, i32::from_le_bytes)?,
        element_type: ElementType(table.i8(tensor::ELEMENT_TYPE, 0)?),
        data: Cow::Borrowed(element(buffers, "buffer", table.u32(tensor::BUFFER)?)?),
        is_variable: table.bool(tensor::IS_VARIABLE)?,
        quantisation,
    })
}

fn read_options(kind: &OperatorKind, operator: Table<'_, '_>) -> Result<Options> {
    let layout = match kind {
        OperatorKind::Builtin(code) => options::layout(*code),
        OperatorKind::Custom(_) => None,
    };
    let layout = layout.filter(|layout| operator.i8(operator::OPTIONS_TYPE, 0) == Ok(layout.kind));
    let (Some(layout), Some(table)) = (layout, operator.table(operator::OPTIONS)?) else {
        return Ok(Options::default());
    };
    let pair = |fields: Option<[Field; 2]>, default| match fields {
        None => Ok([default; 2]),
        Some([height, width]) => Ok([table.i32(height, default)?, table.i32(width, default)?]),
    };
    let window = match &layout.window {
        None => None,
        Some(window) => Some(WindowOptions {
            size: pair(window.size, 0)?,
            stride: pair(Some(options::STRIDE), 0)?,
            dilation: pair(window.dilation, 1)?,
            depth_multiplier: window.depth_multiplier.map_or(Ok(0), |field| table.i32(field, 0))?,
            padding: table.i8(options::PADDING, 0)?,
        }),
    };
    let activation = layout.activation.map_or(Ok(0), |field| table.i8(field, 0))?;
    Ok(Options { activation, window })
}
