//! The part of the TensorFlow Lite schema that is read and written: numbers of fields, operators and element types.
//!
//! Source: `schema.fbs` of TensorFlow Lite, schema version 3. Numbers that are in it once never change.

use std::fmt;

/// What identifies a file of this schema.
pub(super) const IDENTIFIER: &str = "TFL3";
/// The version of the schema.
pub(super) const VERSION: u32 = 3;

/// The number of a field in its table, from 0.
pub(super) type Field = u16;

/// Fields of `Model`, the root.
pub(super) mod model {
    use super::Field;
    pub const VERSION: Field = 0;
    pub const OPERATOR_CODES: Field = 1;
    pub const SUBGRAPHS: Field = 2;
    pub const DESCRIPTION: Field = 3;
    pub const BUFFERS: Field = 4;
    pub const METADATA: Field = 6;
}

/// Fields of `SubGraph`.
pub(super) mod subgraph {
    use super::Field;
    pub const TENSORS: Field = 0;
    pub const INPUTS: Field = 1;
    pub const OUTPUTS: Field = 2;
    pub const OPERATORS: Field = 3;
    pub const NAME: Field = 4;
}

/// Fields of `Tensor`.
pub(super) mod tensor {
    use super::Field;
    pub const SHAPE: Field = 0;
    pub const ELEMENT_TYPE: Field = 1;
    pub const BUFFER: Field = 2;
    pub const NAME: Field = 3;
    pub const QUANTIZATION: Field = 4;
    pub const IS_VARIABLE: Field = 5;
    pub const SHAPE_SIGNATURE: Field = 7;
}

/// Fields of `QuantizationParameters`.
pub(super) mod quantization {
    use super::Field;
    pub const SCALE: Field = 2;
    pub const ZERO_POINT: Field = 3;
    pub const DIMENSION: Field = 6;
}

/// Fields of `Operator`.
pub(super) mod operator {
    use super::Field;
    pub const CODE: Field = 0;
    pub const INPUTS: Field = 1;
    pub const OUTPUTS: Field = 2;
    pub const OPTIONS_TYPE: Field = 3;
    pub const OPTIONS: Field = 4;
}

/// Fields of `OperatorCode`.
pub(super) mod operator_code {
    use super::Field;
    pub const SMALL_CODE: Field = 0;
    pub const CUSTOM_NAME: Field = 1;
    pub const VERSION: Field = 2;
    pub const CODE: Field = 3;
}

/// Fields of `Buffer`. Large files keep the bytes elsewhere: at `OFFSET` of the file.
pub(super) mod buffer {
    use super::Field;
    pub const DATA: Field = 0;
    pub const OFFSET: Field = 1;
    pub const SIZE: Field = 2;
}

/// Fields of `Metadata`.
pub(super) mod metadata {
    use super::Field;
    pub const NAME: Field = 0;
    pub const BUFFER: Field = 1;
}

/// The options of operators that slide a window, and of those that have nothing but a fused activation.
pub(super) mod options {
    use super::{BuiltinOperator, Field};

    /// Where a table of options has its fields.
    pub struct Layout {
        /// The member of the union `BuiltinOptions`.
        pub kind: i8,
        /// A Pad has none.
        pub activation: Option<Field>,
        /// Of the tables of window operators.
        pub window: Option<WindowLayout>,
    }

    /// Where a table of options has the sizes of a window; heights come first.
    pub struct WindowLayout {
        /// The window; convolutions have the size of their kernel.
        pub size: Option<[Field; 2]>,
        /// The distance of a kernel's elements.
        pub dilation: Option<[Field; 2]>,
        pub depth_multiplier: Option<Field>,
    }

    /// In all tables of window operators.
    pub const PADDING: Field = 0;
    /// In all tables of window operators; height first.
    pub const STRIDE: [Field; 2] = [2, 1];

    /// The options of an operator, of those that are read and written.
    pub fn layout(operator: BuiltinOperator) -> Option<Layout> {
        let convolution = |dilation, depth_multiplier| WindowLayout {
            size: None,
            dilation: Some(dilation),
            depth_multiplier,
        };
        let (kind, activation, window) = match operator {
            BuiltinOperator::CONV_2D => (1, Some(3), Some(convolution([5, 4], None))),
            BuiltinOperator::DEPTHWISE_CONV_2D => (2, Some(4), Some(convolution([6, 5], Some(3)))),
            BuiltinOperator::AVERAGE_POOL_2D | BuiltinOperator::MAX_POOL_2D => (
                5,
                Some(5),
                Some(WindowLayout { size: Some([4, 3]), dilation: None, depth_multiplier: None }),
            ),
            BuiltinOperator::FULLY_CONNECTED => (8, Some(0), None),
            BuiltinOperator::ADD => (11, Some(0), None),
            BuiltinOperator::PAD => (22, None, None),
            _ => return None,
        };
        Some(Layout { kind, activation, window })
    }
}

/// An operator of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuiltinOperator(pub(super) i32);

impl BuiltinOperator {
    /// Marks a custom operator, which has a name instead.
    pub(super) const CUSTOM: Self = Self(32);
}

macro_rules! operators {
    ($($name:ident = $code:literal),* $(,)?) => {
        impl BuiltinOperator {
            $(pub(super) const $name: Self = Self($code);)*
        }
    };
}

