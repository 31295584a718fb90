//! What lies in a folder of data and is not used. It is no error, but the user should know: it may have been meant.

use std::path::Path;

use super::folder::below;
use crate::error::LISTED;
use crate::warning::Warning;

/// Counts entries of a folder that are passed over.
#[derive(Debug)]
pub(super) struct Unused<'a> {
    root: &'a Path,
    count: usize,
    first: Vec<String>,
    latest: String,
}

impl<'a> Unused<'a> {
    /// Nothing yet, below `root`.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, count: 0, first: Vec::new(), latest: String::new() }
    }

    /// Counts an entry; `why` is what it is, or why it is not used.
    pub(super) fn add(&mut self, path: &Path, why: &str) {
        self.count += 1;
        self.latest = format!("{} ({why})", below(self.root, path));
        if self.first.len() < LISTED {
            self.first.push(self.latest.clone());
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The one that was counted last.
    pub(super) fn latest(&self) -> &str {
        &self.latest
    }

    /// What is to be said, if there is anything.
    pub(super) fn into_warning(self) -> Option<Warning> {
        let more = if self.count > self.first.len() { ", …" } else { "" };
        let list = self.first.join(", ");
        let are = if self.count == 1 { "file or folder is" } else { "files and folders are" };
        let (root, count) = (self.root.display(), self.count);
        (count > 0).then(|| Warning::new(format!("{root}: {count} {are} not used: {list}{more}")))
    }
}
