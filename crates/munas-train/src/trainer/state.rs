//! What changes from step to step, and its form at rest.

use munas_ir::Graph;
use munas_kernels::Kernels;

use super::quantised::Awareness;
use crate::checkpoint::{CHECKPOINT_VERSION, Checkpoint, CheckpointError, parse, words};
use crate::optimizer::OptimizerState;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::Pass;
use crate::pruning::Mask;
use crate::quantisation::Ranges;
use crate::schedule::{LearningRate, Plateau};
use crate::{EpochReport, Keep, TrainSettings};

/// Everything that changes from step to step, apart from buffers that each step overwrites.
#[derive(Clone, Debug)]
pub(super) struct TrainState {
    pub parameters: Parameters,
    pub optimizer: OptimizerState,
    pub learning_rate: LearningRate,
    pub steps: u64,
    pub best: Best,
    pub curve: Vec<EpochReport>,
    /// The mask of pruning; `None` without.
    pub mask: Option<Mask>,
    /// What fake quantisation keeps; `None` before its first epoch.
    pub awareness: Option<Awareness>,
}

/// The epoch with the lowest validation error so far; 0 before there is one.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub epoch: u32,
    pub validation_error: f64,
    /// What it was evaluated with; `None` where the last epoch is kept.
    pub kept: Option<Kept>,
}

/// What an epoch's evaluation depends on.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub parameters: Parameters,
    /// Ranges of fake quantisation, in its epochs.
    pub ranges: Option<Ranges>,
}

impl TrainState {
    /// A training that begins with `parameters`.
    pub fn new(
        settings: &TrainSettings,
        layout: &ParameterLayout,
        parameters: Parameters,
        learning_rate: LearningRate,
    ) -> Self {
        Self {
            optimizer: OptimizerState::new(settings.optimizer, settings.weight_decay, layout.parameters()),
            learning_rate,
            steps: 0,
            best: Best {
                epoch: 0,
                validation_error: f64::INFINITY,
                kept: (settings.keep == Keep::Best)
                    .then(|| Kept { parameters: parameters.clone(), ranges: None }),
            },
            curve: Vec::with_capacity(settings.epochs as usize),
            mask: settings.pruning.map(|pruning| Mask::full(pruning.mode, layout)),
            awareness: None,
            parameters,
        }
    }

    /// A pass over `batch` samples with the weights that gradients are computed at.
    pub fn pass<'a>(&'a self, kernels: &'a Kernels, batch: usize) -> Pass<'a> {
        if let Some(Awareness { parameters, activations, .. }) = &self.awareness {
            return Pass { kernels, parameters, batch, mask: &[], activations };
        }
        let dense = &*self.parameters.trained;
        match &self.mask {
            None => Pass { kernels, parameters: dense, batch, mask: &[], activations: &[] },
            Some(mask) => Pass {
                kernels,
                parameters: mask.step_parameters(),
                batch,
                mask: mask.factors(),
                activations: &[],
            },
        }
    }

    /// The present ranges of fake quantisation, in its epochs.
    pub fn ranges(&self) -> Option<Ranges> {
        self.awareness.as_ref().map(|awareness| awareness.ranges.clone())
    }

