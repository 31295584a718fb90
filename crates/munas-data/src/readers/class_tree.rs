//! Trees with a folder per class:
//!
//! ```text
//! root/class/file                      the parts are drawn
//! root/train/class/file                root/val/… and root/test/… are the other parts, where they are there
//! root/…/class/group/file              files of a group (a session, a speaker, a device) belong together
//! root/…/class/speaker_12.wav          so do those whose names begin alike, if it is asked for
//! root/wrapper/…                       a single folder around all of that, as archives often have
//! ```
//!
//! Classes are in the order of their names. Files and folders that fit nowhere are not used, and said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file_groups;
use super::folder::{Contents, Folders};
use super::tree::{Labelled, Listing};
use super::unused::Unused;
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::raw_data::RawData;
use crate::warning::Warning;

/// Names of the folders that make the parts, in lower case.
const PARTS: [&[&str]; 3] =
    [&["train", "training"], &["val", "valid", "validation", "dev"], &["test", "testing"]];
/// Index of the training part.
const TRAIN: usize = 0;
/// Most folders around a tree that are taken for wrappers.
const MOST_WRAPPERS: usize = 4;

/// Why files are not used that lie where folders are wanted.
const BESIDE: &str = "a file beside the folders";

/// What a tree is made of.
pub(super) struct Kind {
    /// What the files are called: pictures, recordings.
    pub(super) files: &'static str,
    /// Whether a file is one of them, readable or not; others are not used.
    pub(super) is_sample: fn(&Path) -> bool,
    /// Whether a folder beside the classes is none of them.
    pub(super) is_no_class: fn(&str) -> bool,
}

/// A tree as it was found.
#[derive(Debug)]
pub(super) struct ClassTree {
    /// The folder that holds the classes or the parts: the root, or what is in its wrapper.
    pub(super) root: PathBuf,
    pub(super) class_names: Vec<String>,
    /// Names of the groups; empty where the tree has none.
    pub(super) group_names: Vec<String>,
    pub(super) listing: Listing<PathBuf>,
    pub(super) warnings: Vec<Warning>,
}

impl ClassTree {
    /// Lists a tree of files of this kind.
    ///
    /// # Errors
    /// If the tree is none, or does not have the groups that are asked for.
    pub(super) fn list(given: &Path, kind: &Kind, groups: &GroupChoice) -> Result<Self, DataError> {
        let mut unused = Unused::new(given);
        let (root, contents) = unwrap(given, kind, &mut unused)?;
        let [train, validation, test] = parts_of(&root, contents, kind, &mut unused)?;
        let class_names: Vec<String> = train.iter().flat_map(|part| part.classes.keys()).cloned().collect();
        let mut lister = Lister { kind, unused, class_names: &class_names, groups: BTreeMap::new() };
        let mut listing = Listing {
            train: train.map(|part| lister.files(&part, true)).transpose()?.unwrap_or_default(),
            validation: validation.map(|part| lister.files(&part, false)).transpose()?,
            test: test.map(|part| lister.files(&part, false)).transpose()?,
        };
        let group_names = lister.name_groups(&mut listing);
        let unused = lister.unused.into_warning();
        let (group_names, said) =
            file_groups::choose(given, &mut listing, group_names, &class_names, groups)?;
        let wrapped = (root != given).then(|| {
            Warning::new(format!("{}: the classes are taken from {}", given.display(), root.display()))
        });
        let warnings = wrapped.into_iter().chain(unused).chain(said).collect();
        Ok(Self { root, class_names, group_names, listing, warnings })
    }

    /// What was read of this tree, with the names of its classes and groups.
    ///
    /// # Errors
    /// If a class has no training sample, because all of its files were left out.
    pub(super) fn describe(mut self, raw: RawData, name: &str, kind: &Kind) -> Result<RawData, DataError> {
        let mut counts = vec![0_usize; self.class_names.len()];
        raw.labels[..raw.parts.train].iter().for_each(|&label| counts[label as usize] += 1);
        if let Some(empty) = counts.iter().position(|&count| count == 0) {
            return Err(DataError::malformed(
                &self.root,
                format!(
                    "class `{}` is empty: all of its {} were left out, for none can be read",
                    self.class_names[empty], kind.files
                ),
            ));
        }
        let mut groups = raw.groups;
        if let Some(groups) = &mut groups {
            groups.names = self.group_names;
        }
        self.warnings.extend(raw.warnings);
        let (class_names, warnings) = (self.class_names, self.warnings);
        Ok(RawData { name: name.to_owned(), class_names, groups, warnings, ..raw })
    }
}

/// A folder of classes.
struct Part {
    folder: PathBuf,
    classes: Folders,
}

/// The folder in which the tree begins: single folders without samples of their own are wrapped around it.
fn unwrap(given: &Path, kind: &Kind, unused: &mut Unused<'_>) -> Result<(PathBuf, Contents), DataError> {
    let mut root = given.to_path_buf();
    let mut contents = Contents::of(&root)?;
    for _ in 0..MOST_WRAPPERS {
        let Some((name, only)) = contents.folders.iter().next().filter(|_| contents.folders.len() == 1)
        else {
            break;
        };
        let inner = Contents::of(only)?;
        // A part that is alone is a mistake that is told below.
        let has_samples = inner.files.iter().any(|file| (kind.is_sample)(file));
        if has_samples || inner.folders.is_empty() || part_of(name).is_some() {
            break;
        }
        let outer = std::mem::replace(&mut contents, inner);
        outer.files.iter().for_each(|file| unused.add(file, BESIDE));
        outer.others.iter().for_each(|(path, what)| unused.add(path, what));
        root = outer.folders.into_values().next().unwrap_or(root);
    }
    Ok((root, contents))
}

