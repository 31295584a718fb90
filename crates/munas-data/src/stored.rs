//! The samples of a dataset where they are held: in the process's own memory, or in a file that several processes share.

use std::ops::Range;
use std::sync::Arc;

use munas_kernels::MappedFile;

use crate::samples::{ElementType, SampleRef, Samples};

/// All samples of a dataset (NHWC), wherever they are. They are read and never changed.
#[derive(Debug)]
pub(crate) enum Stored {
    /// As a reader delivered them.
    Owned(Samples),
    /// In a packed file.
    Mapped(MappedSamples),
}

/// Little-endian values in a mapped file, on a machine that has them so itself.
#[derive(Debug)]
pub(crate) struct MappedSamples {
    file: Arc<MappedFile>,
    element: ElementType,
    /// Where the values are in the file, in bytes; whole values, aligned to their size.
    place: Range<usize>,
}

impl MappedSamples {
    /// The values at a place of the file.
    ///
    /// # Panics
    /// If the place is not in the file or does not fit the type of the values.
    pub(crate) fn new(file: &Arc<MappedFile>, element: ElementType, place: Range<usize>) -> Self {
        let samples = Self { file: Arc::clone(file), element, place };
        // What cannot be fails here, and not in a training.
        let _all = samples.all();
        samples
    }

    fn all(&self) -> SampleRef<'_> {
        self.values(&self.file[self.place.clone()])
    }

    /// Bytes of the file as values.
    #[inline]
    fn values<'a>(&self, bytes: &'a [u8]) -> SampleRef<'a> {
        match self.element {
            ElementType::U8 => SampleRef::U8(bytes),
            ElementType::I8 => SampleRef::I8(bytemuck::cast_slice(bytes)),
            ElementType::U16 => SampleRef::U16(bytemuck::cast_slice(bytes)),
            ElementType::I16 => SampleRef::I16(bytemuck::cast_slice(bytes)),
            ElementType::F32 => SampleRef::F32(bytemuck::cast_slice(bytes)),
        }
    }
}

impl Stored {
    /// Number of values (not samples).
    pub(crate) fn len(&self) -> usize {
        self.all().len()
    }

    pub(crate) fn element_type(&self) -> ElementType {
        self.all().element_type()
    }

    /// Size of the values in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.len() * self.element_type().bytes()
    }

    /// Everything, borrowed.
    pub(crate) fn all(&self) -> SampleRef<'_> {
        match self {
            Self::Owned(samples) => samples.all(),
            Self::Mapped(samples) => samples.all(),
        }
    }

    /// The values `start..start + len`.
    ///
    /// # Panics
    /// When the range reaches past the end.
    #[inline]
    pub(crate) fn slice(&self, start: usize, len: usize) -> SampleRef<'_> {
        match self {
            Self::Owned(samples) => samples.slice(start, len),
            Self::Mapped(samples) => {
                let size = samples.element.bytes();
                let all = &samples.file[samples.place.clone()];
                samples.values(&all[start * size..(start + len) * size])
            }
        }
    }
}
