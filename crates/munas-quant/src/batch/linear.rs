//! Convolutions and dense layers: sums of products of integers by the training kernels, in f32 and yet exact.
//!
//! An f32 holds every integer up to 2²⁴. Elements less their zero point have up to 8 bits and a sign, weights 7: a sum of a few
//! thousand of their products rarely exceeds it. How far the sums of a layer can go is known from its weights; where they could
//! go beyond, the weights are split in parts whose sums cannot, and the sums of the parts are added as integers.

use munas_ir::{KernelLayout, Op, OpId, Windows};
use munas_kernels::{AlignedBuffer, Convolution, DenseGeometry, Kernels, LANES, PreparedSums, Scratch};

use super::Lanes;
use super::elementwise::{Accumulate, Requantise, Widen};
use crate::{LinearLayer, QuantisedNetwork};

/// The largest integer up to which all are exact in f32.
const LARGEST_EXACT: i64 = 1 << f32::MANTISSA_DIGITS;

/// The products of an operator with weights.
#[derive(Debug)]
pub(super) struct LinearSums {
    /// Elements of the output.
    outputs: usize,
    /// Sums that are exact; the layer's are the totals over all parts.
    parts: Vec<PreparedSums>,
}

/// Working memory for the layers of a network.
#[derive(Debug)]
pub(super) struct LinearScratch {
    values: AlignedBuffer,
    sums: AlignedBuffer,
    totals: Vec<i32>,
    kernels: Scratch,
}

impl LinearScratch {
    /// For tensors of up to `elements` elements.
    pub fn new(elements: usize) -> Self {
        let [values, sums] = [(); 2].map(|()| AlignedBuffer::zeroed(elements * LANES));
        Self { values, sums, totals: Vec::new(), kernels: Scratch::default() }
    }
}

impl LinearSums {
    /// The products of an operator; `None` if it has no weights.
    pub fn new(kernels: &Kernels, network: &QuantisedNetwork, op: OpId) -> Option<Self> {
        let (graph, layer) = (network.graph(), network.layer(op).linear()?);
        let mut weights = vec![0; layer.weights.len()];
        KernelLayout::of(graph, op)?.channels_first(&layer.weights, &mut weights);
        let convolution = convolution(graph.node(op).op, graph.windows(op)?);
        let parts = exact_parts(&weights, weights.len() / layer.bias.len(), layer.input_zero_point);
        let prepared = parts.iter().map(|weights| PreparedSums::new(kernels, &convolution, weights));
        Some(Self { outputs: graph.output_shape(op).elements(), parts: prepared.collect() })
    }

    /// Computes the operator's output.
    pub fn execute(
        &self,
        kernels: &Kernels,
        layer: &LinearLayer,
        input: &[Lanes],
        output: &mut [Lanes],
        scratch: &mut LinearScratch,
    ) {
        self.add_up(kernels, layer.input_zero_point, input, scratch);
        kernels.vectorise(Requantise { layer, totals: &scratch.totals, output });
    }

    /// Leaves the sums of the products, of all parts together, in `scratch.totals`.
    fn add_up(&self, kernels: &Kernels, zero_point: i32, input: &[Lanes], scratch: &mut LinearScratch) {
        let LinearScratch { values, sums, totals, kernels: working_memory } = scratch;
        let values = &mut values[..input.len() * LANES];
        kernels.vectorise(Widen { zero_point, input, values });
        totals.clear();
        totals.resize(self.outputs * LANES, 0);
        let sums = &mut sums[..self.outputs * LANES];
        for part in &self.parts {
            part.forward(1, values, sums, working_memory);
            kernels.vectorise(Accumulate { sums, totals });
        }
    }
}

/// The operator as the kernels take it.
fn convolution(op: Op, windows: Windows) -> Convolution {
    match op {
        Op::DepthwiseConv2d { .. } => Convolution::depthwise(&windows.into()),
        Op::Dense { units, .. } => Convolution::dense(&DenseGeometry { features: windows.elements(), units }),
        Op::Conv2d { .. } => Convolution::full(&windows.into()),
        Op::Pool { .. } | Op::Add => unreachable!("has no kernel"),
    }
}

