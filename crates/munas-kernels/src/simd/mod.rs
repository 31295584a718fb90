//! The instruction sets behind one trait, and the run-time choice between them.
//!
//! A kernel is written once as a [`Kernel`], generic over [`Simd`], in the manner of the crates rten-simd and
//! pulp. [`Kernels::dispatch`] instantiates its body inside a function that has the instruction set enabled, so
//! everything below that function must be `#[inline(always)]` (and free of closures around vector operations,
//! which need not be inlined) to be compiled for it.
//!
//! Kernels that treat lanes alike use no vector operations at all: loops over `[f32; LANES]` become vector
//! instructions of whatever instruction set the body is instantiated for.

mod array;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use array::Array;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use array::interleaved;
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use array::transposed;
#[cfg(target_arch = "aarch64")]
use neon::Neon;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::interleaved;
#[cfg(target_arch = "x86_64")]
use x86::{Avx2, Avx512};
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{interleaved, transposed};

use crate::{Isa, Kernels};

/// The plain-array instance: registers of four, of which SSE2 has 16 and NEON 32.
type Baseline = Array<4, { if cfg!(target_arch = "aarch64") { 32 } else { 16 } }>;

/// Vector operations of one instruction set. A value of the type stands for the permission to use it.
pub(crate) trait Simd: Copy {
    /// A register of [`Simd::WIDTH`] floats.
    type Vector: Copy;
    /// Floats per register; divides [`crate::LANES`].
    const WIDTH: usize;
    /// Number of registers, 16 or 32.
    const REGISTERS: usize;
    /// Whether there is a multiply-add instruction.
    const HAS_FMA: bool;

    /// `value` in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// The [`Simd::WIDTH`] floats at `source`, of any alignment.
    ///
    /// # Safety
    /// They must be readable.
    #[expect(unsafe_code, reason = "the contract of the pointer")]
    unsafe fn load(self, source: *const f32) -> Self::Vector;
    /// Writes the lanes of `vector` to `target`, of any alignment.
    ///
    /// # Safety
    /// [`Simd::WIDTH`] floats must be writable there.
    #[expect(unsafe_code, reason = "the contract of the pointer")]
    unsafe fn store(self, vector: Self::Vector, target: *mut f32);
    /// a + b.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The larger of each pair of lanes; that of `b` when one of them is NaN, so that max(0, x) keeps a NaN.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller of each pair of lanes; that of `b` when one of them is NaN.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Sum of the lanes of each vector.
    fn reduce_sum_4(self, vectors: [Self::Vector; 4]) -> [f32; 4];
}

/// a · b + c for loops that the compiler vectorises, rounded once where the instruction set can.
#[inline(always)]
pub(crate) fn multiply_add<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    // Without the instruction, `mul_add` is a slow library call.
    if S::HAS_FMA { a.mul_add(b, c) } else { a * b + c }
}

/// A computation that can be instantiated for any instruction set. Implementations are `#[inline(always)]`.
pub(crate) trait Kernel {
    /// Result of the computation.
    type Output;
    /// Computes it with `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Safe code of other crates that is to be compiled for each instruction set: loops that the compiler vectorises.
/// [`run`](Self::run) and everything below it are `#[inline(always)]`, or they are compiled for the baseline.
pub trait Vectorised {
    /// Result of the computation.
    type Output;
    /// Computes the result, inlined into a function that enables the instruction set.
    fn run(self) -> Self::Output;
}

/// The same as a [`Kernel`].
struct Loops<V>(V);

impl<V: Vectorised> Kernel for Loops<V> {
    type Output = V::Output;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> V::Output {
        self.0.run()
    }
}

/// Register tiles of an instruction set, for code that prepares operands without being generic over it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    /// [`Simd::WIDTH`].
    pub(crate) width: usize,
    /// Most rows of a tile of [`crate::conv`]'s tap sums.
    pub(crate) sum_rows: usize,
    /// Most rows of a tile of its weight gradients.
    pub(crate) gradient_rows: usize,
}

impl Tile {
    pub(crate) const fn of<S: Simd>() -> Self {
        let (sum_rows, gradient_rows) = if S::REGISTERS == 32 { (8, 8) } else { (6, 4) };
        Self { width: S::WIDTH, sum_rows, gradient_rows }
    }
}

impl Kernels {
    /// Runs `kernel` compiled for the instruction set of `self`.
    pub(crate) fn dispatch<K: Kernel>(&self, kernel: K) -> K::Output {
        match self.isa() {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls of functions that enable target features")]
            // SAFETY: `Kernels::new` has seen that this processor has AVX2 and FMA.
            Isa::Avx2 => unsafe { x86::run_avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calls of functions that enable target features")]
            // SAFETY: `Kernels::new` has seen that this processor has AVX-512F.
            Isa::Avx512 => unsafe { x86::run_avx512(kernel) },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => kernel.run(Neon),
            _ => kernel.run(Baseline::new()),
        }
    }

    /// Runs safe code compiled for the instruction set of `self`.
    pub fn vectorise<V: Vectorised>(&self, code: V) -> V::Output {
        self.dispatch(Loops(code))
    }

    /// Register tile of the instruction set of `self`.
    pub(crate) fn tile(&self) -> Tile {
        match self.isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Tile::of::<Avx2>(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Tile::of::<Avx512>(),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Tile::of::<Neon>(),
            _ => Tile::of::<Baseline>(),
        }
    }
}
