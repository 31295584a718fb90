//! How single values are written in an experiment file; for `#[serde(with = …)]`.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use munas_data::Augmentation;
use munas_data::text_form::or_auto::AUTO;
use munas_train::Schedule;

use super::quantity::{QuantityError, format_duration, parse_bytes, parse_count, parse_duration};

/// A value that is written as its text, which may be a number, as that of a column is.
pub(super) mod name {
    use super::*;

    pub use munas_data::text_form::serialize;

    pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(name) => name,
            toml::Value::Integer(number) => number.to_string(),
            other => return Err(de::Error::custom(format!("`{other}` is no name or number"))),
        };
        text.parse().map_err(de::Error::custom)
    }
}

/// A value that is written as its text, under a key that may be absent.
pub(super) mod optional_text {
    use super::*;

    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(serializer)
    }

    pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        munas_data::text_form::deserialize(deserializer).map(Some)
    }
}

const NONE: &str = "none";

/// A name or `"none"`.
pub(super) mod or_none {
    use super::*;

    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str(NONE),
        }
    }

    pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: de::DeserializeOwned,
    {
        let value = toml::Value::deserialize(deserializer)?;
        if value.as_str() == Some(NONE) {
            return Ok(None);
        }
        T::deserialize(value)
            .map(Some)
            .map_err(|error| de::Error::custom(format!("{}, or `{NONE}`", error.message().trim_end())))
    }
}

/// `true`, `false` or `"auto"`.
pub(super) mod flag_or_auto {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(flag) => serializer.serialize_bool(*flag),
            None => serializer.serialize_str(AUTO),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }

    struct FlagVisitor;

    impl Visitor<'_> for FlagVisitor {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true, false or \"auto\"")
        }

        fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Option<bool>, E> {
            Ok(Some(flag))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<bool>, E> {
            if text == AUTO { Ok(None) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
        }
    }
}

/// Whether 16 bits are kept, as the number of bits.
pub(super) mod bits {
    use super::*;

    pub fn serialize<S: Serializer>(deep: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(if *deep { 16 } else { 8 })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match u32::deserialize(deserializer)? {
            8 => Ok(false),
            16 => Ok(true),
            _ => Err(de::Error::custom("must be 8 or 16")),
        }
    }
}

/// Whether pruning goes on until the hard bounds are met.
pub(super) mod pruning_fit {
    use super::*;

    const HARD_BOUNDS: &str = "hard-bounds";

    pub const fn default() -> bool {
        true
    }

    pub fn serialize<S: Serializer>(fits_bounds: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if *fits_bounds { HARD_BOUNDS } else { NONE })
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match &*String::deserialize(deserializer)? {
            HARD_BOUNDS => Ok(true),
            NONE => Ok(false),
            other => Err(de::Error::custom(format!("`{other}` is neither `{HARD_BOUNDS}` nor `{NONE}`"))),
        }
    }
}

/// Bytes: an integer, or a text such as `"64KB"`.
pub(super) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(QuantityVisitor(parse_bytes))
}

/// [`bytes`] under a key that may be absent.
pub(super) fn optional_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    bytes(deserializer).map(Some)
}

/// A count: an integer, or a text such as `"30M"`.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(QuantityVisitor(parse_count))
}

/// [`count`] under a key that may be absent.
pub(super) fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    count(deserializer).map(Some)
}

struct QuantityVisitor(fn(&str) -> Result<u64, QuantityError>);

impl Visitor<'_> for QuantityVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or a text such as \"64KB\"")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::custom(format!("{value} is negative")))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        self.0(text).map_err(E::custom)
    }
}

/// A duration such as `"30m"`.
pub(super) mod duration {
    use super::*;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(format_duration).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Some).map_err(de::Error::custom)
    }
}

/// A schedule: a name, or a list of `[epoch, learning_rate]`.
pub(super) mod schedule {
    use super::*;

    pub fn serialize<S: Serializer>(schedule: &Schedule, serializer: S) -> Result<S::Ok, S::Error> {
        match schedule {
            Schedule::Piecewise(pieces) => pieces.serialize(serializer),
            named => serializer.collect_str(named),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Schedule, D::Error> {
        let expected = "a schedule's name, or a list of [epoch, learning rate]";
        match deserializer.deserialize_any(NameOrList::new(expected))? {
            Choice::List(pieces) => Ok(Schedule::Piecewise(pieces)),
            Choice::Name(name) => name.parse().map_err(de::Error::custom),
        }
    }
}

/// Augmentations: a list, or `"none"`.
pub(super) mod augment {
    use super::*;

    pub fn serialize<S: Serializer>(list: &[Augmentation], serializer: S) -> Result<S::Ok, S::Error> {
        let mut texts = serializer.serialize_seq(Some(list.len()))?;
        for augmentation in list {
            texts.serialize_element(&augmentation.to_string())?;
        }
        texts.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Augmentation>, D::Error> {
        let expected = "a list of augmentations, or \"none\"";
        let list: Vec<String> = match deserializer.deserialize_any(NameOrList::new(expected))? {
            Choice::List(list) => list,
            Choice::Name(name) if name == "none" => Vec::new(),
            Choice::Name(name) => return Err(de::Error::custom(format!("`{name}` is not {expected}"))),
        };
        list.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
    }
}

enum Choice<T> {
    Name(String),
    List(Vec<T>),
}

struct NameOrList<T> {
    expected: &'static str,
    element: PhantomData<T>,
}

impl<T> NameOrList<T> {
    fn new(expected: &'static str) -> Self {
        Self { expected, element: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for NameOrList<T> {
    type Value = Choice<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Choice<T>, E> {
        Ok(Choice::Name(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Choice<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Choice::List(list))
    }
}