/// The weights, a row for each output, as a sum of as few parts as have exact sums: each takes a range of every row.
fn exact_parts(weights: &[i8], row_len: usize, input_zero_point: i32) -> Vec<Vec<f32>> {
    let rows = || weights.chunks_exact(row_len);
    let is_exact = |length: &usize| {
        let mut parts = rows().flat_map(|row| row.chunks(*length));
        parts.all(|part| largest_sum(part, input_zero_point) <= LARGEST_EXACT)
    };
    let mut lengths = (1..=row_len).map(|parts| row_len.div_ceil(parts));
    let length = lengths.find(is_exact).expect("a product of 8-bit integers is exact");
    let part = |first: usize| {
        let range = first..first + length;
        let within = |(index, &weight)| if range.contains(&index) { f32::from(weight) } else { 0.0 };
        rows().flat_map(|row| row.iter().enumerate().map(within)).collect()
    };
    (0..row_len).step_by(length).map(part).collect()
}

/// The largest magnitude of a sum of any of the products with these weights.
fn largest_sum(weights: &[i8], input_zero_point: i32) -> i64 {
    let steps = [i8::MIN, i8::MAX].map(|end| i64::from(end) - i64::from(input_zero_point));
    let (mut negative, mut positive) = (0, 0);
    for &weight in weights {
        let ends = steps.map(|step| step * i64::from(weight));
        positive += ends[0].max(ends[1]).max(0);
        negative += ends[0].min(ends[1]).min(0);
    }
    positive.max(-negative)
}

#[cfg(test)]
mod tests {
    use munas_kernels::Isa;

    use super::*;

    #[test]
    fn the_largest_sum_is_reached_at_the_ends_of_the_range() {
        // Inputs from 0 to 255: all positive weights at 255.
        assert_eq!(largest_sum(&[100, -120, 27], -128), 127 * 255);
        // From -128 to 127: signs of inputs and weights agree.
        assert_eq!(largest_sum(&[100, -120], 0), 100 * 127 + 120 * 128);
        assert_eq!(largest_sum(&[-1, -1], 127), 2 * 255);
    }

    #[test]
    fn weights_are_split_where_sums_could_be_rounded() {
        // 518 products of 127 and 255 are 16,775,430; 519 exceed 2²⁴.
        let parts = |taps: usize| exact_parts(&vec![127; 2 * taps], taps, -128);
        assert_eq!(parts(518), [vec![127.0; 2 * 518]]);
        let split = parts(519);
        let count = |part: &Vec<f32>| part.iter().filter(|&&weight| weight != 0.0).count();
        assert_eq!(split.iter().map(count).collect::<Vec<_>>(), [2 * 260, 2 * 259]);
        assert!((0..2 * 519).all(|index| split[0][index] + split[1][index] == 127.0));
    }

    #[test]
    fn sums_that_no_float_holds_are_exact() {
        const FEATURES: usize = 4001;
        let weights: Vec<i8> = (0..FEATURES).map(|index| if index % 2 == 0 { 127 } else { 126 }).collect();
        let input: Vec<Lanes> = (0..FEATURES)
            .map(|index| std::array::from_fn(|lane| if index % 19 == lane { -5 } else { 127 }))
            .collect();
        let expected = (0..LANES).map(|lane| {
            let products = input
                .iter()
                .zip(&weights)
                .map(|(input, &weight)| (i32::from(input[lane]) + 128) * i32::from(weight));
            products.sum::<i32>()
        });
        let expected: Vec<i32> = expected.collect();
        assert!(expected.iter().any(|&sum| sum as f32 as i32 != sum), "floats would do");
        let convolution = Convolution::dense(&DenseGeometry { features: FEATURES, units: 1 });
        for kernels in Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Kernels::new) {
            let parts = exact_parts(&weights, FEATURES, -128);
            let prepared = parts.iter().map(|part| PreparedSums::new(&kernels, &convolution, part));
            let sums = LinearSums { outputs: 1, parts: prepared.collect() };
            let mut scratch = LinearScratch::new(FEATURES);
            sums.add_up(&kernels, -128, &input, &mut scratch);
            assert_eq!(scratch.totals, expected, "{}", kernels.isa());
        }
    }
}
