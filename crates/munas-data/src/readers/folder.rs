//! What a folder holds, with what is never data left out. Only regular files are ever opened: a pipe would block, a device
//! may have no end.

use std::collections::BTreeMap;
use std::fs::{self, File, FileType};
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// What archivers, file managers and network drives leave behind, in lower case; hidden entries are left out besides.
const JUNK: &[&str] = &[
    "__macosx",
    "__pycache__",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
];

/// Folders by their names, in order.
pub(super) type Folders = BTreeMap<String, PathBuf>;

/// What a folder holds, in the order of the names.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Folders by their names. One whose name is no Unicode stands under the nearest name that is.
    pub(super) folders: Folders,
    /// Regular files, and links that lead nowhere: reading those says so.
    pub(super) files: Vec<PathBuf>,
    /// Everything else, with what it is.
    pub(super) others: Vec<(PathBuf, &'static str)>,
}

impl Contents {
    /// Lists what is in a folder, by name; nothing below it.
    pub(super) fn of(folder: &Path) -> Result<Self, DataError> {
        let mut contents = Self::default();
        for path in entries(folder)? {
            let Ok(metadata) = fs::metadata(&path) else {
                contents.files.push(path);
                continue;
            };
            let name = path.file_name().unwrap_or_default();
            if metadata.is_file() {
                contents.files.push(path);
            } else if !metadata.is_dir() {
                contents.others.push((path, kind_of(metadata.file_type())));
            } else if leads_back(folder, &path) {
                contents.others.push((path, "a link to a folder above it"));
            } else {
                let name = name.to_string_lossy().into_owned();
                if let Some(other) = contents.folders.insert(name.clone(), path.clone()) {
                    // Two names that differ only in what is no Unicode.
                    contents.folders.insert(name, other);
                    contents.others.push((path, "a folder whose name is not Unicode"));
                }
            }
        }
        Ok(contents)
    }
}

/// The paths of what a folder holds, in order, without junk.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let io = |source| DataError::io(folder, source);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if !name.starts_with('.') && !JUNK.contains(&name.as_str()) {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// Whether `path`, in `folder`, is a link to that folder or to one above it.
fn leads_back(folder: &Path, path: &Path) -> bool {
    path.is_symlink()
        && path
            .canonicalize()
            .is_ok_and(|target| folder.canonicalize().is_ok_and(|folder| folder.starts_with(target)))
}

#[cfg(unix)]
fn kind_of(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if file_type.is_fifo() {
        "a pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind_of(_: FileType) -> &'static str {
    "no regular file"
}

/// Opens a regular file, and nothing else.
///
/// # Errors
/// In words, for a list of files that cannot be read.
pub(super) fn open(path: &Path) -> Result<File, String> {
    let metadata = fs::metadata(path).map_err(|error| in_words(&error))?;
    if metadata.is_dir() {
        return Err("a folder, not a file".to_owned());
    }
    if !metadata.is_file() {
        return Err(format!("{}, not a file", kind_of(metadata.file_type())));
    }
    File::open(path).map_err(|error| in_words(&error))
}

fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "a link that leads nowhere".to_owned(),
        _ => error.to_string(),
    }
}

/// The path of a file below a folder, for messages.
pub(super) fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
