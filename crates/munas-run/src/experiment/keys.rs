//! Unknown keys. The known ones are read off the file form, so that the two cannot drift apart.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::{Table, Value};

use munas_data::{AudioSettings, CsvSettings};
use munas_space::{CnnBounds, MlpBounds};

use super::ExperimentError;
use super::bounds_file::BoundsFile;
use super::file::{BoardFile, ExperimentFile, MemoryFile, QuantisationFile, SpaceFile, TrainFile};
use super::settings::{DataSettings, DistillationSettings, FinalSettings, PruningSettings, SearchSettings};
use crate::int8::Int8Settings;

/// Sections by path, with their keys. The keys of `space.bounds` depend on the kind of space.
pub(super) fn sections(table: &Table) -> [(&'static str, &'static [&'static str]); 16] {
    let kind = lookup(table, "space").and_then(|space| space.get("kind")).and_then(Value::as_str);
    let bounds = if kind == Some("mlp") { fields::<MlpBounds>() } else { fields::<CnnBounds>() };
    [
        ("", fields::<ExperimentFile>()),
        ("data", fields::<DataSettings>()),
        ("data.csv", fields::<CsvSettings>()),
        ("data.audio", fields::<AudioSettings>()),
        ("space", fields::<SpaceFile>()),
        ("space.bounds", bounds),
        ("train", fields::<TrainFile>()),
        ("train.pruning", fields::<PruningSettings>()),
        ("train.distillation", fields::<DistillationSettings>()),
        ("train.quantisation", fields::<QuantisationFile>()),
        ("int8", fields::<Int8Settings>()),
        ("bounds", fields::<BoundsFile>()),
        ("memory", fields::<MemoryFile>()),
        ("search", fields::<SearchSettings>()),
        ("final", fields::<FinalSettings>()),
        ("board", fields::<BoardFile>()),
    ]
}

/// Checks that every key of every section is known.
pub(super) fn check(table: &Table) -> Result<(), ExperimentError> {
    let sections = sections(table);
    for (path, known) in sections {
        let Some(section) = lookup(table, path) else { continue };
        if let Some(unknown) = section.keys().find(|key| !known.contains(&key.as_str())) {
            let key = join(path, unknown);
            return Err(ExperimentError::UnknownKey { nearest: nearest(&key, &sections), key });
        }
    }
    Ok(())
}

fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Table> {
    path.split('.')
        .filter(|part| !part.is_empty())
        .try_fold(table, |section, key| section.get(key).and_then(Value::as_table))
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// The known key that is most like `key`: by its whole path, or by its last part when it stands in a wrong section.
fn nearest(key: &str, sections: &[(&str, &[&str])]) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let likeness = |known: &str| {
        let whole = strsim::jaro_winkler(known, key);
        // Slightly less than a whole path that is as alike: the section given is taken for right first.
        whole.max(0.99 * strsim::jaro_winkler(&last(known), &last(key)))
    };
    let known = sections.iter().flat_map(|(section, keys)| keys.iter().map(|key| join(section, key)));
    let scored = known.map(|known| (likeness(&known), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// The field names of a struct that derives `Deserialize`.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The probe stops every deserialisation right after it was told the names.
    let stopped = T::deserialize(FieldProbe { names: &mut names });
    debug_assert!(stopped.is_err(), "a struct with fields asks its deserializer for them");
    names
}

/// A deserializer that only listens to the names of the fields it is asked for.
struct FieldProbe<'a> {
    names: &'a mut &'static [&'static str],
}

#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped after the field names")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        *self.names = fields;
        Err(Stop)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
