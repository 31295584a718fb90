//! Training kernels in the batch-in-lanes layout: scalar references and SIMD.
//!
//! Entry point: [`Kernels`], the operators for one instruction set. Every operator comes as a forward pass and its
//! gradients; convolutions take a [`Scratch`], so that no call allocates once the largest layer has been seen.
//!
//! # Layout
//! Activations are `[block][channel][row][column][lane]`: a block is [`LANES`] samples, whose values of one channel
//! and pixel lie side by side. All operators vectorise over samples, so that one channel is as fast as 64.
//! A batch may leave lanes of its last block empty: they hold finite numbers that mean nothing, batch normalisation
//! and losses leave them out, and their gradients are zero.
//!
//! # Map
//! | module | holds |
//! |---|---|
//! | `conv` | convolutions, depthwise convolutions, dense layers: register-tile kernels over offset tables; Winograd's tiles |
//! | `conv::reference` | the same three as plain scalar loops, which the tests compare with and [`Isa::Scalar`] runs |
//! | `norm`, `pool`, `elementwise`, `loss`, `optimizer`, `pack` | the other operators, as loops that the compiler vectorises |
//! | `simd` | the instruction sets behind one trait, and the run-time choice between them |
//! | [`MappedFile`] | files that processes share in memory |
//! | [`mod@bench`] | the core's multiply-add peak and the speed of the convolutions |
//!
//! Results depend on the instruction set (sums are ordered differently, multiply-adds round once or twice) and on
//! nothing else: the same calls give the same bits.
//!
//! # Unsafe code
//! This is the only crate of the workspace with `unsafe`: in `simd` (intrinsics, calls that enable an instruction set),
//! in the register-tile kernels of `conv`, which assert their bounds once per call and then use pointers, in the loads and
//! stores of its Winograd transforms, in the view of [`AlignedBuffer`] as a slice, and in the mapping of a [`MappedFile`], which is
//! here for that reason alone.

mod activation;
pub mod bench;
mod conv;
mod elementwise;
mod geometry;
mod isa;
mod layout;
mod loss;
mod mapped_file;
mod norm;
mod optimizer;
mod pack;
mod pool;
mod quantise;
mod scratch;
mod simd;
#[cfg(test)]
mod testing;

pub use conv::{AffineActivations, AffineOutput, AffineParameters, Convolution, PreparedSums};
pub use elementwise::Write;
pub use geometry::{BatchNormGeometry, ConvGeometry, DenseGeometry, PadGeometry, PoolGeometry};
pub use isa::{Isa, UnknownIsa};
pub use layout::{AlignedBuffer, LANES, blocks_for};
pub use loss::{CrossEntropy, LossSum};
pub use mapped_file::MappedFile;
pub use norm::{BatchNormGradients, BatchNormOperands, BatchNormParameters, BatchStatistics, StatisticsOf};
pub use optimizer::{AdamState, AdamStep, SgdwStep};
pub use pack::{PackGeometry, Scalar};
pub use pool::PoolActivations;
pub use quantise::FakeQuantisation;
pub use scratch::Scratch;
pub use simd::Vectorised;

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
