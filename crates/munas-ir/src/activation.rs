//! Activations, and what the rest of the system needs to know of them.
//!
//! | asked by | method |
//! |---|---|
//! | forward passes | [`Activation::range`]: an activation limits its argument to a range |
//! | backward passes | [`Activation::passes`]: whether the gradient goes through follows from the output |
//! | 8-bit integers | [`TensorQuantisation::clamp`](crate::TensorQuantisation::clamp): the range in integers |
//! | pruning | [`Activation::keeps_zero`]: whether a channel of zeros stays one |
//! | files | [`Activation::name`], [`Activation::relu_flag`] |

/// The function applied to an operator's output (after batch norm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Identity.
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 3] = [Self::None, Self::Relu, Self::Relu6];

    /// The values that the activation lets through; what lies outside becomes the nearer end.
    pub const fn range(self) -> [f32; 2] {
        match self {
            Self::None => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Relu => [0.0, f32::INFINITY],
            Self::Relu6 => [0.0, 6.0],
        }
    }

    /// The activation of a value. A NaN stays one, by which a diverged training is noticed.
    pub const fn of(self, value: f32) -> f32 {
        let [low, high] = self.range();
        if value < low {
            low
        } else if value > high {
            high
        } else {
            value
        }
    }

    /// Whether the activation does nothing, so that a backward pass has no need of its output.
    pub const fn is_identity(self) -> bool {
        let [low, high] = self.range();
        low == f32::NEG_INFINITY && high == f32::INFINITY
    }

    /// Whether the gradient goes through the activation where this is its output: inside of its range, not at its ends.
    pub const fn passes(self, output: f32) -> bool {
        let [low, high] = self.range();
        low < output && output < high
    }

    /// Whether the activation of 0 is 0, so that a channel of zeros stays one.
    pub const fn keeps_zero(self) -> bool {
        self.of(0.0) == 0.0
    }

    /// The name in text, JSON and experiment files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
        }
    }

    /// The activation with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|activation| activation.name() == name)
    }

    /// The value of the flag `relu` in JSON, which says all of the first two activations; `None` for those that are written by
    /// name.
    pub const fn relu_flag(self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Relu => Some(true),
            Self::Relu6 => None,
        }
    }

    /// The activation that the flag `relu` stands for.
    pub const fn from_relu_flag(relu: bool) -> Self {
        if relu { Self::Relu } else { Self::None }
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;

    #[test]
    fn values_are_limited_to_the_range() {
        for activation in Activation::ALL {
            let [low, high] = activation.range();
            for value in [-1e9, -6.5, -1.0, 0.0, 0.5, 5.9, 6.0, 7.0, 1e9] {
                let output = activation.of(value);
                assert_eq!(output, value.clamp(low, high), "{activation:?} of {value}");
                assert_eq!(
                    activation.passes(output),
                    low < value && value < high,
                    "{activation:?} of {value}"
                );
            }
            assert!(activation.of(f32::NAN).is_nan(), "{activation:?}");
        }
        assert!(Activation::None.is_identity() && !Activation::Relu.is_identity());
    }

    #[test]
    fn zero_stays_zero() {
        assert!(Activation::ALL.into_iter().all(Activation::keeps_zero));
    }

    #[test]
    fn names_and_flags_are_read_back() {
        for activation in Activation::ALL {
            assert_eq!(Activation::from_name(activation.name()), Some(activation));
            if let Some(flag) = activation.relu_flag() {
                assert_eq!(Activation::from_relu_flag(flag), activation);
            }
        }
        assert_eq!(Activation::from_name("swish"), None);
    }
}
