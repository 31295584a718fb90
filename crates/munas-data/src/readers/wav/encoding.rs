//! How a sample is written: from bytes to a float, ±1 at full scale.

/// What helps with all other formats.
pub(super) const CONVERT: &str = "convert it, for example with `ffmpeg -i OLD -c:a pcm_s16le NEW.wav`";

/// The encodings that are read, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes, 128 at rest.
    Unsigned,
    /// Integers of 2, 3, 4 or 8 bytes.
    Signed {
        bytes: usize,
    },
    Float,
    Double,
    /// ITU-T G.711.
    ALaw,
    /// ITU-T G.711.
    MuLaw,
}

impl Encoding {
    /// The encoding of a format's tag, with its bits per sample and the bytes that one takes.
    ///
    /// Fewer bits than the bytes hold stand in the upper ones.
    ///
    /// # Errors
    /// In words, with the name of the format and what helps.
    pub(super) fn of(tag: u16, bits: u16, bytes: u16) -> Result<Self, String> {
        let bytes = if bytes == 0 { bits.div_ceil(8) } else { bytes };
        match (tag, bits, bytes) {
            (1, 1..=8, 1) => Ok(Self::Unsigned),
            (1, 1.., 2 | 3 | 4 | 8) if bits <= 8 * bytes => Ok(Self::Signed { bytes: bytes.into() }),
            (3, _, 4) => Ok(Self::Float),
            (3, _, 8) => Ok(Self::Double),
            (6, _, 1) => Ok(Self::ALaw),
            (7, _, 1) => Ok(Self::MuLaw),
            _ => Err(format!("a WAV file of {} is not read; {CONVERT}", name(tag, bits))),
        }
    }

    /// Bytes of a sample.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Unsigned | Self::ALaw | Self::MuLaw => 1,
            Self::Signed { bytes } => bytes,
            Self::Float => 4,
            Self::Double => 8,
        }
    }

    /// The value of a sample, of as many bytes as it has.
    pub(super) fn value(self, sample: &[u8]) -> f32 {
        match self {
            Self::Unsigned => (f32::from(sample[0]) - 128.0) / 128.0,
            Self::Signed { bytes } => {
                let bits = sample.iter().rev().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
                let unused = u64::BITS as usize - 8 * bytes;
                let value = (bits << unused).cast_signed() >> unused;
                value as f32 / (1_u64 << (8 * bytes - 1)) as f32
            }
            Self::Float => f32::from_bits(u32::from_le_bytes(exactly(sample))),
            Self::Double => f64::from_bits(u64::from_le_bytes(exactly(sample))) as f32,
            Self::ALaw => f32::from(a_law(sample[0])) / 32_768.0,
            Self::MuLaw => f32::from(mu_law(sample[0])) / 32_768.0,
        }
    }
}

fn exactly<const LEN: usize>(sample: &[u8]) -> [u8; LEN] {
    *sample.first_chunk().expect("as many bytes as the encoding has")
}

/// G.711, A-law, as 16 linear bits: sign, exponent and four bits of mantissa, every second bit inverted.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 0x0f) << 4);
    let magnitude = match exponent {
        0 => mantissa + 8,
        _ => (mantissa + 0x108) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// G.711, μ-law, as 16 linear bits: sign, exponent and four bits of mantissa, all inverted, with a bias of 132.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = ((i16::from(byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7);
    if byte & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

fn name(tag: u16, bits: u16) -> String {
    match tag {
        0x0001 => format!("{bits}-bit integers"),
        0x0003 => format!("{bits}-bit floats"),
        0x0002 => "Microsoft ADPCM".to_owned(),
        0x0011 => "IMA ADPCM".to_owned(),
        0x0031 => "GSM 6.10".to_owned(),
        0x0050 | 0x0055 => "MPEG audio (MP3)".to_owned(),
        0x0092 => "AC-3".to_owned(),
        0x00ff | 0x1610 => "AAC".to_owned(),
        0x0161..=0x0163 => "Windows Media Audio".to_owned(),
        _ => format!("format {tag:#06x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_of_every_width_have_the_same_scale() {
        let half = |tag, bits: u16, sample: &[u8]| {
            let encoding = Encoding::of(tag, bits, sample.len() as u16).unwrap();
            assert_eq!(encoding.bytes(), sample.len());
            assert_eq!(encoding.value(sample), -0.5, "{bits} bits");
        };
        half(1, 8, &[64]);
        half(1, 16, &[0, 0xc0]);
        half(1, 12, &[0, 0xc0]);
        half(1, 24, &[0, 0, 0xc0]);
        half(1, 24, &[0, 0, 0, 0xc0]);
        half(1, 32, &[0, 0, 0, 0xc0]);
        half(1, 64, &[0, 0, 0, 0, 0, 0, 0, 0xc0]);
        half(3, 32, &(-0.5_f32).to_le_bytes());
        half(3, 64, &(-0.5_f64).to_le_bytes());
    }

    #[test]
    fn companded_samples_are_those_of_the_standard() {
        // Values of the tables of G.711, as 16 linear bits.
        let a = [(0x55, -8), (0xd5, 8), (0x2a, -32_256), (0xaa, 32_256), (0x80, 5_504), (0x00, -5_504)];
        assert_eq!(a.map(|(byte, _)| a_law(byte)), a.map(|(_, value)| value));
        let mu = [(0xff, 0), (0x7f, 0), (0x00, -32_124), (0x80, 32_124), (0xf0, 120), (0x8f, 16_764)];
        assert_eq!(mu.map(|(byte, _)| mu_law(byte)), mu.map(|(_, value)| value));
    }

    #[test]
    fn formats_that_are_not_read_are_named() {
        let told = |tag, bits, bytes| Encoding::of(tag, bits, bytes).unwrap_err();
        assert!(told(0x11, 4, 0).starts_with("a WAV file of IMA ADPCM is not read; convert it"));
        assert!(told(0x55, 0, 0).contains("MP3"));
        assert!(told(3, 16, 2).contains("16-bit floats"));
        assert!(told(1, 0, 0).contains("0-bit integers"));
        assert!(told(0x1234, 16, 2).contains("format 0x1234"));
    }
}
