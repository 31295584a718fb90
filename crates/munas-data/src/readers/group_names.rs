//! Groups as a source spells them: the subject, the speaker, the session of each sample.

use super::labels::{Labels, TooManyClasses};
use crate::groups::Groups;

/// Names of columns and arrays that hold groups, best first: whoever a network meets on a device is a new person first of all.
const NAMES: &[&str] =
    &["subject", "participant", "speaker", "patient", "volunteer", "user", "session", "group"];
/// Names that hold groups only where they are followed by an ending.
const NAMES_WITH_ENDING: &[&str] = &["person", "device", "recording", "sensor", "animal"];
/// What may follow such a name.
const ENDINGS: &[&str] =
    &["identifier", "identity", "number", "index", "name", "code", "num", "ids", "id", "no", "nr", "s"];

/// How good a name of groups this is, if it is one: 0 is best.
pub(super) fn rank(name: &str) -> Option<usize> {
    let plain: String =
        name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let of = |word: &str, names: &[&str]| names.iter().position(|known| *known == word);
    let stems = || ENDINGS.iter().filter_map(|ending| plain.strip_suffix(ending));
    let with_ending = |names: &[&str]| stems().find_map(|stem| of(stem, names));
    of(&plain, NAMES)
        .or_else(|| with_ending(NAMES))
        .or_else(|| with_ending(NAMES_WITH_ENDING).map(|rank| NAMES.len() + rank))
}

/// The groups of all samples so far.
#[derive(Debug, Default)]
pub(super) struct GroupNames {
    names: Labels,
    /// Whether each sample has one.
    present: Vec<bool>,
}

impl GroupNames {
    /// Appends the group of a sample as it is written; an empty text stands for none.
    pub(super) fn push_text(&mut self, text: &str) -> Result<(), TooManyClasses> {
        let present = !text.is_empty() && !text.eq_ignore_ascii_case("nan");
        self.present.push(present);
        if present { self.names.push_text(text) } else { Ok(()) }
    }

    /// Appends the group of a sample, a whole number.
    pub(super) fn push_whole(&mut self, whole: i128) -> Result<(), TooManyClasses> {
        self.present.push(true);
        self.names.push_whole(whole)
    }

    /// Appends samples that are in no group.
    pub(super) fn push_without(&mut self, samples: usize) {
        self.present.resize(self.present.len() + samples, false);
    }

    /// Removes the samples at ascending positions.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        let removed: Vec<bool> = {
            let mut removed = vec![false; self.present.len()];
            positions.iter().for_each(|&position| removed[position] = true);
            removed
        };
        let with_group = |upto: &usize| self.present[*upto];
        let named: Vec<usize> = (0..self.present.len()).filter(with_group).collect();
        let among_named: Vec<usize> =
            named.iter().enumerate().filter(|(_, sample)| removed[**sample]).map(|(at, _)| at).collect();
        self.names.remove(&among_named);
        let mut removed = removed.iter();
        self.present.retain(|_| removed.next() != Some(&true));
    }

    pub(super) fn finish(self) -> Groups {
        let (of_named, names) = self.names.finish();
        let mut of_named = of_named.into_iter();
        let of = self.present.into_iter().map(|present| if present { of_named.next() } else { None });
        Groups { of: of.collect(), names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_are_known() {
        for name in [
            "subject",
            "Subject ID",
            "subject_no",
            "SPEAKER",
            "participants",
            "patientId",
            "user",
            "session_id",
        ] {
            assert!(rank(name).is_some(), "{name}");
        }
        assert!(rank("device_id").is_some() && rank("person id").is_some());
        assert!(rank("subject") < rank("session") && rank("session") < rank("device_id"));
        for name in
            ["", "id", "s", "x", "device", "person", "users_seen", "session_length", "subjective", "label"]
        {
            assert_eq!(rank(name), None, "{name}");
        }
    }

    #[test]
    fn samples_without_a_group_are_in_none() {
        let mut groups = GroupNames::default();
        for text in ["b", "", "10", "nan", "a", "b"] {
            groups.push_text(text).unwrap();
        }
        groups.push_without(1);
        groups.remove(&[0, 1]);
        let Groups { names, of } = groups.finish();
        assert_eq!((names.join(" "), of), ("10 a b".to_owned(), vec![Some(0), None, Some(1), Some(2), None]));
    }

    #[test]
    fn numbers_of_one_value_are_one_group() {
        let mut groups = GroupNames::default();
        groups.push_text("1").unwrap();
        groups.push_text("1.0").unwrap();
        groups.push_whole(1).unwrap();
        assert_eq!(groups.finish(), Groups { names: vec!["1".to_owned()], of: vec![Some(0); 3] });
    }
}
