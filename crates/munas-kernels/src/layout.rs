//! The batch-in-lanes layout and the buffers that hold it.
//!
//! An activation tensor of a batch is `[batch block][channel][row][column][lane]` in `f32`: a *block* is
//! [`LANES`] samples side by side, sample `s` of the batch sits in lane `s % LANES` of block `s / LANES`.
//! Every operator then vectorises over samples, whatever its channel count or kernel size.

use std::ops::{Deref, DerefMut};

/// Samples per block: one AVX-512 register of `f32`, two AVX2 registers.
pub const LANES: usize = 16;

/// Number of blocks that hold `batch` samples; the last one may have empty lanes.
pub const fn blocks_for(batch: usize) -> usize {
    batch.div_ceil(LANES)
}

/// Number of samples of a batch that lie in block `block`.
pub(crate) fn valid_lanes(batch: usize, block: usize) -> usize {
    batch.saturating_sub(block * LANES).min(LANES)
}

/// Alignment of [`AlignedBuffer`]: a cache line, so that no vector load straddles two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([f32; LANES]);

/// A fixed-length `f32` buffer that starts at a cache line.
#[derive(Clone, Default)]
pub struct AlignedBuffer {
    lines: Vec<CacheLine>,
    len: usize,
}

impl AlignedBuffer {
    /// A buffer of `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        Self { lines: vec![CacheLine([0.0; LANES]); len.div_ceil(LANES)], len }
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[f32]) -> Self {
        let mut buffer = Self::zeroed(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// The first `len` elements, after growing when there are fewer. Their values are whatever was there.
    pub(crate) fn reserve(&mut self, len: usize) -> &mut [f32] {
        if self.len < len {
            *self = Self::zeroed(len);
        }
        &mut self[..len]
    }
}

impl Deref for AlignedBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        #[expect(unsafe_code, reason = "a view of whole cache lines as their elements")]
        // SAFETY: `CacheLine` is `repr(C)` over `[f32; LANES]`, whose size equals its alignment of 64 bytes, so
        // the lines are `lines.len() * LANES` contiguous initialised floats, and `len` is at most that.
        unsafe {
            std::slice::from_raw_parts(self.lines.as_ptr().cast::<f32>(), self.len)
        }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        #[expect(unsafe_code, reason = "a view of whole cache lines as their elements")]
        // SAFETY: as in `deref`; the borrow of `self` is exclusive.
        unsafe {
            std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast::<f32>(), self.len)
        }
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_as_long_as_asked() {
        for len in [0, 1, LANES, LANES + 1, 1000] {
            let mut buffer = AlignedBuffer::zeroed(len);
            assert_eq!(buffer.as_ptr().align_offset(64), 0);
            assert_eq!(&*buffer, vec![0.0; len]);
            buffer.fill(1.0);
            assert_eq!(&*buffer.clone(), vec![1.0; len]);
        }
    }

    #[test]
    fn reserved_memory_only_grows() {
        let mut buffer = AlignedBuffer::default();
        assert_eq!(buffer.reserve(5).len(), 5);
        buffer.reserve(5).fill(2.0);
        assert_eq!(buffer.reserve(3), [2.0; 3]);
        assert_eq!(buffer.len(), 5);
        assert_eq!(buffer.reserve(20).len(), 20);
    }

    #[test]
    fn samples_fill_blocks_in_order() {
        assert_eq!((blocks_for(0), blocks_for(1), blocks_for(16), blocks_for(17)), (0, 1, 1, 2));
        assert_eq!([0, 1, 2].map(|block| valid_lanes(20, block)), [16, 4, 0]);
    }
}
