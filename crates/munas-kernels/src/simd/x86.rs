//! AVX2 with FMA, and AVX-512F.
#![expect(unsafe_code, reason = "intrinsics outside of functions with the target feature")]

use std::arch::x86_64::{
    __m128, __m128i, __m256, __m512, _mm_add_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_epi8,
    _mm_unpackhi_ps, _mm_unpacklo_epi8, _mm_unpacklo_ps, _mm256_add_ps, _mm256_castps256_ps128,
    _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_hadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_set1_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_min_ps, _mm512_reduce_add_ps, _mm512_set1_ps, _mm512_storeu_ps,
};
use std::mem::transmute;

use super::{Kernel, Simd};

/// AVX2 with FMA. Only [`run_avx2`] makes one.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// AVX-512F. Only [`run_avx512`] makes one.
#[derive(Clone, Copy)]
pub(super) struct Avx512(());

/// Runs `kernel` compiled for AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// Runs `kernel` compiled for AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// The transposed square. SSE, which every x86-64 processor has: the compiler does not find these shuffles by itself.
#[inline(always)]
pub(crate) fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    // SAFETY: an array of four floats is as large as `__m128`, and neither has invalid values.
    unsafe {
        let [a, b, c, d] = transmute::<[[f32; 4]; 4], [__m128; 4]>(square);
        let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        let columns = [
            _mm_movelh_ps(ab_low, cd_low),
            _mm_movehl_ps(cd_low, ab_low),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ];
        transmute::<[__m128; 4], [[f32; 4]; 4]>(columns)
    }
}

/// The elements of two rows in turn: the first halves, then the second halves. SSE2, as above.
#[inline(always)]
pub(crate) fn interleaved(a: [u8; 16], b: [u8; 16]) -> [[u8; 16]; 2] {
    // SAFETY: an array of 16 bytes is as large as `__m128i`, and neither has invalid values.
    unsafe {
        let [a, b] = transmute::<[[u8; 16]; 2], [__m128i; 2]>([a, b]);
        transmute::<[__m128i; 2], [[u8; 16]; 2]>([_mm_unpacklo_epi8(a, b), _mm_unpackhi_epi8(a, b)])
    }
}

/// Implements the operations that are one intrinsic each.
macro_rules! one_intrinsic_each {
    ($vector:ty, $set1:ident, $loadu:ident, $storeu:ident, $add:ident, $fmadd:ident, $max:ident, $min:ident) => {
        type Vector = $vector;

        #[inline(always)]
        fn splat(self, value: f32) -> Self::Vector {
            // SAFETY: `self` exists only where the instruction set does.
            unsafe { $set1(value) }
        }

        #[inline(always)]
        unsafe fn load(self, source: *const f32) -> Self::Vector {
            // SAFETY: as in `splat`; the caller vouches for the floats.
            unsafe { $loadu(source) }
        }

        #[inline(always)]
        unsafe fn store(self, vector: Self::Vector, target: *mut f32) {
            // SAFETY: as in `splat`; the caller vouches for the floats.
            unsafe { $storeu(target, vector) }
        }

        #[inline(always)]
        fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: as in `splat`.
            unsafe { $add(a, b) }
        }

        #[inline(always)]
        fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
            // SAFETY: as in `splat`.
            unsafe { $fmadd(a, b, c) }
        }

        #[inline(always)]
        fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: as in `splat`.
            unsafe { $max(a, b) }
        }

        #[inline(always)]
        fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: as in `splat`.
            unsafe { $min(a, b) }
        }
    };
}

impl Simd for Avx2 {
    const WIDTH: usize = 8;
    const REGISTERS: usize = 16;
    const HAS_FMA: bool = true;

    one_intrinsic_each!(
        __m256,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps,
        _mm256_min_ps
    );

    #[inline(always)]
    fn reduce_sum_4(self, [a, b, c, d]: [Self::Vector; 4]) -> [f32; 4] {
        // SAFETY: as in `splat`; an array of four floats is as large as `__m128` and has no invalid values.
        unsafe {
            let pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
            let sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
            transmute::<__m128, [f32; 4]>(sums)
        }
    }
}

impl Simd for Avx512 {
    const WIDTH: usize = 16;
    const REGISTERS: usize = 32;
    const HAS_FMA: bool = true;

    one_intrinsic_each!(
        __m512,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps,
        _mm512_min_ps
    );

    #[inline(always)]
    fn reduce_sum_4(self, vectors: [Self::Vector; 4]) -> [f32; 4] {
        // SAFETY: as in `splat`.
        vectors.map(|vector| unsafe { _mm512_reduce_add_ps(vector) })
    }
}
