//! The text of a table: plain or gzipped; UTF-8, UTF-16 or Windows-1252, of which Latin-1 is a part; and what is no text.

use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::error::DataError;

/// Bytes that are looked at before the table is read: this many, and more until there are so many lines.
const HEAD: usize = 64 * 1024;
const HEAD_LINES: usize = 30;
/// Longest row, in bytes. What is longer is a quotation mark that is never closed, or no table.
pub(super) const MAX_ROW: u64 = 8 << 20;
/// Most text that is read, in bytes: a small gzip file can hold more than there is time for.
const MAX_TEXT: u64 = 16 << 30;

/// The text of a file, in UTF-8 or in a form of 8 bits whose rows are decoded by [`decode`].
pub(super) struct Text {
    /// The first lines.
    pub(super) head: Vec<u8>,
    /// Whether that is all.
    pub(super) complete: bool,
    /// Whether the file is in UTF-16.
    pub(super) utf16: bool,
    rest: Box<dyn Read>,
    allowance: Allowance,
}

impl Text {
    /// Opens a file, and refuses one that is no text.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |source| DataError::io(path, source);
        if path.is_dir() {
            return Err(DataError::advised(
                path,
                "a folder, not a table",
                "name the CSV file in it: csv:FILE",
            ));
        }
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let start = take(&mut file, 2).map_err(io)?;
        let gzipped = start == [0x1f, 0x8b];
        let file = Cursor::new(start).chain(file);
        let mut bytes: Box<dyn Read> =
            if gzipped { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        let damaged = |error: io::Error| DataError::malformed(path, error.to_string());

        let start = take(&mut bytes, 512).map_err(damaged)?;
        if let Some(kind) = other_format(&start) {
            let hint = match path.extension() {
                Some(extension) if extension == "npz" => "`npz:FILE` reads archives of arrays",
                _ => "save it as CSV text (UTF-8), or, arrays, with numpy.savez as npz:FILE",
            };
            return Err(DataError::advised(path, format!("{kind}, not a table of text"), hint));
        }
        let order = utf16_order(&start);
        let bytes: Box<dyn Read> = match order {
            Some(order) => Box::new(Utf16::new(Cursor::new(start).chain(bytes), order)),
            None => Box::new(Cursor::new(start).chain(bytes)),
        };
        let allowance = Allowance::default();
        let guarded = Guarded { inner: bytes, allowance: allowance.clone(), left: MAX_TEXT };
        Self::of(Box::new(guarded), order.is_some(), allowance).map_err(damaged)
    }

    fn of(mut rest: Box<dyn Read>, utf16: bool, allowance: Allowance) -> io::Result<Self> {
        let mut head = Vec::new();
        let mut complete = false;
        while !complete && (head.len() < HEAD || lines(&head) < HEAD_LINES) && head.len() < MAX_ROW as usize {
            let more = take(&mut rest, HEAD)?;
            complete = more.len() < HEAD;
            head.extend_from_slice(&more);
        }
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        if head.starts_with(BYTE_ORDER_MARK) {
            head.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Self { head, complete, utf16, rest, allowance })
    }

    /// All of it, from the start, and the allowance of its rows.
    pub(super) fn into_reader(self) -> (Box<dyn Read>, Allowance) {
        (Box::new(Cursor::new(self.head).chain(self.rest)), self.allowance)
    }
}

/// Bytes that may still be read before a row must have ended.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Rc<Cell<u64>>);

impl Default for Allowance {
    fn default() -> Self {
        Self(Rc::new(Cell::new(2 * MAX_ROW)))
    }
}

impl Allowance {
    /// A row has ended.
    pub(super) fn renew(&self) {
        self.0.set(MAX_ROW);
    }
}

