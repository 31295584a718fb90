//! The one lowering of an architecture to a graph.
//!
//! | term | meaning |
//! |---|---|
//! | trunk | input of the last block that is not a branch |
//! | pending | tensors to be merged: the outputs of that block and of the branches after it |
//! | merge | max-pool the larger tensors down by whole factors, then one Add (which zero-pads) |
//!
//! Every well-formed architecture lowers for every input of at least 1×1: kernels and pools are clipped to
//! the tensor before them.

use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
};

use crate::{Architecture, Block, Cnn, Layer, LayerOp, Pool};

/// Which spatial axes kernels, strides and pools act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axes {
    /// Height and width.
    Both,
    /// Height only (`cnn1d`).
    Height,
}

impl Axes {
    /// The kernel of `size` on a tensor, clipped to it; square where it acts on both axes.
    pub(crate) fn kernel(self, size: usize, on: Shape) -> Window {
        match self {
            Self::Both => Window::square(size.min(on.height).min(on.width)),
            Self::Height => Window::new(size.min(on.height), 1),
        }
    }

    /// The pooling window of `size` on a tensor, each axis clipped on its own.
    pub(crate) fn pool(self, size: usize, on: Shape) -> Window {
        match self {
            Self::Both => Window::new(size.min(on.height), size.min(on.width)),
            Self::Height => Window::new(size.min(on.height), 1),
        }
    }

    /// The step between output positions.
    pub(crate) const fn stride(self, stride: usize) -> Window {
        match self {
            Self::Both => Window::square(stride),
            Self::Height => Window::new(stride, 1),
        }
    }
}

impl Architecture {
    /// The network graph of the architecture for inputs of this shape. Its last operator is a dense layer
    /// with one unit per class, or one unit for two classes.
    ///
    /// # Panics
    /// If the input has no elements, if there are no classes, or if the architecture is not well-formed.
    pub fn lower(&self, input: Shape, classes: usize) -> Graph {
        match self {
            Self::Cnn2d(cnn) => lower_cnn(cnn, Axes::Both, input, classes).graph,
            Self::Cnn1d(cnn) => lower_cnn(cnn, Axes::Height, input, classes).graph,
            Self::Mlp(mlp) => {
                let mut network = Network::new(input);
                network.dense_layers(TensorId::INPUT, &mlp.dense, classes);
                network.finish()
            }
        }
    }
}

/// A lowered convolutional network with the shapes that its settings met on the way.
pub(crate) struct LoweredCnn {
    pub graph: Graph,
    /// One entry per layer, in the order of the blocks.
    pub sites: Vec<LayerSite>,
    /// What the final pool acts on.
    pub pool_input: Shape,
}

/// What a layer met when it was lowered.
pub(crate) struct LayerSite {
    /// The tensor that the layer reads.
    pub input: Shape,
    /// The tensor that its convolution reads: behind the pre-pool.
    pub conv_input: Shape,
    /// The convolution as it was lowered, output channels overridden where the block is a branch.
    pub op: LayerOp,
}

pub(crate) fn lower_cnn(cnn: &Cnn, axes: Axes, input: Shape, classes: usize) -> LoweredCnn {
    let mut network = Network::new(input);
    let mut sites = Vec::new();
    let mut pending = vec![TensorId::INPUT];
    let mut trunk = TensorId::INPUT;
    for block in &cnn.blocks {
        if block.branch {
            let channels = network.shape(pending[0]).channels;
            let output = network.branch(trunk, block, channels, axes, &mut sites);
            pending.push(output);
        } else {
            trunk = network.merge(&pending);
            let output =
                block.layers.iter().fold(trunk, |x, layer| network.layer(x, *layer, axes, &mut sites));
            pending = vec![output];
            if block.residual {
                let channels = network.shape(output).channels;
                pending.push(network.project(trunk, channels));
            }
        }
    }
    let merged = network.merge(&pending);
    let pool_input = network.shape(merged);
    let pooled = match cnn.pool {
        None => merged,
        Some(pool) => {
            let (kind, window) = pool_window(pool, axes, pool_input);
            network.push(Op::Pool { kind, window }, &[merged])
        }
    };
    network.dense_layers(pooled, &cnn.dense, classes);
    LoweredCnn { graph: network.finish(), sites, pool_input }
}

/// What the final pool becomes on a tensor.
pub(crate) fn pool_window(pool: Pool, axes: Axes, on: Shape) -> (PoolKind, Window) {
    match pool {
        Pool::Window { kind, size } => (kind, axes.pool(size, on)),
        Pool::GlobalAvg => (PoolKind::Avg, Window::new(on.height, on.width)),
    }
}

/// A graph under construction, from operators that fit by construction.
struct Network {
    builder: GraphBuilder,
}

impl Network {
    fn new(input: Shape) -> Self {
        Self { builder: GraphBuilder::new(input).expect("the caller gives an input with elements") }
    }

