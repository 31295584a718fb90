//! Labels as a source spells them, and the classes that they become.
//!
//! Numbers of one value are one class however they are written (`1`, `1.0`, `01`). Classes are numbered in numeric order where
//! all labels are numbers, else in the order of their names, and keep the names that they had.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::raw_data::MAX_CLASSES;

/// More distinct labels than a dataset may have classes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyClasses;

/// What two labels have in common if they are one class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Whole(i128),
    /// The bits of a number that is not whole.
    Fraction(u64),
    Text(String),
}

impl Identity {
    fn of_text(text: &str) -> Self {
        if let Ok(whole) = text.parse() {
            return Self::Whole(whole);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Self::of_number(number),
            _ => Self::Text(text.to_owned()),
        }
    }

    fn of_number(number: f64) -> Self {
        // Beyond this, neighbouring floats are further apart than 1, and `as` could saturate.
        if number.fract() == 0.0 && number.abs() < 1e30 {
            Self::Whole(number as i128)
        } else {
            Self::Fraction(number.to_bits())
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Fraction(bits) => Some(f64::from_bits(*bits)),
            Self::Text(_) => None,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(first), Self::Whole(second)) => first.cmp(second),
            _ => self.number().unwrap_or_default().total_cmp(&other.number().unwrap_or_default()),
        }
    }
}

#[derive(Debug)]
struct Class {
    identity: Identity,
    name: String,
}

/// The labels of all samples so far.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Index into `classes`, in the order in which they were met.
    of_samples: Vec<u32>,
    classes: Vec<Class>,
    by_identity: HashMap<Identity, u32>,
    /// Spellings met before: most labels need no parsing.
    by_spelling: HashMap<String, u32>,
}

impl Labels {
    pub(super) fn len(&self) -> usize {
        self.of_samples.len()
    }

    /// Appends a label as it is written, without blanks around it.
    pub(super) fn push_text(&mut self, text: &str) -> Result<(), TooManyClasses> {
        let class = match self.by_spelling.get(text) {
            Some(&class) => class,
            None => {
                let identity = Identity::of_text(text);
                let is_whole = text.parse::<i128>().is_ok();
                let name = match identity {
                    // `1.0` is how a table writes the class 1 when its column had a gap.
                    Identity::Whole(whole) if !is_whole => whole.to_string(),
                    _ => text.to_owned(),
                };
                let class = self.class_of(identity, name)?;
                if self.by_spelling.len() < MAX_CLASSES {
                    self.by_spelling.insert(text.to_owned(), class);
                }
                class
            }
        };
        self.of_samples.push(class);
        Ok(())
    }

    /// Appends a label that is a whole number.
    pub(super) fn push_whole(&mut self, whole: i128) -> Result<(), TooManyClasses> {
        let class = match self.by_identity.get(&Identity::Whole(whole)) {
            Some(&class) => class,
            None => self.class_of(Identity::Whole(whole), whole.to_string())?,
        };
        self.of_samples.push(class);
        Ok(())
    }

    fn class_of(&mut self, identity: Identity, name: String) -> Result<u32, TooManyClasses> {
        if let Some(&class) = self.by_identity.get(&identity) {
            return Ok(class);
        }
        if self.classes.len() == MAX_CLASSES {
            return Err(TooManyClasses);
        }
        let class = self.classes.len() as u32;
        self.by_identity.insert(identity.clone(), class);
        self.classes.push(Class { identity, name });
        Ok(class)
    }

