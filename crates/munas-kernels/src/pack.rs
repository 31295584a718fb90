//! Packing of samples into lanes.
//!
//! Tiles of 16 elements of 16 samples are transposed, small integers before they become floats: four rounds of interleaving
//! rows, each of which doubles the run of elements of one column.

use crate::Kernels;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd, interleaved, transposed};

/// An element type that samples are stored in.
pub trait Scalar: tile::Transpose + Copy + Default + Send + Sync + 'static {
    /// The value as a float, exactly.
    fn to_f32(self) -> f32;
}

macro_rules! impl_scalar {
    ($($element:ty),*) => {
        $(impl Scalar for $element {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                f32::from(self)
            }
        })*
    };
}

impl_scalar!(u8, i8, u16, i16, f32);

mod tile {
    use super::{LANES, Scalar, interleaved, transposed};

    /// A square tile of elements.
    pub type Tile<T> = [[T; LANES]; LANES];

    /// How a tile of an element type is transposed; not for other crates to implement.
    pub trait Transpose: Sized {
        /// Type of the transposed elements: the same, or `f32` where that is faster.
        type Transposed: Scalar;
        /// The transposed tile.
        fn transpose(rows: [&[Self; LANES]; LANES]) -> Tile<Self::Transposed>;
    }

    impl Transpose for u8 {
        type Transposed = u8;

        #[inline(always)]
        fn transpose(rows: [&[u8; LANES]; LANES]) -> Tile<u8> {
            bytes(rows.map(|row| *row))
        }
    }

    #[inline(always)]
    fn bytes(mut tile: Tile<u8>) -> Tile<u8> {
        for _ in 0..LANES.ilog2() {
            let mut next = [[0; LANES]; LANES];
            for row in 0..LANES / 2 {
                [next[2 * row], next[2 * row + 1]] = interleaved(tile[row], tile[row + LANES / 2]);
            }
            tile = next;
        }
        tile
    }

    impl Transpose for i8 {
        type Transposed = i8;

        #[inline(always)]
        fn transpose(rows: [&[i8; LANES]; LANES]) -> Tile<i8> {
            bytes(rows.map(|row| row.map(i8::cast_unsigned))).map(|row| row.map(u8::cast_signed))
        }
    }

    impl Transpose for u16 {
        type Transposed = f32;

        #[inline(always)]
        fn transpose(rows: [&[u16; LANES]; LANES]) -> Tile<f32> {
            floats(&rows.map(|row| row.map(f32::from)))
        }
    }

    impl Transpose for i16 {
        type Transposed = f32;

        #[inline(always)]
        fn transpose(rows: [&[i16; LANES]; LANES]) -> Tile<f32> {
            floats(&rows.map(|row| row.map(f32::from)))
        }
    }

    impl Transpose for f32 {
        type Transposed = f32;

        #[inline(always)]
        fn transpose(rows: [&[f32; LANES]; LANES]) -> Tile<f32> {
            floats(&rows.map(|row| *row))
        }
    }

    #[inline(always)]
    fn floats(rows: &Tile<f32>) -> Tile<f32> {
        let mut columns = [[0.0; LANES]; LANES];
        for at in (0..LANES).step_by(4) {
            for lane in (0..LANES).step_by(4) {
                let corner =
                    std::array::from_fn(|row| std::array::from_fn(|column| rows[lane + row][at + column]));
                for (column, lanes) in transposed(corner).iter().enumerate() {
                    columns[at + column][lane..lane + 4].copy_from_slice(lanes);
                }
            }
        }
        columns
    }
}

/// Shape and normalisation of samples stored as `[pixel][channel]` (HWC).
#[derive(Clone, Copy, Debug)]
pub struct PackGeometry<'a> {
    /// Rows × columns.
    pub pixels: usize,
    /// Factor of each channel's stored values.
    pub scale: &'a [f32],
    /// What is added to each channel after the factor.
    pub offset: &'a [f32],
}

impl PackGeometry<'_> {
    /// Channels of a sample.
    pub fn channels(&self) -> usize {
        self.scale.len()
    }

    /// Elements of one packed block.
    pub fn block(&self) -> usize {
        self.pixels * self.channels() * LANES
    }
}

impl Kernels {
    /// Packs up to [`LANES`] samples of `[pixel][channel]` elements into one block
    /// `[channel][pixel][LANES]`, as `value · scale + offset`. Lanes without a sample become zero.
    pub fn pack_block<T: Scalar>(&self, g: &PackGeometry<'_>, samples: &[&[T]], block: &mut [f32]) {
        assert!(samples.len() <= LANES && block.len() == g.block() && g.offset.len() == g.channels());
        for sample in samples {
            assert_eq!(sample.len(), g.pixels * g.channels(), "elements of a sample");
        }
        self.dispatch(Pack { g, samples, block });
    }

