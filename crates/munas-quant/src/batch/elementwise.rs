//! Into the lanes and out of them.

use munas_ir::{Shape, TensorQuantisation};
use munas_kernels::{LANES, Vectorised};

use super::Lanes;
use crate::LinearLayer;

/// Inputs one after the other, each in (h, w, c) order, to the lanes of a tensor. Lanes without an input keep what they held.
pub(super) struct Pack<'a> {
    pub parameters: TensorQuantisation,
    pub inputs: &'a [f32],
    pub shape: Shape,
    pub integers: &'a mut Vec<i8>,
    pub tensor: &'a mut [Lanes],
}

impl Vectorised for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { parameters, inputs, shape, integers, tensor } = self;
        integers.resize(inputs.len(), 0);
        for (integer, &value) in integers.iter_mut().zip(inputs) {
            *integer = parameters.quantise(value);
        }
        for channel in 0..shape.channels {
            let plane = &mut tensor[channel * shape.pixels()..][..shape.pixels()];
            for (lane, integers) in integers.chunks_exact(shape.elements()).enumerate() {
                let integers = integers[channel..].iter().step_by(shape.channels);
                for (lanes, &integer) in plane.iter_mut().zip(integers) {
                    lanes[lane] = integer;
                }
            }
        }
    }
}

/// The first `samples` lanes of a tensor one after the other, each in (h, w, c) order.
pub(super) fn unpack(tensor: &[Lanes], shape: Shape, samples: usize, integers: &mut Vec<i8>) {
    integers.clear();
    for lane in 0..samples {
        for pixel in 0..shape.pixels() {
            let channels = tensor.iter().skip(pixel).step_by(shape.pixels());
            integers.extend(channels.map(|lanes| lanes[lane]));
        }
    }
}

/// Integers less their zero point.
pub(super) struct Widen<'a> {
    pub zero_point: i32,
    pub input: &'a [Lanes],
    pub values: &'a mut [f32],
}

impl Vectorised for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let zero_point = self.zero_point as f32;
        for (value, &integer) in self.values.iter_mut().zip(self.input.as_flattened()) {
            *value = f32::from(integer) - zero_point;
        }
    }
}

/// Adds sums that are integers to totals.
pub(super) struct Accumulate<'a> {
    pub sums: &'a [f32],
    pub totals: &'a mut [i32],
}

impl Vectorised for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        /// 1.5 · 2⁵². Added to an integer of 32 bits, it leaves it in the low bits of the f64. A cast, which saturates,
        /// becomes no vector instruction.
        const SHIFT: f64 = 6_755_399_441_055_744.0;
        for (total, &sum) in self.totals.iter_mut().zip(self.sums) {
            *total += (f64::from(sum) + SHIFT).to_bits() as i32;
        }
    }
}

/// The outputs of a layer for the totals of its products.
pub(super) struct Requantise<'a> {
    pub layer: &'a LinearLayer,
    pub totals: &'a [i32],
    pub output: &'a mut [Lanes],
}

impl Vectorised for Requantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layer, totals, output } = self;
        let pixels = output.len() / layer.bias.len();
        let totals = totals.as_chunks::<LANES>().0;
        let planes = output.chunks_exact_mut(pixels).zip(totals.chunks_exact(pixels));
        let channels = layer.bias.iter().zip(&layer.multipliers);
        for ((output, totals), (&bias, &multiplier)) in planes.zip(channels) {
            for (output, totals) in output.iter_mut().zip(totals) {
                for lane in 0..LANES {
                    output[lane] = layer.output(multiplier, totals[lane] + bias);
                }
            }
        }
    }
}
