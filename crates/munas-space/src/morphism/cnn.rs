//! Morphisms of the convolutional spaces.

use munas_ir::{Activation, PoolKind};
use rand::{Rng, RngExt};

use super::{neighbours, stepped, unit_changes};
use crate::{Block, Cnn, CnnBounds, Layer, LayerKind, Pool};

const FILTER_STEPS: &[isize] = &[-5, -3, -1, 1, 3, 5];
const UNIT_STEPS: &[isize] = &[-5, -3, -1, 1, 3, 5];

/// One morphism of a convolutional network.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CnnMorphism {
    RemoveRandomBlock,
    AppendRandomBlock,
    FlipBranch { block: usize },
    FlipResidual { block: usize },
    RemoveBlock { block: usize },
    RemoveRandomLayer { block: usize },
    InsertRandomLayer { block: usize },
    SetLayer { block: usize, layer: usize, to: Layer },
    RedrawLayer { block: usize, layer: usize, to: LayerKind },
    AddRandomPool,
    SetPool { to: Option<Pool> },
    RemoveRandomDense,
    AppendRandomDense,
    SetUnits { dense: usize, units: usize },
}

impl CnnMorphism {
    /// Every morphism that applies.
    pub(crate) fn all(cnn: &Cnn, bounds: &CnnBounds) -> Vec<Self> {
        let mut morphisms = Vec::new();
        let may_remove_blocks = cnn.blocks.len() > bounds.blocks.min;
        if may_remove_blocks {
            morphisms.push(Self::RemoveRandomBlock);
        }
        if cnn.blocks.len() < bounds.blocks.max {
            morphisms.push(Self::AppendRandomBlock);
        }
        for (index, block) in cnn.blocks.iter().enumerate() {
            block_morphisms(index, block, may_remove_blocks, bounds, &mut morphisms);
        }
        pool_morphisms(cnn.pool, bounds, &mut morphisms);
        if cnn.dense.len() > bounds.dense.min {
            morphisms.push(Self::RemoveRandomDense);
        }
        if cnn.dense.len() < bounds.dense.max {
            morphisms.push(Self::AppendRandomDense);
        }
        let changes = unit_changes(&cnn.dense, bounds.units, UNIT_STEPS);
        morphisms.extend(changes.map(|(dense, units)| Self::SetUnits { dense, units }));
        morphisms
    }

    /// The parent with this change, drawn with `rng` where the bounds leave a choice.
    pub(crate) fn apply(self, parent: &Cnn, bounds: &CnnBounds, rng: &mut (impl Rng + ?Sized)) -> Cnn {
        let mut cnn = parent.clone();
        match self {
            Self::RemoveRandomBlock => {
                let block = rng.random_range(0..cnn.blocks.len());
                remove_block(&mut cnn.blocks, block);
            }
            Self::AppendRandomBlock => {
                cnn.blocks.push(bounds.sample_block(false, bounds.layers.min, rng));
            }
            Self::FlipBranch { block } => {
                let block = &mut cnn.blocks[block];
                block.branch = !block.branch;
                block.residual = false;
            }
            Self::FlipResidual { block } => cnn.blocks[block].residual = !cnn.blocks[block].residual,
            Self::RemoveBlock { block } => remove_block(&mut cnn.blocks, block),
            Self::RemoveRandomLayer { block } => {
                let layers = &mut cnn.blocks[block].layers;
                layers.remove(rng.random_range(0..layers.len()));
            }
            Self::InsertRandomLayer { block } => {
                let layers = &mut cnn.blocks[block].layers;
                let position = rng.random_range(0..=layers.len());
                layers.insert(position, bounds.sample_layer(rng));
            }
            Self::SetLayer { block, layer, to } => cnn.blocks[block].layers[layer] = to,
            Self::RedrawLayer { block, layer, to } => {
                cnn.blocks[block].layers[layer] = bounds.sample_layer_of(to, rng);
            }
            Self::AddRandomPool => cnn.pool = bounds.sample_pool(rng),
            Self::SetPool { to } => cnn.pool = to,
            Self::RemoveRandomDense => {
                cnn.dense.remove(rng.random_range(0..cnn.dense.len()));
            }
            Self::AppendRandomDense => cnn.dense.push(bounds.widths.draw(bounds.units, rng)),
            Self::SetUnits { dense, units } => cnn.dense[dense] = units,
        }
        cnn
    }
}

