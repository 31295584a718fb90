//! The rows of a table, one after the other, each with its line in the file.

use std::borrow::Cow;
use std::io::Read;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::text::{Allowance, Lines, SingleBlanks, decode};
use crate::csv_settings::Delimiter;

/// The sign that begins a comment line.
pub(super) const COMMENT: u8 = b'#';

/// What divides a text into rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    /// Lines that begin with [`COMMENT`] are none of the table's.
    pub(super) comments: bool,
}

/// Reads the rows of a text.
pub(super) struct Rows<R> {
    reader: Reader<R>,
    record: ByteRecord,
    allowance: Allowance,
}

impl<'a> Rows<Box<dyn Read + 'a>> {
    pub(super) fn new(text: impl Read + 'a, dialect: Dialect, allowance: Allowance) -> Self {
        let lines = Lines::new(text);
        let (text, delimiter): (Box<dyn Read + 'a>, u8) = match dialect.delimiter {
            Delimiter::Character(delimiter) => (Box::new(lines), delimiter),
            Delimiter::Blanks => (Box::new(SingleBlanks::new(lines)), b' '),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .comment(dialect.comments.then_some(COMMENT))
            .from_reader(text);
        Self { reader, record: ByteRecord::new(), allowance }
    }

    /// The next row that is not blank; the error says what is wrong and where.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, String> {
        loop {
            self.allowance.renew();
            let more =
                self.reader.read_byte_record(&mut self.record).map_err(|error| match error.kind() {
                    ErrorKind::Io(error) => {
                        format!("after line {}: {error}", self.reader.position().line() - 1)
                    }
                    _ => error.to_string(),
                })?;
            if !more {
                return Ok(None);
            }
            if self.record.iter().any(|field| !field.trim_ascii().is_empty()) {
                return Ok(Some(Row { record: &self.record, next_line: self.reader.position().line() }));
            }
        }
    }
}

/// The fields of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    record: &'a ByteRecord,
    /// The line after it. Where it began is not told right: blank lines and comments before a row are taken for its own.
    next_line: u64,
}

impl<'a> Row<'a> {
    /// The line on which it begins, from 1.
    pub(super) fn line(self) -> u64 {
        let inside = self.record.as_slice().iter().filter(|&&byte| byte == b'\n').count();
        self.next_line - 1 - inside as u64
    }

    pub(super) fn len(self) -> usize {
        self.record.len()
    }

    /// The text of a field, without blanks around it.
    pub(super) fn field(self, column: usize) -> Cow<'a, str> {
        match decode(self.record[column].trim_ascii()) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }

    pub(super) fn is_utf8(self) -> bool {
        std::str::from_utf8(self.record.as_slice()).is_ok()
    }

    /// Whether it has as many fields as the table has columns, but for empty ones at its end.
    pub(super) fn fits(self, columns: usize) -> bool {
        self.len() >= columns && (columns..self.len()).all(|column| self.field(column).is_empty())
    }

    pub(super) fn to_fields(self) -> Vec<String> {
        (0..self.len()).map(|column| self.field(column).into_owned()).collect()
    }
}

/// A row of the first lines, looked at before the table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SampleRow {
    pub(super) line: u64,
    pub(super) fields: Vec<String>,
}

/// Up to `count` rows of the first lines of a text, the last of which is left out where it may not be whole.
pub(super) fn sample(head: &[u8], complete: bool, dialect: Dialect, count: usize) -> Vec<SampleRow> {
    let mut rows = Rows::new(head, dialect, Allowance::default());
    let mut sample = Vec::new();
    while sample.len() <= count {
        match rows.next() {
            Ok(Some(row)) => sample.push(SampleRow { line: row.line(), fields: row.to_fields() }),
            Ok(None) | Err(_) => {
                if !complete {
                    sample.pop();
                }
                break;
            }
        }
    }
    sample.truncate(count);
    sample
}
