//! Reading of FlatBuffers with every access checked: no file, however malformed, makes it panic, loop or take more
//! memory than a small multiple of the file.
//!
//! | part | layout (little-endian) |
//! |---|---|
//! | root | u32 offset to a table, then four bytes that identify the schema |
//! | table | i32 distance back to its vtable, then its fields |
//! | vtable | u16 bytes of itself, u16 bytes of the table, then for each field a u16 offset from the table, or 0 |
//! | reference | u32 offset from where it stands |
//! | vector, string | u32 number of elements, then these |
//!
//! Source: the FlatBuffers binary format, "FlatBuffer Internals". The crate `flatbuffers` reads tables by `unsafe`
//! functions only, which this project keeps to its kernels; it is used for writing.

use std::cell::Cell;

use super::{error::TfliteError, schema::Field};

/// How many elements of vectors may be looked at for each byte of the file: parts of a file may be shared, but a
/// file that refers to a long vector again and again is refused.
const ELEMENTS_PER_BYTE: usize = 2;

/// A file, and how much may still be read of it.
pub(super) struct FlatFile<'a> {
    bytes: &'a [u8],
    elements_left: Cell<usize>,
}

/// A table of the file.
#[derive(Clone, Copy)]
pub(super) struct Table<'f, 'a> {
    file: &'f FlatFile<'a>,
    position: usize,
    /// The vtable's entries.
    fields: &'a [u8],
}

type Result<T> = std::result::Result<T, TfliteError>;

impl<'a> FlatFile<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, elements_left: Cell::new(bytes.len().saturating_mul(ELEMENTS_PER_BYTE)) }
    }

    /// Whether the file says that it has the schema of these four letters.
    pub(super) fn has_identifier(&self, identifier: &[u8; 4]) -> bool {
        self.bytes.get(4..8) == Some(identifier)
    }

    pub(super) fn root(&self) -> Result<Table<'_, 'a>> {
        self.table(self.follow(0)?)
    }

    /// The part of the file from `start`, of `length` bytes.
    pub(super) fn bytes(&self, start: usize, length: usize) -> Result<&'a [u8]> {
        let part = start.checked_add(length).and_then(|end| self.bytes.get(start..end));
        part.ok_or(TfliteError::Truncated { offset: start })
    }

    fn array<const N: usize>(&self, position: usize) -> Result<[u8; N]> {
        let bytes = self.bytes(position, N)?;
        bytes.try_into().map_err(|_| TfliteError::Truncated { offset: position })
    }

    /// The position that the reference at `position` leads to.
    fn follow(&self, position: usize) -> Result<usize> {
        let offset = u32::from_le_bytes(self.array(position)?) as usize;
        position.checked_add(offset).ok_or(TfliteError::Truncated { offset: position })
    }

    fn table(&self, position: usize) -> Result<Table<'_, 'a>> {
        let bad = || TfliteError::Truncated { offset: position };
        let distance = i64::from(i32::from_le_bytes(self.array(position)?));
        let start = i64::try_from(position).map_err(|_| bad())? - distance;
        let start = usize::try_from(start).map_err(|_| bad())?;
        let length = usize::from(u16::from_le_bytes(self.array(start)?));
        let fields = self.bytes(start, length)?.get(4..).ok_or_else(bad)?;
        Ok(Table { file: self, position, fields })
    }

    /// The bytes of the vector at `position`, of elements of so many bytes.
    fn vector(&self, position: usize, element_bytes: usize) -> Result<&'a [u8]> {
        let bad = || TfliteError::Truncated { offset: position };
        let length = u32::from_le_bytes(self.array(position)?) as usize;
        let start = position.checked_add(4).ok_or_else(bad)?;
        self.bytes(start, length.checked_mul(element_bytes).ok_or_else(bad)?)
    }

    fn spend(&self, elements: usize) -> Result<()> {
        let left = self.elements_left.get().checked_sub(elements).ok_or(TfliteError::SharedTooOften)?;
        self.elements_left.set(left);
        Ok(())
    }
}

impl<'f, 'a> Table<'f, 'a> {
    /// Where a field's value stands; `None` if the table does not have it.
    fn position_of(&self, field: Field) -> Option<usize> {
        let entry = self.fields.get(2 * usize::from(field)..)?.first_chunk()?;
        match u16::from_le_bytes(*entry) {
            0 => None,
            offset => self.position.checked_add(usize::from(offset)),
        }
    }

    /// A field that is a number of `N` bytes; `None` stands for the schema's default.
    fn number<const N: usize>(&self, field: Field) -> Result<Option<[u8; N]>> {
        self.position_of(field).map(|position| self.file.array(position)).transpose()
    }

    /// A number of one byte, or the schema's default.
    pub(super) fn i8(&self, field: Field, default: i8) -> Result<i8> {
        Ok(self.number(field)?.map_or(default, i8::from_le_bytes))
    }

    /// A truth value; absent is false, as in all of the schema that is read here.
    pub(super) fn bool(&self, field: Field) -> Result<bool> {
        Ok(self.i8(field, 0)? != 0)
    }

    /// A number of four bytes, or the schema's default.
    pub(super) fn i32(&self, field: Field, default: i32) -> Result<i32> {
        Ok(self.number(field)?.map_or(default, i32::from_le_bytes))
    }

    /// A number of four bytes; absent is 0.
    pub(super) fn u32(&self, field: Field) -> Result<u32> {
        Ok(self.number(field)?.map_or(0, u32::from_le_bytes))
    }

    /// A number of eight bytes; absent is 0.
    pub(super) fn u64(&self, field: Field) -> Result<u64> {
        Ok(self.number(field)?.map_or(0, u64::from_le_bytes))
    }

    fn reference(&self, field: Field) -> Result<Option<usize>> {
        self.position_of(field).map(|position| self.file.follow(position)).transpose()
    }

    /// A table in a field.
    pub(super) fn table(&self, field: Field) -> Result<Option<Self>> {
        self.reference(field)?.map(|position| self.file.table(position)).transpose()
    }

    /// A vector of bytes; absent is empty.
    pub(super) fn byte_vector(&self, field: Field) -> Result<&'a [u8]> {
        self.reference(field)?.map_or(Ok(&[]), |position| self.file.vector(position, 1))
    }

    /// A string; what is not UTF-8 in it is replaced.
    pub(super) fn string(&self, field: Field) -> Result<String> {
        let bytes = self.byte_vector(field)?;
        self.file.spend(bytes.len())?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A vector of numbers of `N` bytes; absent is empty.
    pub(super) fn numbers<const N: usize, T>(&self, field: Field, from: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let Some(position) = self.reference(field)? else { return Ok(Vec::new()) };
        let (elements, _) = self.file.vector(position, N)?.as_chunks::<N>();
        self.file.spend(elements.len())?;
        Ok(elements.iter().copied().map(from).collect())
    }

    /// The tables of a vector; absent is empty.
    pub(super) fn tables(
        &self,
        field: Field,
    ) -> Result<impl ExactSizeIterator<Item = Result<Self>> + use<'f, 'a>> {
        let (file, start, count) = match self.reference(field)? {
            None => (self.file, 0, 0),
            Some(position) => {
                let count = self.file.vector(position, 4)?.len() / 4;
                (self.file, position + 4, count)
            }
        };
        file.spend(count)?;
        Ok((0..count).map(move |index| file.table(file.follow(start + 4 * index)?)))
    }
}
