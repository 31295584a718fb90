//! What the labels of the user's own data say about themselves: whether they are classes at all, and what to watch out for.

use std::collections::BTreeMap;

use crate::error::DataError;
use crate::raw_data::{RawData, SplitOptions, TestPart};
use crate::source::Source;
use crate::warning::Warning;

/// Beyond so many classes whose names are fractions, labels are measurements.
const MOST_FRACTIONS: usize = 20;
/// Beyond so many classes whose names are whole numbers, the labels of a table may be a quantity.
const MANY_NUMBERS: usize = 50;
/// Fewer samples of each class than this on average, of so many classes called by numbers, are of a quantity.
const FEW_SAMPLES: usize = 5;
/// Fewest labels that, if most of them occur once only, are no classes.
const LEAST_SINGLES: usize = 5;
/// Share of the largest class, and ratio of largest to smallest, beyond which the error alone says little.
const LARGE_SHARE: f64 = 0.8;
const LARGE_RATIO: usize = 10;
/// Classes that a message lists.
const LISTED: usize = 5;

/// Samples per class: of all parts, and of each.
struct Counts {
    all: Vec<usize>,
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<usize>,
}

impl Counts {
    fn of(data: &RawData) -> Self {
        let of = |labels: &[u32]| {
            let mut counts = vec![0; data.class_names.len()];
            labels.iter().for_each(|&label| counts[label as usize] += 1);
            counts
        };
        let (train, rest) = data.labels.split_at(data.parts.train);
        let (validation, test) = rest.split_at(data.parts.validation.unwrap_or(0));
        Self { all: of(&data.labels), train: of(train), validation: of(validation), test: of(test) }
    }
}

/// Refuses labels that cannot be learned as classes, and adds warnings about those that need care; where errors are `balanced`, classes
/// may be of any sizes. Without training samples
/// there is nothing to check.
///
/// # Errors
/// [`DataError::Advised`] where the labels are all one, look measured, or are in no training sample.
pub(crate) fn check(data: &mut RawData, source: &Source, balanced: bool) -> Result<(), DataError> {
    if data.parts.train == 0 {
        return Ok(());
    }
    let counts = Counts::of(data);
    let other_labels = match source {
        Source::Csv { .. } => "`csv:FILE#COLUMN` names another column of labels",
        Source::Npz(_) => "`--arrays SAMPLES,LABELS` names other arrays",
        _ => "check where the labels come from",
    };
    if let Some((problem, hint)) = refusal(data, &counts, other_labels) {
        return Err(DataError::Advised { place: data.name.clone(), problem, hint });
    }
    let mut warnings = Vec::new();
    warnings.extend(alike(data));
    warnings.extend(missing_in_parts(data, &counts));
    warnings.extend(imbalance(data, &counts).filter(|_| !balanced));
    if matches!(source, Source::Csv { .. }) && data.class_names.len() > MANY_NUMBERS && is_numeric(data) {
        let classes = data.class_names.len();
        let what =
            format!("the labels are {classes} different whole numbers, each a class; are they a quantity?");
        warnings.push(Warning::new(what).hint(format!("{RANGES}; {other_labels}")));
    }
    data.warnings.extend(warnings);
    Ok(())
}

/// What becomes of a quantity that is to be predicted.
const RANGES: &str = "munas learns classes: put a quantity into a few ranges, and use these";

/// Why the labels cannot be learned, if they cannot, and what may be done.
fn refusal(data: &RawData, counts: &Counts, other_labels: &str) -> Option<(String, String)> {
    if let Some(problem) = not_classes(data, counts) {
        return Some((problem, format!("{RANGES}; {other_labels}")));
    }
    let mut present = (0..counts.train.len()).filter(|&class| counts.train[class] > 0);
    if let (Some(only), None) = (present.next(), present.next()) {
        let only = &data.class_names[only];
        let problem =
            format!("all training samples are of one class, `{only}`: there is nothing to tell apart");
        return Some((problem, other_labels.to_owned()));
    }
    let is_unlearned = |&class: &usize| counts.train[class] == 0 && counts.all[class] > 0;
    let unlearned: Vec<usize> = (0..counts.all.len()).filter(is_unlearned).collect();
    if unlearned.is_empty() {
        return None;
    }
    let unlearned = listed(data, &unlearned);
    let problem =
        format!("no training sample has the label {unlearned}, which validation or test samples have");
    Some((problem, "add such samples to training, or leave them out of the other parts".to_owned()))
}

