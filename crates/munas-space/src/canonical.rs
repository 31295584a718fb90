//! The canonical form of an architecture for an input: settings without effect are normalised.
//!
//! Two architectures with equal canonical forms are the same network. What is normalised:
//!
//! | setting | becomes |
//! |---|---|
//! | kernel larger than its tensor | the tensor's size |
//! | stride, where the output is a single position | 1 |
//! | `same` padding that adds no zeros | `valid` |
//! | `conv` with kernel and stride 1 | `pointwise` |
//! | pre-pool of a single pixel | off |
//! | filters of the last layer of a branch | the channels of the block beside it |
//! | linear pointwise layer at the end of a branch, behind a depthwise one | left out: it is implied |
//! | order of blocks whose outputs are added | sorted |
//! | final pool larger than its tensor, or global | the smallest size with the same window |
//! | final pool of a single pixel | none |

use std::mem;

use munas_ir::{Activation, Padding, Shape, Window};

use crate::{
    Architecture, Block, Cnn, Layer, LayerKind, LayerOp, Pool,
    lower::{Axes, LayerSite, LoweredCnn, lower_cnn, pool_window},
};

impl Architecture {
    /// The canonical form for inputs of this shape. It is well-formed, but may lie outside the bounds of a
    /// space (a clipped kernel may be even), and is its own canonical form.
    ///
    /// Its graph has the parameters and shapes of the architecture's own graph, branches reordered; the MACs
    /// differ by those of a final pool over a single pixel.
    ///
    /// # Panics
    /// As [`Architecture::lower`].
    #[must_use]
    pub fn canonical(&self, input: Shape) -> Self {
        match self {
            Self::Cnn2d(cnn) => Self::Cnn2d(canonical_cnn(cnn, Axes::Both, input)),
            Self::Cnn1d(cnn) => Self::Cnn1d(canonical_cnn(cnn, Axes::Height, input)),
            Self::Mlp(mlp) => Self::Mlp(mlp.clone()),
        }
    }
}

fn canonical_cnn(cnn: &Cnn, axes: Axes, input: Shape) -> Cnn {
    let LoweredCnn { sites, pool_input, .. } = lower_cnn(cnn, axes, input, 1);
    let mut sites = sites.into_iter();
    let mut blocks = cnn.blocks.clone();
    for layer in blocks.iter_mut().flat_map(|block| &mut block.layers) {
        *layer = canonical_layer(*layer, &sites.next().expect("the lowering visits every layer"), axes);
    }
    for group in blocks.chunk_by_mut(|_, next| next.branch) {
        sort_group(group);
    }
    let pool = cnn.pool.and_then(|pool| canonical_pool(pool, axes, pool_input));
    Cnn { blocks, pool, dense: cnn.dense.clone() }
}

fn canonical_layer(layer: Layer, site: &LayerSite, axes: Axes) -> Layer {
    let pre_pool = layer.pre_pool && site.input != site.conv_input;
    let (Some(kernel), Some(stride), Some(padding)) = (site.op.kernel(), site.op.stride(), site.op.padding())
    else {
        return Layer { op: site.op, pre_pool, ..layer };
    };
    let window = axes.kernel(kernel, site.conv_input);
    let output = |stride, padding| convolved(site.conv_input, window, axes.stride(stride), padding);
    let adds_no_zeros = output(stride, padding) == output(stride, Padding::Valid);
    let padding = if adds_no_zeros { Padding::Valid } else { padding };
    let stride = if output(stride, padding) == output(1, padding) { 1 } else { stride };
    let op = match site.op {
        LayerOp::Conv { filters, .. } if window.height == 1 && stride == 1 => LayerOp::Pointwise { filters },
        op => op.with_kernel(window.height).with_stride(stride).with_padding(padding),
    };
    Layer { op, pre_pool, ..layer }
}

/// Output length and leading zeros of a convolution along both axes.
fn convolved(input: Shape, kernel: Window, stride: Window, padding: Padding) -> [Option<(usize, usize)>; 2] {
    [
        padding.along(input.height, kernel.height, stride.height),
        padding.along(input.width, kernel.width, stride.width),
    ]
}

/// Orders the blocks whose outputs are added: one that is not a branch, and the branches after it.
///
/// Branches may stand in any order. The first block may change places with a branch if it sets the number of
/// channels; one that ends with a depthwise layer does not, and as a branch it would be followed by a
/// projection.
fn sort_group(group: &mut [Block]) {
    let Some((trunk, branches)) = group.split_first_mut() else { return };
    if let Some(channels) = last_op(trunk).and_then(LayerOp::filters) {
        for branch in branches.iter_mut() {
            if last_op(branch).is_some_and(|op| op.kind() == LayerKind::Depthwise) {
                branch.layers.push(projection(channels));
            }
            if block_key(branch) < block_key(trunk) {
                mem::swap(&mut trunk.layers, &mut branch.layers);
            }
        }
    }
    for branch in branches.iter_mut() {
        if let [.., before, last] = branch.layers[..]
            && before.op.kind() == LayerKind::Depthwise
            && last.op.filters().is_some_and(|channels| last == projection(channels))
        {
            branch.layers.pop();
        }
    }
    branches.sort_by_cached_key(block_key);
}

fn last_op(block: &Block) -> Option<LayerOp> {
    block.layers.last().map(|layer| layer.op)
}

/// The layer that follows a branch which ends with a depthwise layer.
const fn projection(channels: usize) -> Layer {
    let op = LayerOp::Pointwise { filters: channels };
    Layer { op, pre_pool: false, batch_norm: false, activation: Activation::None }
}

/// A total order of blocks; equal only for blocks with the same layers.
fn block_key(block: &Block) -> Vec<[usize; 8]> {
    block.layers.iter().map(layer_key).collect()
}

fn layer_key(layer: &Layer) -> [usize; 8] {
    let op = layer.op;
    [
        op.kind() as usize,
        op.kernel().unwrap_or(0),
        op.filters().unwrap_or(0),
        op.stride().unwrap_or(0),
        usize::from(op.padding() == Some(Padding::Same)),
        usize::from(layer.pre_pool),
        usize::from(layer.batch_norm),
        layer.activation as usize,
    ]
}

fn canonical_pool(pool: Pool, axes: Axes, on: Shape) -> Option<Pool> {
    let (kind, window) = pool_window(pool, axes, on);
    if window.area() == 1 {
        return None;
    }
    let smallest = Pool::Window { kind, size: window.height.max(window.width) };
    Some(if pool_window(smallest, axes, on) == (kind, window) { smallest } else { pool })
}

#[cfg(test)]
mod tests;
