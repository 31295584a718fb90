//! From a quantised network to a model in the TensorFlow Lite format.
//!
//! | of the network | becomes |
//! |---|---|
//! | (depthwise) convolution, dense, pooling | one operator, activation fused |
//! | Add of n tensors | n − 1 Adds from the left, each written just before its result is needed |
//! | input of an Add that is smaller than its output | Pad (zero points at the bottom and right), then the Add |
//!
//! Activations are `[1, height, width, channels]`, outputs of dense layers `[1, units]`; dense layers flatten what they
//! read by themselves. Partial sums have the quantisation parameters of the Add's output, padded tensors those of what
//! is padded. Source: the TensorFlow Lite 8-bit quantisation specification.

use std::borrow::Cow;

use munas_cost::Timeline;
use munas_ir::{Activation, Graph, Op, OpId, Padding, PoolKind, Shape, TensorId, Window};
use munas_quant::{LinearLayer, QuantisedNetwork};

use super::{
    cost::ModelCost,
    metadata::{ModelMetadata, with_files},
    model::{Model, Operator, OperatorKind, Options, Quantisation, Tensor, TensorIndex, WindowOptions},
    plan,
    schema::{BuiltinOperator, ElementType},
};

/// The file of a network whose operators run in `order`. Equal networks have equal files.
///
/// # Panics
/// If `order` is not a topological order of all operators, or anything but dense layers and Adds reads the output of a
/// dense layer.
pub fn write(network: &QuantisedNetwork, order: &[OpId], metadata: &ModelMetadata) -> Vec<u8> {
    let model = lower(network, order, metadata);
    let timeline = cost(&model).file_order;
    with_files(planned(model, &timeline), metadata)
}

/// The file of a network in the order with the smallest peak memory under the rules of the runtime, Pads and partial
/// sums included: an Add can begin before its last summands are there.
///
/// # Panics
/// As [`write`](write()).
pub fn write_in_best_order(network: &QuantisedNetwork, metadata: &ModelMetadata) -> Vec<u8> {
    let order: Vec<OpId> = network.graph().ops().map(|(op, _)| op).collect();
    let mut model = lower(network, &order, metadata);
    let best = cost(&model).best_order.order;
    model.operators = best.iter().map(|op| model.operators[op.index()].clone()).collect();
    let timeline = cost(&model).file_order;
    with_files(planned(model, &timeline), metadata)
}

fn cost(model: &Model<'_>) -> ModelCost {
    model.cost().expect("all operators that are written can be priced")
}

/// The file of a model with the plan of its arena.
fn planned(mut model: Model<'_>, timeline: &Timeline<TensorIndex>) -> Vec<u8> {
    let plan = plan::plan(model.tensors.len(), timeline);
    model.metadata.push((plan::NAME.into(), Cow::Owned(plan)));
    model.to_bytes()
}

/// The name of a tensor in files that [`write()`] makes. Padded copies and partial sums have names of their own.
pub fn tensor_name(graph: &Graph, tensor: TensorId) -> String {
    match tensor.producer() {
        None => "input".into(),
        Some(op) => format!("op{}_{}", op.index(), graph.node(op).op.kind_name()),
    }
}

fn lower(network: &QuantisedNetwork, order: &[OpId], metadata: &ModelMetadata) -> Model<'static> {
    let graph = network.graph();
    assert_eq!(order.len(), graph.nodes().len(), "an order runs every operator once");
    let mut lowering = Lowering { network, tensors: Vec::new(), operators: Vec::new(), places: Vec::new() };
    lowering.places.resize(graph.shapes().len(), None);
    let input = lowering.activation(TensorId::INPUT);
    for &op in order {
        lowering.operator(op);
    }
    Model {
        description: metadata.description.clone(),
        inputs: vec![input],
        outputs: vec![lowering.place(graph.output())],
        tensors: lowering.tensors,
        operators: lowering.operators,
        metadata: metadata.entries(network),
    }
}

/// A model as it grows, operator by operator.
struct Lowering<'n> {
    network: &'n QuantisedNetwork,
    tensors: Vec<Tensor<'static>>,
    operators: Vec<Operator>,
    /// Where each tensor of the network is, once an operator has written it.
    places: Vec<Option<TensorIndex>>,
}

