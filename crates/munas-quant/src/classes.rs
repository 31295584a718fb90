//! From the network's output to a class.
//!
//! | logits | class |
//! |---|---|
//! | one: a network of two classes | 1 if the logit stands for a number above 0, else 0 |
//! | as many as classes | that of the largest logit, the first of equals |

use crate::QuantisedNetwork;

/// The class that logits stand for. `zero_point` is the integer of a logit of 0.
pub fn predicted_class(logits: &[i8], zero_point: i8) -> usize {
    match logits {
        [logit] => usize::from(*logit > zero_point),
        _ => (0..logits.len()).rev().max_by_key(|&class| logits[class]).unwrap_or(0),
    }
}

impl QuantisedNetwork {
    /// Number of classes: of outputs, or 2 for a single one.
    pub fn classes(&self) -> usize {
        match self.graph().shape(self.graph().output()).elements() {
            1 => 2,
            outputs => outputs,
        }
    }

    /// The class that an output of this network stands for.
    pub fn predicted_class(&self, output: &[i8]) -> usize {
        predicted_class(output, self.quantisation().tensor(self.graph().output()).zero_point)
    }
}

#[cfg(test)]
mod tests {
    use super::predicted_class;

    #[test]
    fn the_largest_logit_wins() {
        assert_eq!(predicted_class(&[-3, 5, 5, 1], 0), 1);
        assert_eq!(predicted_class(&[-128, -128], 5), 0);
        assert_eq!(predicted_class(&[7], 7), 0);
        assert_eq!(predicted_class(&[8], 7), 1);
    }
}
