//! Vectors as plain arrays: the portable instance, and in tests a stand-in for register widths that the
//! processor at hand lacks.
#![expect(unsafe_code, reason = "loads and stores behind the pointers of the `Simd` trait")]

use super::{Simd, multiply_add};

/// Registers of `WIDTH` floats, `REGISTERS` of them to be planned with.
#[derive(Clone, Copy)]
pub(crate) struct Array<const WIDTH: usize, const REGISTERS: usize>(());

impl<const WIDTH: usize, const REGISTERS: usize> Array<WIDTH, REGISTERS> {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl<const WIDTH: usize, const REGISTERS: usize> Simd for Array<WIDTH, REGISTERS> {
    type Vector = [f32; WIDTH];
    const WIDTH: usize = WIDTH;
    const REGISTERS: usize = REGISTERS;
    const HAS_FMA: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; WIDTH]
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> Self::Vector {
        // SAFETY: the caller vouches for `WIDTH` floats.
        unsafe { source.cast::<[f32; WIDTH]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, vector: Self::Vector, target: *mut f32) {
        // SAFETY: the caller vouches for `WIDTH` floats.
        unsafe { target.cast::<[f32; WIDTH]>().write_unaligned(vector) }
    }

    #[inline(always)]
    fn add(self, mut a: Self::Vector, b: Self::Vector) -> Self::Vector {
        for lane in 0..WIDTH {
            a[lane] += b[lane];
        }
        a
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, mut c: Self::Vector) -> Self::Vector {
        for lane in 0..WIDTH {
            c[lane] = multiply_add::<Self>(a[lane], b[lane], c[lane]);
        }
        c
    }

    #[inline(always)]
    fn max(self, mut a: Self::Vector, b: Self::Vector) -> Self::Vector {
        for lane in 0..WIDTH {
            a[lane] = if a[lane] > b[lane] { a[lane] } else { b[lane] };
        }
        a
    }

    #[inline(always)]
    fn min(self, mut a: Self::Vector, b: Self::Vector) -> Self::Vector {
        for lane in 0..WIDTH {
            a[lane] = if a[lane] < b[lane] { a[lane] } else { b[lane] };
        }
        a
    }

    #[inline(always)]
    fn reduce_sum_4(self, vectors: [Self::Vector; 4]) -> [f32; 4] {
        vectors.map(|vector| vector.iter().sum())
    }
}

/// The transposed square.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|column| square.map(|row| row[column]))
}

/// The elements of two rows in turn: the first halves, then the second halves.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(crate) fn interleaved(a: [u8; 16], b: [u8; 16]) -> [[u8; 16]; 2] {
    let half = |start: usize| {
        std::array::from_fn(|at| if at % 2 == 0 { a[start + at / 2] } else { b[start + at / 2] })
    };
    [half(0), half(8)]
}
