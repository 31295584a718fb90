//! Settings that are written as the text of their `Display` and read by their `FromStr`; for `#[serde(with = …)]`.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::Serializer;

/// Writes the value's text.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Reads the value from its text.
///
/// # Errors
/// What is wrong with the text, in the words of `FromStr`.
pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

/// Such a text, or `"auto"` for none.
pub mod or_auto {
    use super::*;

    /// The text of `None`.
    pub const AUTO: &str = "auto";

    /// Writes the value's text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(AUTO),
        }
    }

    /// Reads the value from its text.
    ///
    /// # Errors
    /// What is wrong with the text, in the words of `FromStr`.
    pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        let text = String::deserialize(deserializer)?;
        if text == AUTO { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
    }
}
