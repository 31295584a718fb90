//! From a graph to the layers that are executed.
//!
//! A layer does one thing that has a kernel: batch norm stands apart from its convolution, dropout from its dense
//! layer, a mask of channels from both. The activation belongs to the last layer of an operator. A max pooling behind a
//! batch norm is one layer with it where nothing else reads what is between them.

use munas_ir::{Activation, Graph, Op, OpId, PoolKind, Shape, TensorId, Window};
use munas_kernels::{
    self as kernels, BatchNormGeometry, ConvGeometry, DenseGeometry, LANES, PadGeometry, PoolGeometry,
};

use crate::parameters::{AffineRanges, NormRanges, ParameterLayout};
use crate::pruning::ChannelMask;

/// A tensor in lanes: an activation, its gradient having the same size, or a dropout mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueId(u32);

impl ValueId {
    /// The network's input.
    pub const INPUT: Self = Self(0);

    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a layer computes, with everything about it that is fixed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operator {
    Affine(Affine),
    BatchNorm(BatchNorm),
    MaxPool(PoolGeometry),
    AvgPool(PoolGeometry),
    /// One geometry per input.
    Add(Vec<PadGeometry>),
    /// Multiplies by a mask that is drawn before the forward pass.
    Dropout {
        mask: ValueId,
    },
    /// Rounds to the representable values of a tensor of the graph.
    FakeQuantise {
        tensor: TensorId,
        /// Whether the values are the tensor's, rather than those of another one that is rounded alike.
        observes: bool,
    },
    /// Zeroes the masked channels. Its gradient passes as if none were.
    ChannelMask(ChannelMask),
}

/// A layer with a kernel and a bias.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub geometry: AffineGeometry,
    pub ranges: AffineRanges,
    pub activation: Activation,
    /// Computed along with the output where a batch norm follows.
    pub statistics: Option<Statistics>,
}

/// A batch norm. The statistics come from the layer before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BatchNorm {
    pub geometry: BatchNormGeometry,
    pub ranges: NormRanges,
    pub activation: Activation,
    /// A max pooling of the output that nothing else reads; the layer then writes only what is pooled.
    pub pool: Option<PoolGeometry>,
}

/// The statistics that a batch norm needs of its input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statistics {
    /// Position of the batch norm among those of the network.
    pub norm: usize,
    pub geometry: BatchNormGeometry,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AffineGeometry {
    Conv(ConvGeometry),
    Depthwise(ConvGeometry),
    Dense(DenseGeometry),
}

impl AffineGeometry {
    /// The operator as the kernels take it.
    pub fn convolution(&self) -> kernels::Convolution {
        match self {
            Self::Conv(geometry) => kernels::Convolution::full(geometry),
            Self::Depthwise(geometry) => kernels::Convolution::depthwise(geometry),
            Self::Dense(geometry) => kernels::Convolution::dense(geometry),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub operator: Operator,
    pub inputs: Vec<ValueId>,
    pub output: ValueId,
}

impl Operator {
    /// Whether the backward pass reads the layer's inputs (rather than only their sizes).
    pub fn backward_reads_inputs(&self) -> bool {
        matches!(self, Self::Affine(_) | Self::BatchNorm(_) | Self::MaxPool(_) | Self::FakeQuantise { .. })
    }

    /// Whether the backward pass reads the layer's output.
    pub fn backward_reads_output(&self) -> bool {
        match self {
            Self::Affine(affine) => !affine.activation.is_identity(),
            Self::MaxPool(_) => true,
            Self::BatchNorm(_)
            | Self::AvgPool(_)
            | Self::Add(_)
            | Self::Dropout { .. }
            | Self::FakeQuantise { .. }
            | Self::ChannelMask(_) => false,
        }
    }

    /// Whether the layer has trained parameters.
    pub fn is_trained(&self) -> bool {
        matches!(self, Self::Affine(_) | Self::BatchNorm(_))
    }
}

/// A graph as layers over values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lowered {
    pub layers: Vec<Layer>,
    /// Elements of one block of each value.
    pub block_lens: Vec<usize>,
    pub logits: ValueId,
}

/// Layers of a training that the graph does not have.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    /// A dropout layer before each hidden dense layer.
    pub dropout: bool,
    /// The operators that get a channel mask behind them; none where it is empty.
    pub maskable: Vec<bool>,
    /// Fake quantisation behind the input and each operator that computes new values.
    pub fake_quantisation: bool,
}

