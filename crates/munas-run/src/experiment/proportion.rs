//! Pruning that stays in proportion when an override changes the number of epochs.
//!
//! An experiment that prunes from epoch 3 to 38 of 45 and is asked for 5 epochs prunes from 1 to 4 of them: it stays the same
//! experiment, made shorter. Start and finish that are overridden themselves are left as they are asked for.

use toml::{Table, Value};

/// Stretches `train.pruning.start` and `finish` of `table` by the ratio of its epochs to those `before` the overrides.
pub(super) fn stretch_pruning(before: &Table, table: &mut Table) {
    let (Some(old), Some(new)) = (whole(before, &["train", "epochs"]), whole(table, &["train", "epochs"]))
    else {
        return;
    };
    let ends = ["start", "finish"].map(|key| whole(before, &["train", "pruning", key]));
    let ends_now = ["start", "finish"].map(|key| whole(table, &["train", "pruning", key]));
    let [Some(start), Some(finish)] = ends else { return };
    if old == new || old < 1 || new < 1 || ends != ends_now {
        return;
    }
    let stretch = |epoch: i64| (epoch as f64 * new as f64 / old as f64).round() as i64;
    let start = stretch(start).max(1);
    let finish = stretch(finish).max(start + 1);
    if let Some(pruning) = table.get_mut("train").and_then(|train| train.get_mut("pruning")?.as_table_mut()) {
        pruning.insert("start".to_owned(), Value::Integer(start));
        pruning.insert("finish".to_owned(), Value::Integer(finish));
    }
}

/// The whole number at a path.
fn whole(table: &Table, path: &[&str]) -> Option<i64> {
    let (last, sections) = path.split_last()?;
    sections
        .iter()
        .try_fold(table, |table, section| table.get(*section)?.as_table())?
        .get(*last)?
        .as_integer()
}

#[cfg(test)]
mod tests {
    use crate::experiment::{Experiment, ExperimentError};

    const TEXT: &str = "[data]\nsource = \"glyphs\"\n[train]\nepochs = 45\n\
        [train.pruning]\nmode = \"structured\"\nstart = 3\nfinish = 38\nmin_sparsity = 0.1\nmax_sparsity = 0.5\n";

    /// Start and finish as the resolved experiment writes them.
    fn ends(overrides: &[&str]) -> Result<(i64, i64), ExperimentError> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        let resolved: toml::Table = Experiment::from_toml(TEXT, &overrides)?.to_toml().parse().unwrap();
        let end = |key| super::whole(&resolved, &["train", "pruning", key]).unwrap();
        Ok((end("start"), end("finish")))
    }

    #[test]
    fn fewer_or_more_epochs_stretch_pruning() {
        assert_eq!(ends(&[]).unwrap(), (3, 38));
        assert_eq!(ends(&["train.epochs=45"]).unwrap(), (3, 38));
        assert_eq!(ends(&["train.epochs=5"]).unwrap(), (1, 4));
        assert_eq!(ends(&["train.epochs=2"]).unwrap(), (1, 2));
        assert_eq!(ends(&["train.epochs=90"]).unwrap(), (6, 76));
    }

    #[test]
    fn what_is_asked_for_is_kept() {
        assert_eq!(ends(&["train.epochs=50", "train.pruning.finish=30"]).unwrap(), (3, 30));
        assert!(ends(&["train.epochs=1"]).is_err(), "one epoch has no room to prune in");
    }
}
