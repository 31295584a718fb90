//! The names of enumerated values, as the JSON form and the experiment file spell them.

use munas_ir::{Activation, Padding, PoolKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An enumeration whose values have names.
pub(crate) trait Named: Copy + PartialEq + 'static {
    /// Every value with its name.
    const NAMES: &'static [(&'static str, Self)];

    /// The name in files. Panics if the table lacks the value.
    fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, value)| *value == self);
        found.expect("every value is in its table of names").0
    }

    /// The value with this name.
    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// All names, separated by commas.
    fn all_names() -> String {
        Self::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Named for PoolKind {
    const NAMES: &'static [(&'static str, Self)] = &[("avg", Self::Avg), ("max", Self::Max)];
}

impl Named for Activation {
    const NAMES: &'static [(&'static str, Self)] = &{
        let mut names = [("", Self::None); Self::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = (Self::ALL[index].name(), Self::ALL[index]);
            index += 1;
        }
        names
    };
}

impl Named for Padding {
    const NAMES: &'static [(&'static str, Self)] = &[("valid", Self::Valid), ("same", Self::Same)];
}

/// For `#[serde(with = "names")]` on a list of named values.
pub(crate) fn serialize<T: Named, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    values.iter().map(|value| value.name()).collect::<Vec<_>>().serialize(serializer)
}

/// The counterpart of [`serialize`].
pub(crate) fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let names: Vec<String> = Vec::deserialize(deserializer)?;
    let parse = |name: String| {
        T::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("{name} is not one of {}", T::all_names())))
    };
    names.into_iter().map(parse).collect()
}
