//! Least squares for the coefficients of an operator kind.
//!
//! The sum of (estimate − count)² / count^1.5 is minimised over coefficients that are not negative: a weight between that of
//! relative errors, to which small operators matter as much as large ones, and of absolute ones. With five coefficients, the minimum is the
//! best of the 31 ordinary least-squares solutions in which a subset is free and the rest is zero.

use munas_cost::{LayerCost, OperatorCoefficients};

/// An operator and what it took.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Its MACs and output.
    pub cost: LayerCost,
    /// Instructions or cycles.
    pub count: f64,
}

const TERMS: usize = OperatorCoefficients::TERMS;

/// The coefficients that fit best; `None` with fewer observations than coefficients.
pub fn fit(observations: &[Observation]) -> Option<OperatorCoefficients> {
    if observations.len() < TERMS {
        return None;
    }
    let candidates = (1_u32..1 << TERMS).filter_map(|free| solve(observations, free));
    let with_error = candidates.map(|candidate| (weighted_error(&candidate, observations), candidate));
    let (_, best) = with_error.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(OperatorCoefficients::from_array(best.to_array().map(rounded)))
}

/// Mean of |estimate − count| / count.
pub fn mean_error(coefficients: &OperatorCoefficients, observations: &[Observation]) -> f64 {
    let errors =
        observations.iter().map(|seen| (coefficients.count(&seen.cost) - seen.count).abs() / seen.count);
    errors.sum::<f64>() / observations.len() as f64
}

/// The number with four significant digits.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().expect("a formatted number is a number")
}

fn weighted_error(coefficients: &OperatorCoefficients, observations: &[Observation]) -> f64 {
    let error = |seen: &Observation| coefficients.count(&seen.cost) - seen.count;
    observations.iter().map(|seen| error(seen).powi(2) * weight(seen)).sum()
}

fn weight(seen: &Observation) -> f64 {
    seen.count.powf(-1.5)
}

/// Least squares with the terms whose bit is set in `free`; `None` if they are not determined or one is negative.
fn solve(observations: &[Observation], free: u32) -> Option<OperatorCoefficients> {
    let terms: Vec<usize> = (0..TERMS).filter(|term| free >> term & 1 == 1).collect();
    let mut matrix = [[0.0; TERMS + 1]; TERMS];
    for seen in observations {
        let (row, weight) = (OperatorCoefficients::terms(&seen.cost), weight(seen));
        for (equation, &term) in terms.iter().enumerate() {
            for (column, &other) in terms.iter().enumerate() {
                matrix[equation][column] += row[term] * row[other] * weight;
            }
            matrix[equation][TERMS] += row[term] * seen.count * weight;
        }
    }
    let solution = eliminate(&mut matrix[..terms.len()])?;
    let mut all = [0.0; TERMS];
    for (&term, value) in terms.iter().zip(solution) {
        all[term] = value;
    }
    all.iter().all(|value| *value >= 0.0).then(|| OperatorCoefficients::from_array(all))
}

/// Solves equations whose right side is their last column, by elimination with scaling to the diagonal.
fn eliminate(equations: &mut [[f64; TERMS + 1]]) -> Option<Vec<f64>> {
    const SINGULAR: f64 = 1e-12;
    let size = equations.len();
    let scale: Vec<f64> = (0..size).map(|index| equations[index][index].sqrt()).collect();
    for (row, equation) in equations.iter_mut().enumerate() {
        for column in 0..size {
            equation[column] /= scale[row] * scale[column];
        }
        equation[TERMS] /= scale[row];
    }
    for pivot in 0..size {
        let pivot_row = equations[pivot];
        if pivot_row[pivot].abs() < SINGULAR {
            return None;
        }
        for (row, equation) in equations.iter_mut().enumerate() {
            if row != pivot {
                let factor = equation[pivot] / pivot_row[pivot];
                equation.iter_mut().zip(pivot_row).for_each(|(value, other)| *value -= factor * other);
            }
        }
    }
    Some((0..size).map(|index| equations[index][TERMS] / equations[index][index] / scale[index]).collect())
}