    /// The form at rest of a training of `graph`.
    pub fn to_checkpoint(&self, graph: &Graph, seed: u64) -> Checkpoint {
        let mut checkpoint = Checkpoint::default();
        let Self { parameters, optimizer, learning_rate, steps, best, curve, mask, awareness } = self;
        let Plateau { multiplier, best_loss, epochs_without_gain } = learning_rate.plateau;
        checkpoint.put("version", CHECKPOINT_VERSION);
        checkpoint.put("graph", graph.to_json());
        checkpoint.put("seed", seed);
        checkpoint.put("budget", learning_rate.horizon.budget);
        checkpoint.put("steps", steps);
        checkpoint.put("optimizer.steps", optimizer.steps);
        checkpoint.put("best", format_args!("{} {}", best.epoch, best.validation_error));
        checkpoint.put("plateau", format_args!("{multiplier} {best_loss} {epochs_without_gain}"));
        let lines: Vec<String> = curve.iter().map(curve_line).collect();
        checkpoint.put("curve", lines.join("\n"));
        for (name, values) in [
            ("parameters", &parameters.trained),
            ("parameters.moving", &parameters.moving),
            ("optimizer.first", &optimizer.first),
            ("optimizer.second", &optimizer.second),
        ] {
            checkpoint.put_tensor(name, values);
        }
        if let Some(mask) = mask {
            checkpoint.put("sparsity", mask.sparsity);
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

    /// Takes over what a training of `graph`, to which `layout` belongs, and of `seed` left.
    pub fn restore(
        &mut self,
        checkpoint: &Checkpoint,
        graph: &Graph,
        layout: &ParameterLayout,
        seed: u64,
    ) -> Result<(), CheckpointError> {
        let found = checkpoint.value("version")?;
        if found != CHECKPOINT_VERSION {
            return Err(CheckpointError::Version { found });
        }
        if checkpoint.text("graph")? != graph.to_json() {
            return Err(CheckpointError::Other { what: "graph" });
        }
        if checkpoint.value::<u64>("seed")? != seed {
            return Err(CheckpointError::Other { what: "seed" });
        }
        let parameters = |name: &str| {
            let trained = checkpoint.tensor(name, layout.parameters())?;
            let moving = checkpoint.tensor(&format!("{name}.moving"), layout.moving())?;
            Ok::<_, CheckpointError>(Parameters { trained, moving })
        };
        let [epoch, validation_error] = words("best", checkpoint.text("best")?)?;
        let ranges = |name: &str| {
            let flat = checkpoint.tensor(name, 2 * graph.shapes().len())?;
            Ok::<_, CheckpointError>(Ranges(flat.as_chunks::<2>().0.to_vec()))
        };
        let is_quantised = checkpoint.tensors.contains_key("ranges");
        let read_kept = || {
            let ranges = is_quantised.then(|| ranges("best.ranges")).transpose()?;
            Ok::<_, CheckpointError>(Kept { parameters: parameters("best")?, ranges })
        };
        let best = Best {
            epoch: parse("best", epoch)?,
            validation_error: parse("best", validation_error)?,
            kept: self.best.kept.is_some().then(read_kept).transpose()?,
        };
        let [multiplier, best_loss, epochs_without_gain] = words("plateau", checkpoint.text("plateau")?)?;
        let plateau = Plateau {
            multiplier: parse("plateau", multiplier)?,
            best_loss: parse("plateau", best_loss)?,
            epochs_without_gain: parse("plateau", epochs_without_gain)?,
        };
        let curve: Result<Vec<_>, _> = checkpoint.text("curve")?.lines().map(read_curve_line).collect();
        let curve = curve?;
        let in_order = curve.iter().zip(1..).all(|(report, epoch)| report.epoch == epoch);
        if !in_order || best.epoch as usize > curve.len() {
            return Err(CheckpointError::Entry { entry: "curve".to_owned() });
        }
        let budget = checkpoint.value("budget")?;
        if budget == 0 {
            return Err(CheckpointError::Entry { entry: "budget".to_owned() });
        }
        if let Some(mask) = &mut self.mask {
            let sparsity = checkpoint.value("sparsity")?;
            mask.restore(checkpoint.tensor("mask", layout.parameters())?, sparsity);
        }
        self.awareness = None;
        if is_quantised {
            self.awareness = Some(Awareness::new(ranges("ranges")?, layout.parameters()));
        }
        self.optimizer.first = checkpoint.tensor("optimizer.first", self.optimizer.first.len())?;
        self.optimizer.second = checkpoint.tensor("optimizer.second", self.optimizer.second.len())?;
        self.optimizer.steps = checkpoint.value("optimizer.steps")?;
        self.parameters = parameters("parameters")?;
        self.learning_rate.plateau = plateau;
        self.learning_rate.horizon.budget = budget;
        self.steps = checkpoint.value("steps")?;
        (self.best, self.curve) = (best, curve);
        Ok(())
    }
}

fn curve_line(report: &EpochReport) -> String {
    let EpochReport { epoch, learning_rate, train_loss, train_error, validation_loss, validation_error } =
        report;
    format!("{epoch} {learning_rate} {train_loss} {train_error} {validation_loss} {validation_error}")
}

fn read_curve_line(line: &str) -> Result<EpochReport, CheckpointError> {
    let [epoch, figures @ ..] = words::<6>("curve", line)?;
    let mut numbers = [0.0; 5];
    for (number, text) in numbers.iter_mut().zip(figures) {
        *number = parse("curve", text)?;
    }
    let [learning_rate, train_loss, train_error, validation_loss, validation_error] = numbers;
    let epoch = parse("curve", epoch)?;
    Ok(EpochReport { epoch, learning_rate, train_loss, train_error, validation_loss, validation_error })
}
