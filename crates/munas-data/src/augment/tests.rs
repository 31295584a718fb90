//! Specs, and every transformation against what it must do.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::frame::Frame;
use super::rotate::{Rotation, Scratch, turn_bytes, turn_floats};
use super::warp::{Offset, flip, shift, shift_time};
use super::*;
use crate::Normalisation;
use crate::samples::{ElementType, SampleRef};

fn spec(text: &str) -> Augmentation {
    text.parse().unwrap()
}

/// Applies a list to a sample of bytes.
fn augmented(specs: &[&str], input: [usize; 3], sample: &[u8], seed: u64) -> Vec<u8> {
    let specs: Vec<Augmentation> = specs.iter().map(|text| spec(text)).collect();
    let mut buffer = SampleBuffer::new(ElementType::U8);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Augmenter::new(&specs, input, 255.0).apply(SampleRef::U8(sample), &mut rng, &mut buffer);
    let SampleRef::U8(values) = buffer.sample() else { panic!("the type changed") };
    values.to_vec()
}

#[test]
fn specs_survive_a_round_trip() {
    for text in [
        "flip",
        "shift:2",
        "shift:10%",
        "shift:7%",
        "shift:12.5%",
        "rotate:0.2:0.3",
        "cutout:4",
        "timeshift:5%",
        "noise:0.05",
        "scale:0.1",
        "amplitude:0.3",
        "timemask:4",
        "freqmask:2",
        "mixup:0.2",
    ] {
        assert_eq!(spec(text).to_string(), text);
    }
    assert_eq!(spec("rotate:0.2"), Augmentation::Rotate { radians: 0.2, probability: 1.0 });
    assert_eq!(spec("shift:10%"), Augmentation::Shift { by: Extent::Fraction(0.1) });
}

#[test]
fn wrong_specs_say_what_is_wrong() {
    let problem = |text: &str| text.parse::<Augmentation>().unwrap_err().to_string();
    assert!(problem("mirror").contains("there are: flip, shift:2"));
    assert!(problem("flip:2").contains("there are: flip, shift:2"));
    assert!(problem("shift:-1").contains("`-1` is neither a number of pixels nor a percentage"));
    assert!(problem("shift:200%").contains("percentage 200 is not within 0 and 100"));
    assert!(problem("rotate:0.2:2").contains("probability 2 is not within 0 and 1"));
    assert!(problem("rotate:NaN").contains("angle in radians NaN"));
    assert!(problem("noise:loud").contains("`loud` is not a number"));
}

#[test]
fn extents_are_rounded_and_bounded_by_the_axis() {
    assert_eq!(Extent::Fraction(0.1).resolve(48), 5);
    assert_eq!(Extent::Fraction(1.0).resolve(7), 7);
    assert_eq!(Extent::Pixels(9).resolve(4), 4);
}

const COLOUR: Frame = Frame { height: 2, width: 3, channels: 2 };
const PIXELS: [u8; 12] = [10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61];

#[test]
fn flipping_keeps_channels_together() {
    let mut flipped = [0; 12];
    flip(COLOUR, &PIXELS, &mut flipped);
    assert_eq!(flipped, [30, 31, 20, 21, 10, 11, 60, 61, 50, 51, 40, 41]);
    let mut grey = [0; 3];
    flip(Frame { height: 1, width: 3, channels: 1 }, &[1_u8, 2, 3], &mut grey);
    assert_eq!(grey, [3, 2, 1]);
}

#[test]
fn shifting_mirrors_at_the_border() {
    let mut shifted = [0; 12];
    shift(COLOUR, Offset { down: 0, right: 2 }, &PIXELS, &mut shifted);
    assert_eq!(shifted, [20, 21, 10, 11, 10, 11, 50, 51, 40, 41, 40, 41]);
    shift(COLOUR, Offset { down: -1, right: -1 }, &PIXELS, &mut shifted);
    assert_eq!(shifted, [50, 51, 60, 61, 60, 61, 50, 51, 60, 61, 60, 61]);
}

