//! The matrices of minimal filtering F(M, R): M outputs of a filter of R taps with N = M + R − 1 multiplications.
//!
//! Input and filter are polynomials that are multiplied by their values at N points (Toom and Cook; transposed, for a
//! filter is a correlation): y = Aᵀ [(G g) ⊙ (Bᵀ x)] for N inputs x and the taps g. The points are 0, pairs ±p, for odd N one
//! more, and ∞. Of the two rows of a pair one is the other with its odd columns negated, in A, and for even N in Bᵀ.
//!
//! Values of 1 and small powers of two keep the rounding small: over 32 channels the error is up to 3 millionths of a result, at
//! most eight times that of a plain sum.

/// The pairs of points, in the order in which larger tiles take them.
const PAIRS: [f64; 3] = [1.0, 2.0, 0.5];

/// A matrix that takes K values to N points.
pub(super) trait ToPoints<const K: usize, const N: usize> {
    /// A row per point: 0, the pairs (+p, −p), for odd N one more, ∞.
    const MATRIX: [[f32; K]; N];
    /// Pairs of rows, from the second row on, of which one is the other with its odd columns negated.
    const PAIRS: usize;
}

/// Bᵀ: the inputs of a tile.
pub(super) struct Inputs;

/// A: the outputs of a tile, whose gradients it takes to the points. Its transpose takes products at the points back.
pub(super) struct Outputs;

/// G: the taps of a filter.
pub(super) struct Filters;

impl<const N: usize> ToPoints<N, N> for Inputs {
    const MATRIX: [[f32; N]; N] = {
        let mut matrix = [[0.0; N]; N];
        let mut row = 0;
        while row < N {
            matrix[row] = to_f32(product_of_others::<N>(row));
            row += 1;
        }
        matrix
    };
    // A lone point is in the products of all rows.
    const PAIRS: usize = if N.is_multiple_of(2) { (N - 2) / 2 } else { 0 };
}

impl<const M: usize, const N: usize> ToPoints<M, N> for Outputs {
    const MATRIX: [[f32; M]; N] = {
        let mut matrix = [[0.0; M]; N];
        let mut row = 0;
        while row + 1 < N {
            matrix[row] = to_f32(powers(row));
            row += 1;
        }
        matrix[N - 1][M - 1] = 1.0;
        matrix
    };
    const PAIRS: usize = (N - 2) / 2;
}

impl<const R: usize, const N: usize> ToPoints<R, N> for Filters {
    const MATRIX: [[f32; R]; N] = {
        let mut matrix = [[0.0; R]; N];
        let mut row = 0;
        while row + 1 < N {
            let mut values: [f64; R] = powers(row);
            let scale = value_at(product_of_others::<N>(row), point(row));
            let mut tap = 0;
            while tap < R {
                values[tap] /= scale;
                tap += 1;
            }
            matrix[row] = to_f32(values);
            row += 1;
        }
        matrix[N - 1][R - 1] = 1.0;
        matrix
    };
    // Each row has a scale of its own.
    const PAIRS: usize = 0;
}

/// A finite point.
const fn point(row: usize) -> f64 {
    match row {
        0 => 0.0,
        _ if row % 2 == 1 => PAIRS[row / 2],
        _ => -PAIRS[row / 2 - 1],
    }
}

/// 1, p, p², … of a finite point.
const fn powers<const K: usize>(row: usize) -> [f64; K] {
    let mut values = [1.0; K];
    let mut exponent = 1;
    while exponent < K {
        values[exponent] = values[exponent - 1] * point(row);
        exponent += 1;
    }
    values
}

/// The coefficients, lowest first, of Π (x − p) over the finite points p but that of `row`.
const fn product_of_others<const N: usize>(row: usize) -> [f64; N] {
    let mut coefficients = [0.0; N];
    coefficients[0] = 1.0;
    let mut other = 0;
    while other + 1 < N {
        if other != row {
            let mut exponent = N - 1;
            while exponent > 0 {
                coefficients[exponent] = coefficients[exponent - 1] - point(other) * coefficients[exponent];
                exponent -= 1;
            }
            coefficients[0] *= -point(other);
        }
        other += 1;
    }
    coefficients
}

const fn value_at<const N: usize>(coefficients: [f64; N], x: f64) -> f64 {
    let (mut value, mut exponent) = (0.0, N);
    while exponent > 0 {
        exponent -= 1;
        value = value * x + coefficients[exponent];
    }
    value
}

const fn to_f32<const K: usize>(values: [f64; K]) -> [f32; K] {
    let mut rounded = [0.0; K];
    let mut index = 0;
    while index < K {
        rounded[index] = values[index] as f32;
        index += 1;
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    /// y = Aᵀ [(G g) ⊙ (Bᵀ x)] is the correlation of x with g.
    fn check<const M: usize, const R: usize, const N: usize>() {
        let (x, taps) = (noise(1, N), noise(2, R));
        let times = |matrix: &[f32], values: &[f32]| -> f64 {
            matrix.iter().zip(values).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let inputs = <Inputs as ToPoints<N, N>>::MATRIX;
        let filters = <Filters as ToPoints<R, N>>::MATRIX;
        let outputs = <Outputs as ToPoints<M, N>>::MATRIX;
        for output in 0..M {
            let products = (0..N).map(|point| {
                f64::from(outputs[point][output]) * times(&inputs[point], &x) * times(&filters[point], &taps)
            });
            let expected: f64 = (0..R).map(|tap| f64::from(taps[tap]) * f64::from(x[output + tap])).sum();
            let actual: f64 = products.sum();
            assert!((actual - expected).abs() < 1e-5, "F({M}, {R}), output {output}: {actual}, {expected}");
        }
    }

    #[test]
    fn the_matrices_filter() {
        check::<2, 3, 4>();
        check::<3, 3, 5>();
        check::<4, 3, 6>();
        check::<5, 3, 7>();
        check::<6, 3, 8>();
        check::<2, 5, 6>();
        check::<3, 5, 7>();
        check::<4, 5, 8>();
        check::<2, 7, 8>();
    }

    #[test]
    fn rows_of_a_pair_differ_in_the_sign_of_odd_columns() {
        fn check<T: ToPoints<K, N>, const K: usize, const N: usize>() {
            assert_eq!(T::PAIRS, (N - 2) / 2);
            for pair in (1..).step_by(2).take(T::PAIRS) {
                for column in 0..K {
                    let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
                    assert_eq!(T::MATRIX[pair + 1][column], sign * T::MATRIX[pair][column]);
                }
            }
        }
        check::<Inputs, 8, 8>();
        check::<Inputs, 6, 6>();
        check::<Outputs, 4, 8>();
        check::<Outputs, 5, 7>();
        check::<Outputs, 2, 4>();
    }
}
