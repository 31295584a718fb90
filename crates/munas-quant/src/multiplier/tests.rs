use proptest::prelude::*;

use super::Multiplier;

/// gemmlowp's `SaturatingRoundingDoublingHighMul` and `RoundingDivideByPOT` as they are written there.
fn gemmlowp(value: i32, multiplier: Multiplier) -> i32 {
    let shifted =
        if multiplier.exponent > 0 { value.wrapping_shl(multiplier.exponent as u32) } else { value };
    let product = i64::from(shifted) * i64::from(multiplier.mantissa);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    // A division of C rounds towards zero, as that of Rust does.
    let high = ((product + nudge) / (1_i64 << 31)) as i32;
    let exponent = (-multiplier.exponent).max(0);
    let mask = ((1_i64 << exponent) - 1) as i32;
    let remainder = high & mask;
    let threshold = (mask >> 1) + i32::from(high < 0);
    (high >> exponent) + i32::from(remainder > threshold)
}

#[test]
fn known_multipliers() {
    for (real, mantissa, exponent) in [
        (0.0, 0, 0),
        (0.5, 1 << 30, 0),
        (1.0, 1 << 30, 1),
        (0.75, 3 << 29, 0),
        (3.0, 3 << 29, 2),
        // Rounds up to the next power of two.
        (1.0 - 1e-12, 1 << 30, 1),
        (2.0_f64.powi(-32), 1 << 30, -31),
        (2.0_f64.powi(-33), 0, 0),
        (f64::from_bits(1), 0, 0),
        (2.0_f64.powi(40), i32::MAX, 30),
        (f64::INFINITY, i32::MAX, 30),
    ] {
        assert_eq!(Multiplier::from_real(real), Multiplier { mantissa, exponent }, "{real}");
    }
}

#[test]
fn halves_are_rounded_as_on_the_targets() {
    let half = Multiplier::from_real(0.5);
    assert_eq!([-3, -1, 1, 3].map(|value| half.apply(value)), [-1, 0, 1, 2], "the product: halves up");
    let quarter = Multiplier::from_real(0.25);
    // −10/4: the product is −5, its shift by one bit −2.5, away from zero.
    assert_eq!([-10, 10].map(|value| quarter.apply(value)), [-3, 3]);
}

#[test]
#[should_panic(expected = "not negative")]
fn negative_numbers_are_refused() {
    Multiplier::from_real(-0.1);
}

proptest! {
    #[test]
    fn apply_is_that_of_gemmlowp(value: i32, mantissa in 1_i32 << 30.., exponent in -31..=30) {
        let multiplier = Multiplier { mantissa, exponent };
        prop_assert_eq!(multiplier.apply(value), gemmlowp(value, multiplier));
    }

    #[test]
    fn multipliers_are_near_their_numbers(mantissa in 0.5_f64..1.0, exponent in -30..=29, value in -1000..1000) {
        let real = mantissa * 2.0_f64.powi(exponent);
        let multiplier = Multiplier::from_real(real);
        prop_assert!((multiplier.to_real() / real - 1.0).abs() <= 2.0_f64.powi(-31));
        if exponent < 20 {
            let exact = real * f64::from(value);
            let error = (f64::from(multiplier.apply(value)) - exact).abs();
            prop_assert!(error <= 0.76 + exact.abs() * 2.0_f64.powi(-31), "{} for {}", error, exact);
        }
    }
}
