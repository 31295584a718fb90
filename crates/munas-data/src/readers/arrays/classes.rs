//! Arrays of labels: whole numbers of any type, texts, and one-hot rows.

use super::{Array, Collector, in_words};
use crate::error::DataError;
use crate::raw_data::MAX_CLASSES;
use crate::readers::arrays::order::values_to_row_major;
use crate::readers::file::Content;
use crate::readers::labels::{Labels, TooManyClasses};
use crate::readers::numbers::NumberFormat;

/// What cannot be a label.
enum NotALabel {
    /// The value is missing; the sample may be left out.
    Missing,
    Fraction(f64),
    TooMany,
}

impl From<TooManyClasses> for NotALabel {
    fn from(_: TooManyClasses) -> Self {
        Self::TooMany
    }
}

impl Collector {
    /// Appends the values of an array of labels, called `name`; there are as many as samples.
    pub(in crate::readers) fn append_labels(
        &mut self,
        file: &mut Content<'_>,
        array: &Array,
        name: &str,
    ) -> Result<(), DataError> {
        file.check_declared(array.bytes())?;
        match array.shape[..] {
            [_] | [_, 1] => self.append_values(file, array, name)?,
            [_, classes] if classes > 0 && !array.format.is_text() => {
                self.append_one_hot(file, array, name)?;
            }
            _ => {
                return Err(file.malformed(format!(
                    "shape {}: labels need one axis, or two as one-hot rows",
                    in_words(&array.shape)
                )));
            }
        }
        self.arrays.push(format!("{name} {}", array.describe()));
        Ok(())
    }

    fn append_values(&mut self, file: &mut Content<'_>, array: &Array, name: &str) -> Result<(), DataError> {
        let format = array.format;
        let first = self.labels.len();
        let Self { labels, bad, refusals, .. } = self;
        let mut wrong = None;
        file.read_values(array.bytes(), format.bytes(), |bytes| {
            for value in bytes.chunks_exact(format.bytes()) {
                let index = labels.len() - first;
                match push(labels, value, format) {
                    Ok(()) => {}
                    Err(NotALabel::Missing) => {
                        bad.push(labels.len());
                        refusals.add(|| format!("{name}[{index}] is no label"));
                        // A stand-in, which goes with its sample.
                        drop(labels.push_whole(0));
                    }
                    Err(problem) => {
                        wrong.get_or_insert((index, problem));
                        break;
                    }
                }
            }
        })?;
        match wrong {
            None | Some((_, NotALabel::Missing)) => Ok(()),
            Some((index, NotALabel::Fraction(value))) => Err(DataError::advised(
                file.path(),
                format!("{name}[{index}] is {value}: labels must be whole numbers or names"),
                REGRESSION,
            )),
            Some((_, NotALabel::TooMany)) => Err(DataError::advised(
                file.path(),
                format!("{name} has more than {MAX_CLASSES} different labels"),
                REGRESSION,
            )),
        }
    }

    /// Each row has one 1 among zeros, whose place is the class.
    fn append_one_hot(&mut self, file: &mut Content<'_>, array: &Array, name: &str) -> Result<(), DataError> {
        let classes = array.shape[1];
        let bytes = array.values().saturating_mul(2 * size_of::<f32>() as u64);
        self.options.budget.check(file.path(), format_args!("one-hot labels of {classes} classes"), bytes)?;
        let mut values: Vec<f32> = Vec::new();
        if classes > MAX_CLASSES || values.try_reserve_exact(array.values() as usize).is_err() {
            return Err(file.malformed(format!("{classes} classes are too many")));
        }
        let format = array.format;
        file.read_values(array.bytes(), format.bytes(), |bytes| {
            values.extend(bytes.chunks_exact(format.bytes()).map(|number| format.float(number)));
        })?;
        if array.column_major {
            values_to_row_major(&mut values, &array.shape);
        }
        for (index, row) in values.chunks_exact(classes).enumerate() {
            let mut ones = row.iter().enumerate().filter(|(_, value)| **value == 1.0).map(|(class, _)| class);
            let (first, second) = (ones.next(), ones.next());
            let zeros = row.iter().filter(|value| **value == 0.0).count();
            match (first, second) {
                (Some(class), None) if zeros + 1 == classes => {
                    drop(self.labels.push_whole(class as i128));
                }
                _ => {
                    let row: Vec<String> = row.iter().take(8).map(ToString::to_string).collect();
                    let problem = format!(
                        "shape {}: {name}[{index}] is not one-hot, one 1 among zeros, but {}",
                        in_words(&array.shape),
                        row.join(" ")
                    );
                    let hint = "a sample has one class: save numpy.argmax(y, axis=1) for probabilities";
                    return Err(DataError::advised(file.path(), problem, hint));
                }
            }
        }
        Ok(())
    }
}

const REGRESSION: &str =
    "munas learns classes: put a quantity into a few ranges, and save the number of each sample's range";

fn push(labels: &mut Labels, value: &[u8], format: NumberFormat) -> Result<(), NotALabel> {
    if format.is_text() {
        let text = format.text(value);
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("nan") {
            return Err(NotALabel::Missing);
        }
        return Ok(labels.push_text(text)?);
    }
    if !format.is_float() {
        return Ok(labels.push_whole(format.whole(value))?);
    }
    let number = format.double(value);
    if !number.is_finite() {
        Err(NotALabel::Missing)
    } else if number.fract() != 0.0 || number.abs() > 1e30 {
        Err(NotALabel::Fraction(number))
    } else {
        Ok(labels.push_whole(number as i128)?)
    }
}
