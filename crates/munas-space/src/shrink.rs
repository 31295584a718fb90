//! Architectures of a given size: widths scaled together, the smallest of a space, and changes that make one smaller.

use munas_ir::PoolKind;
use rand::{Rng, RngExt};

use crate::morphism::remove_block;
use crate::{Architecture, Cnn, CnnBounds, Layer, LayerKind, LayerOp, Mlp, MlpBounds, Pool, Range, Space};

impl Space {
    /// The architecture with all its filters and hidden units multiplied by `factor`, rounded, within the bounds.
    ///
    /// # Panics
    /// For an architecture of another kind.
    #[must_use]
    pub fn scaled(&self, architecture: &Architecture, factor: f64) -> Architecture {
        let mut scaled = architecture.clone();
        match (self, &mut scaled) {
            (Self::Cnn2d(bounds), Architecture::Cnn2d(cnn))
            | (Self::Cnn1d(bounds), Architecture::Cnn1d(cnn)) => {
                for layer in cnn.blocks.iter_mut().flat_map(|block| &mut block.layers) {
                    if let Some(filters) = layer.op.filters() {
                        layer.op = layer.op.with_filters(times(filters, factor, bounds.filters));
                    }
                }
                cnn.dense.iter_mut().for_each(|units| *units = times(*units, factor, bounds.units));
            }
            (Self::Mlp(bounds), Architecture::Mlp(mlp)) => {
                mlp.dense.iter_mut().for_each(|units| *units = times(*units, factor, bounds.units));
            }
            _ => panic!("an architecture of kind {} in a space of kind {}", architecture.kind(), self.kind()),
        }
        scaled
    }

    /// Architectures of which one or the other takes about as little as any of the space: the narrowest layers, which shrink their
    /// input as far as the bounds allow, in ever more blocks or, for an mlp, layers. More of them can take less, since dense layers
    /// behind them have fewer inputs.
    pub fn smallest(&self) -> Vec<Architecture> {
        match self {
            Self::Cnn2d(bounds) => {
                smallest_cnns(bounds, largest_pool(bounds)).map(Architecture::Cnn2d).collect()
            }
            Self::Cnn1d(bounds) => {
                smallest_cnns(bounds, largest_pool(bounds)).map(Architecture::Cnn1d).collect()
            }
            Self::Mlp(MlpBounds { dense, units, .. }) => (dense.min..=dense.max.min(dense.min + 1))
                .map(|layers| Architecture::Mlp(Mlp { dense: vec![units.min; layers] }))
                .collect(),
        }
    }

    /// Architectures of which one or the other takes about as little memory as any of the space where it runs in rows: those of
    /// [`smallest`](Self::smallest), and the same without a final pool, whose sums take more than rows do.
    pub fn smallest_in_rows(&self) -> Vec<Architecture> {
        let mut smallest = self.smallest();
        match self {
            Self::Cnn2d(bounds) => smallest.extend(smallest_cnns(bounds, None).map(Architecture::Cnn2d)),
            Self::Cnn1d(bounds) => smallest.extend(smallest_cnns(bounds, None).map(Architecture::Cnn1d)),
            Self::Mlp(_) => {}
        }
        smallest
    }

    /// The architecture after one random change of its structure that makes it smaller: an earlier stride or pool, a smaller
    /// kernel, a larger final pool, a layer, block or dense layer less. `None` if there is none within the bounds.
    ///
    /// # Panics
    /// For an architecture of another kind.
    pub fn shrunk(&self, architecture: &Architecture, rng: &mut (impl Rng + ?Sized)) -> Option<Architecture> {
        match (self, architecture) {
            (Self::Cnn2d(bounds), Architecture::Cnn2d(cnn)) => {
                shrunk_cnn(cnn, bounds, rng).map(Architecture::Cnn2d)
            }
            (Self::Cnn1d(bounds), Architecture::Cnn1d(cnn)) => {
                shrunk_cnn(cnn, bounds, rng).map(Architecture::Cnn1d)
            }
            (Self::Mlp(bounds), Architecture::Mlp(mlp)) => {
                let mut dense = mlp.dense.clone();
                if dense.len() <= bounds.dense.min {
                    return None;
                }
                dense.remove(rng.random_range(0..dense.len()));
                Some(Architecture::Mlp(Mlp { dense }))
            }
            _ => panic!("an architecture of kind {} in a space of kind {}", architecture.kind(), self.kind()),
        }
    }
}

fn times(width: usize, factor: f64, range: Range) -> usize {
    ((width as f64 * factor).round() as usize).clamp(range.min, range.max)
}

/// So many blocks of stride and pooling leave one pixel of any input.
const SHRINKING_BLOCKS: usize = 6;

fn smallest_cnns(bounds: &CnnBounds, pool: Option<Pool>) -> impl Iterator<Item = Cnn> + '_ {
    let blocks = bounds.blocks.min..=bounds.blocks.max.min(bounds.blocks.min + SHRINKING_BLOCKS);
    // The first layer decides the peak of memory: a pool before it has its own output beside that of the layer, where a large kernel
    // without padding leaves less at once, but has more parameters.
    blocks.flat_map(move |blocks| {
        let layers = shrinking_layers(bounds);
        let pairs = layers.clone().into_iter().flat_map(move |first| {
            let rest = [layers.first(), layers.last()].map(|rest| rest.copied().unwrap_or(first));
            rest.map(|rest| (first, rest))
        });
        pairs.map(move |(first, rest)| Cnn { pool, ..shrinking_cnn(bounds, blocks, first, rest) })
    })
}

