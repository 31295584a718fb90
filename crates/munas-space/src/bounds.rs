//! Bounds of the spaces: which values each variable may take. Bounds are data, part of the experiment file.

use munas_ir::{Activation, Padding, PoolKind};
use serde::{Deserialize, Serialize};

use crate::{LayerKind, SpaceError, names};

/// The largest filters, units, kernel, stride or pool size of a well-formed architecture.
///
/// It keeps every product of the resource models within 64 bits.
pub const MAX_SIZE: usize = 1 << 16;

/// The most blocks, layers of a block, and hidden dense layers of a space: far beyond any that fits a microcontroller, and few
/// enough that a random architecture is made at once.
const MAX_COUNT: usize = 256;

/// An interval of whole numbers, ends included; `[min, max]` in the experiment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[usize; 2]", into = "[usize; 2]")]
pub struct Range {
    /// The smallest value, itself allowed.
    pub min: usize,
    /// The largest value, itself allowed.
    pub max: usize,
}

impl Range {
    /// `min..=max`.
    pub const fn new(min: usize, max: usize) -> Self {
        Self { min, max }
    }

    /// Whether `value` lies in the interval.
    pub const fn contains(self, value: usize) -> bool {
        self.min <= value && value <= self.max
    }
}

impl From<[usize; 2]> for Range {
    fn from([min, max]: [usize; 2]) -> Self {
        Self { min, max }
    }
}

impl From<Range> for [usize; 2] {
    fn from(range: Range) -> Self {
        [range.min, range.max]
    }
}

/// How widths (filters and units) are drawn from their ranges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WidthScale {
    /// Every width is as likely as every other one: nearly all are large.
    #[default]
    Uniform,
    /// Every ratio of widths is as likely as every other one: as many from 4 to 8 as from 64 to 128.
    Log,
}

/// Bounds of a convolutional space. A key left out of the experiment file has its value of `munas-2020`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CnnBounds {
    /// Number of blocks, branches included.
    pub blocks: Range,
    /// Whether blocks other than the first may be branches.
    pub branches: bool,
    /// Whether a block may add its input to its output.
    pub residual: bool,
    /// Layers of a block.
    pub layers: Range,
    /// Convolutions to choose from.
    #[serde(with = "names")]
    pub ops: Vec<LayerKind>,
    /// Kernel sizes of `conv` and `depthwise`, ascending.
    pub kernels: Vec<usize>,
    /// Output channels of `conv` and `pointwise`.
    pub filters: Range,
    /// Strides of `conv` and `depthwise`, ascending.
    pub strides: Vec<usize>,
    /// Paddings of `conv` and `depthwise`.
    #[serde(with = "names")]
    pub padding: Vec<Padding>,
    /// Activations of a layer; there may always be none.
    #[serde(with = "names")]
    pub activations: Vec<Activation>,
    /// Kinds of the pool after the last block; there may always be none.
    #[serde(with = "names")]
    pub pool_kinds: Vec<PoolKind>,
    /// Sizes of that pool, ascending.
    pub pool_sizes: Vec<usize>,
    /// Whether that pool may be the mean of every channel.
    pub global_pool: bool,
    /// Number of hidden dense layers.
    pub dense: Range,
    /// Units of a hidden dense layer.
    pub units: Range,
    /// How filters and units are drawn.
    pub widths: WidthScale,
}

/// Bounds of the mlp space. A key left out of the experiment file has its value of `munas-2020`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpBounds {
    /// Number of hidden dense layers.
    pub dense: Range,
    /// Units of a hidden dense layer.
    pub units: Range,
    /// How units are drawn.
    pub widths: WidthScale,
}

impl CnnBounds {
    /// The space of the muNAS paper (arXiv 2010.14246, table 2).
    pub fn munas_2020() -> Self {
        Self {
            blocks: Range::new(1, 10),
            branches: true,
            residual: false,
            layers: Range::new(1, 3),
            ops: vec![LayerKind::Conv, LayerKind::Pointwise, LayerKind::Depthwise],
            kernels: vec![3, 5, 7],
            filters: Range::new(1, 128),
            strides: vec![1, 2],
            padding: vec![Padding::Valid],
            activations: vec![Activation::Relu],
            pool_kinds: vec![PoolKind::Avg, PoolKind::Max],
            pool_sizes: vec![2, 4, 6],
            global_pool: false,
            dense: Range::new(1, 3),
            units: Range::new(10, 256),
            widths: WidthScale::Uniform,
        }
    }

