//! Checks of an architecture: well-formed, and inside the bounds of a space.

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

/// Whether the architecture can be lowered.
fn form(architecture: &Architecture) -> Checked {
    units(architecture.dense(), ANY_SIZE)?;
    architecture.cnn().map_or(Ok(()), cnn_form)
}

/// Whether a well-formed convolutional network is inside the bounds.
pub(crate) fn cnn(cnn: &Cnn, bounds: &CnnBounds) -> Checked {
    count("blocks", cnn.blocks.len(), bounds.blocks)?;
    for (index, block) in cnn.blocks.iter().enumerate() {
        let path = format!("blocks[{index}]");
        allowed(!block.branch || bounds.branches, &path, "branch", "the space has no branches")?;
        allowed(!block.residual || bounds.residual, &path, "residual", "the space has no residual blocks")?;
        count(&format!("{path}.layers"), block.layers.len(), bounds.layers)?;
        for (index, layer) in block.layers.iter().enumerate() {
            layer_inside(layer, bounds, &format!("{path}.layers[{index}]"))?;
        }
    }
    match cnn.pool {
        None => {}
        Some(Pool::GlobalAvg) => allowed(bounds.global_pool, "pool", "kind", "the space has no global pool")?,
        Some(Pool::Window { kind, size }) => {
            named(kind, &bounds.pool_kinds, "pool", "kind")?;
            one_of(size, &bounds.pool_sizes, "pool", "size")?;
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
    let path = format!("blocks[{index}]");
    allowed(!block.branch || index > 0, &path, "branch", "the first block cannot be a branch")?;
    allowed(!block.branch || !block.residual, &path, "residual", "a branch cannot be residual")?;
    not_empty(&format!("{path}.layers"), &block.layers)?;
    for (index, layer) in block.layers.iter().enumerate() {
        let numbers =
            [("kernel", layer.op.kernel()), ("filters", layer.op.filters()), ("stride", layer.op.stride())];
        for (field, number) in numbers {
            if let Some(number) = number.filter(|number| !ANY_SIZE.contains(*number)) {
                return in_range(number, ANY_SIZE, &format!("{path}.layers[{index}].{field}"));
            }
        }
    }
    Ok(())
}

fn layer_inside(layer: &Layer, bounds: &CnnBounds, path: &str) -> Checked {
    named(layer.op.kind(), &bounds.ops, path, "op")?;
    if let Some(kernel) = layer.op.kernel() {
        one_of(kernel, &bounds.kernels, path, "kernel")?;
    }
    if let Some(filters) = layer.op.filters().filter(|filters| !bounds.filters.contains(*filters)) {
        return in_range(filters, bounds.filters, &format!("{path}.filters"));
    }
    if let Some(stride) = layer.op.stride() {
        one_of(stride, &bounds.strides, path, "stride")?;
    }
    if let Some(padding) = layer.op.padding() {
        named(padding, &bounds.padding, path, "padding")?;
    }
    if !layer.activation.is_identity() {
        named(layer.activation, &bounds.activations, path, "activation")?;
    }
    Ok(())
}

fn dense(layers: &[usize], count_range: Range, unit_range: Range) -> Checked {
    count("dense", layers.len(), count_range)?;
    units(layers, unit_range)
}

fn units(layers: &[usize], range: Range) -> Checked {
    match layers.iter().position(|&units| !range.contains(units)) {
        Some(index) => in_range(layers[index], range, &format!("dense[{index}]")),
        None => Ok(()),
    }
}

fn count(path: &str, found: usize, range: Range) -> Checked {
    let Range { min, max } = range;
    if range.contains(found) { Ok(()) } else { Err(FieldError::Count { found, min, max }.at(path)) }
}

fn not_empty<T>(path: &str, entries: &[T]) -> Checked {
    if entries.is_empty() { Err(FieldError::Empty.at(path)) } else { Ok(()) }
}

fn in_range(found: usize, range: Range, path: &str) -> Checked {
    let Range { min, max } = range;
    if range.contains(found) { Ok(()) } else { Err(FieldError::OutOfRange { found, min, max }.at(path)) }
}

fn allowed(condition: bool, path: &str, field: &str, reason: &'static str) -> Checked {
    if condition { Ok(()) } else { Err(FieldError::NotAllowed { reason }.at(format!("{path}.{field}"))) }
}

fn one_of(found: usize, values: &[usize], path: &str, field: &str) -> Checked {
    if values.contains(&found) {
        return Ok(());
    }
    Err(not_one_of(&found.to_string(), values.iter().map(ToString::to_string)).at(format!("{path}.{field}")))
}

fn named<T: Named>(found: T, values: &[T], path: &str, field: &str) -> Checked {
    if values.contains(&found) {
        return Ok(());
    }
    let allowed = values.iter().map(|value| value.name().to_string());
    Err(not_one_of(found.name(), allowed).at(format!("{path}.{field}")))
}

fn not_one_of(found: &str, allowed: impl Iterator<Item = String>) -> FieldError {
    FieldError::NotOneOf { found: found.into(), allowed: allowed.collect::<Vec<_>>().join(", ") }
}
