//! How tables of text are read, where munas is not to find out by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text_form;

/// What is between the columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// A single character, ASCII.
    Character(u8),
    /// Blanks and tabs, as many as there are.
    Blanks,
}

impl Delimiter {
    /// Those that tables are tried with, likeliest first.
    pub(crate) const USUAL: [Self; 5] = [
        Self::Character(b','),
        Self::Character(b';'),
        Self::Character(b'\t'),
        Self::Character(b'|'),
        Self::Blanks,
    ];
}

impl fmt::Display for Delimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blanks => formatter.write_str("space"),
            Self::Character(b'\t') => formatter.write_str("tab"),
            Self::Character(character) => write!(formatter, "{}", char::from(*character)),
        }
    }
}

/// A text names no delimiter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no delimiter; there are: , ; | : tab space, or another character of punctuation")]
pub struct UnknownDelimiter(String);

impl FromStr for Delimiter {
    type Err = UnknownDelimiter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tab" | "\t" | "\\t" => return Ok(Self::Character(b'\t')),
            "space" | " " | "blanks" => return Ok(Self::Blanks),
            "comma" => return Ok(Self::Character(b',')),
            "semicolon" => return Ok(Self::Character(b';')),
            _ => {}
        }
        match *text.as_bytes() {
            // What numbers, quoted texts and comments are made of cannot be between them.
            [character] if character.is_ascii_punctuation() && !b".+-\"'#".contains(&character) => {
                Ok(Self::Character(character))
            }
            _ => Err(UnknownDelimiter(text.to_owned())),
        }
    }
}

/// Whether the first row of a table names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderRow {
    /// Found out from the first rows.
    #[default]
    Auto,
    /// The first row holds names, whatever they look like.
    Yes,
    /// It is a sample.
    No,
}

/// What becomes of a column that only numbers the rows, such as the index that pandas writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexColumn {
    /// It is left out, with a warning.
    #[default]
    LeaveOut,
    /// It is a feature as others are.
    Keep,
}

/// Gives an enum of names its texts.
macro_rules! named {
    ($kind:ident, $error:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl fmt::Display for $kind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self { $(Self::$variant => $name),+ })
            }
        }

        #[doc = concat!("A text is no ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("`{0}` is no {what}; there are: {all}", what = $what, all = [$($name),+].join(", "))]
        pub struct $error(String);

        impl FromStr for $kind {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($error(text.to_owned())),
                }
            }
        }
    };
}

named!(HeaderRow, UnknownHeaderRow, "kind of header", Auto = "auto", Yes = "yes", No = "no");
named!(IndexColumn, UnknownIndexColumn, "use of an index", LeaveOut = "leave-out", Keep = "keep");

/// How tables of text (`csv:FILE`) are read: section `[data.csv]` of an experiment file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct CsvSettings {
    /// What is between the columns; `auto`: found out from the first rows.
    #[serde(with = "text_form::or_auto")]
    pub delimiter: Option<Delimiter>,
    /// Whether the first row names the columns.
    #[serde(with = "text_form")]
    pub header: HeaderRow,
    /// What becomes of a column that only numbers the rows.
    #[serde(with = "text_form")]
    pub index: IndexColumn,
    /// Names (or numbers, from 1) of columns that are left out.
    pub ignore: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_survive_a_round_trip() {
        for text in [",", ";", "|", ":", "tab", "space"] {
            assert_eq!(text.parse::<Delimiter>().unwrap().to_string(), text);
        }
        assert_eq!("\\t".parse(), Ok(Delimiter::Character(b'\t')));
        for text in ["", "a", "1", ".", "-", "\"", "#", ";;", "é"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        let error = "maybe".parse::<HeaderRow>().unwrap_err();
        assert_eq!(error.to_string(), "`maybe` is no kind of header; there are: auto, yes, no");
        assert_eq!("keep".parse(), Ok(IndexColumn::Keep));
    }
}
