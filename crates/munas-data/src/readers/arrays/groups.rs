//! Arrays that say which samples belong together: whole numbers of any type, or texts.

use super::{Array, Collector, in_words};
use crate::error::DataError;
use crate::raw_data::MAX_CLASSES;
use crate::readers::file::Content;

/// What helps where an array cannot be one of groups.
const HINT: &str = "`--groups NAME` names another array, `--groups none` does without";

impl Collector {
    /// Notes that so many samples are in no group.
    pub(in crate::readers) fn append_without_groups(&mut self, samples: usize) {
        self.groups.push_without(samples);
    }

    /// Appends the values of an array of groups, called `name`; there are as many as samples.
    pub(in crate::readers) fn append_groups(
        &mut self,
        file: &mut Content<'_>,
        array: &Array,
        name: &str,
    ) -> Result<(), DataError> {
        file.check_declared(array.bytes())?;
        if !matches!(array.shape[..], [_] | [_, 1]) {
            let problem = format!("shape {}: groups need one axis", in_words(&array.shape));
            return Err(DataError::advised(file.path(), problem, HINT));
        }
        let format = array.format;
        let groups = &mut self.groups;
        let (mut index, mut wrong) = (0_usize, None);
        file.read_values(array.bytes(), format.bytes(), |bytes| {
            for value in bytes.chunks_exact(format.bytes()) {
                let too_many = || format!("more than {MAX_CLASSES} different groups");
                let pushed = if format.is_text() {
                    groups.push_text(format.text(value).trim()).map_err(|_| too_many())
                } else if !format.is_float() {
                    groups.push_whole(format.whole(value)).map_err(|_| too_many())
                } else {
                    match format.double(value) {
                        number if number.is_nan() => groups.push_text("").map_err(|_| too_many()),
                        number if number.fract() == 0.0 && number.abs() < 1e30 => {
                            groups.push_whole(number as i128).map_err(|_| too_many())
                        }
                        number => {
                            Err(format!("{name}[{index}] is {number}: groups must be whole numbers or names"))
                        }
                    }
                };
                index += 1;
                if let Err(problem) = pushed {
                    wrong.get_or_insert(problem);
                    break;
                }
            }
        })?;
        self.grouped = true;
        match wrong {
            None => Ok(()),
            Some(problem) => Err(DataError::advised(file.path(), problem, HINT)),
        }
    }
}
