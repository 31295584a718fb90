//! Sample values in the type in which their source delivers them.
//!
//! A dataset is held once, as bytes: images as `u8` or, where they have 16 bits, `u16`; features of quantised front-ends as
//! `i8`, raw signals as `i16`, everything else as `f32`. Conversion to normalised `f32` happens per batch, in the trainer.
//! Layout of every sample: height × width × channels (HWC), row-major; of a store: NHWC.

use std::fmt;
use std::str::FromStr;

/// All samples of a dataset, one after the other (NHWC).
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Pictures, in 0..=255.
    U8(Vec<u8>),
    /// Features quantised to eight bits.
    I8(Vec<i8>),
    /// Images of sensors with more than eight bits.
    U16(Vec<u16>),
    /// Signals, 16-bit linear.
    I16(Vec<i16>),
    /// Everything else: floats of any range.
    F32(Vec<f32>),
}

/// One sample (or any run of values), borrowed from a store or from a [`SampleBuffer`](crate::SampleBuffer).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleRef<'a> {
    /// See [`Samples::U8`].
    U8(&'a [u8]),
    /// See [`Samples::I8`].
    I8(&'a [i8]),
    /// See [`Samples::U16`].
    U16(&'a [u16]),
    /// See [`Samples::I16`].
    I16(&'a [i16]),
    /// See [`Samples::F32`].
    F32(&'a [f32]),
}

/// The type of the stored values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// Unsigned bytes, in 0..=255.
    U8,
    /// Signed bytes, in −128..=127.
    I8,
    /// 16-bit unsigned integers.
    U16,
    /// 16-bit signed integers.
    I16,
    /// Single-precision floats, 4 bytes.
    F32,
}

impl ElementType {
    /// Lower-case name: `u8`, `i8`, `u16`, `i16`, `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::F32 => "f32",
        }
    }

    /// Bytes that one value takes in memory.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F32 => 4,
        }
    }

    /// The magnitude that unit normalisation maps to 1 where a source knows no other: 255, 128, 65535, 32768, and 1 for
    /// floats.
    pub fn full_scale(self) -> f32 {
        match self {
            Self::U8 => 255.0,
            Self::I8 => 128.0,
            Self::U16 => 65535.0,
            Self::I16 => 32768.0,
            Self::F32 => 1.0,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The text names no type of values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown type of values `{0}`")]
pub struct UnknownElementType(String);

impl FromStr for ElementType {
    type Err = UnknownElementType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::U8, Self::I8, Self::U16, Self::I16, Self::F32]
            .into_iter()
            .find(|element| element.name() == text)
            .ok_or_else(|| UnknownElementType(text.to_owned()))
    }
}

impl Samples {
    /// An empty store of the given type.
    pub fn empty(element: ElementType) -> Self {
        match element {
            ElementType::U8 => Self::U8(Vec::new()),
            ElementType::I8 => Self::I8(Vec::new()),
            ElementType::U16 => Self::U16(Vec::new()),
            ElementType::I16 => Self::I16(Vec::new()),
            ElementType::F32 => Self::F32(Vec::new()),
        }
    }

    /// Number of values (not samples).
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// True when no value is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Type of the stored values.
    pub fn element_type(&self) -> ElementType {
        self.all().element_type()
    }

    /// Size of the stored values in bytes.
    pub fn bytes(&self) -> usize {
        self.len() * self.element_type().bytes()
    }

    /// Everything, borrowed.
    pub fn all(&self) -> SampleRef<'_> {
        match self {
            Self::U8(values) => SampleRef::U8(values),
            Self::I8(values) => SampleRef::I8(values),
            Self::U16(values) => SampleRef::U16(values),
            Self::I16(values) => SampleRef::I16(values),
            Self::F32(values) => SampleRef::F32(values),
        }
    }

    /// The values `start..start + len`.
    ///
    /// # Panics
    /// When the range reaches past the end.
    #[inline]
    pub fn slice(&self, start: usize, len: usize) -> SampleRef<'_> {
        let range = start..start + len;
        match self {
            Self::U8(values) => SampleRef::U8(&values[range]),
            Self::I8(values) => SampleRef::I8(&values[range]),
            Self::U16(values) => SampleRef::U16(&values[range]),
            Self::I16(values) => SampleRef::I16(&values[range]),
            Self::F32(values) => SampleRef::F32(&values[range]),
        }
    }
}

impl Samples {
    /// Appends other values of the same type.
    ///
    /// # Panics
    /// When they are of another.
    pub(crate) fn append(&mut self, more: &Self) {
        match (self, more) {
            (Self::U8(values), Self::U8(more)) => values.extend_from_slice(more),
            (Self::I8(values), Self::I8(more)) => values.extend_from_slice(more),
            (Self::U16(values), Self::U16(more)) => values.extend_from_slice(more),
            (Self::I16(values), Self::I16(more)) => values.extend_from_slice(more),
            (Self::F32(values), Self::F32(more)) => values.extend_from_slice(more),
            (values, more) => panic!("{:?} after {:?}", more.element_type(), values.element_type()),
        }
    }

    /// Keeps the first of every `step` values, in place.
    pub(crate) fn keep_every(&mut self, step: usize) {
        fn keep<T: Copy>(values: &mut Vec<T>, step: usize) {
            let kept = values.len().div_ceil(step);
            for index in 0..kept {
                values[index] = values[index * step];
            }
            values.truncate(kept);
            values.shrink_to_fit();
        }
        match self {
            Self::U8(values) => keep(values, step),
            Self::I8(values) => keep(values, step),
            Self::U16(values) => keep(values, step),
            Self::I16(values) => keep(values, step),
            Self::F32(values) => keep(values, step),
        }
    }
}

impl SampleRef<'_> {
    /// Number of values, of a sample or of all that it refers to.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// True when there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Type of the values.
    pub fn element_type(&self) -> ElementType {
        match self {
            Self::U8(_) => ElementType::U8,
            Self::I8(_) => ElementType::I8,
            Self::U16(_) => ElementType::U16,
            Self::I16(_) => ElementType::I16,
            Self::F32(_) => ElementType::F32,
        }
    }

    /// Value `index` as it is, without normalisation.
    ///
    /// # Panics
    /// When the index is past the end.
    #[inline]
    pub fn get(&self, index: usize) -> f32 {
        match self {
            Self::U8(values) => f32::from(values[index]),
            Self::I8(values) => f32::from(values[index]),
            Self::U16(values) => f32::from(values[index]),
            Self::I16(values) => f32::from(values[index]),
            Self::F32(values) => values[index],
        }
    }

    /// Calls `visit` with the little-endian bytes of all values, in large pieces and without a second copy.
    pub(crate) fn visit_bytes(&self, mut visit: impl FnMut(&[u8])) {
        const PIECE: usize = 16 * 1024;
        let mut piece = Vec::with_capacity(4 * PIECE);
        let mut flush = |bytes: &mut Vec<u8>| {
            visit(bytes);
            bytes.clear();
        };
        match self {
            Self::U8(values) => visit(values),
            Self::I8(values) => values.chunks(PIECE).for_each(|chunk| {
                piece.extend(chunk.iter().map(|&value| value.cast_unsigned()));
                flush(&mut piece);
            }),
            Self::U16(values) => values.chunks(PIECE).for_each(|chunk| {
                piece.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                flush(&mut piece);
            }),
            Self::I16(values) => values.chunks(PIECE).for_each(|chunk| {
                piece.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                flush(&mut piece);
            }),
            Self::F32(values) => values.chunks(PIECE).for_each(|chunk| {
                piece.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                flush(&mut piece);
            }),
        }
    }
}
