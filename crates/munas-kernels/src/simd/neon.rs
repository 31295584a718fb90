//! NEON, which every AArch64 processor has.
#![expect(
    unsafe_code,
    reason = "loads and stores behind the pointers of the `Simd` trait, and reinterpretations"
)]

use std::arch::aarch64::{
    float32x4_t, uint8x16_t, vaddq_f32, vbslq_f32, vcgtq_f32, vcltq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32,
    vpaddq_f32, vst1q_f32, vzip1q_u8, vzip2q_u8,
};
use std::mem::transmute;

use super::Simd;

/// Four lanes per register, 32 registers.
#[derive(Clone, Copy)]
pub(super) struct Neon;

/// The elements of two rows in turn: the first halves, then the second halves.
#[inline(always)]
pub(crate) fn interleaved(a: [u8; 16], b: [u8; 16]) -> [[u8; 16]; 2] {
    // SAFETY: an array of 16 bytes is as large as `uint8x16_t`, and neither has invalid values.
    unsafe {
        let [a, b] = transmute::<[[u8; 16]; 2], [uint8x16_t; 2]>([a, b]);
        transmute::<[uint8x16_t; 2], [[u8; 16]; 2]>([vzip1q_u8(a, b), vzip2q_u8(a, b)])
    }
}

impl Simd for Neon {
    type Vector = float32x4_t;
    const WIDTH: usize = 4;
    const REGISTERS: usize = 32;
    const HAS_FMA: bool = true;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        // SAFETY: every AArch64 processor has NEON.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> Self::Vector {
        // SAFETY: as in `splat`; the caller vouches for the floats.
        unsafe { vld1q_f32(source) }
    }

    #[inline(always)]
    unsafe fn store(self, vector: Self::Vector, target: *mut f32) {
        // SAFETY: as in `splat`; the caller vouches for the floats.
        unsafe { vst1q_f32(target, vector) }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: as in `splat`.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // SAFETY: as in `splat`.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // A choice, because the maximum of this instruction set is NaN when either operand is.
        // SAFETY: as in `splat`.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: as in `splat`; a choice as in `max`.
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }

    #[inline(always)]
    fn reduce_sum_4(self, [a, b, c, d]: [Self::Vector; 4]) -> [f32; 4] {
        // SAFETY: as in `splat`; an array of four floats is as large as `float32x4_t` and has no invalid values.
        unsafe { transmute::<float32x4_t, [f32; 4]>(vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))) }
    }
}
