//! Which arrays of an archive hold samples and which labels, by the names that people give them.

use crate::readers::group_names;

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

/// Names of the samples and labels of a part, and of the array that says which samples belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) samples: String,
    pub(super) labels: String,
    pub(super) groups: Option<String>,
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
    let pair =
        |at: usize| Some(Pair { samples: names[at].clone(), labels: names[at + 1].clone(), groups: None });
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
                Ok(Some(Pair { samples: samples.to_owned(), labels: labels.to_owned(), groups: None }))
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
        let ((content, rank), part) = with_part(&plain(name), content)?;
        Some(Self { name, part, content, rank })
    }
}

/// A name without case, blanks and signs.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a plain name means as a whole, or before or behind the word for a part.
fn with_part<T>(plain: &str, mean: impl Fn(&str) -> Option<T>) -> Option<(T, Option<Part>)> {
    if let Some(meaning) = mean(plain) {
        return Some((meaning, None));
    }
    PARTS.iter().find_map(|(word, part)| {
        let rest = plain.strip_prefix(word).or_else(|| plain.strip_suffix(word))?;
        Some((mean(rest)?, Some(*part)))
    })
}

impl Pairs {
    /// Gives each part the array of its groups: of the usual names, or of those that are like `asked` but for the part.
    ///
    /// # Errors
    /// If there is no array like `asked` for the training part.
    pub(super) fn find_groups(&mut self, names: &[String], asked: Option<&str>) -> Result<(), String> {
        let asked_for = asked.map(|asked| {
            let plain = plain(asked);
            // Without the word for its part, if it has one.
            let stems = PARTS
                .iter()
                .filter_map(|(word, _)| plain.strip_prefix(word).or_else(|| plain.strip_suffix(word)));
            stems.filter(|stem| !stem.is_empty()).map(str::to_owned).next().unwrap_or(plain)
        });
        let rank = |word: &str| match &asked_for {
            Some(asked) => (word == asked).then_some(0),
            None => group_names::rank(word),
        };
        let used: Vec<String> =
            self.parts().flat_map(|pair| [pair.samples.clone(), pair.labels.clone()]).collect();
        let known: Vec<(&String, usize, Option<Part>)> = names
            .iter()
            .filter(|name| !used.contains(name))
            .filter_map(|name| with_part(&plain(name), rank).map(|(rank, part)| (name, rank, part)))
            .collect();
        let best = |part: Option<Part>| {
            let of_part = known.iter().filter(|(_, _, known)| *known == part);
            of_part.min_by_key(|(name, rank, _)| (*rank, *name)).map(|(name, ..)| (*name).clone())
        };
        let exact = asked.and_then(|asked| names.iter().find(|name| *name == asked)).cloned();
        let Self { train, validation, test } = self;
        if let Some(train) = train {
            train.groups = exact.or_else(|| best(Some(Part::Train))).or_else(|| best(None));
            if let (Some(asked), None) = (asked, &train.groups) {
                return Err(format!("there is no array `{asked}` of groups"));
            }
        }
        for (pair, part) in [(validation, Part::Validation), (test, Part::Test)] {
            if let Some(pair) = pair {
                pair.groups = best(Some(part));
            }
        }
        Ok(())
    }

    /// The parts that there are.
    fn parts(&self) -> impl Iterator<Item = &Pair> {
        [&self.train, &self.validation, &self.test].into_iter().flatten()
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
            pair.map_or("-".to_owned(), |Pair { samples, labels, .. }| format!("{samples} {labels}"))
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
            Some(Pair { samples: "a".to_owned(), labels: "b".to_owned(), groups: None })
        );
        let six = names("a b c d e f").unwrap();
        assert_eq!(
            (six.validation.unwrap().samples, six.test.unwrap().labels),
            ("c".to_owned(), "f".to_owned())
        );
        assert!(names("a b c").unwrap_err().starts_with("3 names"));
    }

    #[track_caller]
    fn check_groups(names: &str, asked: Option<&str>, expected: Result<&str, &str>) {
        let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let mut pairs = find(&names).unwrap();
        let found = pairs.find_groups(&names, asked).map(|()| {
            let of = |pair: &Option<Pair>| {
                pair.as_ref().and_then(|pair| pair.groups.clone()).unwrap_or("-".to_owned())
            };
            [of(&pairs.train), of(&pairs.validation), of(&pairs.test)].join(" ")
        });
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{names:?}");
    }

    #[test]
    fn groups_are_known_by_their_names() {
        let four = "x_train y_train x_test y_test";
        check_groups(&format!("{four} subject_train subject_test"), None, Ok("subject_train - subject_test"));
        check_groups(&format!("{four} groups"), None, Ok("groups - -"));
        check_groups(&format!("{four} session_train speaker_train"), None, Ok("speaker_train - -"));
        check_groups("X y subjects", None, Ok("subjects - -"));
        check_groups("X y", None, Ok("- - -"));
        check_groups(
            "x_train y_train x_val y_val groups_train groups_val",
            None,
            Ok("groups_train groups_val -"),
        );
        check_groups("X y age room", Some("room"), Ok("room - -"));
        check_groups(
            &format!("{four} room_train room_test"),
            Some("room_train"),
            Ok("room_train - room_test"),
        );
        check_groups(&format!("{four} room_train"), Some("room"), Ok("room_train - -"));
        check_groups(four, Some("room"), Err("there is no array `room` of groups"));
    }
}
