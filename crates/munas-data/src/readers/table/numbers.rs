//! Numbers as tables write them, with a decimal point or a decimal comma.

/// What stands before the fraction of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalMark {
    Point,
    Comma,
}

/// Reads the numbers of one table, all with one decimal mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Whether a comma may be one: not where it is the delimiter of unquoted fields.
    comma_allowed: bool,
    /// The mark of the numbers so far.
    mark: Option<DecimalMark>,
}

impl Numbers {
    pub(super) fn new(comma_allowed: bool) -> Self {
        Self { comma_allowed, mark: None }
    }

    /// The mark of the numbers so far, if any had one.
    pub(super) fn mark(self) -> Option<DecimalMark> {
        self.mark
    }

    /// A finite number; the error is what is wrong with the field.
    pub(super) fn read(&mut self, field: &str) -> Result<f32, String> {
        if field.is_empty() {
            return Err("there is no value".to_owned());
        }
        let (value, mark) = match field.parse::<f32>() {
            Ok(value) => (Some(value), field.contains('.').then_some(DecimalMark::Point)),
            Err(_) => match truth(field) {
                Some(value) => (Some(value), None),
                None if self.comma_allowed => (with_comma(field), Some(DecimalMark::Comma)),
                None => (None, None),
            },
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return Err(format!("`{}` is not a finite number", shortened(field)));
        };
        match (self.mark, mark) {
            (Some(before), Some(here)) if before != here => {
                let (here, before) = match here {
                    DecimalMark::Comma => ("comma", "point"),
                    DecimalMark::Point => ("point", "comma"),
                };
                return Err(format!(
                    "`{}` has a decimal {here}, numbers before it a decimal {before}",
                    shortened(field)
                ));
            }
            (None, Some(_)) => self.mark = mark,
            _ => {}
        }
        Ok(value)
    }
}

fn with_comma(field: &str) -> Option<f32> {
    let (whole, fraction) = field.split_once(',')?;
    let digits = |text: &str| text.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if !digits(fraction) || whole.contains(['.', 'e', 'E']) || fraction.contains('.') {
        return None;
    }
    format!("{whole}.{fraction}").parse().ok()
}

/// True and false as numbers: a column of conditions is a feature too.
fn truth(field: &str) -> Option<f32> {
    match field {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        _ => None,
    }
}

/// Whether a field is a number, be it finite or not, in a table in which a comma may be a decimal mark.
pub(super) fn is_number(field: &str, comma_allowed: bool) -> bool {
    field.parse::<f32>().is_ok() || truth(field).is_some() || (comma_allowed && with_comma(field).is_some())
}

/// A field for a message.
pub(super) fn shortened(field: &str) -> String {
    const MOST: usize = 40;
    match field.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &field[..end]),
        None => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_mark_is_read_but_not_both() {
        let mut numbers = Numbers::new(true);
        assert_eq!(numbers.read("3"), Ok(3.0));
        assert_eq!(numbers.read("-1,5"), Ok(-1.5));
        assert_eq!(numbers.read("2,5e-1"), Ok(0.25));
        assert_eq!([numbers.read("True"), numbers.read("false")], [Ok(1.0), Ok(0.0)]);
        assert!(numbers.read("1.5").unwrap_err().contains("decimal point"));
        assert_eq!(numbers.mark(), Some(DecimalMark::Comma));
        assert!(Numbers::new(false).read("1,5").is_err());
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        let mut numbers = Numbers::new(true);
        for field in ["nan", "inf", "1e60", "1,234,567", "1.234,5", "1,", ",", "12 %", "a,5", "1,-5"] {
            assert!(numbers.read(field).is_err(), "{field}");
        }
        assert_eq!(numbers.read(""), Err("there is no value".to_owned()));
        assert_eq!(numbers.read(",5"), Ok(0.5));
        let long = numbers.read(&"x".repeat(100)).unwrap_err();
        assert!(long.chars().count() < 80, "{long}");
    }
}