/// Lowers `graph` with `extras`.
pub(super) fn lower(graph: &Graph, layout: &ParameterLayout, extras: Extras) -> Lowered {
    let (with_dropout, quantised) = (extras.dropout, extras.fake_quantisation);
    let mut lowering = Lowering { layers: Vec::new(), block_lens: Vec::new(), maskable: extras.maskable };
    // The value of each tensor of the graph.
    let mut values = vec![lowering.value(graph.input_shape().elements())];
    if quantised {
        values[0] = lowering.fake_quantise(graph, TensorId::INPUT, values[0]);
    }
    for (op, node) in graph.ops() {
        let inputs = node.inputs.iter().map(|tensor| values[tensor.index()]).collect();
        let is_hidden = op.output() != graph.output();
        let dropout = with_dropout && is_hidden && matches!(node.op, Op::Dense { .. });
        let inputs = if dropout { lowering.drop_inputs(inputs) } else { inputs };
        let value = lowering.operator(graph, op, layout, inputs);
        let is_max = matches!(node.op, Op::Pool { kind: PoolKind::Max, .. });
        values.push(if quantised && !is_max {
            lowering.fake_quantise(graph, op.output(), value)
        } else {
            value
        });
    }
    let logits = values[graph.output().index()];
    Lowered { layers: lowering.layers, block_lens: lowering.block_lens, logits }
}

struct Lowering {
    layers: Vec<Layer>,
    block_lens: Vec<usize>,
    maskable: Vec<bool>,
}

impl Lowering {
    fn value(&mut self, elements: usize) -> ValueId {
        self.block_lens.push(elements * LANES);
        ValueId(u32::try_from(self.block_lens.len() - 1).expect("a network has fewer than 2^32 tensors"))
    }

    fn layer(&mut self, operator: Operator, inputs: Vec<ValueId>, elements: usize) -> ValueId {
        let output = self.value(elements);
        self.layers.push(Layer { operator, inputs, output });
        output
    }

    fn fake_quantise(&mut self, graph: &Graph, values_of: TensorId, value: ValueId) -> ValueId {
        let tensor = graph.quantised_as(values_of);
        let operator = Operator::FakeQuantise { tensor, observes: tensor == values_of };
        self.layer(operator, vec![value], graph.shape(values_of).elements())
    }

    fn drop_inputs(&mut self, inputs: Vec<ValueId>) -> Vec<ValueId> {
        let elements = self.block_lens[inputs[0].index()] / LANES;
        let mask = self.value(elements);
        vec![self.layer(Operator::Dropout { mask }, inputs, elements)]
    }

    fn operator(
        &mut self,
        graph: &Graph,
        op: OpId,
        layout: &ParameterLayout,
        inputs: Vec<ValueId>,
    ) -> ValueId {
        let node = graph.node(op);
        let (input, output) = (graph.first_input_shape(op), graph.output_shape(op));
        let pool = |window: Window| PoolGeometry::new(chw(input), [window.height, window.width]);
        let operator = match node.op {
            Op::Pool { kind: PoolKind::Max, window } => {
                let geometry = pool(window);
                if self.pool_in_norm(graph, node.inputs[0], inputs[0], geometry) {
                    return inputs[0];
                }
                Operator::MaxPool(geometry)
            }
            Op::Pool { kind: PoolKind::Avg, window } => Operator::AvgPool(pool(window)),
            Op::Add => {
                let summands = node.inputs.iter().map(|&tensor| graph.shape(tensor));
                Operator::Add(summands.map(|summand| pad_geometry(summand, output)).collect())
            }
            Op::Conv2d { .. } => {
                let geometry = AffineGeometry::Conv(conv_geometry(graph, op));
                return self.affine(geometry, graph, op, layout, inputs);
            }
            Op::DepthwiseConv2d { .. } => {
                let geometry = AffineGeometry::Depthwise(conv_geometry(graph, op));
                return self.affine(geometry, graph, op, layout, inputs);
            }
            Op::Dense { units, .. } => {
                let geometry = DenseGeometry { features: input.elements(), units };
                return self.affine(AffineGeometry::Dense(geometry), graph, op, layout, inputs);
            }
        };
        self.layer(operator, inputs, output.elements())
    }

