//! `[bounds]`: a key for each objective, and which of them are hard.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use munas_search::{Bounds, Objective, Unit};

use super::values::{bytes, count};

/// The bounds as they are written: bytes and operations as whole numbers, or as texts such as `"64KB"` and `"30M"`.
#[derive(Debug)]
pub(super) struct BoundsFile(pub Bounds);

const HARD: &str = "hard";

const KEYS: [&str; Objective::ALL.len() + 1] = {
    let mut keys = [HARD; Objective::ALL.len() + 1];
    let mut place = 0;
    while place < Objective::ALL.len() {
        keys[place] = Objective::ALL[place].name();
        place += 1;
    }
    keys
};

impl<'de> Deserialize<'de> for BoundsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("BoundsFile", &KEYS, BoundsVisitor)
    }
}

struct BoundsVisitor;

impl<'de> Visitor<'de> for BoundsVisitor {
    type Value = BoundsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a section")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut section: A) -> Result<BoundsFile, A::Error> {
        let mut bounds = Bounds::default();
        while let Some(key) = section.next_key::<String>()? {
            if key == HARD {
                bounds.hard = section.next_value::<Objectives>()?.0;
            } else {
                let objective: Objective = key.parse().map_err(de::Error::custom)?;
                bounds.values[objective] = Some(section.next_value_seed(BoundOf(objective))?);
            }
        }
        Ok(BoundsFile(bounds))
    }
}

/// A list of objectives by their names.
struct Objectives(Vec<Objective>);

impl<'de> Deserialize<'de> for Objectives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let objectives: Result<_, _> = names.iter().map(|name| name.parse()).collect();
        objectives.map(Self).map_err(de::Error::custom)
    }
}

/// A bound on an objective, in its unit.
struct BoundOf(Objective);

impl<'de> DeserializeSeed<'de> for BoundOf {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f64, D::Error> {
        match self.0.unit() {
            Unit::Bytes => bytes(deserializer).map(|bytes| bytes as f64),
            Unit::Operations => count(deserializer).map(|count| count as f64),
            Unit::Share | Unit::Milliseconds | Unit::Millijoules => f64::deserialize(deserializer),
        }
    }
}

impl Serialize for BoundsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Bounds { values, hard }) = self;
        let mut section = serializer.serialize_map(None)?;
        for (objective, bound) in values.iter() {
            match objective.unit() {
                Unit::Bytes | Unit::Operations => {
                    section.serialize_entry(objective.name(), &(bound as u64))?;
                }
                Unit::Share | Unit::Milliseconds | Unit::Millijoules => {
                    section.serialize_entry(objective.name(), &bound)?;
                }
            }
        }
        let hard: Vec<&str> = hard.iter().map(|objective| objective.name()).collect();
        section.serialize_entry(HARD, &hard)?;
        section.end()
    }
}