impl Lowering<'_> {
    fn graph(&self) -> &Graph {
        self.network.graph()
    }

    fn place(&self, tensor: TensorId) -> TensorIndex {
        self.places[tensor.index()].expect("an operator runs after those it reads from")
    }

    fn operator(&mut self, op: OpId) {
        let node = self.graph().node(op).clone();
        match node.op {
            Op::Conv2d { attributes, .. } => {
                let options = window_options(attributes.kernel, attributes.stride, attributes.padding);
                let code = BuiltinOperator::CONV_2D;
                self.linear(op, code, Some(WindowOptions { size: [0; 2], ..options }));
            }
            Op::DepthwiseConv2d(attributes) => {
                let options = window_options(attributes.kernel, attributes.stride, attributes.padding);
                let code = BuiltinOperator::DEPTHWISE_CONV_2D;
                self.linear(op, code, Some(WindowOptions { size: [0; 2], depth_multiplier: 1, ..options }));
            }
            Op::Dense { .. } => self.linear(op, BuiltinOperator::FULLY_CONNECTED, None),
            Op::Pool { kind, window } => {
                let code = match kind {
                    PoolKind::Max => BuiltinOperator::MAX_POOL_2D,
                    PoolKind::Avg => BuiltinOperator::AVERAGE_POOL_2D,
                };
                let input = self.place(node.inputs[0]);
                let output = self.activation(op.output());
                let window = Some(window_options(window, window, Padding::Valid));
                self.push(code, vec![input], output, Options { activation: fused(Activation::None), window });
            }
            Op::Add => self.add(op, &node.inputs),
        }
    }

    /// A convolution, depthwise convolution or dense layer.
    fn linear(&mut self, op: OpId, code: BuiltinOperator, window: Option<WindowOptions>) {
        let network = self.network;
        let graph = network.graph();
        let layer = network.layer(op).linear().expect("the operator has a kernel");
        let dims = graph.weight_dims(op).expect("the operator has a kernel");
        let node = graph.node(op);
        // Output channels are the last dimension of a depthwise kernel and the first of the others.
        let (shape, dimension) = match node.op {
            Op::DepthwiseConv2d { .. } => (&dims.kernel[..], 3),
            Op::Dense { .. } => (&dims.kernel[2..], 0),
            Op::Conv2d { .. } => (&dims.kernel[..], 0),
            Op::Pool { .. } | Op::Add => unreachable!("the operator has a kernel"),
        };
        let scales = network.quantisation().kernel(op).expect("the operator has a kernel").to_vec();
        let input_scale = network.quantisation().tensor(node.inputs[0]).scale;
        let bias_scales = scales.iter().map(|scale| input_scale * scale).collect();
        let name = tensor_name(graph, op.output());
        let input = self.place(node.inputs[0]);
        let LinearLayer { weights, bias, .. } = layer;
        let kernel = self.push_tensor(Tensor {
            name: format!("{name}/kernel"),
            shape: shape.iter().map(|&size| size as i32).collect(),
            element_type: ElementType::INT8,
            data: weights.iter().flat_map(|weight| weight.to_le_bytes()).collect(),
            quantisation: symmetric(scales, dimension),
            ..no_tensor()
        });
        let bias = self.push_tensor(Tensor {
            name: format!("{name}/bias"),
            shape: vec![bias.len() as i32],
            element_type: ElementType::INT32,
            data: bias.iter().flat_map(|bias| bias.to_le_bytes()).collect(),
            quantisation: symmetric(bias_scales, 0),
            ..no_tensor()
        });
        let output = self.activation(op.output());
        let options = Options { activation: fused(node.op.activation()), window };
        self.push(code, vec![input, kernel, bias], output, options);
    }

    /// An Add of two or more tensors, from the left.
    fn add(&mut self, op: OpId, inputs: &[TensorId]) {
        let shape = self.graph().output_shape(op);
        let name = tensor_name(self.graph(), op.output());
        let last = inputs.len() - 1;
        let mut sum = self.padded(op, inputs[0], shape);
        for (step, &input) in inputs.iter().enumerate().skip(1) {
            let summand = self.padded(op, input, shape);
            let output = match step {
                step if step == last => self.activation(op.output()),
                step => {
                    let partial = format!("{name}/sum{step}");
                    self.tensor_like(op.output(), partial, dimensions(shape))
                }
            };
            self.push(BuiltinOperator::ADD, vec![sum, summand], output, Options::default());
            sum = output;
        }
    }

    /// An input of an Add with the shape of its output.
    fn padded(&mut self, add: OpId, tensor: TensorId, to: Shape) -> TensorIndex {
        let from = self.graph().shape(tensor);
        let input = self.place(tensor);
        if from == to {
            return input;
        }
        let name =
            format!("{}/{}", tensor_name(self.graph(), add.output()), tensor_name(self.graph(), tensor));
        let after = [0, to.height - from.height, to.width - from.width, 0];
        let paddings = self.push_tensor(Tensor {
            name: format!("{name}/paddings"),
            shape: vec![4, 2],
            element_type: ElementType::INT32,
            data: after.iter().flat_map(|&after| [0, after as i32]).flat_map(i32::to_le_bytes).collect(),
            ..no_tensor()
        });
        let output = self.tensor_like(tensor, format!("{name}/padded"), dimensions(to));
        self.push(BuiltinOperator::PAD, vec![input, paddings], output, Options::default());
        output
    }

    fn push(
        &mut self,
        code: BuiltinOperator,
        inputs: Vec<TensorIndex>,
        output: TensorIndex,
        options: Options,
    ) {
        let inputs = inputs.into_iter().map(Some).collect();
        self.operators.push(Operator {
            kind: OperatorKind::Builtin(code),
            inputs,
            outputs: vec![output],
            options,
        });
    }

    /// The tensor that stands for one of the network.
    fn activation(&mut self, tensor: TensorId) -> TensorIndex {
        let shape = self.graph().shape(tensor);
        let is_dense = |tensor: TensorId| {
            tensor.producer().is_some_and(|op| matches!(self.graph().node(op).op, Op::Dense { .. }))
        };
        let is_vector = match tensor.producer().map(|op| self.graph().node(op)) {
            Some(node) if matches!(node.op, Op::Add) => node.inputs.iter().all(|&input| is_dense(input)),
            Some(_) | None => is_dense(tensor),
        };
        let shape = if is_vector { vec![1, shape.channels as i32] } else { dimensions(shape) };
        let index = self.tensor_like(tensor, tensor_name(self.graph(), tensor), shape);
        self.places[tensor.index()] = Some(index);
        index
    }

    /// An activation with the quantisation parameters of a tensor of the network.
    fn tensor_like(&mut self, tensor: TensorId, name: String, shape: Vec<i32>) -> TensorIndex {
        let parameters = self.network.quantisation().tensor(tensor);
        self.push_tensor(Tensor {
            name,
            shape,
            element_type: ElementType::INT8,
            quantisation: Quantisation {
                scales: vec![parameters.scale],
                zero_points: vec![parameters.zero_point.into()],
                dimension: 0,
            },
            ..no_tensor()
        })
    }

    fn push_tensor(&mut self, tensor: Tensor<'static>) -> TensorIndex {
        self.tensors.push(tensor);
        TensorIndex::new(self.tensors.len() - 1)
    }
}

/// What a tensor has where nothing is said.
fn no_tensor() -> Tensor<'static> {
    Tensor {
        name: String::new(),
        shape: Vec::new(),
        shape_signature: Vec::new(),
        element_type: ElementType::INT8,
        data: Cow::Borrowed(&[]),
        is_variable: false,
        quantisation: Quantisation::default(),
    }
}

fn symmetric(scales: Vec<f32>, dimension: i32) -> Quantisation {
    Quantisation { zero_points: vec![0; scales.len()], scales, dimension }
}

fn dimensions(shape: Shape) -> Vec<i32> {
    [1, shape.height, shape.width, shape.channels].map(|size| size as i32).to_vec()
}

fn window_options(size: Window, stride: Window, padding: Padding) -> WindowOptions {
    let pair = |window: Window| [window.height as i32, window.width as i32];
    WindowOptions {
        size: pair(size),
        stride: pair(stride),
        dilation: [1; 2],
        depth_multiplier: 0,
        padding: match padding {
            Padding::Same => 0,
            Padding::Valid => 1,
        },
    }
}

/// The schema's number of a fused activation.
const fn fused(activation: Activation) -> i8 {
    match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::Relu6 => 3,
    }
}
