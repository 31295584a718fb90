//! Checkpoints of version 1, whose facts were texts of their own.
//!
//! | fact | text |
//! |---|---|
//! | `graph` | the graph's JSON |
//! | `seed`, `budget`, `steps`, `optimizer.steps` | whole numbers |
//! | `best` | epoch, validation error |
//! | `plateau` | multiplier, best loss, epochs without a gain |
//! | `sparsity` | share that the mask leaves out; with pruning |
//! | `curve` | a line for each epoch: the fields of [`EpochRecord`] in their order |

use std::str::FromStr;

use super::{BestRecord, Checkpoint, CheckpointError, EpochRecord, Exact, PlateauRecord, Record};

/// What the facts say.
pub(super) fn record(checkpoint: &Checkpoint) -> Result<Record, CheckpointError> {
    let [epoch, validation_error] = words("best", checkpoint.text("best")?)?;
    let [multiplier, best_loss, epochs_without_gain] = words("plateau", checkpoint.text("plateau")?)?;
    let sparsity = checkpoint.facts.get("sparsity").map(|text| exact("sparsity", text));
    let curve: Result<_, _> = checkpoint.text("curve")?.lines().map(epoch_record).collect();
    Ok(Record {
        graph: checkpoint.text("graph")?.to_owned(),
        seed: value(checkpoint, "seed")?,
        budget: value(checkpoint, "budget")?,
        steps: value(checkpoint, "steps")?,
        optimizer_steps: value(checkpoint, "optimizer.steps")?,
        best: BestRecord { epoch: parse("best", epoch)?, validation_error: exact("best", validation_error)? },
        plateau: PlateauRecord {
            multiplier: exact("plateau", multiplier)?,
            best_loss: exact("plateau", best_loss)?,
            epochs_without_gain: parse("plateau", epochs_without_gain)?,
        },
        sparsity: sparsity.transpose()?,
        curve: curve?,
    })
}

fn epoch_record(line: &str) -> Result<EpochRecord, CheckpointError> {
    let [epoch, learning_rate, train_loss, train_error, validation_loss, validation_error] =
        words("curve", line)?;
    Ok(EpochRecord {
        epoch: parse("curve", epoch)?,
        learning_rate: exact("curve", learning_rate)?,
        train_loss: exact("curve", train_loss)?,
        train_error: exact("curve", train_error)?,
        validation_loss: exact("curve", validation_loss)?,
        validation_error: exact("curve", validation_error)?,
    })
}

/// A fact that is a single value.
fn value<T: FromStr>(checkpoint: &Checkpoint, name: &str) -> Result<T, CheckpointError> {
    parse(name, checkpoint.text(name)?)
}

/// One value of a fact.
fn parse<T: FromStr>(name: &str, text: &str) -> Result<T, CheckpointError> {
    text.parse().map_err(|_| CheckpointError::entry(name))
}

fn exact(name: &str, text: &str) -> Result<Exact, CheckpointError> {
    parse(name, text).map(Exact)
}

/// The values of a fact of `N` words.
fn words<'t, const N: usize>(name: &str, text: &'t str) -> Result<[&'t str; N], CheckpointError> {
    let words: Vec<&str> = text.split(' ').collect();
    words.try_into().map_err(|_| CheckpointError::entry(name))
}
