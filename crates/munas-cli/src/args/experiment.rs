//! Flags that change single keys of an experiment. They become `key=value` overrides, the same as `--set`.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use munas_run::experiment::quantity::format_duration;

use super::values;

/// Collects overrides of experiment keys.
#[derive(Debug, Default)]
pub(super) struct Overrides(Vec<String>);

impl Overrides {
    /// Overrides `key` with a number or another literal, if there is one.
    pub(super) fn literal(&mut self, key: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.0.push(format!("{key}={value}"));
        }
        self
    }

    /// Overrides `key` with a text, quoted, so that `--data 7` is the text and not the number.
    pub(super) fn text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        // A JSON string is a valid TOML string.
        self.literal(key, value.map(|value| serde_json::Value::from(value).to_string()))
    }

    /// Overrides `key` with a flag that was given.
    pub(super) fn flag(&mut self, key: &str, given: bool) -> &mut Self {
        self.literal(key, given.then_some(true))
    }

    /// Appends overrides as given with `--set`.
    pub(super) fn given(&mut self, overrides: &[String]) -> &mut Self {
        self.0.extend_from_slice(overrides);
        self
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }
}

/// When a search ends.
#[derive(Debug, Default, clap::Args)]
pub struct RunLength {
    /// End after so many trials
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub trials: Option<u64>,
    /// End after so much time, for example 30m or 1h30m
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub time: Option<Duration>,
}

impl RunLength {
    pub(super) fn add_to(&self, overrides: &mut Overrides) {
        overrides.literal("search.trials", self.trials);
        overrides.text("search.time", self.time.map(format_duration).as_deref());
    }
}

/// Path as text for an override; experiment files are UTF-8.
pub(super) fn path_text(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}
