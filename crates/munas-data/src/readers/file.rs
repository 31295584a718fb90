//! Reading a file of a declared size, plain or gzipped, in bounded memory.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::DataError;

/// Largest content accepted, in bytes: more than any dataset for microcontrollers, and it stops hostile headers.
const MAX_CONTENT: u64 = 8 << 30;
/// Deflate expands a byte to at most 1,032.
pub(crate) const MAX_EXPANSION: u64 = 1032;
/// Values are decoded in pieces of about this many bytes.
const PIECE: u64 = 64 * 1024;

/// Content that is read from front to back, with a bound on how much of it there can be.
pub(crate) struct Content<'a> {
    path: PathBuf,
    reader: Box<dyn Read + 'a>,
    /// No honest header declares more.
    most: u64,
}

impl<'a> Content<'a> {
    /// Opens a file; gzip is recognised by its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::io(path, source);
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut magic = [0; 2];
        let gzipped = size > 2 && file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let file = BufReader::with_capacity(PIECE as usize, file);
        if gzipped {
            Ok(Self::new(path, MultiGzDecoder::new(file), size.saturating_mul(MAX_EXPANSION)))
        } else {
            Ok(Self::new(path, file, size))
        }
    }

    /// Content from elsewhere (a member of an archive), of at most `most` bytes; `path` is for messages.
    pub(crate) fn new(path: &Path, reader: impl Read + 'a, most: u64) -> Self {
        Self { path: path.to_path_buf(), reader: Box::new(reader), most: most.min(MAX_CONTENT) }
    }

    /// Where it is from, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about this content.
    pub(crate) fn malformed(&self, problem: impl Into<String>) -> DataError {
        DataError::malformed(&self.path, problem)
    }

    /// Reads a fixed header.
    pub(crate) fn header<const LEN: usize>(&mut self) -> Result<[u8; LEN], DataError> {
        let mut header = [0; LEN];
        self.reader.read_exact(&mut header).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.malformed("the file ends inside its header"),
            _ => DataError::io(&self.path, error),
        })?;
        Ok(header)
    }

    /// Fails unless `declared` bytes can be there at all; to be called before memory is reserved for them.
    pub(crate) fn check_declared(&self, declared: u64) -> Result<(), DataError> {
        if declared > self.most {
            return Err(self.malformed(format!(
                "truncated or damaged: its header declares {declared} bytes, more than the file can hold ({})",
                self.most
            )));
        }
        Ok(())
    }

    /// Reads exactly `expected` bytes and hands them on in pieces.
    pub(crate) fn read(&mut self, expected: u64, sink: impl FnMut(&[u8])) -> Result<(), DataError> {
        self.read_values(expected, 1, sink)
    }

    /// Reads exactly `expected` bytes and hands them on in pieces of whole values of `size` bytes.
    pub(crate) fn read_values(
        &mut self,
        expected: u64,
        size: usize,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), DataError> {
        self.check_declared(expected)?;
        let most = (PIECE / size as u64).max(1) * size as u64;
        let mut piece = Vec::with_capacity(most.min(expected) as usize);
        let mut found = 0;
        while found < expected {
            piece.clear();
            let wanted = most.min(expected - found);
            let got = (&mut self.reader).take(wanted).read_to_end(&mut piece);
            found += piece.len() as u64;
            match got {
                Ok(got) if got as u64 == wanted => sink(&piece),
                Ok(_) => {
                    return Err(self
                        .malformed(format!("truncated: expected {expected} bytes of data, found {found}")));
                }
                Err(error) => {
                    return Err(self.malformed(format!("{error} after {found} of {expected} bytes of data")));
                }
            }
        }
        Ok(())
    }

    /// Reads the next record of `len` bytes; false at the end of the content.
    pub(crate) fn read_record(&mut self, len: usize, record: &mut Vec<u8>) -> Result<bool, DataError> {
        record.clear();
        let got = (&mut self.reader)
            .take(len as u64)
            .read_to_end(record)
            .map_err(|e| self.malformed(e.to_string()))?;
        match got {
            0 => Ok(false),
            got if got == len => Ok(true),
            got => {
                Err(self.malformed(format!("truncated: {got} bytes after the last whole record of {len}")))
            }
        }
    }

    /// Fails when there is anything left.
    pub(crate) fn expect_end(mut self) -> Result<(), DataError> {
        let mut more = [0; 1];
        match self.reader.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.malformed("there is more data than its header declares")),
            Err(error) => Err(self.malformed(error.to_string())),
        }
    }
}

/// The one of `path` and `path.gz` that exists.
pub(crate) fn plain_or_gzipped(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_path_buf());
    }
    let mut gzipped = path.as_os_str().to_owned();
    gzipped.push(".gz");
    Some(PathBuf::from(gzipped)).filter(|path| path.is_file())
}
