//! The least squares of the example `fit_latency`.

#[path = "../examples/fit_latency/fit.rs"]
mod fit;

use fit::{Observation, mean_error, rounded};
use munas_cost::{LayerCost, OperatorCoefficients};
use munas_ir::{OpId, Shape};
use proptest::prelude::*;

/// Operators with these sizes (side, channels, kernel elements), and the counts that `coefficients` give them.
fn observed(sizes: &[(usize, usize, usize)], coefficients: &OperatorCoefficients) -> Vec<Observation> {
    let observe = |&(side, channels, kernel): &(usize, usize, usize)| {
        let output = Shape::new(side, side, channels);
        let macs = (output.elements() * kernel) as u64;
        let cost = LayerCost { op: OpId::new(0), macs, parameters: 0, output };
        Observation { cost, count: coefficients.count(&cost) }
    };
    sizes.iter().map(observe).collect()
}

/// Sizes that tell all terms apart.
const SIZES: [(usize, usize, usize); 10] = [
    (1, 10, 64),
    (2, 3, 9),
    (4, 16, 1),
    (7, 5, 25),
    (8, 1, 49),
    (12, 24, 9),
    (20, 2, 3),
    (28, 8, 27),
    (5, 40, 120),
    (3, 64, 16),
];

proptest! {
    #[test]
    fn exact_counts_give_their_coefficients_back(values in prop::array::uniform5(0.1_f64..100.0), zero in 0..8_usize) {
        let mut values = values.map(rounded);
        if let Some(value) = values.get_mut(zero) {
            *value = 0.0;
        }
        let coefficients = OperatorCoefficients::from_array(values);
        let observations = observed(&SIZES, &coefficients);
        let fitted = fit::fit(&observations).unwrap();
        prop_assert!(mean_error(&fitted, &observations) < 1e-3, "{fitted:?} for {coefficients:?}");
        prop_assert_eq!(fitted.per_mac < 1e-6, zero == 4, "{:?}", fitted);
    }

    #[test]
    fn coefficients_are_never_negative(counts in prop::collection::vec(1.0_f64..1e6, SIZES.len())) {
        let mut observations = observed(&SIZES, &OperatorCoefficients::default());
        for (seen, count) in observations.iter_mut().zip(counts) {
            seen.count = count;
        }
        let fitted = fit::fit(&observations).unwrap();
        prop_assert!(fitted.to_array().iter().all(|value| *value >= 0.0), "{fitted:?}");
    }
}

#[test]
fn too_few_observations_are_refused() {
    let coefficients = OperatorCoefficients { per_call: 1.0, ..OperatorCoefficients::default() };
    assert!(fit::fit(&observed(&SIZES[..4], &coefficients)).is_none());
}