/// Stops in rows without end, and in files without end.
struct Guarded<R> {
    inner: R,
    allowance: Allowance,
    left: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(allowed) = self.allowance.0.get().checked_sub(read as u64) else {
            return Err(io::Error::other(format!(
                "a row of more than {} MiB: is there a quotation mark that is never closed?",
                MAX_ROW >> 20
            )));
        };
        self.allowance.0.set(allowed);
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(format!("more than {} GiB of text", MAX_TEXT >> 30)))?;
        Ok(read)
    }
}

/// Up to `count` bytes, fewer only at the end.
fn take(reader: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// What a file is that begins so, if it is no text.
fn other_format(start: &[u8]) -> Option<&'static str> {
    const FORMATS: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "an Excel workbook or another zip archive"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"\x93NUMPY", "a numpy array"),
        (b"PAR1", "a Parquet file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"SQLite format 3", "a database"),
        (b"%PDF", "a PDF document"),
        (b"BZh", "compressed with bzip2"),
        (b"\xfd7zXZ", "compressed with xz"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (b"\xff\xfe\0\0", "text in UTF-32"),
        (b"\0\0\xfe\xff", "text in UTF-32"),
    ];
    let known = FORMATS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind);
    let binary = start.contains(&0) && utf16_order(start).is_none();
    known.or(binary.then_some("binary data"))
}

/// The order of two bytes of UTF-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

/// The order of the bytes of a text that begins so, if it is in UTF-16: told by the mark at its start, or by zeros in every
/// second byte, as characters of ASCII have them.
fn utf16_order(start: &[u8]) -> Option<ByteOrder> {
    match start {
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    match (zeros(0), zeros(1)) {
        (0, odd) if odd * 3 > start.len() => Some(ByteOrder::Little),
        (even, 0) if even * 3 > start.len() => Some(ByteOrder::Big),
        _ => None,
    }
}

/// UTF-16 as UTF-8.
struct Utf16<R> {
    inner: R,
    order: ByteOrder,
    /// Bytes of a character that has not ended.
    pending: Vec<u8>,
    decoded: Cursor<String>,
}

impl<R: Read> Utf16<R> {
    fn new(inner: R, order: ByteOrder) -> Self {
        Self { inner, order, pending: Vec::new(), decoded: Cursor::default() }
    }

    fn decode(&mut self, bytes: &[u8], at_end: bool) -> String {
        let unit = |pair: &[u8]| match self.order {
            ByteOrder::Little => u16::from_le_bytes([pair[0], pair[1]]),
            ByteOrder::Big => u16::from_be_bytes([pair[0], pair[1]]),
        };
        let mut whole = bytes.len() / 2 * 2;
        let is_high = |unit: u16| (0xd800..0xdc00).contains(&unit);
        if !at_end && whole > 0 && is_high(unit(&bytes[whole - 2..whole])) {
            whole -= 2;
        }
        let units = bytes[..whole].chunks_exact(2).map(unit);
        let text =
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.pending = bytes[whole..].to_vec();
        text
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoded.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let mut bytes = std::mem::take(&mut self.pending);
            let more = take(&mut self.inner, 8 * 1024)?;
            let at_end = more.is_empty();
            bytes.extend_from_slice(&more);
            let text = self.decode(&bytes, at_end);
            if at_end && text.is_empty() {
                return Ok(0);
            }
            self.decoded = Cursor::new(text);
        }
    }
}

/// The text of bytes that are in UTF-8 or else in Windows-1252.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| windows_1252(byte)).collect()),
    }
}

fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..0xa0 => FROM_0X80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Blanks and tabs between columns as single blanks; none at the ends of a line.
pub(super) struct SingleBlanks<R> {
    inner: R,
    /// Blanks have been read that are not yet written.
    owed: bool,
    line_begins: bool,
}

impl<R: Read> SingleBlanks<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, owed: false, line_begins: true }
    }
}

