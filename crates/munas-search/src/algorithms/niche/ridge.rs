//! Ridge regression: what follows a straight line in a few columns, also beyond what was seen.
//!
//! With X the n×p matrix of standardised columns and ȳ the mean of y, w = (XᵀX + λI)⁻¹ Xᵀ(y − ȳ). A column that does not vary
//! gets no weight.

use nalgebra::{DMatrix, DVector};

/// λ: as if so many rows of average height said that there is no slope.
const PENALTY: f64 = 1.0;
/// A column with a smaller deviation does not vary.
const LEAST_DEVIATION: f64 = 1e-9;

/// A fitted plane.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::algorithms) struct Ridge {
    intercept: f64,
    /// For each column.
    slopes: Vec<f64>,
}

impl Ridge {
    /// The fit of `y` to the first `columns` values of each row.
    ///
    /// # Panics
    /// If there are no rows, or not as many of `y`.
    pub fn fit<R: AsRef<[f64]>>(rows: &[R], columns: usize, y: &[f64]) -> Self {
        assert!(!rows.is_empty() && rows.len() == y.len(), "each row has its value");
        let count = rows.len() as f64;
        let scales: Vec<(f64, f64)> = (0..columns).map(|column| scale(rows, column)).collect();
        let standardised = |row: usize, column: usize| {
            let (mean, deviation) = scales[column];
            if deviation < LEAST_DEVIATION { 0.0 } else { (rows[row].as_ref()[column] - mean) / deviation }
        };
        let x = DMatrix::from_fn(rows.len(), columns, standardised);
        let mean = y.iter().sum::<f64>() / count;
        let centred = DVector::from_iterator(y.len(), y.iter().map(|value| value - mean));
        let normal = x.tr_mul(&x) + DMatrix::identity(columns, columns) * PENALTY;
        let factor = normal.cholesky().expect("a penalty on its diagonal makes it positive definite");
        let weights = factor.solve(&x.tr_mul(&centred));
        let slope = |(weight, (_, deviation)): (&f64, &(f64, f64))| {
            if *deviation < LEAST_DEVIATION { 0.0 } else { weight / deviation }
        };
        let slopes: Vec<f64> = weights.iter().zip(&scales).map(slope).collect();
        let shift: f64 = slopes.iter().zip(&scales).map(|(slope, (mean, _))| slope * mean).sum();
        Self { intercept: mean - shift, slopes }
    }

    /// The plane's value at a row.
    pub fn predict(&self, row: &[f64]) -> f64 {
        self.intercept + self.slopes.iter().zip(row).map(|(slope, value)| slope * value).sum::<f64>()
    }
}

/// Mean and standard deviation of a column.
fn scale<R: AsRef<[f64]>>(rows: &[R], column: usize) -> (f64, f64) {
    let count = rows.len() as f64;
    let values = || rows.iter().map(|row| row.as_ref()[column]);
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::Ridge;
    use crate::testing::generator;

    #[test]
    fn a_plane_is_found_and_goes_on_beyond_the_rows() {
        let mut rng = generator(1, 0);
        let rows: Vec<[f64; 3]> = (0..2000)
            .map(|_| [rng.random_range(0.0..9.0), rng.random_range(90.0..99.0), rng.random_range(-1.0..1.0)])
            .collect();
        // The last column is not looked at.
        let y: Vec<f64> = rows.iter().map(|row| 3.0 - 0.5 * row[0] + 0.1 * row[1] + 0.01 * row[2]).collect();
        let ridge = Ridge::fit(&rows, 2, &y);
        for (row, expected) in [([20.0, 80.0, 0.0], 1.0), ([0.0, 90.0, 0.0], 12.0)] {
            assert!(
                (ridge.predict(&row) - expected).abs() < 0.02,
                "{} is not {expected}",
                ridge.predict(&row)
            );
        }
    }

    #[test]
    fn a_single_row_and_constant_columns_give_the_mean() {
        assert_eq!(Ridge::fit(&[[1.0, 2.0]], 2, &[-3.0]).predict(&[100.0, 100.0]), -3.0);
        let constant = Ridge::fit(&[[1.0], [1.0], [1.0]], 1, &[0.0, 1.0, 5.0]);
        assert!((constant.predict(&[7.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn equal_columns_share_their_slope() {
        let rows: Vec<[f64; 2]> = (0..1000).map(|i| [f64::from(i), f64::from(i)]).collect();
        let y: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let ridge = Ridge::fit(&rows, 2, &y);
        assert!((ridge.slopes[0] - ridge.slopes[1]).abs() < 1e-9 && (ridge.slopes[0] - 0.5).abs() < 1e-3);
    }
}
