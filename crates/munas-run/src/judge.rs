//! How a trained network is judged: what is counted as its error, and how far that may be from the truth.
//!
//! | symbol | |
//! |---|---|
//! | θ | the error by a metric, over all samples |
//! | θ₋ᵤ | the same without unit u |
//! | N | number of units: groups of samples that belong together, else samples |
//!
//! The standard error is the jackknife's, √((N − 1)/N · Σᵤ (θ₋ᵤ − θ̄)²): of the share of wrong samples in groups of one size it is that of
//! the groups' means, √(s²/N), and it serves every metric. Samples that are in no group are judged by the Wilson interval where the
//! metric is the plain error, and never by less: none wrong of n is not ± 0.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use munas_data::Split;
use munas_train::Confusion;

/// What is counted as the error of a network, a share in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Share of samples that are taken for another class.
    #[default]
    Error,
    /// 1 less the mean recall: each class counts alike.
    Balanced,
    /// Macro-F1 error, 1 less the mean F1 of the classes: each counts alike, false alarms too.
    MacroF1,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Error, Self::Balanced, Self::MacroF1];

    /// The name in an experiment file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Balanced => "balanced",
            Self::MacroF1 => "macro-f1",
        }
    }

    /// What the error is called in text.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Balanced => "balanced error",
            Self::MacroF1 => "macro-F1 error",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no metric (error, balanced, macro-f1)")]
pub struct UnknownMetric(String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.name() == text)
            .ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

/// The error of a network on one part of the data, by each metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// By [`Metric::Error`].
    pub error: f64,
    /// By [`Metric::Balanced`].
    pub balanced: f64,
    /// By [`Metric::MacroF1`].
    pub macro_f1: f64,
}

impl Scores {
    /// Those of what was counted.
    pub fn of(confusion: &Confusion) -> Self {
        Self {
            error: confusion.error(),
            balanced: confusion.balanced_error(),
            macro_f1: confusion.macro_f1_error(),
        }
    }

    /// Those of the classes that samples of these labels were taken for.
    ///
    /// # Panics
    /// If a class is not below `classes`.
    pub fn of_predictions(labels: &[u32], predicted: &[u32], classes: usize) -> Self {
        let mut confusion = Confusion::new(classes);
        for (&label, &predicted) in labels.iter().zip(predicted) {
            confusion.add(label as usize, predicted as usize);
        }
        Self::of(&confusion)
    }

    /// The means of several.
    pub fn mean(scores: &[Self]) -> Self {
        let of = |metric: Metric| {
            scores.iter().map(|scores| scores.get(metric)).sum::<f64>() / scores.len().max(1) as f64
        };
        Self { error: of(Metric::Error), balanced: of(Metric::Balanced), macro_f1: of(Metric::MacroF1) }
    }

    /// The error by a metric.
    pub const fn get(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Error => self.error,
            Metric::Balanced => self.balanced,
            Metric::MacroF1 => self.macro_f1,
        }
    }
}

/// The standard error of the error of a network that takes the samples of `split` for `predicted`.
///
/// # Panics
/// If there are not as many predictions as samples, or one is not below `classes`.
pub fn standard_error(metric: Metric, split: &Split, classes: usize, predicted: &[u32]) -> f64 {
    assert_eq!(split.len(), predicted.len(), "a prediction for each sample");
    let pairs = || split.labels().iter().copied().zip(predicted.iter().copied());
    let mut margins = Margins::new(classes);
    pairs().for_each(|pair| margins.add(pair));
    let wilson = wilson(margins.value(Metric::Error), split.len());
    if split.groups() > 1 {
        let spread = jackknife(metric, &mut margins, &units_of_groups(split, pairs()));
        // Groups in which nothing is wrong are none the better known.
        return if spread > 0.0 { spread } else { wilson };
    }
    if metric == Metric::Error {
        return wilson;
    }
    jackknife(metric, &mut margins, &units_of_samples(pairs())).max(wilson)
}

/// The standard error of the mean of errors; `None` of fewer than two, or where all are alike.
pub(crate) fn standard_error_of_mean(errors: &[f64]) -> Option<f64> {
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let squares = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>();
    Some((squares / (n - 1.0) / n).sqrt()).filter(|error| *error > 0.0)
}

