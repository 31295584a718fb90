//! How many folds networks are judged on.

use std::fmt;
use std::str::FromStr;

/// Validation parts of fewer samples than this, and data of fewer groups, tell little: they are made up for by folds.
const FEW_SAMPLES: usize = 500;
const FEW_GROUPS: usize = 30;
/// So many then.
const USUAL: usize = 5;
/// The most that can be asked for.
const MOST: usize = 100;

/// Number of pairs of training and validation parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Folds {
    /// Five where the validation part is small, or there are few groups, else one.
    #[default]
    Auto,
    /// This many pairs, at least one.
    Count(usize),
}

impl Folds {
    /// The number for a validation part of so many samples, where so many groups are in the training and in the validation part.
    pub(crate) fn count(self, samples: usize, (of_train, of_validation): (usize, usize)) -> usize {
        let groups = of_train + of_validation;
        match self {
            Self::Count(count) => count,
            Self::Auto if samples < FEW_SAMPLES || (1..FEW_GROUPS).contains(&groups) => USUAL,
            Self::Auto => 1,
        }
    }
}

impl fmt::Display for Folds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Count(count) => write!(formatter, "{count}"),
        }
    }
}

/// A text is no number of folds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of folds; there are: auto, 1 to {MOST}")]
pub struct UnknownFolds(String);

impl FromStr for Folds {
    type Err = UnknownFolds;

    fn from_str(text: &str) -> Result<Self, UnknownFolds> {
        let count = text.parse().ok().filter(|count| (1..=MOST).contains(count)).map(Self::Count);
        if text == "auto" { Ok(Self::Auto) } else { count.ok_or_else(|| UnknownFolds(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Groups, PartSizes, RawData, Samples, SplitOptions, TestPart};

    #[test]
    fn few_samples_and_few_groups_are_folded() {
        let of = |samples, groups| Folds::Auto.count(samples, groups);
        assert_eq!([of(499, (0, 0)), of(500, (0, 0)), of(9_000, (16, 5)), of(9_000, (40, 10))], [5, 1, 5, 1]);
        assert_eq!(Folds::Count(3).count(9_000, (0, 0)), 3);
        for text in ["auto", "1", "10"] {
            assert_eq!(text.parse::<Folds>().unwrap().to_string(), text);
        }
        assert!(
            "0".parse::<Folds>().is_err()
                && "101".parse::<Folds>().is_err()
                && "few".parse::<Folds>().is_err()
        );
    }

    fn raw(grouped: bool) -> RawData {
        let labels: Vec<u32> = (0..200).map(|at| at * 7 % 3).collect();
        let groups = Groups {
            names: (0..20).map(|at| at.to_string()).collect(),
            of: (0..200).map(|at| Some(at / 10)).collect(),
        };
        RawData {
            input: [1, 1, 1],
            class_names: ["a", "b", "c"].map(str::to_owned).to_vec(),
            samples: Samples::U8((0..200).collect()),
            labels,
            parts: PartSizes { train: 200, validation: None, test: TestPart::Draw { share: 0.2 } },
            groups: grouped.then_some(groups),
            ..RawData::default()
        }
    }

    #[test]
    fn folds_share_the_samples_out_and_keep_groups_together() {
        for (grouped, folds) in [(false, 5), (true, 3), (true, 5)] {
            let options = SplitOptions { folds: Folds::Count(folds), ..SplitOptions::default() };
            let dataset = raw(grouped).into_dataset(&options).unwrap();
            assert_eq!(dataset.folds(), folds);
            let mut validated = BTreeSet::new();
            let pool: BTreeSet<u32> =
                [dataset.train.indices(), dataset.validation.indices()].concat().into_iter().collect();
            for fold in 0..folds {
                let fold = dataset.fold(fold);
                let [train, validation] = [&fold.train, &fold.validation]
                    .map(|part| part.indices().iter().copied().collect::<BTreeSet<_>>());
                assert!(
                    train.is_disjoint(&validation)
                        && train.union(&validation).copied().eq(pool.iter().copied())
                );
                assert!(fold.validation.class_counts(3).iter().all(|&count| count > 0));
                assert_eq!(fold.test.indices(), dataset.test.indices());
                let groups = |part: &crate::Split| {
                    (0..part.len()).filter_map(|at| part.group(at)).collect::<BTreeSet<_>>()
                };
                assert!(groups(&fold.train).is_disjoint(&groups(&fold.validation)));
                validated.extend(validation);
            }
            assert!(validated.len() >= pool.len() / 2 - 10, "{} of {}", validated.len(), pool.len());
            let again = raw(grouped).into_dataset(&options).unwrap();
            assert_eq!(again.fingerprint, dataset.fingerprint);
            let one = raw(grouped).into_dataset(&SplitOptions::default()).unwrap();
            assert_ne!(one.fingerprint, dataset.fingerprint, "they are part of what networks are judged on");
            assert_eq!((one.validation.indices(), one.folds()), (dataset.validation.indices(), 1));
        }
    }
}
