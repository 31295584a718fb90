//! The form at rest of what changes from step to step.

use munas_ir::Graph;

use super::quantised::Awareness;
use super::state::{Best, Kept, TrainState};
use crate::EpochReport;
use crate::checkpoint::{BestRecord, Checkpoint, CheckpointError, EpochRecord, Exact, PlateauRecord, Record};
use crate::parameters::{ParameterLayout, Parameters};
use crate::quantisation::Ranges;
use crate::schedule::Plateau;

impl TrainState {
    /// The form at rest of a training of `graph`.
    pub fn to_checkpoint(&self, graph: &Graph, seed: u64) -> Checkpoint {
        let Self { parameters, optimizer, best, mask, awareness, .. } = self;
        let mut checkpoint = Checkpoint::new(&self.to_record(graph, seed));
        for (name, values) in [
            ("parameters", &parameters.trained),
            ("parameters.moving", &parameters.moving),
            ("optimizer.first", &optimizer.first),
            ("optimizer.second", &optimizer.second),
        ] {
            checkpoint.put_tensor(name, values);
        }
        if let Some(mask) = mask {
            checkpoint.put_tensor("mask", mask.factors());
        }
        if let Some(awareness) = awareness {
            checkpoint.put_tensor("ranges", awareness.ranges.0.as_flattened());
        }
        if let Some(Kept { parameters, ranges }) = &best.kept {
            checkpoint.put_tensor("best", &parameters.trained);
            checkpoint.put_tensor("best.moving", &parameters.moving);
            if let Some(ranges) = ranges {
                checkpoint.put_tensor("best.ranges", ranges.0.as_flattened());
            }
        }
        checkpoint
    }

    fn to_record(&self, graph: &Graph, seed: u64) -> Record {
        let Self { optimizer, learning_rate, steps, best, curve, mask, .. } = self;
        let Plateau { multiplier, best_loss, epochs_without_gain } = learning_rate.plateau;
        Record {
            graph: graph.to_json(),
            seed,
            budget: learning_rate.horizon.budget,
            steps: *steps,
            optimizer_steps: optimizer.steps,
            best: BestRecord { epoch: best.epoch, validation_error: Exact(best.validation_error) },
            plateau: PlateauRecord {
                multiplier: Exact(multiplier),
                best_loss: Exact(best_loss),
                epochs_without_gain,
            },
            sparsity: mask.as_ref().map(|mask| Exact(mask.sparsity)),
            curve: curve.iter().map(epoch_record).collect(),
        }
    }

    /// Takes over what a training of `graph`, to which `layout` belongs, and of `seed` left.
    ///
    /// # Errors
    /// [`CheckpointError`] for a checkpoint of another training, and for one that is not whole. Some of it may then have been
    /// taken over.
    pub fn restore(
        &mut self,
        checkpoint: &Checkpoint,
        graph: &Graph,
        layout: &ParameterLayout,
        seed: u64,
    ) -> Result<(), CheckpointError> {
        let record = checkpoint.record()?;
        check_identity(&record, graph, seed)?;
        let parameters = |name: &str| {
            let trained = checkpoint.tensor(name, layout.parameters())?;
            let moving = checkpoint.tensor(&format!("{name}.moving"), layout.moving())?;
            Ok::<_, CheckpointError>(Parameters { trained, moving })
        };
        let ranges = |name: &str| {
            let flat = checkpoint.tensor(name, 2 * graph.shapes().len())?;
            Ok::<_, CheckpointError>(Ranges(flat.as_chunks::<2>().0.to_vec()))
        };
        let is_quantised = checkpoint.tensors.contains_key("ranges");
        let read_kept = || {
            let ranges = is_quantised.then(|| ranges("best.ranges")).transpose()?;
            Ok::<_, CheckpointError>(Kept { parameters: parameters("best")?, ranges })
        };
        self.best = Best {
            epoch: record.best.epoch,
            validation_error: record.best.validation_error.0,
            kept: self.best.kept.is_some().then(read_kept).transpose()?,
        };
        if let Some(mask) = &mut self.mask {
            let Exact(sparsity) = record.sparsity.ok_or_else(|| CheckpointError::entry("sparsity"))?;
            mask.restore(checkpoint.tensor("mask", layout.parameters())?, sparsity);
        }
        self.awareness = None;
        if is_quantised {
            self.awareness = Some(Awareness::new(ranges("ranges")?, layout.parameters()));
        }
        self.optimizer.first = checkpoint.tensor("optimizer.first", self.optimizer.first.len())?;
        self.optimizer.second = checkpoint.tensor("optimizer.second", self.optimizer.second.len())?;
        self.optimizer.steps = record.optimizer_steps;
        self.parameters = parameters("parameters")?;
        let PlateauRecord { multiplier: Exact(multiplier), best_loss: Exact(best_loss), epochs_without_gain } =
            record.plateau;
        self.learning_rate.plateau = Plateau { multiplier, best_loss, epochs_without_gain };
        self.learning_rate.horizon.budget = record.budget;
        self.steps = record.steps;
        self.curve = record.curve.iter().map(epoch_report).collect();
        Ok(())
    }
}

/// Whether the record is of a training of this graph and seed, and whole.
fn check_identity(record: &Record, graph: &Graph, seed: u64) -> Result<(), CheckpointError> {
    if record.graph != graph.to_json() {
        return Err(CheckpointError::Other { what: "graph" });
    }
    if record.seed != seed {
        return Err(CheckpointError::Other { what: "seed" });
    }
    let in_order = record.curve.iter().zip(1..).all(|(report, epoch)| report.epoch == epoch);
    if !in_order || record.best.epoch as usize > record.curve.len() {
        return Err(CheckpointError::entry("curve"));
    }
    if record.budget == 0 {
        return Err(CheckpointError::entry("budget"));
    }
    Ok(())
}

fn epoch_record(report: &EpochReport) -> EpochRecord {
    EpochRecord {
        epoch: report.epoch,
        learning_rate: Exact(report.learning_rate),
        train_loss: Exact(report.train_loss),
        train_error: Exact(report.train_error),
        validation_loss: Exact(report.validation_loss),
        validation_error: Exact(report.validation_error),
    }
}

fn epoch_report(record: &EpochRecord) -> EpochReport {
    EpochReport {
        epoch: record.epoch,
        learning_rate: record.learning_rate.0,
        train_loss: record.train_loss.0,
        train_error: record.train_error.0,
        validation_loss: record.validation_loss.0,
        validation_error: record.validation_error.0,
    }
}