    /// Moves `pool` into the batch norm that computes `value`, the value of `tensor`, if it is one whose output nothing else
    /// reads. Returns whether it is. A channel mask behind the batch norm comes to stand behind both: a channel of zeros
    /// is one before and after pooling.
    fn pool_in_norm(&mut self, graph: &Graph, tensor: TensorId, value: ValueId, pool: PoolGeometry) -> bool {
        let readers = graph.ops().filter(|(_, node)| node.inputs.contains(&tensor)).count();
        let Some(last) = self.layers.iter().position(|layer| layer.output == value) else { return false };
        let is_mask = matches!(self.layers[last].operator, Operator::ChannelMask(_));
        // A mask stands directly behind its operator.
        let Some(norm) = last.checked_sub(usize::from(is_mask)) else { return false };
        let Operator::BatchNorm(batch_norm) = &mut self.layers[norm].operator else { return false };
        if readers != 1 {
            return false;
        }
        batch_norm.pool = Some(pool);
        if let Operator::ChannelMask(mask) = &mut self.layers[last].operator {
            mask.pixels = pool.out_height * pool.out_width;
        }
        for layer in [norm, last] {
            self.block_lens[self.layers[layer].output.index()] = pool.output_block();
        }
        true
    }

    fn affine(
        &mut self,
        geometry: AffineGeometry,
        graph: &Graph,
        op: OpId,
        layout: &ParameterLayout,
        inputs: Vec<ValueId>,
    ) -> ValueId {
        let output = graph.output_shape(op);
        let ranges = layout.layer(op).expect("an affine operator has parameters");
        let activation = graph.node(op).op.activation();
        let is_masked = self.maskable.get(op.index()) == Some(&true);
        let mask =
            is_masked.then(|| ChannelMask { bias: ranges.affine.bias.clone(), pixels: output.pixels() });
        let norm = ranges.norm.as_ref().map(|ranges| BatchNorm {
            geometry: BatchNormGeometry { channels: output.channels, pixels: output.pixels() },
            ranges: ranges.clone(),
            activation,
            pool: None,
        });
        let affine = Affine {
            geometry,
            ranges: ranges.affine.clone(),
            activation: if norm.is_none() { activation } else { Activation::None },
            statistics: norm
                .as_ref()
                .map(|norm| Statistics { norm: norm.ranges.index, geometry: norm.geometry }),
        };
        let mut value = self.layer(Operator::Affine(affine), inputs, output.elements());
        if let Some(norm) = norm {
            value = self.layer(Operator::BatchNorm(norm), vec![value], output.elements());
        }
        match mask {
            Some(mask) => self.layer(Operator::ChannelMask(mask), vec![value], output.elements()),
            None => value,
        }
    }
}

/// The kernels' order of a shape: channels, rows, columns.
fn chw(shape: Shape) -> [usize; 3] {
    [shape.channels, shape.height, shape.width]
}

fn conv_geometry(graph: &Graph, op: OpId) -> ConvGeometry {
    graph.windows(op).expect("a convolution has windows").into()
}

fn pad_geometry(input: Shape, output: Shape) -> PadGeometry {
    PadGeometry {
        channels: output.channels,
        in_height: input.height,
        in_width: input.width,
        out_height: output.height,
        out_width: output.width,
    }
}
