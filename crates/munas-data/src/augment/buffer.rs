//! The buffer that an augmented sample lands in.

use super::element::Element;
use super::rotate::Scratch;
use crate::samples::{ElementType, SampleRef};

/// Holds one augmented sample, in the type of its source, and the scratch of the transformations.
///
/// Allocates when it meets a larger sample or another type than before, and never again after.
#[derive(Debug, Clone)]
pub struct SampleBuffer {
    pub(super) planes: Planes,
}

#[derive(Debug, Clone)]
pub(super) enum Planes {
    U8(Pair<u8>),
    I8(Pair<i8>),
    U16(Pair<u16>),
    I16(Pair<i16>),
    F32(Pair<f32>),
}

/// The sample as it stands, and room for what a transformation makes of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair<T> {
    pub(super) front: Vec<T>,
    back: Vec<T>,
    pub(super) scratch: Scratch,
}

impl<T: Element> Pair<T> {
    pub(super) fn load(&mut self, sample: &[T]) {
        self.front.clear();
        self.front.extend_from_slice(sample);
        self.back.resize(sample.len(), T::default());
    }

    /// Lets `transform` read the front and write the back (the third argument is scratch); the back then becomes the
    /// front.
    pub(super) fn rewrite(&mut self, transform: impl FnOnce(&[T], &mut [T], &mut Scratch)) {
        transform(&self.front, &mut self.back, &mut self.scratch);
        std::mem::swap(&mut self.front, &mut self.back);
    }
}

impl SampleBuffer {
    /// An empty buffer for values of the given type.
    pub fn new(element: ElementType) -> Self {
        let planes = match element {
            ElementType::U8 => Planes::U8(Pair::default()),
            ElementType::I8 => Planes::I8(Pair::default()),
            ElementType::U16 => Planes::U16(Pair::default()),
            ElementType::I16 => Planes::I16(Pair::default()),
            ElementType::F32 => Planes::F32(Pair::default()),
        };
        Self { planes }
    }

    /// The sample that the last [`Augmenter::apply`](super::Augmenter::apply) left here.
    pub fn sample(&self) -> SampleRef<'_> {
        match &self.planes {
            Planes::U8(pair) => SampleRef::U8(&pair.front),
            Planes::I8(pair) => SampleRef::I8(&pair.front),
            Planes::U16(pair) => SampleRef::U16(&pair.front),
            Planes::I16(pair) => SampleRef::I16(&pair.front),
            Planes::F32(pair) => SampleRef::F32(&pair.front),
        }
    }
}