operators! {
    ADD = 0, AVERAGE_POOL_2D = 1, CONCATENATION = 2, CONV_2D = 3, DEPTHWISE_CONV_2D = 4, DEPTH_TO_SPACE = 5,
    DEQUANTIZE = 6, FULLY_CONNECTED = 9, L2_NORMALIZATION = 11, LOGISTIC = 14, MAX_POOL_2D = 17, MUL = 18,
    RELU = 19, RELU_N1_TO_1 = 20, RELU6 = 21, RESHAPE = 22, RESIZE_BILINEAR = 23, SOFTMAX = 25,
    SPACE_TO_DEPTH = 26, TANH = 28, PAD = 34, GATHER = 36, BATCH_TO_SPACE_ND = 37, SPACE_TO_BATCH_ND = 38,
    TRANSPOSE = 39, MEAN = 40, SUB = 41, DIV = 42, SQUEEZE = 43, STRIDED_SLICE = 45, EXP = 47, SPLIT = 49,
    LOG_SOFTMAX = 50, CAST = 53, PRELU = 54, MAXIMUM = 55, ARG_MAX = 56, MINIMUM = 57, NEG = 59, PADV2 = 60,
    SLICE = 65, TRANSPOSE_CONV = 67, TILE = 69, EXPAND_DIMS = 70, LOG = 73, SUM = 74, SQRT = 75, RSQRT = 76,
    ARG_MIN = 79, REDUCE_MAX = 82, PACK = 83, UNPACK = 88, REDUCE_MIN = 89, SQUARE = 92,
    RESIZE_NEAREST_NEIGHBOR = 97, LEAKY_RELU = 98, SQUARED_DIFFERENCE = 99, MIRROR_PAD = 100, ABS = 101,
    SPLIT_V = 102, ADD_N = 106, ELU = 111, QUANTIZE = 114, ROUND = 116, HARD_SWISH = 117, GELU = 150,
    RELU_0_TO_1 = 152,
    // Operators that are refused for a reason of their own.
    IF = 118,
    WHILE = 119,
    CALL = 31,
    CALL_ONCE = 129,
    VAR_HANDLE = 142,
    READ_VARIABLE = 143,
    ASSIGN_VARIABLE = 144,
    SVDF = 27,
    LSTM = 16,
    RNN = 24,
    UNIDIRECTIONAL_SEQUENCE_LSTM = 44,
    UNIDIRECTIONAL_SEQUENCE_RNN = 35,
    BIDIRECTIONAL_SEQUENCE_LSTM = 52,
    BIDIRECTIONAL_SEQUENCE_RNN = 46,
}

impl BuiltinOperator {
    /// The version of an operator that takes 8-bit integers, with scales per channel where it has a kernel.
    pub(super) const fn int8_version(self) -> i32 {
        match self {
            Self::FULLY_CONNECTED => 4,
            Self::CONV_2D | Self::DEPTHWISE_CONV_2D => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for BuiltinOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0).ok().and_then(|code| OPERATOR_NAMES.get(code)) {
            Some(name) => f.write_str(name),
            None => write!(f, "operator code {}", self.0),
        }
    }
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElementType(pub(super) i8);

impl ElementType {
    pub(super) const INT32: Self = Self(2);
    pub(super) const INT8: Self = Self(9);

    /// Bits of an element; `None` for strings, handles and types that are not known.
    pub fn bits(self) -> Option<u64> {
        self.entry().and_then(|(_, bits)| *bits)
    }

    fn entry(self) -> Option<&'static (&'static str, Option<u64>)> {
        usize::try_from(self.0).ok().and_then(|code| ELEMENT_TYPES.get(code))
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "element type {}", self.0),
        }
    }
}

/// Names and bits of the element types, by their number.
const ELEMENT_TYPES: [(&str, Option<u64>); 23] = [
    ("FLOAT32", Some(32)),
    ("FLOAT16", Some(16)),
    ("INT32", Some(32)),
    ("UINT8", Some(8)),
    ("INT64", Some(64)),
    ("STRING", None),
    ("BOOL", Some(8)),
    ("INT16", Some(16)),
    ("COMPLEX64", Some(64)),
    ("INT8", Some(8)),
    ("FLOAT64", Some(64)),
    ("COMPLEX128", Some(128)),
    ("UINT64", Some(64)),
    ("RESOURCE", None),
    ("VARIANT", None),
    ("UINT32", Some(32)),
    ("UINT16", Some(16)),
    ("INT4", Some(4)),
    ("BFLOAT16", Some(16)),
    ("INT2", Some(2)),
    ("UINT4", Some(4)),
    ("FLOAT8_E4M3FN", Some(8)),
    ("FLOAT8_E5M2", Some(8)),
];

/// Names of the operators, by their number.
#[rustfmt::skip]
const OPERATOR_NAMES: [&str; 210] = [
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE",
    "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION", "LSTM", "MAX_POOL_2D", "MUL", "RELU",
    "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR", "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH",
    "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL", "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN",
    "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN",
    "EXP", "TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU",
    "MAXIMUM", "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL",
    "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL",
    "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT", "REDUCE_PROD",
    "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT", "UNPACK", "REDUCE_MIN",
    "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD", "RANGE",
    "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE",
    "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU", "REVERSE_SEQUENCE",
    "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE",
    "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM",
    "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM", "CALL_ONCE", "BROADCAST_TO", "RFFT2D",
    "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",
    "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL", "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU",
    "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX",
    "UNSORTED_SEGMENT_SUM", "ATAN2", "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT",
    "STABLEHLO_LOGISTIC", "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE", "STABLEHLO_ABS",
    "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL", "STABLEHLO_FLOOR", "STABLEHLO_LOG",
    "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR", "STABLEHLO_POWER", "STABLEHLO_REMAINDER",
    "STABLEHLO_RSQRT", "STABLEHLO_SELECT", "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER",
    "STABLEHLO_COMPARE", "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_SORT",
    "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE", "STABLEHLO_RNG_BIT_GENERATOR",
    "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT", "STABLEHLO_CBRT", "STABLEHLO_CASE",
];
