//! A file mapped into memory: its pages are read when they are first used, and all processes that map it share them.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::Mmap;

/// The bytes of a file, read-only, from the start of a memory page.
///
/// The system reads from the file for as long as this lives, whatever becomes of its name: who writes another file and moves it to
/// the name changes nothing here. A file that is written in place changes these bytes, so they must not be trusted twice: what is
/// to be an index or a length is copied before it is checked. One that is made shorter ends the process with the
/// signal SIGBUS when the missing part is read.
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps all that the file holds now.
    ///
    /// # Errors
    /// What the system says, for example of a file that is none (a pipe, a folder).
    pub fn new(file: &File) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "only the caller can know that nobody writes into the file")]
        // SAFETY: the pages are mapped read-only and for reading alone, so nothing in this process writes them. Another process may,
        // and no system can be asked to prevent it. What it could do is bounded by what is read here: bytes, of which every value
        // is valid, that no code of this crate takes for a pointer, an index or a length; and a file that became
        // shorter raises SIGBUS, which ends the process before a byte is read that is not there.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_is_the_one_that_was_opened() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "other"].map(|name| folder.path().join(name));
        std::fs::write(&path, [7; 10_000]).unwrap();
        let mapped = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        std::fs::write(&other, [8; 3]).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(*mapped, [7; 10_000]);
        assert_eq!(mapped.as_ptr().align_offset(4096), 0);
        assert_eq!(*MappedFile::new(&File::open(&path).unwrap()).unwrap(), [8; 3]);
        std::fs::write(&other, "").unwrap();
        assert!(MappedFile::new(&File::open(&other).unwrap()).unwrap().is_empty());
        assert!(MappedFile::new(&File::open(folder.path()).unwrap()).is_err());
    }
}
