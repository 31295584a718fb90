//! The header of an npy array: magic, version, length, and a Python dictionary with three known keys
//! (NumPy Enhancement Proposal 1).
//!
//! The dictionary is scanned for its keys instead of parsed as Python: general parsers recurse on nested brackets,
//! which a hostile header can exploit.

use super::arrays::Array;
use super::file::Content;
use super::numbers::{NumberFormat, NumberKind};
use crate::error::DataError;

/// Longest header accepted; numpy's own refuses more than 10,000 characters.
const MAX_HEADER: usize = 10_000;
/// Most dimensions of an array.
const MAX_DIMENSIONS: usize = 8;
/// Longest texts of an array, in characters.
const MAX_TEXT: usize = 4_096;
/// How an array begins.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Reads the header of an array, leaving the content at its first value.
pub(super) fn read_header(content: &mut Content<'_>) -> Result<Array, DataError> {
    let [magic @ .., major, _minor] = content.header::<8>()?;
    if magic != *MAGIC {
        return Err(content.malformed("not an npy array"));
    }
    let len = match major {
        1 => u16::from_le_bytes(content.header()?) as usize,
        2 | 3 => u32::from_le_bytes(content.header()?) as usize,
        other => return Err(content.malformed(format!("npy version {other} is not known"))),
    };
    if len > MAX_HEADER {
        return Err(content.malformed(format!("an npy header of {len} bytes; {MAX_HEADER} are accepted")));
    }
    let mut text = Vec::with_capacity(len);
    content.read(len as u64, |bytes| text.extend_from_slice(bytes))?;
    let text = String::from_utf8_lossy(&text);
    parse(&text).map_err(|problem| content.malformed(format!("npy header `{}`: {problem}", text.trim())))
}

fn parse(text: &str) -> Result<Array, String> {
    let descr = value_of(text, "descr")?;
    let descr = descr
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.split(['\'', '"']).next())
        .ok_or("arrays of records are not supported")?;
    let format = parse_format(descr)?;
    let column_major = value_of(text, "fortran_order")?.starts_with("True");
    let shape = value_of(text, "shape")?;
    let shape = shape
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map(|(extents, _)| extents)
        .ok_or("the shape is not a tuple")?;
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty())
        .take(MAX_DIMENSIONS + 1)
        // Python 2 wrote long numbers with a letter.
        .map(|extent| {
            extent
                .trim_end_matches('L')
                .parse::<usize>()
                .map_err(|_| format!("`{extent}` in the shape is not a number"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if shape.len() > MAX_DIMENSIONS {
        return Err(format!("more than {MAX_DIMENSIONS} dimensions"));
    }
    Ok(Array { format, shape, column_major })
}

/// The text after `'key':`.
fn value_of<'a>(text: &'a str, key: &str) -> Result<&'a str, String> {
    ['\'', '"']
        .iter()
        .find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'))
        .map(str::trim_start)
        .ok_or_else(|| format!("no `{key}`"))
}

/// Such as `<f4`: byte order, kind, bytes.
fn parse_format(descr: &str) -> Result<NumberFormat, String> {
    let unknown = || match descr {
        "|O" | "O" => "objects of Python are not read; save numbers, or texts with .astype(str)".to_owned(),
        _ => format!(
            "values of type `{descr}` are not supported (integers, floats of 16 to 64 bits and texts are)"
        ),
    };
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unknown)?;
    let big_endian = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return Err(unknown()),
    };
    let kind = match kind {
        "b1" => NumberKind::Truth,
        "u1" => NumberKind::Unsigned { bytes: 1 },
        "u2" => NumberKind::Unsigned { bytes: 2 },
        "u4" => NumberKind::Unsigned { bytes: 4 },
        "u8" => NumberKind::Unsigned { bytes: 8 },
        "i1" => NumberKind::Signed { bytes: 1 },
        "i2" => NumberKind::Signed { bytes: 2 },
        "i4" => NumberKind::Signed { bytes: 4 },
        "i8" => NumberKind::Signed { bytes: 8 },
        "f2" => NumberKind::Float { bytes: 2 },
        "f4" => NumberKind::Float { bytes: 4 },
        "f8" => NumberKind::Float { bytes: 8 },
        _ => parse_text(kind).ok_or_else(unknown)?,
    };
    Ok(NumberFormat { kind, big_endian })
}

/// Such as `U10` or `S4`: texts of so many characters, or bytes.
fn parse_text(kind: &str) -> Option<NumberKind> {
    let (letter, length) = kind.split_at_checked(1)?;
    let length = length.parse().ok().filter(|length| (1..=MAX_TEXT).contains(length))?;
    match letter {
        "U" => Some(NumberKind::Text { characters: length }),
        "S" | "a" => Some(NumberKind::Bytes { bytes: length }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpy_headers_are_understood() {
        let header =
            parse("{'descr': '<f4', 'fortran_order': False, 'shape': (7352, 128, 9), }  \n").unwrap();
        assert_eq!(header.shape, [7352, 128, 9]);
        assert_eq!(header.bytes(), 7352 * 128 * 9 * 4);
        assert_eq!(header.format, NumberFormat { kind: NumberKind::Float { bytes: 4 }, big_endian: false });
        assert_eq!(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}").unwrap().shape, [5]);
        let header = parse("{'descr': '<U7', 'fortran_order': True, 'shape': (5L, 2L)}").unwrap();
        assert_eq!(
            (header.column_major, header.bytes(), header.describe().as_str()),
            (true, 280, "5x2 text")
        );
        assert_eq!(
            parse("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}").unwrap().describe(),
            "2 bool"
        );
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let problem = |text: &str| parse(text).unwrap_err();
        assert!(
            problem("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}").contains("objects of Python")
        );
        assert!(problem("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}").contains("type `<c8`"));
        assert!(
            problem("{'descr': '<U99999', 'fortran_order': False, 'shape': (2,)}").contains("type `<U99999`")
        );
        assert!(
            problem("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}").contains("records")
        );
        assert!(problem("{'descr': '<f4', 'shape': (2,)}").contains("no `fortran_order`"));
        assert!(problem("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}").contains("`-2`"));
        let huge = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999, 9999999999999)}");
        assert_eq!(huge.unwrap().bytes(), u64::MAX);
    }
}
