//! Fake quantisation: values as their nearest representable ones, for training that is aware of int8.
//!
//! They are plain loops, which the compiler vectorises for the instruction set they are dispatched to.

use crate::Kernels;
use crate::layout::{LANES, valid_lanes};
use crate::simd::{Kernel, Simd};

/// The values `scale · step` with whole steps from `low` to `high`, among them 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FakeQuantisation {
    /// Distance of neighbouring values.
    pub scale: f32,
    /// Smallest step: values below it are cut off.
    pub low: f32,
    /// Largest step: values above it are cut off.
    pub high: f32,
}

impl Kernels {
    /// `output` = the nearest representable value of each of `input`.
    pub fn fake_quantise(&self, g: FakeQuantisation, input: &[f32], output: &mut [f32]) {
        assert_eq!(input.len(), output.len());
        self.dispatch(Forward { g, input, output });
    }

    /// Gradient by the input as if values were not rounded: `d_output`, and 0 where the input is out of range, by more
    /// than the half step that is rounded off anyway (straight through, Bengio et al., arXiv 1308.3432).
    pub fn fake_quantise_backward(
        &self,
        g: FakeQuantisation,
        input: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
    ) {
        assert!(input.len() == d_output.len() && input.len() == d_input.len());
        self.dispatch(Backward { g, input, d_output, d_input });
    }

    /// The smallest and largest value of the `batch` samples of `values`, `[block][element][LANES]`.
    pub fn range(&self, batch: usize, values: &[f32]) -> [f32; 2] {
        let blocks = batch.div_ceil(LANES);
        let mut range = [f32::INFINITY, f32::NEG_INFINITY];
        for (block, values) in values.chunks_exact(values.len() / blocks).enumerate() {
            let [low, high] = self.dispatch(LaneRanges(values));
            for lane in 0..valid_lanes(batch, block) {
                range = [range[0].min(low[lane]), range[1].max(high[lane])];
            }
        }
        range
    }
}

struct Forward<'a> {
    g: FakeQuantisation,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let FakeQuantisation { scale, low, high } = self.g;
        for (output, &input) in self.output.iter_mut().zip(self.input) {
            *output = (input / scale).round_ties_even().max(low).min(high) * scale;
        }
    }
}

struct Backward<'a> {
    g: FakeQuantisation,
    input: &'a [f32],
    d_output: &'a [f32],
    d_input: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let FakeQuantisation { scale, low, high } = self.g;
        let (smallest, largest) = ((low - 0.5) * scale, (high + 0.5) * scale);
        for ((d_input, &d_output), &input) in self.d_input.iter_mut().zip(self.d_output).zip(self.input) {
            // Products, because the compiler turns a choice into a conditional store, which is slow.
            let above = if input >= smallest { 1.0 } else { 0.0 };
            let below = if input <= largest { 1.0 } else { 0.0 };
            *d_input = d_output * above * below;
        }
    }
}

/// The smallest and largest value in each lane.
struct LaneRanges<'a>(&'a [f32]);

impl Kernel for LaneRanges<'_> {
    type Output = [[f32; LANES]; 2];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Self::Output {
        let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
        for values in self.0.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                low[lane] = low[lane].min(values[lane]);
                high[lane] = high[lane].max(values[lane]);
            }
        }
        [low, high]
    }
}

#[cfg(test)]
mod tests {
    use super::FakeQuantisation;
    use crate::LANES;
    use crate::testing::{every_isa, noise};

    const G: FakeQuantisation = FakeQuantisation { scale: 0.25, low: -2.0, high: 3.0 };

    #[test]
    fn values_are_rounded_and_gradients_cut_off() {
        let input = [-0.65, -0.5, -0.2, 0.1, 0.126, 0.7, 0.8, 0.9];
        let (mut output, mut d_input) = ([f32::NAN; 8], [f32::NAN; 8]);
        for kernels in every_isa() {
            kernels.fake_quantise(G, &input, &mut output);
            assert_eq!(output, [-0.5, -0.5, -0.25, 0.0, 0.25, 0.75, 0.75, 0.75]);
            kernels.fake_quantise_backward(G, &input, &[2.0; 8], &mut d_input);
            assert_eq!(d_input, [0.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0]);
        }
    }

    #[test]
    fn long_buffers_and_their_ends_are_as_single_values() {
        let input = noise(7, 16 * LANES + 5);
        let d_output = noise(8, input.len());
        for kernels in every_isa() {
            let (mut output, mut d_input) = (vec![f32::NAN; input.len()], vec![f32::NAN; input.len()]);
            kernels.fake_quantise(G, &input, &mut output);
            kernels.fake_quantise_backward(G, &input, &d_output, &mut d_input);
            for (index, &value) in input.iter().enumerate() {
                let level = (value / G.scale).round_ties_even();
                let is_inside = (G.low..=G.high).contains(&level);
                assert_eq!(output[index], level.clamp(G.low, G.high) * G.scale, "{value}");
                assert_eq!(d_input[index], if is_inside { d_output[index] } else { 0.0 }, "{value}");
            }
        }
    }

    #[test]
    fn empty_lanes_are_not_in_the_range() {
        let (batch, elements) = (LANES + 3, 5);
        let mut values = noise(4, 2 * elements * LANES);
        let mut expected = [f32::INFINITY, f32::NEG_INFINITY];
        for (index, value) in values.iter_mut().enumerate() {
            if index / (elements * LANES) * LANES + index % LANES < batch {
                expected = [expected[0].min(*value), expected[1].max(*value)];
            } else {
                *value = 100.0;
            }
        }
        for kernels in every_isa() {
            assert_eq!(kernels.range(batch, &values), expected);
        }
    }
}
