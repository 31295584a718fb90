//! What a user should know about data that were read nevertheless.

use std::fmt;

/// Something about a dataset that its user should know, though it is no error: what was left unused, guessed or changed.
///
/// It is displayed without its hint; the command line prints both, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What, with the file, column or class that it is about.
    pub what: String,
    /// What the user may do about it, where there is something.
    pub hint: Option<String>,
}

impl Warning {
    /// A warning without a hint.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// Says what may be done about it, as [`DataError::hint`](crate::DataError::hint) does.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PartSizes, RawData, Samples, SplitOptions, TestPart};

    #[test]
    fn what_a_reader_says_stays_with_the_dataset() {
        let warning = Warning::new("notes.txt: not used").hint("move it");
        let raw = RawData {
            input: [1, 1, 1],
            class_names: vec!["on".to_owned(), "off".to_owned()],
            samples: Samples::U8(vec![1, 2, 3]),
            labels: vec![0, 1, 0],
            parts: PartSizes { train: 2, validation: None, test: TestPart::Own(1) },
            warnings: vec![warning.clone()],
            ..RawData::default()
        };
        let dataset = raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).unwrap();
        assert_eq!(dataset.warnings, [warning]);
        assert_eq!(dataset.warnings[0].to_string(), "notes.txt: not used");
    }
}
