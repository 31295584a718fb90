//! Takes the six data files out of CIFAR-10's archive.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use flate2::read::GzDecoder;

use super::partial::partial_file;
use crate::error::DataError;
use crate::readers::cifar;

/// Whether all files are in `folder`, in full size.
pub(super) fn is_complete(folder: &Path) -> bool {
    cifar::FILES.iter().all(|file| {
        fs::metadata(folder.join(file)).is_ok_and(|metadata| metadata.len() == cifar::PUBLISHED_BYTES)
    })
}

/// Writes the data files of the .tar.gz `archive` into `folder`, by their base names; nothing else of it is touched.
pub(super) fn cifar(archive: &Path, folder: &Path) -> Result<(), DataError> {
    let unreadable =
        |error: io::Error| DataError::malformed(archive, format!("not a readable archive: {error}"));
    let file = File::open(archive).map_err(|error| DataError::io(archive, error))?;
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?;
        let Some(name) =
            cifar::FILES.into_iter().find(|name| path.file_name().is_some_and(|file| file == *name))
        else {
            continue;
        };
        let place = folder.join(name);
        let mut partial = partial_file(folder)?;
        io::copy(&mut entry, &mut partial).map_err(unreadable)?;
        partial.persist(&place).map_err(|error| DataError::io(&place, error.error))?;
    }
    if is_complete(folder) {
        return Ok(());
    }
    Err(DataError::malformed(archive, "not all of CIFAR-10's six files are in it, in full size"))
}
