//! What the tests of several modules share.

use munas_ir::Activation;
use proptest::prelude::*;

use crate::{Isa, Kernels};

/// `len` numbers, uniform in [−1, 1), the same for the same seed (SplitMix64).
pub(crate) fn noise(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed;
    let uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(uniform).take(len).collect()
}

/// Any activation.
pub(crate) fn activation() -> impl Strategy<Value = Activation> {
    proptest::sample::select(&Activation::ALL)
}

/// The operators for every instruction set of this processor; says on stderr which are left out.
pub(crate) fn every_isa() -> Vec<Kernels> {
    let (available, missing): (Vec<Isa>, Vec<Isa>) = Isa::ALL.into_iter().partition(|isa| isa.is_available());
    for isa in missing {
        skipped(&format!("this processor has no {isa}"));
    }
    available.into_iter().map(Kernels::new).collect()
}

#[expect(clippy::print_stderr, reason = "a test says what it could not check")]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Asserts that no element differs by more than `tolerance`.
#[track_caller]
pub(crate) fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(actual.len(), expected.len());
    for (index, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance, "element {index}: {a} is not {e} ± {tolerance}");
    }
}

/// Σ a·b in double precision.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// A comparison of an analytic gradient with central differences.
pub(crate) struct GradientCheck {
    /// Half the distance of the two points: large for a linear function, small for a curved one.
    pub(crate) step: f32,
    /// Largest allowed difference.
    pub(crate) tolerance: f64,
    /// Coordinates to try, spread evenly.
    pub(crate) coordinates: usize,
}

impl GradientCheck {
    /// Asserts that `gradient` is the gradient of `loss` at `point`.
    #[track_caller]
    pub(crate) fn assert(&self, point: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f64) {
        assert_eq!(point.len(), gradient.len());
        let mut moved = point.to_vec();
        // A stride prime to most lengths visits lanes, pixels and channels in turn.
        let stride = (point.len() / self.coordinates.max(1)).max(1) | 1;
        for index in (0..point.len()).step_by(stride) {
            let mut at = |offset: f32| {
                moved[index] = point[index] + offset;
                let value = loss(&moved);
                moved[index] = point[index];
                value
            };
            let slope = (at(self.step) - at(-self.step)) / (2.0 * f64::from(self.step));
            let analytic = f64::from(gradient[index]);
            assert!(
                (slope - analytic).abs() <= self.tolerance,
                "coordinate {index}: gradient {analytic}, central difference {slope}"
            );
        }
    }
}