/// Fails if a class has fewer training samples than there are parts to be drawn from them, or than a subset leaves.
pub(crate) fn check_parts(data: &RawData, options: &SplitOptions) -> Result<(), DataError> {
    let mut parts = vec!["training"];
    if data.parts.validation.is_none() && options.validation > 0.0 {
        parts.push("validation");
    }
    let of_subset = parts.len();
    if matches!(data.parts.test, TestPart::Draw { .. }) {
        parts.push("test");
    }
    if !options.every_class {
        return Ok(());
    }
    let advised = |problem: String, hint: &str| {
        let hint = format!("{hint}, or split without regard to classes: `--set data.every_class=false`");
        Err(DataError::Advised { place: data.name.clone(), problem, hint })
    };
    let mut counts = vec![0_usize; data.class_names.len()];
    data.labels[..data.parts.train].iter().for_each(|&label| counts[label as usize] += 1);
    let needed = parts.len();
    let small: Vec<String> = counts
        .iter()
        .zip(&data.class_names)
        .filter(|(count, _)| (1..needed).contains(*count))
        .map(|(count, name)| format!("`{name}` has {count}"))
        .collect();
    if !small.is_empty() {
        let more = small.len().saturating_sub(LISTED);
        let mut listed = small[..small.len() - more].join(", ");
        if more > 0 {
            listed.push_str(&format!(", {more} others too few"));
        }
        let problem = format!("a class needs {needed} samples, one each for {}: {listed}", parts.join(", "));
        return advised(problem, "add samples, leave the class out");
    }
    let classes = counts.iter().filter(|&&count| count > 0).count();
    match options.subset {
        Some(subset) if subset < classes * of_subset => advised(
            format!(
                "data.subset is {subset}; {classes} classes need {} samples, one each for {}",
                classes * of_subset,
                parts[..of_subset].join(", ")
            ),
            "keep more samples",
        ),
        _ => Ok(()),
    }
}

/// Why the labels are no classes, if they are not.
fn not_classes(data: &RawData, counts: &Counts) -> Option<String> {
    let (classes, samples) = (data.class_names.len(), data.labels.len());
    let numeric = is_numeric(data);
    let whole = data.class_names.iter().all(|name| name.parse::<i128>().is_ok());
    let singles = counts.all.iter().filter(|&&count| count == 1).count();
    let mostly_single = classes >= LEAST_SINGLES && singles * 2 > classes;
    let measured = numeric && classes > MOST_FRACTIONS && (!whole || samples < FEW_SAMPLES * classes);
    if !mostly_single && !measured {
        return None;
    }
    let like = match (data.class_names.as_slice(), numeric) {
        ([first, .., last], true) => {
            format!("numbers from {first} to {last}, which looks like a quantity to predict (regression)")
        }
        ([first, .., last], false) => format!("from `{first}` to `{last}`, which look like identifiers"),
        _ => return None,
    };
    Some(format!("{classes} different labels in {samples} samples, {like}"))
}

fn is_numeric(data: &RawData) -> bool {
    data.class_names.iter().all(|name| name.parse::<f64>().is_ok())
}

