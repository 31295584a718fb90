//! Which arrays of an archive hold samples and which labels, by the names that people give them.

/// What an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Samples,
    Labels,
}

/// The part of a dataset that an array belongs to, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Validation,
    Test,
}

/// Words for the parts, longer ones before those that they begin with.
const PARTS: &[(&str, Part)] = &[
    ("training", Part::Train),
    ("train", Part::Train),
    ("tr", Part::Train),
    ("validation", Part::Validation),
    ("valid", Part::Validation),
    ("val", Part::Validation),
    ("dev", Part::Validation),
    ("testing", Part::Test),
    ("test", Part::Test),
    ("te", Part::Test),
];
/// Words for samples, best first.
const SAMPLES: &[&str] = &[
    "x",
    "xs",
    "data",
    "features",
    "feature",
    "images",
    "image",
    "imgs",
    "samples",
    "sample",
    "inputs",
    "input",
    "signals",
    "signal",
    "windows",
    "segments",
    "spectrograms",
    "arr0",
];
/// Words for labels, best first.
const LABELS: &[&str] =
    &["y", "ys", "labels", "label", "targets", "target", "class", "classid", "classids", "arr1"];

/// Names of the samples and labels of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) samples: String,
    pub(super) labels: String,
}

/// The arrays of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pairs {
    pub(super) train: Option<Pair>,
    pub(super) validation: Option<Pair>,
    pub(super) test: Option<Pair>,
}

/// The arrays as asked for: samples and labels of training, of training and test, or of training, validation and test.
pub(super) fn given(names: &[String]) -> Result<Pairs, String> {
    let pair = |at: usize| Some(Pair { samples: names[at].clone(), labels: names[at + 1].clone() });
    match names.len() {
        2 => Ok(Pairs { train: pair(0), ..Pairs::default() }),
        4 => Ok(Pairs { train: pair(0), test: pair(2), ..Pairs::default() }),
        6 => Ok(Pairs { train: pair(0), validation: pair(2), test: pair(4) }),
        other => Err(format!("{other} names of arrays; 2, 4 or 6 are needed: samples, labels of each part")),
    }
}

/// The arrays among `names` that are known by their names; all `None` where there are none. The error says which are in doubt.
pub(super) fn find(names: &[String]) -> Result<Pairs, String> {
    let known: Vec<Known<'_>> = names.iter().filter_map(|name| Known::of(name)).collect();
    let best = |part: Option<Part>, content: Content| -> Result<Option<&str>, String> {
        let mut candidates: Vec<&Known<'_>> =
            known.iter().filter(|known| (known.part, known.content) == (part, content)).collect();
        candidates.sort_by_key(|known| known.rank);
        match candidates[..] {
            [one, other, ..] if one.rank == other.rank => {
                Err(format!("`{}` and `{}` could be the same array", one.name, other.name))
            }
            [best, ..] => Ok(Some(best.name)),
            [] => Ok(None),
        }
    };
    let pair = |part: Option<Part>| -> Result<Option<Pair>, String> {
        match (best(part, Content::Samples)?, best(part, Content::Labels)?) {
            (Some(samples), Some(labels)) => {
                Ok(Some(Pair { samples: samples.to_owned(), labels: labels.to_owned() }))
            }
            (None, None) => Ok(None),
            // An array that names no part may be anything.
            _ if part.is_none() => Ok(None),
            (Some(samples), None) => Err(lonely(samples, "labels")),
            (None, Some(labels)) => Err(lonely(labels, "samples")),
        }
    };
    let (train, validation, test) =
        (pair(Some(Part::Train))?, pair(Some(Part::Validation))?, pair(Some(Part::Test))?);
    let train = match train {
        Some(train) => Some(train),
        None => pair(None)?,
    };
    Ok(Pairs { train, validation, test })
}

/// What is said of an array whose other half is missing, in the words of its own name.
fn lonely(name: &str, missing: &str) -> String {
    let counterpart = match name {
        _ if name.contains("x_") => name.replacen("x_", "y_", 1),
        _ if name.contains("y_") => name.replacen("y_", "x_", 1),
        _ => format!("an array of its {missing}"),
    };
    format!("{name} is there, {counterpart} is not")
}

/// An array whose name says what it holds.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    name: &'a str,
    part: Option<Part>,
    content: Content,
    /// 0 is best.
    rank: usize,
}

impl<'a> Known<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        if let Some((content, rank)) = content(&plain) {
            return Some(Self { name, part: None, content, rank });
        }
        PARTS.iter().find_map(|(word, part)| {
            let rest = plain.strip_prefix(word).or_else(|| plain.strip_suffix(word))?;
            let (content, rank) = content(rest)?;
            Some(Self { name, part: Some(*part), content, rank })
        })
    }
}

fn content(word: &str) -> Option<(Content, usize)> {
    let rank = |words: &[&str]| words.iter().position(|known| *known == word);
    let samples = rank(SAMPLES).map(|rank| (Content::Samples, rank));
    samples.or_else(|| rank(LABELS).map(|rank| (Content::Labels, rank)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &str) -> Result<String, String> {
        let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let Pairs { train, validation, test } = find(&names)?;
        let parts = [train, validation, test].map(|pair| {
            pair.map_or("-".to_owned(), |Pair { samples, labels }| format!("{samples} {labels}"))
        });
        Ok(parts.join(", "))
    }

    #[track_caller]
    fn check(names: &str, expected: &str) {
        assert_eq!(found(names).as_deref(), Ok(expected), "{names}");
    }

    #[test]
    fn usual_names_are_known() {
        check("x_train y_train x_test y_test subject_train", "x_train y_train, -, x_test y_test");
        check("X_train Y_train X_val Y_val", "X_train Y_train, X_val Y_val, -");
        check("trainX trainY testX testY", "trainX trainY, -, testX testY");
        check(
            "train_images train_labels test_images test_labels",
            "train_images train_labels, -, test_images test_labels",
        );
        check("features labels", "features labels, -, -");
        check("data target", "data target, -, -");
        check("arr_0 arr_1", "arr_0 arr_1, -, -");
        check("X y X_test y_test", "X y, -, X_test y_test");
        check("x_test y_test", "-, -, x_test y_test");
        check(
            "training_data training_targets valid_data valid_targets",
            "training_data training_targets, valid_data valid_targets, -",
        );
        check("weights bias", "-, -, -");
        check("latest y", "-, -, -");
    }

    #[test]
    fn better_names_win_and_equal_ones_are_in_doubt() {
        check("x_train y_train labels_train", "x_train y_train, -, -");
        check("x_train y_train features labels", "x_train y_train, -, -");
        assert_eq!(
            found("X_train x_train y_train"),
            Err("`X_train` and `x_train` could be the same array".to_owned())
        );
    }

    #[test]
    fn halves_of_pairs_are_named() {
        assert_eq!(found("x_train"), Err("x_train is there, y_train is not".to_owned()));
        assert_eq!(
            found("x y test_labels"),
            Err("test_labels is there, an array of its samples is not".to_owned())
        );
    }

    #[test]
    fn names_can_be_given() {
        let names = |text: &str| given(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            names("a b").unwrap().train,
            Some(Pair { samples: "a".to_owned(), labels: "b".to_owned() })
        );
        let six = names("a b c d e f").unwrap();
        assert_eq!(
            (six.validation.unwrap().samples, six.test.unwrap().labels),
            ("c".to_owned(), "f".to_owned())
        );
        assert!(names("a b c").unwrap_err().starts_with("3 names"));
    }
}