/// Removes a block; a branch that followed it becomes the trunk.
pub(crate) fn remove_block(blocks: &mut Vec<Block>, index: usize) {
    blocks.remove(index);
    if let Some(next) = blocks.get_mut(index) {
        next.branch = false;
    }
}

fn block_morphisms(
    index: usize,
    block: &Block,
    may_remove_blocks: bool,
    bounds: &CnnBounds,
    morphisms: &mut Vec<CnnMorphism>,
) {
    if index > 0 && bounds.branches {
        morphisms.push(CnnMorphism::FlipBranch { block: index });
    }
    if !block.branch && bounds.residual {
        morphisms.push(CnnMorphism::FlipResidual { block: index });
    }
    if block.layers.len() == bounds.layers.min && may_remove_blocks {
        morphisms.push(CnnMorphism::RemoveBlock { block: index });
    }
    if block.layers.len() > bounds.layers.min {
        morphisms.push(CnnMorphism::RemoveRandomLayer { block: index });
    }
    if block.layers.len() < bounds.layers.max {
        morphisms.push(CnnMorphism::InsertRandomLayer { block: index });
    }
    for (position, layer) in block.layers.iter().enumerate() {
        let others = bounds.ops.iter().filter(|&&kind| kind != layer.op.kind());
        morphisms.extend(others.map(|&to| CnnMorphism::RedrawLayer { block: index, layer: position, to }));
        let changed = changed_layers(*layer, bounds);
        morphisms.extend(changed.map(|to| CnnMorphism::SetLayer { block: index, layer: position, to }));
    }
}

/// The layer with one setting changed, the kind of convolution kept.
fn changed_layers(layer: Layer, bounds: &CnnBounds) -> impl Iterator<Item = Layer> + '_ {
    let activations = [Activation::None].into_iter().chain(bounds.activations.iter().copied());
    let activations = activations.filter(move |&to| to != layer.activation);
    let flips = [Layer { batch_norm: !layer.batch_norm, ..layer }]
        .into_iter()
        .chain(activations.map(move |activation| Layer { activation, ..layer }))
        .chain([Layer { pre_pool: !layer.pre_pool, ..layer }]);
    let op = layer.op;
    let filters = op.filters().into_iter().flat_map(|from| stepped(from, bounds.filters, FILTER_STEPS));
    let kernels = op.kernel().into_iter().flat_map(|from| neighbours(&bounds.kernels, from));
    let strides = op.stride().into_iter().flat_map(|from| neighbours(&bounds.strides, from));
    let paddings =
        op.padding().into_iter().flat_map(|from| bounds.padding.iter().filter(move |&&to| to != from));
    let ops = filters
        .map(move |to| op.with_filters(to))
        .chain(kernels.map(move |to| op.with_kernel(to)))
        .chain(strides.map(move |to| op.with_stride(to)))
        .chain(paddings.map(move |&to| op.with_padding(to)));
    flips.chain(ops.map(move |op| Layer { op, ..layer }))
}

fn pool_morphisms(pool: Option<Pool>, bounds: &CnnBounds, morphisms: &mut Vec<CnnMorphism>) {
    let Some(pool) = pool else {
        if bounds.global_pool || !bounds.pool_kinds.is_empty() {
            morphisms.push(CnnMorphism::AddRandomPool);
        }
        return;
    };
    let mut set = |to| morphisms.push(CnnMorphism::SetPool { to });
    set(None);
    match pool {
        Pool::Window { kind, size } => {
            for &other in bounds.pool_kinds.iter().filter(|&&other| other != kind) {
                set(Some(Pool::Window { kind: other, size }));
            }
            for other in neighbours(&bounds.pool_sizes, size) {
                set(Some(Pool::Window { kind, size: other }));
            }
            if bounds.global_pool {
                set(Some(Pool::GlobalAvg));
            }
        }
        // The window nearest to a global average is the largest average.
        Pool::GlobalAvg => {
            if let (true, Some(&size)) =
                (bounds.pool_kinds.contains(&PoolKind::Avg), bounds.pool_sizes.last())
            {
                set(Some(Pool::Window { kind: PoolKind::Avg, size }));
            }
        }
    }
}
