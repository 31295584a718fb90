//! Arrays whose values come in another order than samples are stored in: height, width, channels, the last axis fastest.

use crate::samples::Samples;

/// The index in an array of the value at `place` of the file.
pub(super) fn index_of(mut place: usize, shape: &[usize], column_major: bool) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    let mut take = |axis: usize| {
        index[axis] = place % shape[axis];
        place /= shape[axis];
    };
    if column_major {
        (0..shape.len()).for_each(&mut take);
    } else {
        (0..shape.len()).rev().for_each(&mut take);
    }
    index
}

/// Turns the values from `start` on, a column-major array of this shape, into row-major order.
pub(super) fn row_major(samples: &mut Samples, start: usize, shape: &[usize]) {
    match samples {
        Samples::U8(values) => values_to_row_major(&mut values[start..], shape),
        Samples::I8(values) => values_to_row_major(&mut values[start..], shape),
        Samples::U16(values) => values_to_row_major(&mut values[start..], shape),
        Samples::I16(values) => values_to_row_major(&mut values[start..], shape),
        Samples::F32(values) => values_to_row_major(&mut values[start..], shape),
    }
}

/// Turns a column-major array into row-major order.
pub(super) fn values_to_row_major<T: Copy>(values: &mut [T], shape: &[usize]) {
    // Places of the file per step along each axis.
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &extent in shape {
        strides.push(stride);
        stride *= extent;
    }
    let source = values.to_vec();
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    for value in values {
        *value = source[place];
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            place -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}

/// Turns the samples from `start` on, whose channels come first, into height × width × channels.
pub(super) fn channels_last(samples: &mut Samples, start: usize, input: [usize; 3]) {
    match samples {
        Samples::U8(values) => values_to_channels_last(&mut values[start..], input),
        Samples::I8(values) => values_to_channels_last(&mut values[start..], input),
        Samples::U16(values) => values_to_channels_last(&mut values[start..], input),
        Samples::I16(values) => values_to_channels_last(&mut values[start..], input),
        Samples::F32(values) => values_to_channels_last(&mut values[start..], input),
    }
}

fn values_to_channels_last<T: Copy>(values: &mut [T], [height, width, channels]: [usize; 3]) {
    let pixels = height * width;
    let mut source = Vec::with_capacity(pixels * channels);
    for sample in values.chunks_exact_mut(pixels * channels) {
        source.clear();
        source.extend_from_slice(sample);
        for (pixel, values) in sample.chunks_exact_mut(channels).enumerate() {
            for (channel, value) in values.iter_mut().enumerate() {
                *value = source[channel * pixels + pixel];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn orders_agree_with_the_indices(shape in prop::collection::vec(1_usize..5, 1..5)) {
            let count: usize = shape.iter().product();
            // The value of a place says which index it has, counted in row-major order.
            let number = |index: &[usize]| index.iter().zip(&shape).fold(0, |number, (at, extent)| number * extent + at);
            let mut values: Vec<usize> = (0..count).map(|place| number(&index_of(place, &shape, true))).collect();
            values_to_row_major(&mut values, &shape);
            prop_assert!(values.iter().copied().eq(0..count));
            prop_assert!((0..count).all(|place| number(&index_of(place, &shape, false)) == place));
        }
    }

    #[test]
    fn channels_move_to_the_end_of_each_sample() {
        let mut samples = Samples::U8(vec![99, 1, 2, 11, 12, 21, 22, 3, 4, 13, 14, 23, 24]);
        channels_last(&mut samples, 1, [1, 2, 3]);
        assert_eq!(samples, Samples::U8(vec![99, 1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24]));
    }
}