/// Half of the Wilson interval (z = 1) of a share of `samples`: a standard error that is not 0 where the share is.
fn wilson(share: f64, samples: usize) -> f64 {
    let n = samples.max(1) as f64;
    (share * (1.0 - share) / n + 1.0 / (4.0 * n * n)).sqrt() / (1.0 + 1.0 / n)
}

/// A sample's class, and what it is taken for.
type Pair = (u32, u32);

/// Samples that come and go together, and how many such units are alike.
struct Unit {
    pairs: Vec<Pair>,
    alike: u64,
}

/// The groups; a sample that is in none is a unit of its own.
fn units_of_groups(split: &Split, pairs: impl Iterator<Item = Pair>) -> Vec<Unit> {
    let mut groups: BTreeMap<u32, Vec<Pair>> = BTreeMap::new();
    let mut alone = Vec::new();
    for (index, pair) in pairs.enumerate() {
        match split.group(index) {
            Some(group) => groups.entry(group).or_default().push(pair),
            None => alone.push(pair),
        }
    }
    let groups = groups.into_values().map(|pairs| Unit { pairs, alike: 1 });
    groups.chain(units_of_samples(alone.into_iter())).collect()
}

/// The samples, those of one class that are taken for one class together.
fn units_of_samples(pairs: impl Iterator<Item = Pair>) -> Vec<Unit> {
    let mut counts: BTreeMap<Pair, u64> = BTreeMap::new();
    pairs.for_each(|pair| *counts.entry(pair).or_default() += 1);
    counts.into_iter().map(|(pair, alike)| Unit { pairs: vec![pair], alike }).collect()
}

fn jackknife(metric: Metric, margins: &mut Margins, units: &[Unit]) -> f64 {
    let count: u64 = units.iter().map(|unit| unit.alike).sum();
    let mut without = |unit: &Unit| {
        unit.pairs.iter().for_each(|&pair| margins.remove(pair));
        let value = margins.value(metric);
        unit.pairs.iter().for_each(|&pair| margins.add(pair));
        value
    };
    let values: Vec<(f64, f64)> = units.iter().map(|unit| (without(unit), unit.alike as f64)).collect();
    let n = count.max(1) as f64;
    let mean = values.iter().map(|(value, alike)| value * alike).sum::<f64>() / n;
    let squares = values.iter().map(|(value, alike)| alike * (value - mean).powi(2)).sum::<f64>();
    ((n - 1.0) / n * squares).sqrt()
}

/// The sums of a confusion matrix that every metric is made of.
struct Margins {
    /// Samples of each class that are taken for it.
    hits: Vec<u64>,
    /// Samples of each class.
    samples: Vec<u64>,
    /// Samples that are taken for each class.
    predicted: Vec<u64>,
}

impl Margins {
    fn new(classes: usize) -> Self {
        Self { hits: vec![0; classes], samples: vec![0; classes], predicted: vec![0; classes] }
    }

    fn add(&mut self, (label, predicted): Pair) {
        self.hits[label as usize] += u64::from(label == predicted);
        self.samples[label as usize] += 1;
        self.predicted[predicted as usize] += 1;
    }

    fn remove(&mut self, (label, predicted): Pair) {
        self.hits[label as usize] -= u64::from(label == predicted);
        self.samples[label as usize] -= 1;
        self.predicted[predicted as usize] -= 1;
    }