    fn finish(self) -> Graph {
        self.builder.finish().expect("the lowering reads every tensor")
    }

    fn shape(&self, tensor: TensorId) -> Shape {
        self.builder.shape(tensor)
    }

    fn push(&mut self, op: Op, inputs: &[TensorId]) -> TensorId {
        self.builder.push(op, inputs).expect("the lowering clips every operator to its input")
    }

    /// A branch ends with as many channels as the block beside it.
    fn branch(
        &mut self,
        trunk: TensorId,
        block: &Block,
        channels: usize,
        axes: Axes,
        sites: &mut Vec<LayerSite>,
    ) -> TensorId {
        let (last, before) = block.layers.split_last().expect("a well-formed block has layers");
        let x = before.iter().fold(trunk, |x, layer| self.layer(x, *layer, axes, sites));
        let last = Layer { op: last.op.with_filters(channels), ..*last };
        let x = self.layer(x, last, axes, sites);
        match last.op {
            LayerOp::Conv { .. } | LayerOp::Pointwise { .. } => x,
            LayerOp::Depthwise { .. } => self.pointwise(x, channels, false, Activation::None),
        }
    }

    fn layer(&mut self, input: TensorId, layer: Layer, axes: Axes, sites: &mut Vec<LayerSite>) -> TensorId {
        let x = if layer.pre_pool { self.max_pool(input, axes.pool(2, self.shape(input))) } else { input };
        let shape = self.shape(x);
        sites.push(LayerSite { input: self.shape(input), conv_input: shape, op: layer.op });
        let Layer { batch_norm, activation, .. } = layer;
        let op = match layer.op {
            LayerOp::Pointwise { filters } => return self.pointwise(x, filters, batch_norm, activation),
            LayerOp::Conv { kernel, filters, stride, padding } => Op::Conv2d {
                filters,
                attributes: ConvAttributes {
                    kernel: axes.kernel(kernel, shape),
                    stride: axes.stride(stride),
                    padding,
                    batch_norm,
                    activation,
                },
            },
            LayerOp::Depthwise { kernel, stride, padding } => Op::DepthwiseConv2d(ConvAttributes {
                kernel: axes.kernel(kernel, shape),
                stride: axes.stride(stride),
                padding,
                batch_norm,
                activation,
            }),
        };
        self.push(op, &[x])
    }

    fn pointwise(
        &mut self,
        x: TensorId,
        filters: usize,
        batch_norm: bool,
        activation: Activation,
    ) -> TensorId {
        let window = Window::square(1);
        let padding = Padding::Valid;
        self.push(
            Op::Conv2d {
                filters,
                attributes: ConvAttributes {
                    kernel: window,
                    stride: window,
                    padding,
                    batch_norm,
                    activation,
                },
            },
            &[x],
        )
    }

    /// The tensor itself where it has these channels, else a linear 1×1 convolution of it.
    fn project(&mut self, x: TensorId, channels: usize) -> TensorId {
        if self.shape(x).channels == channels {
            return x;
        }
        self.pointwise(x, channels, false, Activation::None)
    }

    /// Pools by `window`; a window of one element is left out.
    fn max_pool(&mut self, x: TensorId, window: Window) -> TensorId {
        if window.area() == 1 {
            return x;
        }
        self.push(Op::Pool { kind: PoolKind::Max, window }, &[x])
    }

    fn merge(&mut self, pending: &[TensorId]) -> TensorId {
        if let &[only] = pending {
            return only;
        }
        let shapes: Vec<Shape> = pending.iter().map(|&x| self.shape(x)).collect();
        let height = shapes.iter().map(|shape| shape.height).min().expect("a merge has tensors");
        let width = shapes.iter().map(|shape| shape.width).min().expect("a merge has tensors");
        let factors = shapes.iter().map(|shape| {
            Window::new(round_half_even(shape.height, height), round_half_even(shape.width, width))
        });
        let pooled: Vec<TensorId> =
            pending.iter().zip(factors).map(|(&x, factor)| self.max_pool(x, factor)).collect();
        self.push(Op::Add, &pooled)
    }

    fn dense_layers(&mut self, x: TensorId, hidden: &[usize], classes: usize) {
        let hidden = hidden.iter().map(|&units| (units, Activation::Relu));
        let units = if classes == 2 { 1 } else { classes };
        hidden
            .chain([(units, Activation::None)])
            .fold(x, |x, (units, activation)| self.push(Op::Dense { units, activation }, &[x]));
    }
}

/// `round(numerator / denominator)`, halves to even.
const fn round_half_even(numerator: usize, denominator: usize) -> usize {
    let (quotient, remainder) = (numerator / denominator, numerator % denominator);
    let above_half = 2 * remainder > denominator || (2 * remainder == denominator && quotient % 2 == 1);
    quotient + above_half as usize
}

#[cfg(test)]
mod tests;