    /// `munas-2020` with `same` padding, ReLU6, residual blocks, and a global average pool with or without dense
    /// layers, all widths on a logarithmic scale.
    pub fn wide() -> Self {
        Self {
            residual: true,
            padding: vec![Padding::Valid, Padding::Same],
            activations: vec![Activation::Relu, Activation::Relu6],
            global_pool: true,
            dense: Range::new(0, 3),
            units: Range::new(1, 256),
            widths: WidthScale::Log,
            ..Self::munas_2020()
        }
    }

    /// Checks that the bounds make sense and leave at least one architecture.
    ///
    /// # Errors
    /// [`SpaceError::Bound`] names the first key that does not.
    pub fn validate(&self) -> Result<(), SpaceError> {
        count("blocks", self.blocks, 1)?;
        count("layers", self.layers, 1)?;
        values("ops", &self.ops)?;
        sizes("kernels", &self.kernels)?;
        range("filters", self.filters, 1)?;
        sizes("strides", &self.strides)?;
        values("padding", &self.padding)?;
        self.validate_activations()?;
        if !self.pool_kinds.is_empty() || !self.pool_sizes.is_empty() {
            values("pool_kinds", &self.pool_kinds)?;
            sizes("pool_sizes", &self.pool_sizes)?;
        }
        count("dense", self.dense, 0)?;
        range("units", self.units, 1)
    }

    fn validate_activations(&self) -> Result<(), SpaceError> {
        values("activations", &self.activations)?;
        if self.activations.contains(&Activation::None) {
            let reason = "a layer may always be without an activation: leave out `none`".into();
            return Err(SpaceError::Bound { key: "activations", reason });
        }
        Ok(())
    }
}

impl Default for CnnBounds {
    fn default() -> Self {
        Self::munas_2020()
    }
}

impl MlpBounds {
    /// The space of the muNAS paper.
    pub const fn munas_2020() -> Self {
        Self { dense: Range::new(1, 7), units: Range::new(10, 256), widths: WidthScale::Uniform }
    }

    /// From none to four hidden layers, down to a single unit, on a logarithmic scale.
    pub const fn wide() -> Self {
        Self { dense: Range::new(0, 4), units: Range::new(1, 256), widths: WidthScale::Log }
    }

    /// Checks that the bounds make sense and leave at least one architecture.
    ///
    /// # Errors
    /// [`SpaceError::Bound`] names the first key that does not.
    pub fn validate(&self) -> Result<(), SpaceError> {
        count("dense", self.dense, 0)?;
        range("units", self.units, 1)
    }
}

impl Default for MlpBounds {
    fn default() -> Self {
        Self::munas_2020()
    }
}

/// A number of blocks or layers.
fn count(key: &'static str, range: Range, smallest: usize) -> Result<(), SpaceError> {
    within(key, range, smallest, MAX_COUNT)
}

fn range(key: &'static str, range: Range, smallest: usize) -> Result<(), SpaceError> {
    within(key, range, smallest, MAX_SIZE)
}

fn within(key: &'static str, range: Range, smallest: usize, largest: usize) -> Result<(), SpaceError> {
    let Range { min, max } = range;
    let reason = if min > max {
        format!("the smallest value, {min}, is above the largest, {max}")
    } else if min < smallest {
        format!("the smallest value, {min}, is below {smallest}")
    } else if max > largest {
        format!("the largest value, {max}, is above {largest}")
    } else {
        return Ok(());
    };
    Err(SpaceError::Bound { key, reason })
}

fn sizes(key: &'static str, sizes: &[usize]) -> Result<(), SpaceError> {
    values(key, sizes)?;
    let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || sizes[0] == 0 || sizes[sizes.len() - 1] > MAX_SIZE {
        return Err(SpaceError::Bound { key, reason: format!("not ascending numbers from 1 to {MAX_SIZE}") });
    }
    Ok(())
}

fn values<T: PartialEq>(key: &'static str, values: &[T]) -> Result<(), SpaceError> {
    let repeated = values.iter().enumerate().any(|(i, value)| values[..i].contains(value));
    let reason = match values {
        [] => "empty",
        _ if repeated => "a value is there twice",
        _ => return Ok(()),
    };
    Err(SpaceError::Bound { key, reason: reason.into() })
}
