//! Training kernels in the batch-in-lanes layout: scalar references and SIMD.
//!
//! Entry point: [`Kernels`], the operators for one instruction set. The layout is described at [`LANES`].

pub mod bench;
mod conv;
mod elementwise;
mod geometry;
mod isa;
mod layout;
mod loss;
mod norm;
mod optimizer;
mod pack;
mod pool;
mod reference;
mod scratch;
mod simd;
#[cfg(test)]
mod testing;

pub use conv::{AffineActivations, AffineGradients, AffineParameters};
pub use elementwise::Write;
pub use geometry::{BatchNormGeometry, ConvGeometry, DenseGeometry, PadGeometry, PoolGeometry};
pub use isa::{Isa, UnknownIsa};
pub use layout::{AlignedBuffer, LANES, blocks_for};
pub use loss::{CrossEntropy, LossSum};
pub use norm::{BatchNormGradients, BatchNormOperands, BatchNormParameters, BatchStatistics, FixedNorm};
pub use optimizer::{AdamState, AdamStep, SgdwStep};
pub use pack::{PackGeometry, Scalar};
pub use pool::PoolActivations;
pub use scratch::Scratch;

/// The training operators, compiled for one instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    isa: Isa,
}

impl Kernels {
    /// The operators for `isa`.
    ///
    /// # Panics
    /// When this processor cannot execute `isa`.
    pub fn new(isa: Isa) -> Self {
        assert!(isa.is_available(), "this processor has no {isa}");
        Self { isa }
    }

    /// The instruction set of these operators.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}
