//! Requantisation: multiplication of an integer by a positive real number in fixed point.
//!
//! Source: gemmlowp `fixedpoint.h` and TensorFlow Lite's `QuantizeMultiplier` and `MultiplyByQuantizedMultiplier` in the
//! variant with two roundings, which is what TFLM is built with.

/// Bits behind the binary point of a mantissa.
const FRACTION_BITS: i32 = 31;
/// Beyond this, a left shift would drop every bit of a 32-bit integer.
const LARGEST_EXPONENT: i32 = 30;

/// A positive real number `mantissa·2^(exponent − 31)`, or zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// In Q31: from 2³⁰ to 2³¹ − 1, or 0.
    pub mantissa: i32,
    /// From −31 to 30; above 0 it is a shift to the left.
    pub exponent: i32,
}

impl Multiplier {
    /// The factor 0: every product is 0.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// The nearest multiplier to `real`, as TensorFlow Lite's `QuantizeMultiplier`: numbers below 2⁻³² become zero. Numbers
    /// of 2³⁰ or more, infinity too, with which TFLM's result is undefined, become the largest multiplier.
    ///
    /// # Panics
    /// If `real` is negative or not a number.
    pub fn from_real(real: f64) -> Self {
        assert!(real >= 0.0, "a multiplier is not negative, unlike {real}");
        if real < f64::MIN_POSITIVE {
            return Self::ZERO;
        }
        let (fraction, mut exponent) = fraction_and_exponent(real);
        let mut mantissa = (fraction * (1_i64 << FRACTION_BITS) as f64).round() as i64;
        if mantissa == 1 << FRACTION_BITS {
            mantissa /= 2;
            exponent += 1;
        }
        if exponent < -FRACTION_BITS {
            return Self::ZERO;
        }
        if exponent > LARGEST_EXPONENT {
            return Self { mantissa: i32::MAX, exponent: LARGEST_EXPONENT };
        }
        Self { mantissa: i32::try_from(mantissa).expect("a fraction below 1 in Q31"), exponent }
    }

    /// The number that the multiplier stands for.
    pub fn to_real(self) -> f64 {
        f64::from(self.mantissa) * 2.0_f64.powi(self.exponent - FRACTION_BITS)
    }

    /// `value` times the multiplier, rounded twice: the product to an integer (halves up), then its right shift (halves
    /// away from zero). A left shift comes first; as on the targets, bits that it moves out of 32 are lost.
    #[inline(always)]
    pub fn apply(self, value: i32) -> i32 {
        let left = self.exponent.max(0);
        let right = (-self.exponent).max(0);
        rounding_shift_right(doubling_high_product(value.wrapping_shl(left as u32), self.mantissa), right)
    }
}

/// `real = fraction·2^exponent` with a fraction in [0.5, 1), for a normal number.
fn fraction_and_exponent(real: f64) -> (f64, i32) {
    const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    const EXPONENT_BITS: u64 = 0x7ff;
    /// The biased exponent of numbers in [0.5, 1).
    const HALF: u64 = 1022;
    let bits = real.to_bits();
    let exponent = (bits >> MANTISSA_BITS) & EXPONENT_BITS;
    let fraction = f64::from_bits(bits & !(EXPONENT_BITS << MANTISSA_BITS) | HALF << MANTISSA_BITS);
    (fraction, exponent as i32 - HALF as i32)
}

/// `value·mantissa/2³¹`, rounded to the nearest integer, halves up (gemmlowp's `SaturatingRoundingDoublingHighMul`;
/// mantissas are not negative, so there is nothing to saturate).
#[inline(always)]
fn doubling_high_product(value: i32, mantissa: i32) -> i32 {
    let product = i64::from(value) * i64::from(mantissa);
    ((product + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS) as i32
}

/// `value/2^shift`, rounded to the nearest integer, halves away from zero (gemmlowp's `RoundingDivideByPOT`).
#[inline(always)]
fn rounding_shift_right(value: i32, shift: i32) -> i32 {
    let mask = ((1_i64 << shift) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(value < 0);
    (value >> shift) + i32::from(value & mask > threshold)
}

#[cfg(test)]
mod tests;