/// The narrowest layers that shrink their input: with a pool before them or without, with the smallest and the largest kernel; that
/// with the fewest parameters comes first, that with the smallest output last.
fn shrinking_layers(bounds: &CnnBounds) -> Vec<Layer> {
    let stride = bounds.strides.last().copied().unwrap_or(1);
    let kernels = [bounds.kernels.first(), bounds.kernels.last()].map(|kernel| kernel.copied().unwrap_or(1));
    let windows =
        kernels.into_iter().flat_map(|kernel| bounds.padding.iter().map(move |&padding| (kernel, padding)));
    let filters = bounds.filters.min;
    let ops = [LayerKind::Pointwise, LayerKind::Depthwise, LayerKind::Conv].into_iter();
    let ops = ops.filter(|kind| bounds.ops.contains(kind)).flat_map(|kind| -> Vec<LayerOp> {
        let windows = windows.clone();
        match kind {
            LayerKind::Pointwise => vec![LayerOp::Pointwise { filters }],
            LayerKind::Depthwise => {
                windows.map(|(kernel, padding)| LayerOp::Depthwise { kernel, stride, padding }).collect()
            }
            LayerKind::Conv => {
                windows.map(|(kernel, padding)| LayerOp::Conv { kernel, filters, stride, padding }).collect()
            }
        }
    });
    let ops: Vec<LayerOp> = ops.collect();
    let activation = bounds.activations[0];
    let layer =
        |pre_pool: bool| move |op: &LayerOp| Layer { op: *op, pre_pool, batch_norm: false, activation };
    let pooled = ops.iter().map(layer(true));
    let mut layers: Vec<Layer> = pooled.chain(ops.iter().map(layer(false))).collect();
    layers.dedup();
    layers
}

fn shrinking_cnn(bounds: &CnnBounds, blocks: usize, first: Layer, rest: Layer) -> Cnn {
    let mut layers = std::iter::once(first).chain(std::iter::repeat(rest));
    let block = |_| crate::Block {
        branch: false,
        residual: false,
        layers: layers.by_ref().take(bounds.layers.min).collect(),
    };
    Cnn {
        blocks: (0..blocks).map(block).collect(),
        pool: largest_pool(bounds),
        dense: vec![bounds.units.min; bounds.dense.min],
    }
}

/// The final pool that leaves least.
fn largest_pool(bounds: &CnnBounds) -> Option<Pool> {
    let window = || {
        let kinds = [PoolKind::Avg, PoolKind::Max];
        let kind = kinds.into_iter().find(|kind| bounds.pool_kinds.contains(kind))?;
        Some(Pool::Window { kind, size: *bounds.pool_sizes.last()? })
    };
    if bounds.global_pool { Some(Pool::GlobalAvg) } else { window() }
}

/// A change that makes a convolutional network smaller.
enum Shrink {
    SetLayer { block: usize, layer: usize, to: Layer },
    RemoveLayer { block: usize, layer: usize },
    RemoveBlock { block: usize },
    RemoveDense { dense: usize },
    SetPool { to: Pool },
}

fn shrunk_cnn(cnn: &Cnn, bounds: &CnnBounds, rng: &mut (impl Rng + ?Sized)) -> Option<Cnn> {
    let mut shrinks = shrinks(cnn, bounds);
    if shrinks.is_empty() {
        return None;
    }
    let mut cnn = cnn.clone();
    match shrinks.swap_remove(rng.random_range(0..shrinks.len())) {
        Shrink::SetLayer { block, layer, to } => cnn.blocks[block].layers[layer] = to,
        Shrink::RemoveLayer { block, layer } => drop(cnn.blocks[block].layers.remove(layer)),
        Shrink::RemoveBlock { block } => remove_block(&mut cnn.blocks, block),
        Shrink::RemoveDense { dense } => drop(cnn.dense.remove(dense)),
        Shrink::SetPool { to } => cnn.pool = Some(to),
    }
    Some(cnn)
}

fn shrinks(cnn: &Cnn, bounds: &CnnBounds) -> Vec<Shrink> {
    let mut shrinks = Vec::new();
    // The earlier a network shrinks its input, the more layers gain by it.
    let mut may_pool = true;
    let mut may_stride = true;
    for (block, layers) in cnn.blocks.iter().map(|block| &block.layers).enumerate() {
        for (layer, &from) in layers.iter().enumerate() {
            let mut set = |to: Layer| shrinks.push(Shrink::SetLayer { block, layer, to });
            if may_pool && !from.pre_pool {
                set(Layer { pre_pool: true, ..from });
                may_pool = false;
            }
            let larger_stride =
                from.op.stride().and_then(|stride| bounds.strides.iter().find(|&&to| to > stride));
            if let Some(&stride) = larger_stride.filter(|_| may_stride) {
                set(Layer { op: from.op.with_stride(stride), ..from });
                may_stride = false;
            }
            let kernel = from.op.kernel();
            if let Some(&kernel) =
                kernel.and_then(|kernel| bounds.kernels.iter().rev().find(|&&to| to < kernel))
            {
                set(Layer { op: from.op.with_kernel(kernel), ..from });
            }
        }
        if layers.len() > bounds.layers.min {
            shrinks.extend((0..layers.len()).map(|layer| Shrink::RemoveLayer { block, layer }));
        }
    }
    if cnn.blocks.len() > bounds.blocks.min {
        shrinks.extend((0..cnn.blocks.len()).map(|block| Shrink::RemoveBlock { block }));
    }
    if cnn.dense.len() > bounds.dense.min {
        shrinks.extend((0..cnn.dense.len()).map(|dense| Shrink::RemoveDense { dense }));
    }
    if let Some(to) = largest_pool(bounds).filter(|to| cnn.pool != Some(*to)) {
        shrinks.push(Shrink::SetPool { to });
    }
    shrinks
}

#[cfg(test)]
mod tests;