/// Classes whose names differ only in case, blanks or the signs between words.
fn alike(data: &RawData) -> Option<Warning> {
    let plain = |name: &str| {
        let spaced = name.to_lowercase().replace(['_', '-'], " ");
        spaced.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in data.class_names.iter().filter(|name| name.parse::<f64>().is_err()) {
        groups.entry(plain(name)).or_default().push(name);
    }
    let alike: Vec<String> = groups
        .values()
        .filter(|names| names.len() > 1)
        .take(LISTED)
        .map(|names| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and "))
        .collect();
    let what = format!("classes whose names differ only in case or blanks: {}", alike.join(", "));
    (!alike.is_empty()).then(|| Warning::new(what).hint("write them alike if they are one class"))
}

/// Classes of which the source's own validation or test part has no sample.
fn missing_in_parts(data: &RawData, counts: &Counts) -> Vec<Warning> {
    let own_test = matches!(data.parts.test, TestPart::Own(test) if test > 0);
    let own_validation = data.parts.validation.is_some_and(|validation| validation > 0);
    let parts = [("validation", &counts.validation, own_validation), ("test", &counts.test, own_test)];
    let mut warnings = Vec::new();
    for (part, counts_of_part, own) in parts {
        let missing: Vec<usize> = (0..counts.all.len())
            .filter(|&class| counts.all[class] > 0 && counts_of_part[class] == 0)
            .collect();
        if own && !missing.is_empty() {
            warnings
                .push(Warning::new(format!("the {part} part has no sample of {}", listed(data, &missing))));
        }
    }
    warnings
}

/// Says what answering the largest class always would be worth, where that is much.
fn imbalance(data: &RawData, counts: &Counts) -> Option<Warning> {
    let present = (0..counts.all.len()).filter(|&class| counts.all[class] > 0);
    let largest = present.clone().max_by_key(|&class| counts.all[class])?;
    let smallest = present.min_by_key(|&class| counts.all[class])?;
    let (most, fewest, all) = (counts.all[largest], counts.all[smallest], data.labels.len());
    let share = most as f64 / all as f64;
    if share <= LARGE_SHARE && most <= LARGE_RATIO * fewest {
        return None;
    }
    let names = &data.class_names;
    let mut what = format!(
        "classes are out of balance: `{}` has {most} of {all} samples, `{}` {fewest}",
        names[largest], names[smallest]
    );
    if share > 0.5 {
        let error = 100.0 * (1.0 - share);
        what.push_str(&format!("; always answering `{}` errs in {error:.1} %", names[largest]));
    }
    Some(Warning::new(what).hint(BALANCE))
}

/// What helps where some classes are rare.
const BALANCE: &str = "`--metric balanced` counts each class alike; `--set train.class_weights=true` weighs rare \
    ones more in training";

/// Names of classes for a message.
fn listed(data: &RawData, classes: &[usize]) -> String {
    let mut names: Vec<String> =
        classes.iter().take(LISTED).map(|&class| format!("`{}`", data.class_names[class])).collect();
    if classes.len() > LISTED {
        names.push(format!("{} others", classes.len() - LISTED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw_data::PartSizes;
    use crate::samples::Samples;

    /// Training samples with these numbers of each class.
    fn data(classes: &[(&str, usize)]) -> RawData {
        let labels: Vec<u32> =
            (0..).zip(classes).flat_map(|(class, &(_, count))| vec![class; count]).collect();
        RawData {
            name: "csv:x".to_owned(),
            input: [1, 1, 1],
            class_names: classes.iter().map(|&(name, _)| name.to_owned()).collect(),
            samples: Samples::U8(vec![0; labels.len()]),
            parts: PartSizes { train: labels.len(), validation: None, test: TestPart::Draw { share: 0.2 } },
            labels,
            ..RawData::default()
        }
    }

    fn checked(mut data: RawData) -> Result<Vec<String>, String> {
        let source = Source::Csv { path: "x".into(), label: None };
        check(&mut data, &source, false).map_err(|error| error.to_string())?;
        Ok(data.warnings.iter().map(ToString::to_string).collect())
    }

    fn numbered(count: usize, name: impl Fn(usize) -> String, each: usize) -> Result<Vec<String>, String> {
        let names: Vec<String> = (0..count).map(name).collect();
        checked(data(&names.iter().map(|name| (name.as_str(), each)).collect::<Vec<_>>()))
    }

    #[test]
    fn measurements_and_identifiers_are_no_classes() {
        let error = numbered(30, |at| format!("{at}.5"), 3).unwrap_err();
        assert!(error.contains("30 different labels in 90 samples, numbers from 0.5 to 29.5"), "{error}");
        assert!(numbered(40, |at| at.to_string(), 3).unwrap_err().contains("regression"));
        assert_eq!(numbered(40, |at| format!("id{at}"), 3), Ok(Vec::new()));
        assert!(numbered(40, |at| (at * 10).to_string(), 1).unwrap_err().contains("regression"));
        assert!(numbered(40, |at| format!("id{at}"), 1).unwrap_err().contains("look like identifiers"));
        assert_eq!(numbered(10, |at| format!("{at}.5"), 9), Ok(Vec::new()));
        assert_eq!(numbered(40, |at| at.to_string(), 9), Ok(Vec::new()));
        assert!(numbered(60, |at| at.to_string(), 9).unwrap()[0].contains("are they a quantity?"));
    }

    #[test]
    fn one_class_alone_is_refused() {
        assert!(checked(data(&[("walk", 9)])).unwrap_err().contains("of one class, `walk`"));
        assert!(checked(data(&[("walk", 9), ("run", 0)])).unwrap_err().contains("of one class, `walk`"));
        assert_eq!(
            checked(data(&[("walk", 0)])),
            Ok(Vec::new()),
            "an evaluation set may have nothing to learn from"
        );
    }

    #[test]
    fn imbalance_is_said_with_what_it_is_worth() {
        assert_eq!(checked(data(&[("a", 80), ("b", 20)])), Ok(Vec::new()));
        let warnings = checked(data(&[("ok", 990), ("fault", 10)])).unwrap();
        assert_eq!(
            warnings,
            [
                "classes are out of balance: `ok` has 990 of 1000 samples, `fault` 10; always answering `ok` errs in 1.0 %"
            ]
        );
        let warnings = checked(data(&[("a", 51), ("b", 49), ("c", 4)])).unwrap();
        assert_eq!(warnings, ["classes are out of balance: `a` has 51 of 104 samples, `c` 4"]);
    }

    #[test]
    fn balanced_errors_need_no_balance() {
        let mut data = data(&[("ok", 990), ("fault", 10)]);
        check(&mut data, &Source::Idx("x".into()), true).unwrap();
        assert_eq!(data.warnings, []);
        check(&mut data, &Source::Idx("x".into()), false).unwrap();
        assert!(data.warnings[0].hint.as_ref().unwrap().contains("`--metric balanced`"));
    }

    #[test]
    fn names_that_are_alike_are_pointed_out() {
        let warnings =
            checked(data(&[("Walk", 5), ("run", 5), ("sit_down", 5), ("sit down", 5), ("walk", 5)])).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].ends_with("`sit_down` and `sit down`, `Walk` and `walk`"), "{warnings:?}");
        assert_eq!(checked(data(&[("-1", 5), ("1", 5)])), Ok(Vec::new()));
    }

    #[test]
    fn classes_that_only_some_parts_have_are_named() {
        let parts = |labels: [u32; 8]| {
            let mut data = data(&[("a", 4), ("b", 4)]);
            data.labels = labels.to_vec();
            data.parts = PartSizes { train: 4, validation: Some(2), test: TestPart::Own(2) };
            checked(data)
        };
        assert_eq!(parts([0, 1, 0, 1, 1, 1, 0, 0]).unwrap().len(), 2);
        assert_eq!(parts([0, 1, 0, 1, 1, 0, 0, 1]), Ok(Vec::new()));
        let mut data = data(&[("a", 4), ("b", 4), ("c", 1)]);
        data.labels = vec![0, 1, 0, 1, 0, 1, 0, 1, 2];
        data.parts = PartSizes { train: 4, validation: Some(2), test: TestPart::Own(3) };
        assert!(checked(data).unwrap_err().contains("no training sample has the label `c`"));
    }
}
