//! Counts what cannot be read of the user's own data: an error in the end, unless it may be left out.

use std::path::Path;

use crate::error::{DataError, LISTED};

#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: usize,
    first: Vec<String>,
}

impl Refusals {
    pub(super) fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(reason());
        }
    }

    /// The number refused, if that is none or all right.
    pub(super) fn finish(self, root: &Path, total: usize, skip_bad: bool) -> Result<usize, DataError> {
        if self.count > 0 && (!skip_bad || self.count == total) {
            return Err(DataError::Refused {
                root: root.to_path_buf(),
                count: self.count,
                total,
                reasons: self.first,
            });
        }
        Ok(self.count)
    }
}
