//! Whether the experiment file of a run still says what the run was made with.
//!
//! The journal keeps the experiment as it was when the run was made. Results of two experiments in one front would be
//! compared as if they were of one, so that between sessions only those keys may change that no result depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::{Table, Value};

use super::{Experiment, ExperimentError, implied_by_first_version, layers};

/// The keys that may change in a run: how long it goes on and with what means, its name, and where its data are, which are
/// known by their fingerprint.
pub const FREE_KEYS: [&str; 13] = [
    "name",
    "data.source",
    "data.dir",
    "board.file",
    "search.trials",
    "search.time",
    "search.target_error",
    "search.workers",
    "search.worker_memory",
    "search.max_draws",
    "final.share",
    "final.networks",
    "final.seeds",
];

/// The keys whose values are not what the run was made with; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes(Vec<Change>);

/// A key with its values in TOML; `None`: it was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    key: String,
    recorded: Option<String>,
    found: Option<String>,
}

/// So many keys are shown; the others are counted.
const KEYS_SHOWN: usize = 3;

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        for (index, Change { key, recorded, found }) in self.0.iter().take(KEYS_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}`{key}`: recorded {}, found {}", shown(recorded), shown(found))?;
        }
        match self.0.len().saturating_sub(KEYS_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Experiment {
    /// How this experiment differs from `recorded`, the text that [`Experiment::to_toml`] gave when the run was made, in
    /// other keys than [`FREE_KEYS`]; `None`: not at all.
    ///
    /// # Errors
    /// [`ExperimentError`] if that is the text of no experiment.
    pub fn changes_since(&self, recorded: &str) -> Result<Option<Changes>, ExperimentError> {
        let found = layers::parse(&self.to_toml())?;
        let mut before = layers::parse(recorded)?;
        for key in FREE_KEYS {
            take_over(&mut before, &found, key);
        }
        // Keys that are younger than the record have the value that the version which wrote it implied.
        let implied = implied_by_first_version(&before)?;
        let before = layers::parse(&Self::from_layers(implied, before)?.to_toml())?;
        let (before, found) = (values(&before), values(&found));
        let keys: BTreeSet<&String> = before.keys().chain(found.keys()).collect();
        let changed = keys.into_iter().filter(|&key| before.get(key) != found.get(key));
        let changes: Vec<Change> = changed
            .map(|key| Change {
                key: key.clone(),
                recorded: before.get(key).cloned(),
                found: found.get(key).cloned(),
            })
            .collect();
        Ok((!changes.is_empty()).then_some(Changes(changes)))
    }
}

/// Gives a key the value that it has in another table.
fn take_over(table: &mut Table, from: &Table, key: &str) {
    let (section, key) = key.split_once('.').map_or((None, key), |(section, key)| (Some(section), key));
    let value = match section {
        None => from.get(key),
        Some(section) => from.get(section).and_then(|section| section.get(key)),
    };
    let table = match section {
        None => table,
        Some(section) => match table.get_mut(section).and_then(Value::as_table_mut) {
            Some(section) => section,
            // A section that one of the two lacks is a change by itself.
            None => return,
        },
    };
    match value {
        Some(value) => table.insert(key.to_owned(), value.clone()),
        None => table.remove(key),
    };
}

/// The values of all keys in TOML, by their paths.
fn values(table: &Table) -> BTreeMap<String, String> {
    let below = |(key, value): (&String, &Value)| match value {
        Value::Table(inner) => {
            values(inner).into_iter().map(|(path, value)| (format!("{key}.{path}"), value)).collect()
        }
        value => vec![(key.clone(), value.to_string())],
    };
    table.iter().flat_map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::experiment;

    #[test]
    fn what_no_result_depends_on_may_change() {
        let recorded = experiment(&[]).to_toml();
        let changes = [
            "name=other",
            "data.source=mnist",
            "data.dir=/elsewhere",
            "search.trials=99",
            "search.time=3h",
            "search.target_error=0.01",
            "search.workers=7",
            "search.worker_memory=1GB",
            "search.max_draws=5",
            "final.share=0.5",
            "final.networks=3",
            "final.seeds=9",
        ];
        assert_eq!(experiment(&changes).changes_since(&recorded).unwrap(), None);
        // And back: what is left out now was given before.
        assert_eq!(experiment(&[]).changes_since(&experiment(&changes).to_toml()).unwrap(), None);
    }

    #[test]
    fn every_other_change_is_found_with_both_values() {
        let recorded = experiment(&[]).to_toml();
        for (change, expected) in [
            ("seed=12", "`seed`: recorded 11, found 12"),
            ("train.epochs=4", "`train.epochs`: recorded 3, found 4"),
            ("train.augment=['flip']", "`train.augment`: recorded [], found [\"flip\"]"),
            ("bounds.error=0.2", "`bounds.error`: recorded 0.3, found 0.2"),
            ("bounds.macs=", "`bounds.macs`: recorded 100000, found nothing"),
            ("space.bounds.units=[4,17]", "`space.bounds.units`: recorded [4, 16], found [4, 17]"),
            ("data.validation=0.2", "`data.validation`: recorded 0.1, found 0.2"),
            ("search.population=6", "`search.population`: recorded 5, found 6"),
            ("search.error=int8", "`search.error`: recorded \"float\", found \"int8\""),
        ] {
            let changes = experiment(&[change]).changes_since(&recorded).unwrap();
            assert_eq!(changes.map(|changes| changes.to_string()).as_deref(), Some(expected), "{change}");
        }
        let many = experiment(&[
            "seed=1",
            "train.batch=64",
            "train.epochs=9",
            "train.dropout=0.5",
            "data.grey=true",
        ]);
        let told = many.changes_since(&recorded).unwrap().unwrap().to_string();
        assert!(
            told.starts_with("`data.grey`: recorded \"auto\", found true; `seed`: ")
                && told.ends_with("; and 2 more"),
            "{told}"
        );
    }

    #[test]
    fn free_keys_are_keys_of_the_file() {
        let all = experiment(&[
            "data.dir=a",
            "search.time=1h",
            "search.target_error=0.1",
            "board.name=stm32f446re",
        ]);
        let written = values(&layers::parse(&all.to_toml()).unwrap());
        for key in FREE_KEYS {
            // The table of boards is one of the user's, which this experiment has none of.
            assert!(written.contains_key(key) || key == "board.file", "{key}");
        }
    }

    #[test]
    fn a_record_that_is_no_experiment_is_an_error() {
        experiment(&[]).changes_since("seed = 'x'").unwrap_err();
    }
}
