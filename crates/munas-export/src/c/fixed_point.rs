//! Integers that do what [`InputConversion`] does, for raw values that are integers: no floating point on the target.
//!
//! element = ((raw − zero)·factor + rest) >> shift, limited to −128..=127, with a zero, factor and rest per channel.
//!
//! In floating point each element is the image of a run of neighbouring raw values. The line above reproduces all of
//! them if it puts the first of a run at its element or above, and the last below the next one: two inequalities per
//! element, linear in factor and rest. Any pair of them bounds the factor, and a factor within all bounds leaves room
//! for the rest. The smallest shift with a solution is taken, so that the numbers are small and the common case,
//! pixels that only lose 128, is a subtraction. Where the roundings of the floating point follow no line (halves that
//! go to even elements) there is none.

use munas_ir::TensorQuantisation;

use crate::input::InputConversion;

/// Factors, zeros and rests fit 32 bits; so do differences of raw values and zeros.
const LARGEST_FACTOR: i64 = i32::MAX as i64;
const LARGEST_ZERO: i64 = 1 << 30;
const LARGEST_SHIFT: u32 = 40;

/// The formula of all channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FixedPoint {
    pub shift: u32,
    /// Whether products take 64 bits.
    pub is_wide: bool,
    /// One for each channel, or one for all.
    pub lines: Vec<Line>,
}

/// The constants of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub zero: i32,
    pub factor: i32,
    pub rest: i32,
}

/// The raw values that become one element.
struct Run {
    element: i64,
    first: i64,
    last: i64,
}

/// A channel's runs, by element, and the slope of the map in elements.
struct Steps {
    runs: Vec<Run>,
    slope: f64,
}

/// The formula; `None` for raw values that are no integers, and where there is none.
pub(super) fn fixed_point(conversion: &InputConversion, input: TensorQuantisation) -> Option<FixedPoint> {
    let channels = if conversion.is_uniform() { 1 } else { conversion.channels() };
    let channels: Vec<Steps> =
        (0..channels).map(|channel| steps(conversion, channel, input)).collect::<Option<_>>()?;
    (0..=LARGEST_SHIFT).find_map(|shift| {
        let lines: Vec<Line> = channels.iter().map(|steps| line(steps, shift)).collect::<Option<_>>()?;
        let is_wide = channels.iter().zip(&lines).any(|(steps, line)| is_wide(steps, *line));
        Some(FixedPoint { shift, is_wide, lines })
    })
}

/// `None` for a map that does not rise.
fn steps(conversion: &InputConversion, channel: usize, input: TensorQuantisation) -> Option<Steps> {
    let slope = f64::from(conversion.scale[channel]) / f64::from(input.scale);
    let mut runs: Vec<Run> = Vec::new();
    for raw in conversion.raw.range()? {
        let element = i64::from(conversion.element(channel, raw as f32, input));
        let raw = i64::from(raw);
        match runs.last_mut() {
            Some(run) if run.element == element => run.last = raw,
            Some(run) if run.element > element => return None,
            _ => runs.push(Run { element, first: raw, last: raw }),
        }
    }
    (slope.is_finite() && slope >= 0.0).then_some(Steps { runs, slope })
}

/// The constants of a channel at a shift.
fn line(steps: &Steps, shift: u32) -> Option<Line> {
    // What is added to raw·factor lies between the two.
    let least = |run: &Run, factor: i64| (run.element << shift) - run.first * factor;
    let most = |run: &Run, factor: i64| ((run.element + 1) << shift) - 1 - run.last * factor;
    let from_below = || steps.runs.iter().filter(|run| run.element > i8::MIN.into());
    let from_above = || steps.runs.iter().filter(|run| run.element < i8::MAX.into());

    let [mut smallest, mut largest] = [0, LARGEST_FACTOR];
    for low in from_below() {
        for high in from_above() {
            // least(low, factor) ≤ most(high, factor)
            let room = most(high, 0) - least(low, 0);
            match high.last - low.first {
                0 => {}
                distance if distance > 0 => largest = largest.min(room.div_euclid(distance)),
                distance => smallest = smallest.max(-room.div_euclid(-distance)),
            }
        }
    }
    if smallest > largest {
        return None;
    }
    let factor = ((steps.slope * 2.0_f64.powi(shift as i32)).round() as i64).clamp(smallest, largest);
    let summand = match (
        from_below().map(|run| least(run, factor)).max(),
        from_above().map(|run| most(run, factor)).min(),
    ) {
        (Some(least), Some(most)) => least + (most - least) / 2,
        (bound, other) => bound.or(other)?,
    };
    let zero = if factor == 0 { 0 } else { -summand.div_euclid(factor) };
    let rest = i32::try_from(summand + zero * factor).ok()?;
    let zero = i32::try_from(zero).ok().filter(|zero| i64::from(*zero).abs() <= LARGEST_ZERO)?;
    Some(Line { zero, factor: i32::try_from(factor).ok()?, rest })
}

