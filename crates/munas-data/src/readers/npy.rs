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

/// Reads the header of an array, leaving the content at its first value.
pub(super) fn read_header(content: &mut Content<'_>) -> Result<Array, DataError> {
    let [magic @ .., major, _minor] = content.header::<8>()?;
    if magic != *b"\x93NUMPY" {
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
    if value_of(text, "fortran_order")?.starts_with("True") {
        return Err(
            "column-major (Fortran) order is not supported; save numpy.ascontiguousarray(x)".to_owned()
        );
    }
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
        .map(|extent| extent.parse::<usize>().map_err(|_| format!("`{extent}` in the shape is not a number")))
        .collect::<Result<Vec<_>, _>>()?;
    if shape.len() > MAX_DIMENSIONS {
        return Err(format!("more than {MAX_DIMENSIONS} dimensions"));
    }
    Ok(Array { format, shape })
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
    let unknown =
        || format!("number type `{descr}` is not supported (integers, and floats of 32 or 64 bits, are)");
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unknown)?;
    let big_endian = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return Err(unknown()),
    };
    let kind = match kind {
        "u1" | "b1" => NumberKind::Unsigned { bytes: 1 },
        "u2" => NumberKind::Unsigned { bytes: 2 },
        "u4" => NumberKind::Unsigned { bytes: 4 },
        "u8" => NumberKind::Unsigned { bytes: 8 },
        "i1" => NumberKind::Signed { bytes: 1 },
        "i2" => NumberKind::Signed { bytes: 2 },
        "i4" => NumberKind::Signed { bytes: 4 },
        "i8" => NumberKind::Signed { bytes: 8 },
        "f4" => NumberKind::Float { bytes: 4 },
        "f8" => NumberKind::Float { bytes: 8 },
        _ => return Err(unknown()),
    };
    Ok(NumberFormat { kind, big_endian })
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
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let problem = |text: &str| parse(text).unwrap_err();
        assert!(problem("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}").contains("column-major"));
        assert!(
            problem("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}")
                .contains("`|O` is not supported")
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