#[test]
fn time_shift_repeats_the_border() {
    let frame = Frame { height: 4, width: 1, channels: 2 };
    let steps = [1_i8, 2, 3, 4, 5, 6, 7, 8];
    let mut later = steps;
    shift_time(frame, 1, &mut later);
    assert_eq!(later, [1, 2, 1, 2, 3, 4, 5, 6]);
    let mut earlier = steps;
    shift_time(frame, -2, &mut earlier);
    assert_eq!(earlier, [5, 6, 7, 8, 7, 8, 7, 8]);
    let mut all = steps;
    shift_time(frame, 4, &mut all);
    assert_eq!(all, [1, 2, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn a_quarter_turn_is_exact() {
    let frame = Frame { height: 3, width: 3, channels: 1 };
    let square = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let mut turned = [0.0; 9];
    turn_floats(Rotation::new(frame, std::f64::consts::FRAC_PI_2), &square, &mut turned, &mut Vec::new());
    for (turned, expected) in turned.iter().zip([3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]) {
        assert!((turned - expected).abs() < 1e-3, "{turned} is not {expected}");
    }
}

#[test]
fn pictures_too_large_for_fixed_point_are_turned_in_floats() {
    let frame = Frame { height: 260, width: 260, channels: 1 };
    let picture: Vec<u8> = (0..260 * 260).map(|index| (index % 251) as u8).collect();
    let (mut turned, mut scratch) = (vec![0; picture.len()], Scratch::default());
    turn_bytes(Rotation::new(frame, std::f64::consts::PI), &picture, &mut turned, &mut scratch);
    turned.reverse();
    assert_eq!(turned, picture);
}

/// Bilinear interpolation written down directly: zero outside, one sum over the four neighbours.
fn rotate_directly(frame: Frame, angle: f32, from: &[f32]) -> Vec<f32> {
    let Frame { height, width, channels } = frame;
    let value = |y: f32, x: f32, channel: usize| {
        let inside = (0.0..height as f32).contains(&y) && (0.0..width as f32).contains(&x);
        if inside { from[(y as usize * width + x as usize) * channels + channel] } else { 0.0 }
    };
    let (centre_y, centre_x) = ((height - 1) as f32 / 2.0, (width - 1) as f32 / 2.0);
    let mut turned = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (dy, dx) = (y as f32 - centre_y, x as f32 - centre_x);
            let source_y = centre_y + angle.sin() * dx + angle.cos() * dy;
            let source_x = centre_x + angle.cos() * dx - angle.sin() * dy;
            for channel in 0..channels {
                let (top, left) = (source_y.floor(), source_x.floor());
                let mut sum = 0.0;
                for (row, column) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                    let weight =
                        (1.0 - (source_y - top - row).abs()) * (1.0 - (source_x - left - column).abs());
                    sum += weight * value(top + row, left + column, channel);
                }
                turned.push(sum);
            }
        }
    }
    turned
}

