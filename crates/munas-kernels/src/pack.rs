//! Packing of samples into lanes.

use crate::Kernels;
use crate::layout::LANES;
use crate::simd::{Kernel, Simd, transposed};

/// An element type that samples are stored in.
pub trait Scalar: Copy + Default + Send + Sync + 'static {
    /// The element's value.
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

impl_scalar!(u8, i8, i16, f32);

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
        // Tiles of 16 elements of 16 samples; the last tile overlaps the one before it.
        let Some(last) = elements.checked_sub(LANES) else {
            return pack_few(self.g, self.samples, block);
        };
        // A row per sample; lanes without a sample stay zero.
        let mut square = [[0.0; LANES]; LANES];
        for first in (0..elements).step_by(LANES).map(|first| first.min(last)) {
            // Target, scale and offset of each element; counting spares the divisions.
            let (mut channel, mut pixel) = (first % channels, first / channels);
            let (mut targets, mut scale, mut offset) = ([0; LANES], [0.0; LANES], [0.0; LANES]);
            for at in 0..LANES {
                targets[at] = channel * self.g.pixels + pixel;
                (scale[at], offset[at]) = (self.g.scale[channel], self.g.offset[channel]);
                channel += 1;
                if channel == channels {
                    (channel, pixel) = (0, pixel + 1);
                }
            }
            for (row, sample) in square.iter_mut().zip(self.samples) {
                if let Some(values) = sample[first..].first_chunk::<LANES>() {
                    *row = std::array::from_fn(|at| values[at].to_f32() * scale[at] + offset[at]);
                }
            }
            for at in (0..LANES).step_by(4) {
                for lane in (0..LANES).step_by(4) {
                    let corner = std::array::from_fn(|row| {
                        std::array::from_fn(|column| square[lane + row][at + column])
                    });
                    for (column, lanes) in transposed(corner).iter().enumerate() {
                        block[targets[at + column]][lane..lane + 4].copy_from_slice(lanes);
                    }
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
