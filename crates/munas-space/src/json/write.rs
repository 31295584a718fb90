//! Records that serialise to the JSON form, fields in their documented order.

use munas_ir::Padding;
use serde::Serialize;

use crate::{Architecture, Block, Layer, Pool, names::Named};

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ArchitectureRecord<'a> {
    Cnn { blocks: Vec<BlockRecord>, pool: Option<PoolRecord>, dense: &'a [usize] },
    Mlp { dense: &'a [usize] },
}

#[derive(Serialize)]
pub(super) struct BlockRecord {
    branch: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    residual: bool,
    layers: Vec<LayerRecord>,
}

#[derive(Serialize)]
struct LayerRecord {
    op: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<&'static str>,
    pre_pool: bool,
    batch_norm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    relu: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct PoolRecord {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

pub(super) fn record(architecture: &Architecture) -> ArchitectureRecord<'_> {
    let dense = architecture.dense();
    match architecture.cnn() {
        Some(cnn) => ArchitectureRecord::Cnn {
            blocks: cnn.blocks.iter().map(block).collect(),
            pool: cnn.pool.map(pool),
            dense,
        },
        None => ArchitectureRecord::Mlp { dense },
    }
}

fn block(block: &Block) -> BlockRecord {
    let layers = block.layers.iter().map(layer).collect();
    BlockRecord { branch: block.branch, residual: block.residual, layers }
}

fn layer(layer: &Layer) -> LayerRecord {
    LayerRecord {
        op: layer.op.kind().name(),
        kernel: layer.op.kernel(),
        filters: layer.op.filters(),
        stride: layer.op.stride(),
        padding: layer.op.padding().filter(|padding| *padding != Padding::Valid).map(Named::name),
        pre_pool: layer.pre_pool,
        batch_norm: layer.batch_norm,
        relu: layer.activation.relu_flag(),
        activation: layer.activation.relu_flag().is_none().then(|| layer.activation.name()),
    }
}

fn pool(pool: Pool) -> PoolRecord {
    match pool {
        Pool::Window { kind, size } => PoolRecord { kind: kind.name(), size: Some(size) },
        Pool::GlobalAvg => PoolRecord { kind: super::GLOBAL_AVG, size: None },
    }
}