    /// Removes the labels of the samples at ascending `positions`.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        let mut position = 0;
        let mut next = positions.iter().peekable();
        self.of_samples.retain(|_| {
            let removed = next.next_if_eq(&&position).is_some();
            position += 1;
            !removed
        });
    }

    /// The class of every sample, and the names of the classes that have samples.
    pub(super) fn finish(self) -> (Vec<u32>, Vec<String>) {
        let Self { mut of_samples, classes, .. } = self;
        let mut used = vec![false; classes.len()];
        of_samples.iter().for_each(|&class| used[class as usize] = true);
        let mut order: Vec<usize> = (0..classes.len()).filter(|&class| used[class]).collect();
        if order.iter().all(|&class| classes[class].identity.number().is_some()) {
            order.sort_by(|&first, &second| classes[first].identity.compare(&classes[second].identity));
        } else {
            order.sort_by(|&first, &second| classes[first].name.cmp(&classes[second].name));
        }
        let mut numbers = vec![0; classes.len()];
        (0..).zip(&order).for_each(|(number, &class)| numbers[class] = number);
        of_samples.iter_mut().for_each(|class| *class = numbers[*class as usize]);
        let mut names: Vec<Option<String>> = classes.into_iter().map(|class| Some(class.name)).collect();
        let names = order.into_iter().filter_map(|class| names[class].take()).collect();
        (of_samples, names)
    }

    /// The labels as numbers of classes, those that have no sample included; the error is the first that cannot be one.
    pub(super) fn finish_as_they_are(self) -> Result<(Vec<u32>, Vec<String>), String> {
        let mut numbers = Vec::with_capacity(self.classes.len());
        for class in &self.classes {
            match class.identity {
                Identity::Whole(whole) if (0..MAX_CLASSES as i128).contains(&whole) => {
                    numbers.push(whole as u32);
                }
                _ => return Err(class.name.clone()),
            }
        }
        let labels: Vec<u32> = self.of_samples.iter().map(|&class| numbers[class as usize]).collect();
        let classes = labels.iter().max().map_or(0, |&label| label + 1);
        Ok((labels, (0..classes).map(|class| class.to_string()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(texts: &[&str]) -> (Vec<u32>, String) {
        let mut labels = Labels::default();
        texts.iter().for_each(|text| labels.push_text(text).unwrap());
        let (labels, names) = labels.finish();
        (labels, names.join(" "))
    }

    #[test]
    fn equal_numbers_are_one_class() {
        assert_eq!(
            of_texts(&["2.0", "1", "1.0", "10", "+1", "1e1"]),
            (vec![1, 0, 0, 2, 0, 2], "1 2 10".to_owned())
        );
        assert_eq!(of_texts(&["-1", "1", "-1.0"]), (vec![0, 1, 0], "-1 1".to_owned()));
        assert_eq!(of_texts(&["0.5", "1.5", ".50"]), (vec![0, 1, 0], "0.5 1.5".to_owned()));
        assert_eq!(of_texts(&["007", "8"]).1, "007 8");
    }

    #[test]
    fn large_numbers_stay_apart() {
        let (labels, names) = of_texts(&["9007199254740993", "9007199254740992", "1e40"]);
        assert_eq!((labels, names.as_str()), (vec![1, 0, 2], "9007199254740992 9007199254740993 1e40"));
    }

    #[test]
    fn one_text_among_numbers_makes_all_names() {
        assert_eq!(of_texts(&["10", "9", "none"]), (vec![0, 1, 2], "10 9 none".to_owned()));
        assert_eq!(of_texts(&["Walk", "inf", "walk"]), (vec![0, 1, 2], "Walk inf walk".to_owned()));
    }

    #[test]
    fn removed_samples_take_their_classes_along() {
        let mut labels = Labels::default();
        [1000, 7, 7, 2000].into_iter().for_each(|whole| labels.push_whole(whole).unwrap());
        labels.remove(&[0, 2]);
        assert_eq!(labels.finish(), (vec![0, 1], vec!["7".to_owned(), "2000".to_owned()]));
    }

    #[test]
    fn numbers_of_classes_keep_their_gaps_and_cannot_be_negative() {
        let of = |wholes: &[i128]| {
            let mut labels = Labels::default();
            wholes.iter().for_each(|&whole| labels.push_whole(whole).unwrap());
            labels.finish_as_they_are()
        };
        let names = ["0", "1", "2"].map(str::to_owned).to_vec();
        assert_eq!(of(&[2, 0]), Ok((vec![2, 0], names)));
        assert_eq!(of(&[0, -1]), Err("-1".to_owned()));
        assert_eq!(of(&[65_536]), Err("65536".to_owned()));
    }

    #[test]
    fn the_number_of_classes_is_bounded() {
        let mut labels = Labels::default();
        (0..MAX_CLASSES as i128).for_each(|whole| labels.push_whole(whole).unwrap());
        assert_eq!(labels.push_text("one more"), Err(TooManyClasses));
    }
}