proptest! {
    #[test]
    fn shifting_equals_the_definition(
        height in 1_usize..7, width in 1_usize..7, channels in 1_usize..4, down in -1.0_f64..1.0, right in -1.0_f64..1.0,
    ) {
        let frame = Frame { height, width, channels };
        let offset =
            Offset { down: (down * height as f64) as isize, right: (right * width as f64) as isize };
        let from: Vec<i16> = (0..(height * width * channels) as i16).collect();
        let mut to = vec![-1; from.len()];
        shift(frame, offset, &from, &mut to);
        // Position on an axis continued by its mirror image.
        let folded = |index: isize, axis: usize| {
            let index = if index < 0 { -1 - index } else { index } as usize;
            index.min(2 * axis - 1 - index)
        };
        for y in 0..height {
            for x in 0..width {
                let source = (folded(y as isize - offset.down, height), folded(x as isize - offset.right, width));
                for channel in 0..channels {
                    let expected = from[(source.0 * width + source.1) * channels + channel];
                    prop_assert_eq!(to[(y * width + x) * channels + channel], expected);
                }
            }
        }
    }

    #[test]
    fn rotation_equals_the_direct_formula(
        height in 1_usize..9, width in 1_usize..9, channels in 1_usize..4, angle in -3.2_f32..3.2, seed: u64,
    ) {
        let frame = Frame { height, width, channels };
        let mut state = seed;
        let values: Vec<f32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 24) as f32
        }).take(height * width * channels).collect();
        let mut turned = vec![0.0; values.len()];
        turn_floats(Rotation::new(frame, f64::from(angle)), &values, &mut turned, &mut Vec::new());
        for (turned, expected) in turned.iter().zip(rotate_directly(frame, angle, &values)) {
            prop_assert!((turned - expected).abs() < 5e-4, "{turned} is not {expected}");
        }
    }

    #[test]
    fn rotated_bytes_are_those_of_floats_but_for_rounding(
        height in 1_usize..40, width in 1_usize..40, channels in 1_usize..5, angle in -3.2_f64..3.2,
        values in prop::collection::vec(any::<u8>(), 40 * 40 * 4),
    ) {
        let frame = Frame { height, width, channels };
        let picture = &values[..height * width * channels];
        let rotation = Rotation::new(frame, angle);
        let (mut bytes, mut scratch) = (vec![1; picture.len()], Scratch::default());
        turn_bytes(rotation, picture, &mut bytes, &mut scratch);
        let floats: Vec<f32> = picture.iter().map(|&value| f32::from(value)).collect();
        let mut expected = vec![0.0; picture.len()];
        turn_floats(rotation, &floats, &mut expected, &mut Vec::new());
        for (&byte, &expected) in bytes.iter().zip(&expected) {
            prop_assert!((f32::from(byte) - expected).abs() <= 1.0, "{byte} is not {expected}");
        }
        // What an earlier picture left in the scratch has no influence.
        let mut again = vec![2; picture.len()];
        turn_bytes(rotation, picture, &mut again, &mut scratch);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn no_turn_changes_nothing_and_inside_a_plain_picture_none_does(
        height in 1_usize..40, width in 1_usize..40, channels in 1_usize..4, angle in -3.2_f64..3.2, grey: u8,
    ) {
        let frame = Frame { height, width, channels };
        let len = height * width * channels;
        let picture: Vec<u8> = (0..len).map(|index| (index * 89 % 256) as u8).collect();
        let (mut turned, mut scratch) = (vec![0; len], Scratch::default());
        turn_bytes(Rotation::new(frame, 0.0), &picture, &mut turned, &mut scratch);
        prop_assert_eq!(&turned, &picture);
        turn_bytes(Rotation::new(frame, angle), &vec![grey; len], &mut turned, &mut scratch);
        // The circle that fits into the picture.
        let radius = (height.min(width) - 1) as f64 / 2.0 - 0.01;
        for (index, &value) in turned.iter().enumerate() {
            let pixel = index / channels;
            let across = (pixel % width) as f64 - (width - 1) as f64 / 2.0;
            let down = (pixel / width) as f64 - (height - 1) as f64 / 2.0;
            prop_assert!(value == grey || across.hypot(down) > radius);
        }
    }

    #[test]
    fn every_list_fits_every_shape(
        height in 1_usize..12, width in 1_usize..12, channels in 1_usize..4, seed: u64,
        specs in prop::collection::vec(prop::sample::select(vec![
            "flip", "shift:3", "shift:100%", "rotate:3.1", "cutout:5", "timeshift:20", "noise:0.3", "scale:0.5", "amplitude:1", "timemask:30%",
            "freqmask:4",
        ]), 0..6),
    ) {
        let sample: Vec<u8> = (0..height * width * channels).map(|index| (index * 7 % 256) as u8).collect();
        let result = augmented(&specs, [height, width, channels], &sample, seed);
        prop_assert_eq!(result.len(), sample.len());
        prop_assert_eq!(&result, &augmented(&specs, [height, width, channels], &sample, seed));
        if specs.is_empty() {
            prop_assert_eq!(result, sample);
        }
    }
}

#[test]
fn flips_and_rotations_happen_as_often_as_said() {
    let sample: Vec<u8> = (0..64).collect();
    let changed =
        |list: &str| (0..400).filter(|&seed| augmented(&[list], [8, 8, 1], &sample, seed) != sample).count();
    assert!((160..240).contains(&changed("flip")));
    assert!((80..160).contains(&changed("rotate:0.5:0.3")));
}

#[test]
fn shifts_reach_every_offset_and_no_further() {
    let mut sample = vec![0; 81];
    sample[40] = 255;
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let shifted = augmented(&["shift:2"], [9, 9, 1], &sample, seed);
        let place = shifted.iter().position(|&value| value == 255).unwrap();
        seen.insert((place / 9, place % 9));
    }
    let expected = (2..=6).flat_map(|y| (2..=6).map(move |x| (y, x)));
    assert!(seen.into_iter().eq(expected));
}

#[test]
fn masks_hold_the_channel_means() {
    let sample: Vec<u8> = (0..40).map(|index| if index % 2 == 0 { 100 } else { 200 }).collect();
    for list in ["cutout:3", "timemask:3", "freqmask:3"] {
        for seed in 0..50 {
            // Both channels are constant, so their means are what is there already.
            assert_eq!(augmented(&[list], [5, 4, 2], &sample, seed), sample);
        }
    }
    let mut spike = vec![0; 25];
    spike[0] = 250;
    let blanked = (0..200).filter(|&seed| augmented(&["cutout:3"], [5, 5, 1], &spike, seed)[0] == 10).count();
    assert!(blanked > 0, "the corner is within reach of a centre near it");
}