    /// The same as [`Scores`] has.
    fn value(&self, metric: Metric) -> f64 {
        let sums = self.hits.iter().zip(&self.samples).zip(&self.predicted);
        let mean = |share: &dyn Fn(f64, f64, f64) -> f64| {
            let present = sums.clone().filter(|((_, samples), _)| **samples > 0);
            let (total, count) =
                present.fold((0.0, 0_usize), |(total, count), ((&hits, &samples), &predicted)| {
                    (total + share(hits as f64, samples as f64, predicted as f64), count + 1)
                });
            1.0 - total / count.max(1) as f64
        };
        match metric {
            Metric::Error => {
                let [hits, samples] = [&self.hits, &self.samples].map(|counts| counts.iter().sum::<u64>());
                1.0 - hits as f64 / samples.max(1) as f64
            }
            Metric::Balanced => mean(&|hits, samples, _| hits / samples),
            Metric::MacroF1 => mean(&|hits, samples, predicted| 2.0 * hits / (samples + predicted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use munas_data::{Groups, PartSizes, RawData, Samples, SplitOptions, TestPart};

    use super::*;

    /// Validation samples of these classes and groups.
    fn split(labels: &[u32], groups: Option<&[Option<u32>]>) -> Split {
        let own = labels.len();
        let groups = groups.map(|of| Groups {
            names: (0..99).map(|group| group.to_string()).collect(),
            of: [&[None], of].concat(),
        });
        let raw = RawData {
            input: [1, 1, 1],
            class_names: (0..3).map(|class| class.to_string()).collect(),
            samples: Samples::U8(vec![0; own + 1]),
            labels: [&[0], labels].concat(),
            parts: PartSizes { train: 1, validation: Some(own), test: TestPart::Own(0) },
            groups,
            ..RawData::default()
        };
        raw.into_dataset(&SplitOptions::default()).unwrap().validation
    }

    #[test]
    fn margins_and_confusions_agree() {
        let labels: Vec<u32> = (0..60).map(|at| at * 7 % 11 % 3).collect();
        let predicted: Vec<u32> = (0..60).map(|at| at * 5 % 13 % 3).collect();
        let scores = Scores::of_predictions(&labels, &predicted, 4);
        let mut margins = Margins::new(4);
        labels.iter().copied().zip(predicted).for_each(|pair| margins.add(pair));
        for metric in Metric::ALL {
            assert!((scores.get(metric) - margins.value(metric)).abs() < 1e-12, "{metric}");
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert!("accuracy".parse::<Metric>().unwrap_err().to_string().contains("balanced, macro-f1"));
    }

    #[test]
    fn nothing_wrong_is_not_nothing_uncertain() {
        let part = split(&[0, 1, 0, 1, 2, 2, 0, 1, 0, 1], None);
        let right = part.labels().to_vec();
        for metric in Metric::ALL {
            let found = standard_error(metric, &part, 3, &right);
            assert!((found - 0.5 / 11.0).abs() < 1e-9, "{metric} {found}");
        }
        assert!(
            (wilson(0.1, 1_000) - (0.09_f64 / 1_000.0).sqrt()).abs() < 1e-4,
            "with many samples the usual one"
        );
        assert_eq!(wilson(0.25, 400), wilson(0.75, 400));
    }

    #[test]
    fn of_groups_of_one_size_it_is_that_of_their_means() {
        // Four groups of five, with 0, 1, 2 and 5 wrong.
        let groups: Vec<Option<u32>> = (0..20).map(|at| Some(at / 5)).collect();
        let labels: Vec<u32> = (0..20).map(|at| at % 2).collect();
        let wrong = [0, 1, 2, 5];
        let predicted: Vec<u32> =
            (0..20).map(|at| if at % 5 < wrong[at as usize / 5] { 1 - at % 2 } else { at % 2 }).collect();
        let means = wrong.map(|wrong| f64::from(wrong) / 5.0);
        let mean = means.iter().sum::<f64>() / 4.0;
        let variance = means.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 3.0;
        let found = standard_error(Metric::Error, &split(&labels, Some(&groups)), 3, &predicted);
        assert!((found - (variance / 4.0).sqrt()).abs() < 1e-12, "{found}");
        let alone = standard_error(Metric::Error, &split(&labels, None), 3, &predicted);
        assert!(found > 1.5 * alone, "{found} {alone}: people differ more than samples do");
        let right = standard_error(Metric::Error, &split(&labels, Some(&groups)), 3, &labels);
        assert!((right - 0.5 / 21.0).abs() < 1e-9, "{right}");
    }

    #[test]
    fn rare_classes_make_the_balanced_error_uncertain() {
        // 2 of 4 of a rare class are wrong, and 10 of 196 of another.
        let labels: Vec<u32> = (0..200).map(|at| u32::from(at < 4)).collect();
        let predicted: Vec<u32> = (0..200).map(|at| u32::from(!(2..190).contains(&at))).collect();
        let part = split(&labels, None);
        let of = |metric| standard_error(metric, &part, 3, &predicted);
        // That of a mean of two shares: half of √(n p(1 − p)/(n − 1)²), summed in squares; of few samples a careful figure.
        let expected = 0.5 * (4.0 * 0.25_f64 / 9.0 + 0.051 * 0.949 / 195.0).sqrt();
        assert!((of(Metric::Balanced) / expected - 1.0).abs() < 0.05, "{} {expected}", of(Metric::Balanced));
        assert!(of(Metric::Balanced) > 5.0 * of(Metric::Error) && of(Metric::MacroF1) > of(Metric::Error));
    }
}