/// The index of the part that a folder of this name is.
fn part_of(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    PARTS.iter().position(|names| names.contains(&name.as_str()))
}

/// The parts of a tree, the training part always among them. Its other contents are not used.
fn parts_of(
    root: &Path,
    contents: Contents,
    kind: &Kind,
    unused: &mut Unused<'_>,
) -> Result<[Option<Part>; 3], DataError> {
    contents.others.iter().for_each(|(path, what)| unused.add(path, what));
    contents.files.iter().for_each(|file| unused.add(file, BESIDE));
    let (parts, rest) = sort_folders(root, contents.folders, kind)?;
    if parts[TRAIN].is_some() {
        for (name, folder) in &rest {
            let is_part = part_of(name).is_some();
            unused.add(
                folder,
                if is_part { "no folders of classes in it" } else { "a folder beside the parts" },
            );
        }
        return Ok(parts);
    }
    if let Some(Part { folder, .. }) = parts.iter().flatten().next() {
        let problem = format!(
            "{} holds folders of classes, but there is no folder `train` with the training samples beside it",
            folder.display()
        );
        return Err(DataError::malformed(root, problem));
    }
    if rest.keys().all(|name| part_of(name).is_some()) {
        let empty = rest.values().next().map_or(root, PathBuf::as_path);
        return Err(DataError::malformed(empty, "no folders in it; a folder per class is needed"));
    }
    Ok([Some(Part { folder: root.to_path_buf(), classes: rest }), None, None])
}

/// Folders that are parts, and all others: among these, such as have the name of a part but no classes in them, which may be a
/// class that happens to be called so.
fn sort_folders(
    root: &Path,
    folders: Folders,
    kind: &Kind,
) -> Result<([Option<Part>; 3], Folders), DataError> {
    let is_class = |name: &String| !(kind.is_no_class)(name);
    let mut parts = [None, None, None];
    let mut rest = Folders::new();
    for (name, folder) in folders.into_iter().filter(|(name, _)| is_class(name)) {
        let mut classes = Folders::new();
        let part = part_of(&name);
        if part.is_some() {
            classes = Contents::of(&folder)?.folders;
            classes.retain(|name, _| is_class(name));
        }
        match part {
            Some(part) if !classes.is_empty() => {
                if let Some(Part { folder: other, .. }) = &parts[part] {
                    let (one, other) = (other.display(), folder.display());
                    let problem = format!("{one} and {other} are both folders of the same part");
                    return Err(DataError::malformed(root, problem));
                }
                parts[part] = Some(Part { folder, classes });
            }
            _ => {
                rest.insert(name, folder);
            }
        }
    }
    Ok((parts, rest))
}

/// Lists the files of classes.
struct Lister<'a> {
    kind: &'a Kind,
    unused: Unused<'a>,
    class_names: &'a [String],
    /// Numbers of the groups by their names, in the order in which they were met.
    groups: BTreeMap<String, u32>,
}

impl Lister<'_> {
    /// The files of a part. A class that is not among those of the training part is an error, and there one without any file.
    fn files(&mut self, part: &Part, training: bool) -> Result<Vec<Labelled<PathBuf>>, DataError> {
        let mut files = Vec::new();
        for (name, folder) in &part.classes {
            if folder.file_name().is_none_or(|name| name.to_str().is_none()) {
                return Err(DataError::malformed(folder, "its name is not Unicode, which a class needs"));
            }
            let Some(label) = self.class_names.iter().position(|class| class == name) else {
                return Err(DataError::malformed(
                    folder,
                    "there is no such class among the training samples",
                ));
            };
            let (before, unused) = (files.len(), self.unused.count());
            self.class(folder, label as u32, &mut files)?;
            if training && files.len() == before {
                let files = self.kind.files;
                let problem = if self.unused.count() > unused {
                    format!("class `{name}` has no {files} in its folder, but {}", self.unused.latest())
                } else {
                    format!("class `{name}` has no {files}: its folder is empty")
                };
                return Err(DataError::malformed(folder, problem));
            }
        }
        Ok(files)
    }

    fn class(
        &mut self,
        folder: &Path,
        label: u32,
        files: &mut Vec<Labelled<PathBuf>>,
    ) -> Result<(), DataError> {
        let contents = Contents::of(folder)?;
        let groups = contents.folders.clone();
        self.samples(Contents { folders: Folders::new(), ..contents }, None, label, files);
        for (name, folder) in groups {
            let number = self.groups.len() as u32;
            let group = *self.groups.entry(name).or_insert(number);
            self.samples(Contents::of(&folder)?, Some(group), label, files);
        }
        Ok(())
    }

    /// Sorts what a folder of samples holds into samples and what is not used.
    fn samples(
        &mut self,
        contents: Contents,
        group: Option<u32>,
        label: u32,
        files: &mut Vec<Labelled<PathBuf>>,
    ) {
        for item in contents.files {
            if (self.kind.is_sample)(&item) {
                files.push(Labelled { item, label, group });
            } else {
                self.unused.add(&item, "another kind of file");
            }
        }
        for folder in contents.folders.values() {
            self.unused.add(folder, "a folder in a group");
        }
        for (path, what) in &contents.others {
            self.unused.add(path, what);
        }
    }

    /// Names of the groups in the order of their numbers. Where all files are in folders of one name, that is no group: it
    /// tells nothing apart.
    fn name_groups(&self, listing: &mut Listing<PathBuf>) -> Vec<String> {
        let mut names = vec![String::new(); self.groups.len()];
        for (name, &number) in &self.groups {
            names[number as usize].clone_from(name);
        }
        if names.len() == 1 {
            listing.parts_mut().flatten().for_each(|labelled| labelled.group = None);
            names.clear();
        }
        names
    }
}
