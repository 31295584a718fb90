//! What the operators of a model would take on a board, as the C kernels of munas compute them.

use munas_cost::boards::Board;
use munas_cost::{LatencyEstimate, LayerCost, OperatorKind as Kind, latency_of};
use munas_ir::{OpId, Shape};

use super::{
    cost::ModelCost,
    model::{Model, Operator, OperatorKind, TensorIndex},
    schema::{BuiltinOperator as Code, ElementType},
};

/// An estimate of those operators of a model for which there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelLatency {
    /// Of the operators that are known; those that move no data take nothing and are left out.
    pub estimate: LatencyEstimate,
    /// The positions of the others.
    pub unknown: Vec<usize>,
}

/// What is known of an operator.
enum Known {
    /// It is of this kind.
    Kind(Kind),
    /// It changes the shape, and no data.
    Nothing,
}

impl Model<'_> {
    /// Estimates the operators in 8-bit integers of the kinds that munas exports; `cost` is that of this model.
    pub fn latency(&self, cost: &ModelCost, board: &Board) -> ModelLatency {
        let mut unknown = Vec::new();
        let mut operators = Vec::new();
        for (index, (operator, cost)) in self.operators.iter().zip(&cost.operators).enumerate() {
            let shape = shape(&cost.output_shape);
            match (self.known(operator), shape, cost.macs) {
                (Some(Known::Nothing), ..) => {}
                (Some(Known::Kind(kind)), Some(output), Some(macs)) => {
                    let parameters = cost.parameters;
                    operators.push((kind, LayerCost { op: OpId::new(index), macs, parameters, output }));
                }
                _ => unknown.push(index),
            }
        }
        ModelLatency { estimate: latency_of(operators, board), unknown }
    }

    fn known(&self, operator: &Operator) -> Option<Known> {
        let OperatorKind::Builtin(code) = operator.kind else { return None };
        if matches!(code, Code::RESHAPE | Code::SQUEEZE | Code::EXPAND_DIMS) {
            return Some(Known::Nothing);
        }
        let is_int8 = |tensor: &TensorIndex| self.tensor(*tensor).element_type == ElementType::INT8;
        // Of constants only the kernel: biases are wider.
        let inputs = operator.inputs.iter().flatten().enumerate();
        let mut read =
            inputs.filter(|(position, tensor)| *position < 2 || !self.tensor(**tensor).is_constant());
        if !(read.all(|(_, tensor)| is_int8(tensor)) && operator.outputs.iter().all(is_int8)) {
            return None;
        }
        let dimensions = |position: usize| Some(&*self.tensor((*operator.inputs.get(position)?)?).shape);
        let channels = |position: usize| dimensions(position)?.last().copied();
        let output_channels = self.tensor(*operator.outputs.first()?).shape.last().copied();
        let is_dense_kernel = operator.options.window.is_some_and(|window| window.dilation == [1; 2]);
        let kind = match code {
            Code::CONV_2D if is_dense_kernel && channels(0) == channels(1) => match dimensions(1)? {
                [_, 1, 1, _] => Kind::PointwiseConv2d,
                _ => Kind::Conv2d,
            },
            Code::DEPTHWISE_CONV_2D if is_dense_kernel && channels(0) == output_channels => {
                Kind::DepthwiseConv2d
            }
            Code::FULLY_CONNECTED => Kind::Dense,
            Code::AVERAGE_POOL_2D => Kind::AveragePool,
            Code::MAX_POOL_2D => Kind::MaxPool,
            Code::ADD if dimensions(0) == dimensions(1) => Kind::Add,
            _ => return None,
        };
        Some(Known::Kind(kind))
    }
}

/// A shape of one sample.
fn shape(dimensions: &[u64]) -> Option<Shape> {
    let size = |size: &u64| usize::try_from(*size).ok();
    match dimensions {
        [1, height, width, channels] => Some(Shape::new(size(height)?, size(width)?, size(channels)?)),
        [1, channels] => Some(Shape::flat(size(channels)?)),
        _ => None,
    }
}
