//! From the values of a sensor to the elements of a network's input.
//!
//! ```text
//! raw value ──× scale + offset of its channel──► what the network was trained on ──÷ scale of the input, rounded──►
//! element
//! ```
//!
//! All in 32-bit floating point, one rounding after the other, as the host does it; halves go to the even element.
//! The C source has a function for it, the .tflite file the constants.

use std::ops::RangeInclusive;

use munas_ir::TensorQuantisation;
use serde::{Deserialize, Serialize};

/// The type of raw values. All of them are numbers that 32-bit floating point holds exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawType {
    /// Bytes from 0, such as pixels.
    U8,
    /// Bytes with a sign.
    I8,
    /// 16 bits from 0, such as those of an analogue-to-digital converter.
    U16,
    /// 16 bits with a sign, such as sound.
    I16,
    /// 32-bit floating point.
    F32,
}

impl RawType {
    /// The name: `u8`, `i8`, `u16`, `i16`, `f32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::F32 => "f32",
        }
    }

    /// The type of this name, which is also that of the elements of a data set.
    pub fn named(name: &str) -> Option<Self> {
        [Self::U8, Self::I8, Self::U16, Self::I16, Self::F32].into_iter().find(|raw| raw.name() == name)
    }

    /// The type in C.
    pub const fn c_type(self) -> &'static str {
        match self {
            Self::U8 => "uint8_t",
            Self::I8 => "int8_t",
            Self::U16 => "uint16_t",
            Self::I16 => "int16_t",
            Self::F32 => "float",
        }
    }

    /// Bytes of a value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F32 => 4,
        }
    }

    /// All values, if they are integers.
    pub fn range(self) -> Option<RangeInclusive<i32>> {
        match self {
            Self::U8 => Some(0..=u8::MAX.into()),
            Self::I8 => Some(i8::MIN.into()..=i8::MAX.into()),
            Self::U16 => Some(0..=u16::MAX.into()),
            Self::I16 => Some(i16::MIN.into()..=i16::MAX.into()),
            Self::F32 => None,
        }
    }

    /// The bytes of values of this type as this machine has them in memory. Integers are cut to the range of the type.
    pub fn native_bytes(self, values: &[f32]) -> Vec<u8> {
        let bytes = |value: f32| match self {
            Self::U8 => (value as u8).to_ne_bytes().to_vec(),
            Self::I8 => (value as i8).to_ne_bytes().to_vec(),
            Self::U16 => (value as u16).to_ne_bytes().to_vec(),
            Self::I16 => (value as i16).to_ne_bytes().to_vec(),
            Self::F32 => value.to_ne_bytes().to_vec(),
        };
        values.iter().flat_map(|&value| bytes(value)).collect()
    }
}

/// What is done to raw values before they are quantised: an affine map per channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputConversion {
    /// The type of the raw values.
    pub raw: RawType,
    /// One factor per channel.
    pub scale: Vec<f32>,
    /// One summand per channel.
    pub offset: Vec<f32>,
}

impl InputConversion {
    /// Number of channels.
    ///
    /// # Panics
    /// If there are not as many scales as offsets.
    pub fn channels(&self) -> usize {
        assert_eq!(self.scale.len(), self.offset.len(), "a scale and an offset for each channel");
        self.scale.len()
    }

    /// Whether the map is the same in all channels.
    pub fn is_uniform(&self) -> bool {
        let same = |values: &[f32]| values.iter().all(|value| value.to_bits() == values[0].to_bits());
        same(&self.scale) && same(&self.offset)
    }

    /// The element that a raw value of a channel becomes.
    pub fn element(&self, channel: usize, raw: f32, input: TensorQuantisation) -> i8 {
        input.quantise(raw * self.scale[channel] + self.offset[channel])
    }

    /// The elements of a sample in (h, w, c) order.
    pub fn quantise(&self, sample: &[f32], input: TensorQuantisation) -> Vec<i8> {
        let channels = self.channels();
        let elements = sample.iter().enumerate();
        elements.map(|(index, &raw)| self.element(index % channels, raw, input)).collect()
    }
}
