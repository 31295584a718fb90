//! Groups of the files of a tree: the folders that they are in, or how their names begin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::tree::{Labelled, Listing};
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::warning::Warning;

/// What is between the speaker and the number of a recording in Speech Commands.
const HASH: &str = "_nohash_";
/// The groups of trees, as they are asked for.
const LEVEL: &str = "level";
const NAME: &str = "name";
/// Fewest groups of names that are pointed out, and fewest files of each on average.
const LEAST_GROUPS: usize = 3;
const LEAST_FILES: usize = 5;

/// Leaves those groups in the listing that are asked for, and returns their names, with what is to be said. `levels` are the
/// names of the folders that the files are in.
pub(super) fn choose(
    root: &Path,
    listing: &mut Listing<PathBuf>,
    levels: Vec<String>,
    classes: &[String],
    choice: &GroupChoice,
) -> Result<(Vec<String>, Option<Warning>), DataError> {
    let none = |listing: &mut Listing<PathBuf>| {
        listing.parts_mut().flatten().for_each(|labelled| labelled.group = None);
    };
    match choice {
        GroupChoice::LevelShare => Ok((levels, None)),
        GroupChoice::Auto if levels.is_empty() => Ok((levels, hint_at_names(root, listing, classes))),
        GroupChoice::Auto => Ok((levels, None)),
        GroupChoice::None => {
            none(listing);
            Ok((Vec::new(), None))
        }
        GroupChoice::By(asked) if asked == LEVEL => {
            let what = "there are no folders in the classes that files are grouped by (class/group/file)";
            let hint = "`--groups name` takes the beginnings of the files' names; `--groups none` does without groups";
            if levels.is_empty() { Err(DataError::advised(root, what, hint)) } else { Ok((levels, None)) }
        }
        GroupChoice::By(asked) if asked == NAME => {
            none(listing);
            let names = group_by_name(listing, classes);
            if names.len() < 2 {
                let what = "the names of the files do not begin with those of groups, such as speaker_12.wav";
                return Err(DataError::advised(root, what, "`--groups none` does without groups"));
            }
            Ok((names, None))
        }
        GroupChoice::By(other) => {
            let what = format!("`{other}` is nothing that files are grouped by");
            let hint =
                "`--groups level` (class/group/file), `--groups name` (speaker_12.wav) or `--groups none`";
            Err(DataError::advised(root, what, hint))
        }
    }
}

/// Puts each file into the group that its name begins with; returns the names of the groups.
fn group_by_name(listing: &mut Listing<PathBuf>, classes: &[String]) -> Vec<String> {
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for labelled in listing.parts_mut().flatten() {
        let Some(name) = name_of(labelled, classes) else { continue };
        let next = numbers.len() as u32;
        labelled.group = Some(*numbers.entry(name).or_insert(next));
    }
    let mut names = vec![String::new(); numbers.len()];
    numbers.into_iter().for_each(|(name, number)| names[number as usize] = name);
    names
}

/// Says that files seem to be named after speakers or the like: most have a number behind a name, and the names come in several
/// classes.
fn hint_at_names(root: &Path, listing: &Listing<PathBuf>, classes: &[String]) -> Option<Warning> {
    let mut found: BTreeMap<String, (usize, BTreeSet<u32>)> = BTreeMap::new();
    let mut files = 0;
    for labelled in listing.labelled() {
        files += 1;
        if let Some(name) = name_of(labelled, classes) {
            let (count, classes) = found.entry(name).or_default();
            *count += 1;
            classes.insert(labelled.label);
        }
    }
    let named: usize = found.values().map(|(count, _)| count).sum();
    let in_several = found.values().filter(|(_, classes)| classes.len() > 1).count();
    let plausible = found.len() >= LEAST_GROUPS
        && found.len() * LEAST_FILES <= named
        && named * 10 >= files * 9
        && in_several * 10 >= found.len() * 9;
    let (first, last) = (found.keys().next()?, found.keys().next_back()?);
    let what = format!(
        "{}: the files are named after {} things from `{first}` to `{last}`, each in several classes; are these speakers or sessions?",
        root.display(),
        found.len()
    );
    plausible.then(|| {
        Warning::new(what).hint("`--groups name` keeps the files of each on one side of every split")
    })
}

/// The beginning of a file's name: what is before `_nohash_`, or before the number at its end; without the name of its class.
fn name_of(labelled: &Labelled<PathBuf>, classes: &[String]) -> Option<String> {
    const BETWEEN: [char; 4] = ['_', '-', ' ', '.'];
    let stem = labelled.item.file_stem()?.to_str()?;
    let name = match stem.split_once(HASH) {
        Some((speaker, _)) => speaker,
        None => {
            let name = stem.trim_end_matches(|character: char| character.is_ascii_digit());
            if name.len() == stem.len() || !name.ends_with(BETWEEN) {
                return None;
            }
            name.trim_end_matches(BETWEEN)
        }
    };
    let of_class = classes.get(labelled.label as usize).and_then(|class| name.strip_prefix(class.as_str()));
    let name = of_class
        .filter(|rest| rest.starts_with(BETWEEN))
        .map_or(name, |rest| rest.trim_start_matches(BETWEEN));
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &str) -> Option<String> {
        let classes = ["7".to_owned()];
        name_of(&Labelled { item: PathBuf::from(file), label: 0, group: None }, &classes)
    }

    #[test]
    fn names_begin_with_their_group() {
        for (file, expected) in [
            ("7/theo_12.wav", Some("theo")),
            ("7/7_theo_12.wav", Some("theo")),
            ("7/0a7c2a8d_nohash_1.wav", Some("0a7c2a8d")),
            ("7/left hand-3.wav", Some("left hand")),
            ("7/DSC0012.jpg", None),
            ("7/12.jpg", None),
            ("7/theo.wav", None),
            ("7/7_12.wav", Some("7")),
        ] {
            assert_eq!(named(file).as_deref(), expected, "{file}");
        }
    }
}
