//! Files that are being written.

use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::DataError;

/// A file with a name of its own in `folder`, which vanishes when it is not persisted.
pub(super) fn partial_file(folder: &Path) -> Result<NamedTempFile, DataError> {
    let mut builder = tempfile::Builder::new();
    // Temporary files are for their owner alone; a data folder may be shared, as far as the umask lets it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| DataError::io(folder, error))
}
