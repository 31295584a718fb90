//! Parameters of a network in the layouts that the kernels compute in.
//!
//! All trained parameters lie in one flat buffer, so that an optimiser step, a gradient norm or a mask is one loop
//! over slices; a [`ParameterLayout`] says where each tensor is. Gradients and optimiser moments use the same
//! layout. Tensors start at multiples of [`LANES`] elements; the elements between them stay zero.
//!
//! | tensor | here | in `munas_ir::Weights` |
//! |---|---|---|
//! | Conv2d kernel | `[filters][in_channels][kernel_h][kernel_w]` | `[filters][kernel_h][kernel_w][in_channels]` |
//! | DepthwiseConv2d kernel | `[channels][kernel_h][kernel_w]` | `[kernel_h][kernel_w][channels]` |
//! | Dense kernel | `[units][features in (c, h, w) order]` | `[units][features in (h, w, c) order]` |
//! | bias, γ, β | `[outputs]` | `[outputs]` |
//! | moving mean, moving variance | `[outputs]`, in a buffer of their own: they are not trained | `[outputs]` |

mod convert;
mod initialise;
mod quantise;

use std::ops::Range;

use munas_ir::{Graph, OpId};
use munas_kernels::{AlignedBuffer, LANES};

pub(crate) use quantise::fake_quantise;

/// Where the kernel and bias of a layer are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AffineRanges {
    pub kernel: Range<usize>,
    pub bias: Range<usize>,
}

/// Where the batch norm of a layer is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NormRanges {
    /// Position of this batch norm among those of the network.
    pub index: usize,
    /// Scale, among the trained parameters.
    pub gamma: Range<usize>,
    /// Offset, among the trained parameters.
    pub beta: Range<usize>,
    /// Moving mean, among the moving statistics.
    pub mean: Range<usize>,
    /// Moving biased variance, among the moving statistics.
    pub variance: Range<usize>,
}

/// Where the parameters of one operator are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LayerRanges {
    pub affine: AffineRanges,
    pub norm: Option<NormRanges>,
}

/// Where the parameters of each operator of a graph are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParameterLayout {
    layers: Vec<Option<LayerRanges>>,
    parameters: usize,
    moving: usize,
}

impl ParameterLayout {
    pub fn new(graph: &Graph) -> Self {
        let (mut parameters, mut moving, mut norms) = (0, 0, 0);
        let layers = graph.ops().map(|(op, _)| {
            let dims = graph.weight_dims(op)?;
            let mut take = |len| take_aligned(&mut parameters, len);
            let affine = AffineRanges { kernel: take(dims.kernel_len()), bias: take(dims.outputs) };
            let norm = dims.batch_norm.then(|| {
                norms += 1;
                NormRanges {
                    index: norms - 1,
                    gamma: take(dims.outputs),
                    beta: take(dims.outputs),
                    mean: take_aligned(&mut moving, dims.outputs),
                    variance: take_aligned(&mut moving, dims.outputs),
                }
            });
            Some(LayerRanges { affine, norm })
        });
        let layers = layers.collect();
        Self { layers, parameters, moving }
    }

    /// The ranges of an operator; `None` for pooling and Add.
    pub fn layer(&self, op: OpId) -> Option<&LayerRanges> {
        self.layers[op.index()].as_ref()
    }

    /// The ranges of all operators that have parameters.
    pub fn layers(&self) -> impl Iterator<Item = &LayerRanges> {
        self.layers.iter().flatten()
    }

    /// Elements of the flat buffer of trained parameters.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Elements of the flat buffer of moving statistics.
    pub fn moving(&self) -> usize {
        self.moving
    }
}

/// The next `len` elements, from a multiple of [`LANES`] on.
fn take_aligned(end: &mut usize, len: usize) -> Range<usize> {
    let start = *end;
    *end = (start + len).next_multiple_of(LANES);
    start..start + len
}

/// The values of a network's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    /// Kernels, biases, γ and β: what gradients are taken by.
    pub trained: AlignedBuffer,
    /// Moving statistics of the batch norms.
    pub moving: AlignedBuffer,
}

impl Parameters {
    /// Buffers of the layout's lengths, all zero.
    pub fn zeroed(layout: &ParameterLayout) -> Self {
        Self {
            trained: AlignedBuffer::zeroed(layout.parameters),
            moving: AlignedBuffer::zeroed(layout.moving),
        }
    }
}
