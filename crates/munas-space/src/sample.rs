//! Random architectures: uniform over each variable's full range, ends included, but for the probabilities
//! below, and for widths where the bounds want them on a logarithmic scale.

use munas_ir::{Activation, Padding};
use rand::{Rng, RngExt};

use crate::{Block, Cnn, CnnBounds, Layer, LayerKind, LayerOp, Mlp, MlpBounds, Pool, Range, WidthScale};

/// Probability of an activation after a layer.
const ACTIVATION: f64 = 0.9;
/// Probability of a pool before a layer.
const PRE_POOL: f64 = 0.25;
/// Probability of a pool after the last block.
const POOL: f64 = 0.9;

/// A uniform number of the interval.
pub(crate) fn number(range: Range, rng: &mut (impl Rng + ?Sized)) -> usize {
    rng.random_range(range.min..=range.max)
}

/// A number of the interval, which begins at 0 or 1, of which every doubling is as likely as every other one.
fn log_number(range: Range, rng: &mut (impl Rng + ?Sized)) -> usize {
    // From half a step below the smallest to half a step above the largest, so that the ends get their share.
    let (low, high) = (range.min as f64 + 0.5, range.max as f64 + 1.5);
    let number = (low.ln() + rng.random::<f64>() * (high.ln() - low.ln())).exp() - 0.5;
    (number.floor() as usize).clamp(range.min, range.max)
}

impl WidthScale {
    /// A width of the range.
    pub(crate) fn draw(self, range: Range, rng: &mut (impl Rng + ?Sized)) -> usize {
        match self {
            Self::Uniform => number(range, rng),
            Self::Log => log_number(range, rng),
        }
    }
}

/// A uniform entry of a list that is not empty.
pub(crate) fn one_of<T: Copy>(values: &[T], rng: &mut (impl Rng + ?Sized)) -> T {
    values[rng.random_range(0..values.len())]
}

/// A random list of units of hidden dense layers.
fn dense(layers: usize, units: Range, widths: WidthScale, rng: &mut (impl Rng + ?Sized)) -> Vec<usize> {
    (0..layers).map(|_| widths.draw(units, rng)).collect()
}

impl MlpBounds {
    /// An mlp inside the bounds: number of layers first, then the units of each.
    pub(crate) fn sample(&self, rng: &mut (impl Rng + ?Sized)) -> Mlp {
        let layers = number(self.dense, rng);
        Mlp { dense: dense(layers, self.units, self.widths, rng) }
    }

    /// A random mlp whose widths are meant to be scaled.
    pub(crate) fn sample_structure(&self, rng: &mut (impl Rng + ?Sized)) -> Mlp {
        let layers = number(self.dense, rng);
        Mlp { dense: dense(layers, self.units, WidthScale::Log, rng) }
    }
}

impl CnnBounds {
    /// A random convolutional network.
    pub(crate) fn sample(&self, rng: &mut (impl Rng + ?Sized)) -> Cnn {
        let blocks = (0..number(self.blocks, rng)).map(|index| {
            let layers = number(self.layers, rng);
            self.sample_block(index == 0, layers, rng)
        });
        let blocks = blocks.collect();
        let pool = if rng.random_bool(POOL) { self.sample_pool(rng) } else { None };
        let layers = number(self.dense, rng);
        Cnn { blocks, pool, dense: dense(layers, self.units, self.widths, rng) }
    }

    /// A random convolutional network whose widths are meant to be scaled. Small networks have few blocks and dense layers, so that
    /// their numbers are on a logarithmic scale too.
    pub(crate) fn sample_structure(&self, rng: &mut (impl Rng + ?Sized)) -> Cnn {
        let scaled = Self { widths: WidthScale::Log, ..self.clone() };
        let blocks = (0..log_number(self.blocks, rng)).map(|index| {
            let layers = number(self.layers, rng);
            scaled.sample_block(index == 0, layers, rng)
        });
        let blocks = blocks.collect();
        let pool = if rng.random_bool(POOL) { self.sample_pool(rng) } else { None };
        let layers = log_number(self.dense, rng);
        Cnn { blocks, pool, dense: dense(layers, self.units, WidthScale::Log, rng) }
    }

    /// A random block of so many layers.
    pub(crate) fn sample_block(&self, first: bool, layers: usize, rng: &mut (impl Rng + ?Sized)) -> Block {
        let branch = self.branches && !first && rng.random();
        let residual = self.residual && !branch && rng.random();
        Block { branch, residual, layers: (0..layers).map(|_| self.sample_layer(rng)).collect() }
    }

    /// A layer inside the bounds: its kind first, then the variables of that kind.
    pub(crate) fn sample_layer(&self, rng: &mut (impl Rng + ?Sized)) -> Layer {
        self.sample_layer_of(one_of(&self.ops, rng), rng)
    }

    /// A random layer of one kind.
    pub(crate) fn sample_layer_of(&self, kind: LayerKind, rng: &mut (impl Rng + ?Sized)) -> Layer {
        let op = match kind {
            LayerKind::Conv => LayerOp::Conv {
                kernel: one_of(&self.kernels, rng),
                filters: self.widths.draw(self.filters, rng),
                stride: one_of(&self.strides, rng),
                padding: self.sample_padding(rng),
            },
            LayerKind::Pointwise => LayerOp::Pointwise { filters: self.widths.draw(self.filters, rng) },
            LayerKind::Depthwise => LayerOp::Depthwise {
                kernel: one_of(&self.kernels, rng),
                stride: one_of(&self.strides, rng),
                padding: self.sample_padding(rng),
            },
        };
        Layer {
            op,
            pre_pool: rng.random_bool(PRE_POOL),
            batch_norm: rng.random(),
            activation: self.sample_activation(rng),
        }
    }

    /// Of a single activation nothing is drawn but whether it is there.
    fn sample_activation(&self, rng: &mut (impl Rng + ?Sized)) -> Activation {
        match (rng.random_bool(ACTIVATION), &self.activations[..]) {
            (false, _) => Activation::None,
            (true, &[only]) => only,
            (true, activations) => one_of(activations, rng),
        }
    }

    fn sample_padding(&self, rng: &mut (impl Rng + ?Sized)) -> Padding {
        one_of(&self.padding, rng)
    }

    /// A random pool; `None` only where the bounds know no pool.
    pub(crate) fn sample_pool(&self, rng: &mut (impl Rng + ?Sized)) -> Option<Pool> {
        let kinds = self.pool_kinds.len() + usize::from(self.global_pool);
        if kinds == 0 {
            return None;
        }
        Some(match self.pool_kinds.get(rng.random_range(0..kinds)) {
            Some(&kind) => Pool::Window { kind, size: one_of(&self.pool_sizes, rng) },
            None => Pool::GlobalAvg,
        })
    }
}

#[cfg(test)]
mod tests;
