//! The operators whose arithmetic is known, and what is to be known of each.

use super::schema::BuiltinOperator as Code;

/// What counts as multiply-accumulates of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    /// The output's elements × the window of the kernel (second input: outputs, height, width, inputs) × its inputs.
    Convolution,
    /// The output's elements × the window of the kernel (1, height, width, channels).
    DepthwiseConvolution,
    /// The output's elements × the features of the kernel (second input: units, features).
    FullyConnected,
    /// The elements of the third input × the window of the kernel (second input) × its outputs.
    TransposedConvolution,
    /// The output's elements × the window.
    Pooling,
    /// The input's elements: each is added to a sum.
    Reduction,
    /// The output's elements × one less than the number of inputs.
    Elementwise,
    /// Nothing: data is moved, rescaled, compared or looked up.
    None,
}

/// An operator whose arithmetic is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Supported {
    pub arithmetic: Arithmetic,
    /// The inputs that are settings (shapes, paddings, axes) and no parameters of the network.
    pub settings: &'static [usize],
}

/// What is to be known of an operator; the reason, if its multiply-accumulates are not.
pub(super) fn supported(code: Code) -> Result<Supported, &'static str> {
    let (arithmetic, settings): (_, &[usize]) = match code {
        Code::CONV_2D => (Arithmetic::Convolution, &[]),
        Code::DEPTHWISE_CONV_2D => (Arithmetic::DepthwiseConvolution, &[]),
        Code::FULLY_CONNECTED => (Arithmetic::FullyConnected, &[]),
        Code::TRANSPOSE_CONV => (Arithmetic::TransposedConvolution, &[0]),
        Code::AVERAGE_POOL_2D | Code::MAX_POOL_2D => (Arithmetic::Pooling, &[]),
        Code::MEAN | Code::SUM => (Arithmetic::Reduction, &[1]),
        Code::ADD | Code::ADD_N | Code::SUB | Code::MUL => (Arithmetic::Elementwise, &[]),
        Code::DIV | Code::MAXIMUM | Code::MINIMUM | Code::SQUARED_DIFFERENCE | Code::PRELU => {
            (Arithmetic::None, &[])
        }
        Code::RELU | Code::RELU_N1_TO_1 | Code::RELU6 | Code::RELU_0_TO_1 | Code::LEAKY_RELU | Code::ELU => {
            (Arithmetic::None, &[])
        }
        Code::GELU | Code::HARD_SWISH | Code::LOGISTIC | Code::TANH | Code::SOFTMAX | Code::LOG_SOFTMAX => {
            (Arithmetic::None, &[])
        }
        Code::ABS
        | Code::NEG
        | Code::EXP
        | Code::LOG
        | Code::SQRT
        | Code::RSQRT
        | Code::SQUARE
        | Code::ROUND => (Arithmetic::None, &[]),
        Code::QUANTIZE | Code::DEQUANTIZE | Code::CAST | Code::L2_NORMALIZATION => (Arithmetic::None, &[]),
        Code::CONCATENATION | Code::PACK | Code::UNPACK | Code::SQUEEZE => (Arithmetic::None, &[]),
        Code::DEPTH_TO_SPACE | Code::SPACE_TO_DEPTH => (Arithmetic::None, &[]),
        Code::RESHAPE | Code::EXPAND_DIMS | Code::TRANSPOSE | Code::TILE | Code::GATHER => {
            (Arithmetic::None, &[1])
        }
        Code::PAD | Code::MIRROR_PAD => (Arithmetic::None, &[1]),
        Code::RESIZE_BILINEAR | Code::RESIZE_NEAREST_NEIGHBOR => (Arithmetic::None, &[1]),
        Code::REDUCE_MAX | Code::REDUCE_MIN | Code::ARG_MAX | Code::ARG_MIN => (Arithmetic::None, &[1]),
        Code::PADV2 | Code::SLICE | Code::SPLIT_V | Code::BATCH_TO_SPACE_ND | Code::SPACE_TO_BATCH_ND => {
            (Arithmetic::None, &[1, 2])
        }
        Code::STRIDED_SLICE => (Arithmetic::None, &[1, 2, 3]),
        Code::SPLIT => (Arithmetic::None, &[0]),
        other => return Err(reason_against(other)),
    };
    Ok(Supported { arithmetic, settings })
}

fn reason_against(code: Code) -> &'static str {
    match code {
        Code::IF | Code::WHILE | Code::CALL | Code::CALL_ONCE => {
            "control flow: what its branches take and compute is not known"
        }
        Code::VAR_HANDLE | Code::READ_VARIABLE | Code::ASSIGN_VARIABLE => {
            "variables behind a handle: what they take is not known"
        }
        Code::SVDF
        | Code::LSTM
        | Code::RNN
        | Code::UNIDIRECTIONAL_SEQUENCE_LSTM
        | Code::UNIDIRECTIONAL_SEQUENCE_RNN
        | Code::BIDIRECTIONAL_SEQUENCE_LSTM
        | Code::BIDIRECTIONAL_SEQUENCE_RNN => {
            "a recurrent operator: its multiply-accumulates are not counted"
        }
        _ => "not an operator of convolutional networks: its multiply-accumulates are not counted",
    }
}
