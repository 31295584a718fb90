//! Files that appear complete or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The ending of files that are being written.
pub(crate) const UNFINISHED: &str = ".new";

/// Writes a file beside its place and moves it there, so that a crash leaves the old file or the new one.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(path);
    name.push(UNFINISHED);
    let unfinished = Path::new(&name);
    let written = File::create(unfinished).and_then(|mut file| {
        file.write_all(content)?;
        // Without it, the name could reach the disk before the content does.
        file.sync_data()
    });
    written.and_then(|()| fs::rename(unfinished, path)).inspect_err(|_| {
        // The first error is the one to report; a file that is left over is overwritten the next time.
        let _ = fs::remove_file(unfinished);
    })
}

/// Removes a file; one that is not there is as good.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