impl<R: Read> Read for SingleBlanks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A blank that is owed is written with the byte after it.
        if buffer.len() < 2 {
            return Err(io::Error::other("a buffer of two bytes is needed"));
        }
        let mut bytes = vec![0; buffer.len() - 1];
        loop {
            let read = self.inner.read(&mut bytes)?;
            let mut written = 0;
            for &byte in &bytes[..read] {
                let line_ends = matches!(byte, b'\n' | b'\r');
                if matches!(byte, b' ' | b'\t') {
                    self.owed = !self.line_begins;
                    continue;
                }
                if self.owed && !line_ends {
                    buffer[written] = b' ';
                    written += 1;
                }
                buffer[written] = byte;
                written += 1;
                (self.owed, self.line_begins) = (false, line_ends);
            }
            if written > 0 || read == 0 {
                return Ok(written);
            }
        }
    }
}

/// Text whose lines all end in a line feed alone, the last one too, so that they can be counted.
pub(super) struct Lines<R> {
    inner: R,
    /// A carriage return was the last byte; a line feed has been written for it.
    returned: bool,
    /// Whether the last byte that was written ends a line.
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, returned: false, ended: true }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(buffer)?;
            if read == 0 {
                if self.ended || buffer.is_empty() {
                    return Ok(0);
                }
                self.ended = true;
                buffer[0] = b'\n';
                return Ok(1);
            }
            let mut written = 0;
            for place in 0..read {
                let byte = buffer[place];
                let follows_return = std::mem::replace(&mut self.returned, byte == b'\r');
                if byte == b'\n' && follows_return {
                    continue;
                }
                buffer[written] = if byte == b'\r' { b'\n' } else { byte };
                self.ended = buffer[written] == b'\n';
                written += 1;
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn utf16_is_decoded_in_pieces(text: String, little: bool, piece in 1_usize..7) {
            let order = if little { ByteOrder::Little } else { ByteOrder::Big };
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
                .collect();
            let mut reader = Utf16::new(&bytes[..], order);
            let mut decoded = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                let read = reader.read(&mut buffer).unwrap();
                if read == 0 { break; }
                decoded.extend_from_slice(&buffer[..read]);
            }
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }

        #[test]
        fn lines_end_alike(text in "[ab\r\n]{0,40}", piece in 1_usize..9) {
            let mut reader = Lines::new(text.as_bytes());
            let mut read = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                let count = reader.read(&mut buffer).unwrap();
                if count == 0 { break; }
                read.extend_from_slice(&buffer[..count]);
            }
            let mut expected = text.replace("\r\n", "\n").replace('\r', "\n");
            if !expected.is_empty() && !expected.ends_with('\n') {
                expected.push('\n');
            }
            prop_assert_eq!(String::from_utf8(read).unwrap(), expected);
        }

        #[test]
        fn blanks_become_single_in_pieces(text in "[ab \t\n]{0,40}", piece in 2_usize..9) {
            let mut reader = SingleBlanks::new(text.as_bytes());
            let mut single = Vec::new();
            let mut buffer = vec![0; piece];
            loop {
                let read = reader.read(&mut buffer).unwrap();
                if read == 0 { break; }
                single.extend_from_slice(&buffer[..read]);
            }
            let expected: Vec<String> =
                text.split('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            prop_assert_eq!(String::from_utf8(single).unwrap(), expected.join("\n"));
        }
    }

    #[test]
    fn texts_without_a_mark_are_told_from_binary_data() {
        assert_eq!(utf16_order(b"a\0,\0b\0\n\0"), Some(ByteOrder::Little));
        assert_eq!(utf16_order(b"\0a\0,\0b\0\n"), Some(ByteOrder::Big));
        assert_eq!(utf16_order(b"a,b\n1,2\n"), None);
        assert_eq!(other_format(b"a,b\n1,\x002\n"), Some("binary data"));
        assert_eq!(other_format(b"a,b\n"), None);
    }

    #[test]
    fn what_is_not_utf8_is_windows_1252() {
        assert_eq!(decode(b"m/s\xb2 \x80"), "m/s² €");
        assert_eq!(decode("m/s²".as_bytes()), "m/s²");
    }
}
