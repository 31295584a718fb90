//! Vectors as plain arrays: the portable instance, and in tests a stand-in for register widths that the
//! processor at hand lacks.
#![expect(unsafe_code, reason = "loads and stores behind the pointers of the `Simd` trait")]

use super::Simd;

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
            // Without the instruction, `mul_add` is a slow library call.
            c[lane] = if cfg!(target_arch = "aarch64") {
                a[lane].mul_add(b[lane], c[lane])
            } else {
                a[lane] * b[lane] + c[lane]
            };
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
