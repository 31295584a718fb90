//! Activations as types, so that inner loops are compiled for each of them.

use munas_ir::Activation;

use crate::simd::Simd;

/// An activation: [`Activation::range`] as constants.
pub(crate) trait Activate {
    /// The activation.
    const ACTIVATION: Activation;
    /// Its range, where it has ends.
    const LOW: Option<f32> = finite(Self::ACTIVATION.range()[0]);
    /// As [`Self::LOW`].
    const HIGH: Option<f32> = finite(Self::ACTIVATION.range()[1]);

    /// The activation of a value; a NaN passes, by which a diverged training is noticed.
    #[inline(always)]
    fn of(value: f32) -> f32 {
        let value = match Self::LOW {
            Some(low) if value <= low => low,
            _ => value,
        };
        match Self::HIGH {
            Some(high) if value >= high => high,
            _ => value,
        }
    }

    /// The activation of a register of values.
    #[inline(always)]
    fn of_vector<S: Simd>(simd: S, values: S::Vector) -> S::Vector {
        let values = match Self::LOW {
            Some(low) => simd.max(simd.splat(low), values),
            None => values,
        };
        match Self::HIGH {
            Some(high) => simd.min(simd.splat(high), values),
            None => values,
        }
    }

    /// Whether the activation keeps a value from having a gradient, be it given as its argument or as its output.
    #[inline(always)]
    fn cuts_off(value: f32) -> bool {
        Self::LOW.is_some_and(|low| value <= low) || Self::HIGH.is_some_and(|high| value >= high)
    }
}

const fn finite(end: f32) -> Option<f32> {
    if end.is_finite() { Some(end) } else { None }
}

/// [`Activation::None`].
pub(crate) struct Identity;

impl Activate for Identity {
    const ACTIVATION: Activation = Activation::None;
}

/// [`Activation::Relu`].
pub(crate) struct Relu;

impl Activate for Relu {
    const ACTIVATION: Activation = Activation::Relu;
}

/// [`Activation::Relu6`].
pub(crate) struct Relu6;

impl Activate for Relu6 {
    const ACTIVATION: Activation = Activation::Relu6;
}

/// Evaluates an expression with `$type` the type of the activation `$activation`.
macro_rules! for_activation {
    ($activation:expr, $type:ident => $body:expr) => {
        match $activation {
            munas_ir::Activation::None => {
                type $type = $crate::activation::Identity;
                $body
            }
            munas_ir::Activation::Relu => {
                type $type = $crate::activation::Relu;
                $body
            }
            munas_ir::Activation::Relu6 => {
                type $type = $crate::activation::Relu6;
                $body
            }
        }
    };
}

pub(crate) use for_activation;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LANES;
    use crate::simd::Kernel;
    use crate::testing::every_isa;

    struct OfVector<A>([f32; LANES], std::marker::PhantomData<A>);

    impl<A: Activate> Kernel for OfVector<A> {
        type Output = [f32; LANES];

        #[inline(always)]
        #[expect(unsafe_code, reason = "the registers of an array")]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let mut outputs = [0.0; LANES];
            for at in (0..LANES).step_by(S::WIDTH) {
                // SAFETY: the width of a register divides the length of both arrays.
                unsafe {
                    let values = simd.load(self.0.as_ptr().add(at));
                    simd.store(A::of_vector(simd, values), outputs.as_mut_ptr().add(at));
                }
            }
            outputs
        }
    }

    fn check<A: Activate>() {
        let activation = A::ACTIVATION;
        let values: [f32; LANES] = std::array::from_fn(|at| at as f32 - 5.25);
        let expected = values.map(|value| activation.of(value));
        assert_eq!(values.map(A::of), expected, "{activation:?}");
        for (value, output) in values.into_iter().zip(expected) {
            assert_eq!([A::cuts_off(value), A::cuts_off(output)], [!activation.passes(output); 2], "{value}");
        }
        let mut nan = values;
        nan[3] = f32::NAN;
        for kernels in every_isa() {
            let of = |values| kernels.dispatch(OfVector::<A>(values, std::marker::PhantomData));
            assert_eq!(of(values), expected, "{activation:?}");
            assert!(of(nan)[3].is_nan() && A::of(f32::NAN).is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn types_do_what_their_activations_say() {
        for activation in Activation::ALL {
            for_activation!(activation, A => {
                assert_eq!(A::ACTIVATION, activation);
                check::<A>();
            });
        }
    }
}