    /// The inverse for results: row `sample` of `rows` (`[batch][units]`) gets lane `sample % LANES` of
    /// `[block][units][LANES]`.
    pub fn unpack_rows(&self, units: usize, packed: &[f32], rows: &mut [f32]) {
        for (sample, row) in rows.chunks_exact_mut(units).enumerate() {
            let first = sample / LANES * units * LANES + sample % LANES;
            for (unit, value) in row.iter_mut().enumerate() {
                *value = packed[first + unit * LANES];
            }
        }
    }
}

struct Pack<'a, T> {
    g: &'a PackGeometry<'a>,
    samples: &'a [&'a [T]],
    block: &'a mut [f32],
}

impl<T: Scalar> Kernel for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (channels, elements) = (self.g.channels(), self.g.block() / LANES);
        let block = self.block.as_chunks_mut::<LANES>().0;
        // The last tile overlaps the one before it.
        let Some(last) = elements.checked_sub(LANES) else {
            return pack_few(self.g, self.samples, block);
        };
        let empty = [T::default(); LANES];
        // Of the next element; counting spares the divisions.
        let (mut channel, mut pixel) = (0, 0);
        for first in (0..elements).step_by(LANES) {
            if first > last {
                (channel, pixel) = (last % channels, last / channels);
            }
            let row = |lane| {
                let sample: Option<&&[T]> = self.samples.get(lane);
                sample.and_then(|sample| sample[first.min(last)..].first_chunk()).unwrap_or(&empty)
            };
            for column in &T::transpose(std::array::from_fn(row)) {
                let (scale, offset) = (self.g.scale[channel], self.g.offset[channel]);
                let target = &mut block[channel * self.g.pixels + pixel];
                for (target, value) in target.iter_mut().zip(column) {
                    *target = value.to_f32() * scale + offset;
                }
                if self.samples.len() < LANES {
                    target[self.samples.len()..].fill(0.0);
                }
                channel += 1;
                if channel == channels {
                    (channel, pixel) = (0, pixel + 1);
                }
            }
        }
    }
}

/// Packs samples of fewer elements than a tile has.
fn pack_few<T: Scalar>(g: &PackGeometry<'_>, samples: &[&[T]], block: &mut [[f32; LANES]]) {
    block.fill([0.0; LANES]);
    for (lane, sample) in samples.iter().enumerate() {
        for (element, value) in sample.iter().enumerate() {
            let (pixel, channel) = (element / g.channels(), element % g.channels());
            block[channel * g.pixels + pixel][lane] = value.to_f32() * g.scale[channel] + g.offset[channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{every_isa, noise};

    fn check<T: Scalar>(pixels: usize, channels: usize, count: usize, seed: u64, element: impl Fn(f32) -> T) {
        let (scale, offset) = (noise(seed, channels), noise(seed + 1, channels));
        let g = PackGeometry { pixels, scale: &scale, offset: &offset };
        let samples: Vec<Vec<T>> = (0..count as u64)
            .map(|sample| noise(seed + 2 + sample, pixels * channels).into_iter().map(&element).collect())
            .collect();
        let slices: Vec<&[T]> = samples.iter().map(Vec::as_slice).collect();
        for kernels in every_isa() {
            let mut block = vec![f32::NAN; g.block()];
            kernels.pack_block(&g, &slices, &mut block);
            for (at, &actual) in block.iter().enumerate() {
                let (lane, pixel, channel) = (at % LANES, at / LANES % pixels, at / LANES / pixels);
                let value = samples.get(lane).map(|sample| sample[pixel * channels + channel].to_f32());
                let expected = value.map_or(0.0, |value| value * scale[channel] + offset[channel]);
                assert_eq!(actual, expected, "lane {lane}, pixel {pixel}, channel {channel}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_element_lands_in_its_lane(
            pixels in 1_usize..40, channels in 1_usize..5, count in 0_usize..=LANES, seed in any::<u32>(),
        ) {
            let seed = u64::from(seed);
            check::<u8>(pixels, channels, count, seed, |x| (x * 127.0 + 128.0) as u8);
            check::<i8>(pixels, channels, count, seed, |x| (x * 127.0) as i8);
            check::<u16>(pixels, channels, count, seed, |x| (x * 32767.0 + 32768.0) as u16);
            check::<i16>(pixels, channels, count, seed, |x| (x * 32767.0) as i16);
            check::<f32>(pixels, channels, count, seed, |x| x);
        }
    }

    #[test]
    fn rows_come_back_from_lanes() {
        let (units, batch) = (3, 20);
        let packed = noise(1, 2 * units * LANES);
        let mut rows = vec![f32::NAN; batch * units];
        every_isa()[0].unpack_rows(units, &packed, &mut rows);
        for sample in 0..batch {
            for unit in 0..units {
                let from = (sample / LANES * units + unit) * LANES + sample % LANES;
                assert_eq!(rows[sample * units + unit], packed[from]);
            }
        }
    }
}