#[test]
fn noise_has_the_deviation_asked_for_and_saturates() {
    let noisy = augmented(&["noise:0.1"], [100, 100, 1], &[128; 10_000], 1);
    let deviation =
        (noisy.iter().map(|&value| (f64::from(value) - 128.0).powi(2)).sum::<f64>() / 10_000.0).sqrt();
    assert!((deviation - 25.5).abs() < 1.0, "{deviation}");
    let clipped = augmented(&["noise:0.1"], [100, 100, 1], &[250; 10_000], 1);
    assert!(clipped.contains(&255) && clipped.iter().all(|&value| value > 100));
}

#[test]
fn a_buffer_adapts_to_the_type_of_the_sample() {
    let mut buffer = SampleBuffer::new(ElementType::U8);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let augmenter = Augmenter::new(&[spec("timeshift:1")], [3, 1, 1], 1.0);
    augmenter.apply(SampleRef::F32(&[1.0, 1.0, 1.0]), &mut rng, &mut buffer);
    assert_eq!(buffer.sample(), SampleRef::F32(&[1.0, 1.0, 1.0]));
    augmenter.apply(SampleRef::I16(&[-7, -7, -7]), &mut rng, &mut buffer);
    assert_eq!(buffer.sample(), SampleRef::I16(&[-7, -7, -7]));
}

#[test]
fn each_channel_is_scaled_by_a_factor_of_its_own() {
    let augmenter = Augmenter::new(&[spec("scale:0.2")], [50, 1, 3], 1.0);
    let sample: Vec<f32> = (0..150).map(|index| index as f32 - 70.0).collect();
    let mut buffer = SampleBuffer::new(ElementType::F32);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut least, mut most) = (1.0_f64, 1.0_f64);
    for _ in 0..200 {
        augmenter.apply(SampleRef::F32(&sample), &mut rng, &mut buffer);
        let scaled = |index: usize| f64::from(buffer.sample().get(index));
        let factors = [0, 1, 2].map(|channel| scaled(channel) / f64::from(sample[channel]));
        assert!(factors[0] != factors[1] && factors[1] != factors[2]);
        for (index, value) in sample.iter().enumerate() {
            let expected = f64::from(*value) * factors[index % 3];
            assert!((scaled(index) - expected).abs() < 1e-3, "{} is not {expected}", scaled(index));
        }
        least = factors.into_iter().fold(least, f64::min);
        most = factors.into_iter().fold(most, f64::max);
    }
    assert!((0.8..0.82).contains(&least) && (1.18..=1.2001).contains(&most), "{least} to {most}");
}

#[test]
fn amplitudes_change_about_what_normalisation_makes_zero() {
    // A barometer beside an accelerometer: 1,000 ± 10, and 0 ± 2.
    let normalisation = Normalisation { scale: vec![0.1, 0.5], offset: vec![-100.0, 0.0] };
    let augmenter = Augmenter::new(&[spec("amplitude:0.3")], [3, 1, 2], 1.0).normalised_by(&normalisation);
    let mut buffer = SampleBuffer::new(ElementType::F32);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..100 {
        augmenter.apply(SampleRef::F32(&[990.0, 2.0, 1000.0, 0.0, 1010.0, -1.0]), &mut rng, &mut buffer);
        let of = |index: usize| buffer.sample().get(index);
        assert_eq!((of(2), of(3), of(0) + of(4)), (1000.0, 0.0, 2000.0));
        let factors = [(of(4) - 1000.0) / 10.0, of(1) / 2.0];
        assert!(factors.iter().all(|factor| (0.7..=1.3).contains(factor)) && factors[0] != factors[1]);
        assert!((of(1) + 2.0 * of(5)).abs() < 1e-6);
    }
}

#[test]
fn noise_is_relative_to_what_stands_for_one() {
    // A sensor of 12 bits in a type of 16.
    let augmenter = Augmenter::new(&[spec("noise:0.1")], [60, 60, 1], 4095.0);
    let sample = vec![2_000_u16; 3_600];
    let mut buffer = SampleBuffer::new(ElementType::U16);
    augmenter.apply(SampleRef::U16(&sample), &mut ChaCha8Rng::seed_from_u64(1), &mut buffer);
    let noise = (0..sample.len()).map(|index| f64::from(buffer.sample().get(index)) - 2_000.0);
    let deviation = (noise.map(|noise| noise * noise).sum::<f64>() / 3_600.0).sqrt();
    assert!((deviation - 409.5).abs() < 20.0, "{deviation}");
}