fn is_wide(steps: &Steps, line: Line) -> bool {
    let value = |raw: i64| (raw - i64::from(line.zero)) * i64::from(line.factor) + i64::from(line.rest);
    let ends = [steps.runs.first(), steps.runs.last()].into_iter().flatten();
    ends.flat_map(|run| [run.first, run.last]).any(|raw| i32::try_from(value(raw)).is_err())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::input::RawType;

    fn element(formula: &FixedPoint, channel: usize, raw: i64) -> i8 {
        let Line { zero, factor, rest } = formula.lines[channel % formula.lines.len()];
        let difference = i32::try_from(raw - i64::from(zero)).expect("differences fit 32 bits");
        let value = i64::from(difference) * i64::from(factor) + i64::from(rest);
        assert!(formula.is_wide || i32::try_from(value).is_ok(), "{value} in {formula:?}");
        (value >> formula.shift).clamp(-128, 127) as i8
    }

    /// Compares the formula with the conversion at every raw value.
    fn check(conversion: &InputConversion, input: TensorQuantisation) -> Option<FixedPoint> {
        let formula = fixed_point(conversion, input)?;
        for channel in 0..conversion.channels() {
            for raw in conversion.raw.range().unwrap() {
                let expected = conversion.element(channel, raw as f32, input);
                let found = element(&formula, channel, raw.into());
                assert_eq!(found, expected, "{raw} in channel {channel} of {conversion:?}: {formula:?}");
            }
        }
        Some(formula)
    }

    fn uniform(raw: RawType, scale: f32, offset: f32) -> InputConversion {
        InputConversion { raw, scale: vec![scale], offset: vec![offset] }
    }

    #[test]
    fn pixels_lose_128() {
        let input = TensorQuantisation { scale: 1.0 / 255.0, zero_point: -128 };
        let line = Line { zero: 128, factor: 1, rest: 0 };
        let expected = FixedPoint { shift: 0, is_wide: false, lines: vec![line] };
        let three_channels =
            InputConversion { raw: RawType::U8, scale: vec![1.0 / 255.0; 3], offset: vec![0.0; 3] };
        assert_eq!(check(&three_channels, input), Some(expected));
    }

    #[test]
    fn pixels_of_every_channel_have_constants_of_their_own() {
        let conversion = InputConversion {
            raw: RawType::U8,
            scale: vec![0.0155, 0.0161, 0.0149],
            offset: vec![-1.93, -1.95, -1.71],
        };
        let formula = check(&conversion, TensorQuantisation { scale: 0.0187, zero_point: -11 }).unwrap();
        assert_eq!((formula.lines.len(), formula.is_wide), (3, false));
    }

    #[test]
    fn halves_that_go_to_even_elements_have_no_formula() {
        let input = TensorQuantisation { scale: 1.0, zero_point: 0 };
        assert_eq!(fixed_point(&uniform(RawType::U8, 0.5, 0.0), input), None);
    }

    #[test]
    fn values_that_are_no_integers_have_no_formula() {
        let input = TensorQuantisation { scale: 1.0, zero_point: 0 };
        assert_eq!(fixed_point(&uniform(RawType::F32, 1.0, 0.0), input), None);
    }

    #[test]
    fn a_constant_input_has_one() {
        let input = TensorQuantisation { scale: 1.0, zero_point: 3 };
        assert!(check(&uniform(RawType::I16, 1e-9, 0.25), input).is_some());
        assert!(check(&uniform(RawType::U8, 1e-9, 1e9), input).is_some());
    }

    /// Of some words an element is off the line by the rounding of the floating point.
    #[test]
    fn nearly_all_normalised_words_have_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut found = 0;
        for index in 0..200 {
            let raw = [RawType::I16, RawType::U16][index % 2];
            let deviation = rng.random_range(1.0_f32..20_000.0);
            let mean = rng.random_range(-30_000.0_f32..30_000.0);
            let range = rng.random_range(0.3_f32..8.0);
            let input = TensorQuantisation::from_range(-range, range);
            found += usize::from(check(&uniform(raw, 1.0 / deviation, -mean / deviation), input).is_some());
        }
        assert!((195..=200).contains(&found), "{found} of 200");
    }

    proptest! {
        /// Scales and offsets as data have them: values spread over some standard deviations, inputs of some range.
        #[test]
        fn normalised_bytes_have_one(
            deviation in 1.0_f32..90.0, mean in -20.0_f32..280.0, range in 0.3_f32..8.0, low in -1.0_f32..0.0,
            signed: bool,
        ) {
            let raw = if signed { RawType::I8 } else { RawType::U8 };
            let input = TensorQuantisation::from_range(low * range, range);
            prop_assert!(check(&uniform(raw, 1.0 / deviation, -mean / deviation), input).is_some());
        }

        /// Whatever the numbers: a formula that there is is right.
        #[test]
        fn a_formula_equals_the_conversion(
            scale in prop::num::f32::POSITIVE | prop::num::f32::NEGATIVE,
            offset in prop::num::f32::NORMAL | prop::num::f32::ZERO,
            input_scale in prop::num::f32::POSITIVE,
            zero_point: i8,
            wide: bool,
        ) {
            let raw = if wide { RawType::I16 } else { RawType::U8 };
            let input = TensorQuantisation { scale: input_scale, zero_point };
            check(&uniform(raw, scale, offset), input);
        }
    }
}
