//! From stored samples to a network's input: augmentation, normalisation, packing into lanes.

use munas_data::{Augmenter, Normalisation, SampleBuffer, SampleRef, Split};
use munas_kernels::{Kernels, LANES, PackGeometry};
use rand::Rng;

/// Samples of a split, in the order of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Selection<'a> {
    pub split: &'a Split,
    pub positions: &'a [u32],
}

/// Fills inputs, with one normalisation and with buffers that are reused from block to block.
pub(crate) struct BatchLoader {
    normalisation: Normalisation,
    pixels: usize,
    augmented: Vec<SampleBuffer>,
}

impl BatchLoader {
    /// A loader of samples of `pixels` pixels. `augmented` holds one buffer per lane, or nothing where samples are
    /// only loaded as they are.
    pub fn new(normalisation: Normalisation, pixels: usize, augmented: Vec<SampleBuffer>) -> Self {
        Self { normalisation, pixels, augmented }
    }

    /// Packs the selected samples into `input`, `[block][channel][row][column][LANES]`.
    pub fn load(&self, kernels: &Kernels, selection: Selection<'_>, input: &mut [f32]) {
        let Selection { split, positions } = selection;
        let geometry = self.geometry();
        for (block, positions) in input.chunks_exact_mut(geometry.block()).zip(positions.chunks(LANES)) {
            let samples = lanes(positions.len(), |lane| split.sample(positions[lane] as usize));
            pack(kernels, &geometry, &samples[..positions.len()], block);
        }
    }

    /// As [`BatchLoader::load`], with each sample changed by `augmenter` first.
    pub fn load_augmented(
        &mut self,
        kernels: &Kernels,
        selection: Selection<'_>,
        augmenter: &Augmenter,
        rng: &mut impl Rng,
        input: &mut [f32],
    ) {
        let Selection { split, positions } = selection;
        let block_len = self.geometry().block();
        for (block, positions) in input.chunks_exact_mut(block_len).zip(positions.chunks(LANES)) {
            for (&position, buffer) in positions.iter().zip(&mut self.augmented) {
                augmenter.apply_to(split, position as usize, rng, buffer);
            }
            let samples = lanes(positions.len(), |lane| self.augmented[lane].sample());
            pack(kernels, &self.geometry(), &samples[..positions.len()], block);
        }
    }

    fn geometry(&self) -> PackGeometry<'_> {
        PackGeometry {
            pixels: self.pixels,
            scale: &self.normalisation.scale,
            offset: &self.normalisation.offset,
        }
    }
}

/// The samples of `count` lanes; the others repeat the last one.
fn lanes<'a>(count: usize, sample: impl Fn(usize) -> SampleRef<'a>) -> [SampleRef<'a>; LANES] {
    std::array::from_fn(|lane| sample(lane.min(count - 1)))
}

/// Packs up to [`LANES`] samples, all of the type of the first, into one block.
fn pack(kernels: &Kernels, geometry: &PackGeometry<'_>, samples: &[SampleRef<'_>], block: &mut [f32]) {
    macro_rules! pack_as {
        ($variant:ident) => {{
            let mut typed = [[].as_slice(); LANES];
            for (typed, sample) in typed.iter_mut().zip(samples) {
                let SampleRef::$variant(values) = *sample else { unreachable!("a dataset stores one type") };
                *typed = values;
            }
            kernels.pack_block(geometry, &typed[..samples.len()], block);
        }};
    }
    match samples[0] {
        SampleRef::U8(_) => pack_as!(U8),
        SampleRef::I8(_) => pack_as!(I8),
        SampleRef::U16(_) => pack_as!(U16),
        SampleRef::I16(_) => pack_as!(I16),
        SampleRef::F32(_) => pack_as!(F32),
    }
}
