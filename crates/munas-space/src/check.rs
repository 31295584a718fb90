//! Checks of an architecture: well-formed, and inside the bounds of a space.
//!
//! Searches check every architecture that they look at, and nearly all are sound: where a field is, is written down for errors alone.

use std::fmt::{self, Display};

use crate::{
    Architecture, ArchitectureError, Block, Cnn, CnnBounds, FieldError, Kind, Layer, MAX_SIZE, MlpBounds,
    Pool, Range, names::Named,
};

impl Architecture {
    /// Checks that the architecture is well-formed, whatever space it is for.
    ///
    /// # Errors
    /// [`ArchitectureError`] names the first field that is not.
    pub fn check_form(&self) -> Result<(), ArchitectureError> {
        form(self)
    }
}

type Checked = Result<(), ArchitectureError>;

const ANY_SIZE: Range = Range::new(1, MAX_SIZE);

/// Where the fields of a convolutional network are.
#[derive(Clone, Copy)]
enum Place {
    Pool,
    Block(usize),
    /// Of a block.
    Layer(usize, usize),
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool => write!(f, "pool"),
            Self::Block(block) => write!(f, "blocks[{block}]"),
            Self::Layer(block, layer) => write!(f, "blocks[{block}].layers[{layer}]"),
        }
    }
}

/// Whether the architecture can be lowered.
fn form(architecture: &Architecture) -> Checked {
    units(architecture.dense(), ANY_SIZE)?;
    architecture.cnn().map_or(Ok(()), cnn_form)
}

/// Whether a well-formed convolutional network is inside the bounds.
pub(crate) fn cnn(cnn: &Cnn, bounds: &CnnBounds) -> Checked {
    count("blocks", cnn.blocks.len(), bounds.blocks)?;
    for (index, block) in cnn.blocks.iter().enumerate() {
        let place = Place::Block(index);
        allowed(!block.branch || bounds.branches, place, "branch", "the space has no branches")?;
        allowed(!block.residual || bounds.residual, place, "residual", "the space has no residual blocks")?;
        count(format_args!("{place}.layers"), block.layers.len(), bounds.layers)?;
        for (layer, settings) in block.layers.iter().enumerate() {
            layer_inside(settings, bounds, Place::Layer(index, layer))?;
        }
    }
    match cnn.pool {
        None => {}
        Some(Pool::GlobalAvg) => {
            allowed(bounds.global_pool, Place::Pool, "kind", "the space has no global pool")?;
        }
        Some(Pool::Window { kind, size }) => {
            named(kind, &bounds.pool_kinds, Place::Pool, "kind")?;
            one_of(size, &bounds.pool_sizes, Place::Pool, "size")?;
        }
    }
    dense(&cnn.dense, bounds.dense, bounds.units)
}

/// Whether an mlp is inside the bounds.
pub(crate) fn mlp(units: &[usize], bounds: &MlpBounds) -> Checked {
    dense(units, bounds.dense, bounds.units)
}

/// The error of an architecture of another kind than the space's.
pub(crate) fn wrong_kind(expected: Kind, found: Kind) -> ArchitectureError {
    FieldError::Kind { expected, found }.at("")
}

fn cnn_form(cnn: &Cnn) -> Checked {
    not_empty("blocks", &cnn.blocks)?;
    for (index, block) in cnn.blocks.iter().enumerate() {
        block_form(block, index)?;
    }
    match cnn.pool {
        Some(Pool::Window { size, .. }) => in_range(size, ANY_SIZE, "pool.size"),
        Some(Pool::GlobalAvg) | None => Ok(()),
    }
}

fn block_form(block: &Block, index: usize) -> Checked {
    let place = Place::Block(index);
    allowed(!block.branch || index > 0, place, "branch", "the first block cannot be a branch")?;
    allowed(!block.branch || !block.residual, place, "residual", "a branch cannot be residual")?;
    not_empty(format_args!("{place}.layers"), &block.layers)?;
    for (position, layer) in block.layers.iter().enumerate() {
        let numbers =
            [("kernel", layer.op.kernel()), ("filters", layer.op.filters()), ("stride", layer.op.stride())];
        for (field, number) in numbers {
            if let Some(number) = number {
                in_range(number, ANY_SIZE, format_args!("{}.{field}", Place::Layer(index, position)))?;
            }
        }
    }
    Ok(())
}

fn layer_inside(layer: &Layer, bounds: &CnnBounds, place: Place) -> Checked {
    named(layer.op.kind(), &bounds.ops, place, "op")?;
    if let Some(kernel) = layer.op.kernel() {
        one_of(kernel, &bounds.kernels, place, "kernel")?;
    }
    if let Some(filters) = layer.op.filters() {
        in_range(filters, bounds.filters, format_args!("{place}.filters"))?;
    }
    if let Some(stride) = layer.op.stride() {
        one_of(stride, &bounds.strides, place, "stride")?;
    }
    if let Some(padding) = layer.op.padding() {
        named(padding, &bounds.padding, place, "padding")?;
    }
    if !layer.activation.is_identity() {
        named(layer.activation, &bounds.activations, place, "activation")?;
    }
    Ok(())
}

fn dense(layers: &[usize], count_range: Range, unit_range: Range) -> Checked {
    count("dense", layers.len(), count_range)?;
    units(layers, unit_range)
}

fn units(layers: &[usize], range: Range) -> Checked {
    let mut layers = layers.iter().enumerate();
    layers.try_for_each(|(index, &units)| in_range(units, range, format_args!("dense[{index}]")))
}

fn count(path: impl Display, found: usize, range: Range) -> Checked {
    let Range { min, max } = range;
    if range.contains(found) {
        Ok(())
    } else {
        Err(FieldError::Count { found, min, max }.at(path.to_string()))
    }
}

fn not_empty<T>(path: impl Display, entries: &[T]) -> Checked {
    if entries.is_empty() { Err(FieldError::Empty.at(path.to_string())) } else { Ok(()) }
}

fn in_range(found: usize, range: Range, path: impl Display) -> Checked {
    let Range { min, max } = range;
    if range.contains(found) {
        Ok(())
    } else {
        Err(FieldError::OutOfRange { found, min, max }.at(path.to_string()))
    }
}

fn allowed(condition: bool, place: Place, field: &str, reason: &'static str) -> Checked {
    if condition { Ok(()) } else { Err(FieldError::NotAllowed { reason }.at(format!("{place}.{field}"))) }
}

fn one_of(found: usize, values: &[usize], place: Place, field: &str) -> Checked {
    if values.contains(&found) {
        return Ok(());
    }
    Err(not_one_of(&found.to_string(), values.iter().map(ToString::to_string)).at(format!("{place}.{field}")))
}

fn named<T: Named>(found: T, values: &[T], place: Place, field: &str) -> Checked {
    if values.contains(&found) {
        return Ok(());
    }
    let allowed = values.iter().map(|value| value.name().to_string());
    Err(not_one_of(found.name(), allowed).at(format!("{place}.{field}")))
}

fn not_one_of(found: &str, allowed: impl Iterator<Item = String>) -> FieldError {
    FieldError::NotOneOf { found: found.into(), allowed: allowed.collect::<Vec<_>>().join(", ") }
}
