//! The training loop.
//!
//! A step: load a batch, forward, loss, backward, penalties, clipping, optimiser, moving statistics. An epoch: a step
//! for each batch of a fresh permutation of the training part (the last batch has what is left), then an evaluation
//! on the validation part. With pruning, every evaluation is of the masked weights.
//!
//! | part | module |
//! |---|---|
//! | what feeds data | `feed`, with the generators of `draws` |
//! | the buffers of a step | `buffers` |
//! | what a checkpoint holds | `state`, and its form `at_rest` |
//! | what is minimised | `training_loss` |
//! | evaluations, and the network that is kept | `judgement` |
//! | what pruning and awareness of int8 change | `pruned`, `quantised` |

mod at_rest;
mod buffers;
mod draws;
mod feed;
mod judgement;
mod pruned;
mod quantised;
mod state;
mod training_loss;

use std::ops::ControlFlow;

use munas_data::Dataset;
use munas_ir::{Graph, Shape, Weights};
use munas_kernels::{Isa, Kernels};

use crate::batch::Selection;
use crate::loss::has_diverged;
use crate::parameters::{ParameterLayout, Parameters};
use crate::pruning::Mask;
use crate::schedule::{Horizon, LearningRate};
use crate::{
    Checkpoint, EpochReport, Evaluation, Progress, StepReport, TrainError, TrainSettings, TrainedModel,
};
use buffers::TrainingBuffers;
use draws::{Draw, generator};
use feed::Feed;
use judgement::Counted;
use state::TrainState;
use training_loss::TrainingLoss;

/// Is asked after every batch whether to go on.
type Proceed<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// What is trained, on what and how. It does not change.
#[derive(Clone, Copy)]
struct Task<'a> {
    graph: &'a Graph,
    dataset: &'a Dataset,
    settings: &'a TrainSettings,
    seed: u64,
}

/// A training under way. [`train`] runs one from beginning to end; this is for those who need single epochs or steps.
pub struct Trainer<'a> {
    task: Task<'a>,
    kernels: Kernels,
    layout: ParameterLayout,
    loss: TrainingLoss,
    feed: Feed,
    buffers: TrainingBuffers,
    /// What a checkpoint holds.
    state: TrainState,
    /// What the present weights do on the validation part, once that was asked.
    judged: Option<Counted>,
}

impl<'a> Trainer<'a> {
    /// A training of `graph` from its initial weights, which `seed` decides as all other random draws.
    ///
    /// # Errors
    /// [`TrainError`] if a setting cannot be used, or the graph does not fit the data.
    pub fn new(
        graph: &'a Graph,
        dataset: &'a Dataset,
        settings: &'a TrainSettings,
        seed: u64,
    ) -> Result<Self, TrainError> {
        settings.check()?;
        check_data(graph, dataset)?;
        let samples = dataset.train.len();
        let batch = settings.batch.min(samples);
        let layout = ParameterLayout::new(graph);
        let buffers = TrainingBuffers::new(graph, &layout, settings, (batch, samples), seed);
        let horizon = Horizon {
            steps_per_epoch: settings.steps_in_epoch(samples),
            epochs: settings.epochs,
            budget: settings.epochs,
            warm_up: settings.warm_up,
        };
        let learning_rate = LearningRate::new(&settings.schedule, settings.learning_rate, horizon);
        let parameters = Parameters::initialise(graph, &layout, &mut generator(seed, Draw::Initialise, 0));
        Ok(Self {
            task: Task { graph, dataset, settings, seed },
            kernels: Kernels::new(Isa::detect()),
            loss: TrainingLoss::new(graph, dataset, settings)?,
            feed: Feed::new(dataset, settings, seed),
            state: TrainState::new(settings, &layout, parameters, learning_rate),
            layout,
            buffers,
            judged: None,
        })
    }

    /// The training that `checkpoint` was taken of, at the end of the same epoch. Graph, dataset, settings and seed must
    /// be the same again; it then ends with the same weights as a training that never stopped, bit for bit.
    ///
    /// # Errors
    /// As [`Trainer::new`], and [`TrainError::Checkpoint`] for a checkpoint of another graph, seed or optimiser.
    pub fn resume(
        graph: &'a Graph,
        dataset: &'a Dataset,
        settings: &'a TrainSettings,
        seed: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Self, TrainError> {
        let mut trainer = Self::new(graph, dataset, settings, seed)?;
        trainer.state.restore(checkpoint, graph, &trainer.layout, seed)?;
        if trainer.state.awareness.is_some() {
            trainer.buffers.quantise(graph, &trainer.layout, settings);
        }
        Ok(trainer)
    }

    /// What it takes to go on later, after the last epoch that was finished.
    pub fn checkpoint(&self) -> Checkpoint {
        self.state.to_checkpoint(self.task.graph, self.task.seed)
    }

    /// Sets the budget: the number of epochs, those trained so far included, that the learning rate schedule is
    /// stretched over from the next step on. Without a call it is that of the checkpoint, or of the settings.
    ///
    /// # Panics
    /// If it is 0.
    pub fn set_budget(&mut self, epochs: u32) {
        assert!(epochs > 0, "a training of no epochs");
        self.state.learning_rate.horizon.budget = epochs;
    }

    /// The reports of all epochs so far, those before a checkpoint included.
    pub fn curve(&self) -> &[EpochReport] {
        &self.state.curve
    }

    /// Goes on from `weights` of the same graph instead of the initial ones. Optimiser and schedule stay as they are.
    pub fn set_weights(&mut self, weights: &Weights) {
        self.judged = None;
        self.state.parameters.load(self.task.graph, &self.layout, weights);
    }

    /// The present weights; with pruning, the masked ones.
    pub fn weights(&self) -> Weights {
        self.state.present_parameters(&self.kernels).to_weights(self.task.graph, &self.layout)
    }

    /// Memory of all activations and their gradients, in bytes; parameters and the dataset come on top.
    pub fn activation_bytes(&self) -> usize {
        self.buffers.activation_bytes()
    }

    /// One step on the training samples at `positions`.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], with the parameters as they were; [`TrainError::TooLarge`] where pruning has to fit and cannot.
    ///
    /// # Panics
    /// If there are no positions, or more than the settings' `batch`, or one past the end of the training part.
    pub fn step(&mut self, positions: &[u32]) -> Result<StepReport, TrainError> {
        let batch = positions.len();
        assert!((1..=self.buffers.plan.largest_batch()).contains(&batch), "a step of {batch} samples");
        self.judged = None;
        self.update_mask()?;
        self.quantise_parameters();
        self.load(positions);
        let Self { task, kernels, layout, buffers, feed, state, .. } = self;
        let TrainingBuffers { plan, workspace, gradients, .. } = buffers;
        plan.draw_masks(batch, workspace, &mut feed.generators.dropout);
        plan.forward(&state.pass(kernels, batch), workspace);
        let sum = self.loss.differentiate(kernels, plan, &feed.targets, workspace);
        let loss = sum.loss / batch as f64;
        if has_diverged(loss) {
            return Err(TrainError::Diverged { epoch: state.epoch_number(), loss });
        }
        plan.backward(&state.pass(kernels, batch), workspace, gradients);
        let settings = task.settings;
        let learning_rate = state.learning_rate.at(state.steps);
        let TrainState { parameters, optimizer, mask, .. } = &mut *state;
        let present = mask.as_ref().map_or(&*parameters.trained, Mask::step_parameters);
        buffers.add_kernel_penalty(kernels, layout, settings.kernel_l2 as f32, present);
        buffers.clip_gradients(kernels, settings.gradient_clip);
        optimizer.step(kernels, learning_rate, &mut parameters.trained, &buffers.gradients);
        buffers.update_moving_statistics(&mut parameters.moving);
        self.update_ranges();
        self.state.steps += 1;
        Ok(StepReport { learning_rate, loss, correct: sum.correct })
    }

    /// Trains on every sample once, or for the steps of an epoch, and evaluates on the validation part. `proceed` is asked after every batch.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::TooLarge`], [`TrainError::Stopped`] where `proceed` breaks.
    pub fn epoch(&mut self, proceed: Proceed<'_>) -> Result<EpochReport, TrainError> {
        let epoch = self.state.epoch_number();
        self.begin_quantisation();
        let steps = self.state.learning_rate.horizon.steps_per_epoch;
        let extents = (self.task.dataset.train.len(), self.buffers.plan.largest_batch());
        let batches = self.feed.begin_epoch(epoch, steps, extents);
        let samples: usize = batches.iter().map(Vec::len).sum();
        let (mut loss, mut correct, mut learning_rate) = (0.0, 0, 0.0);
        for positions in &batches {
            let step = self.step(positions)?;
            loss += step.loss * positions.len() as f64;
            correct += step.correct;
            learning_rate = step.learning_rate;
            if proceed().is_break() {
                return Err(self.stopped());
            }
        }
        let validation = self.validate(proceed)?;
        if !validation.loss.is_finite() {
            return Err(TrainError::Diverged { epoch, loss: validation.loss });
        }
        let report = EpochReport {
            epoch,
            learning_rate,
            train_loss: loss / samples as f64,
            train_error: 1.0 - correct as f64 / samples as f64,
            validation_loss: validation.loss,
            validation_error: validation.error,
        };
        let counts = self.pruning().is_none_or(|pruning| epoch >= pruning.finish);
        self.state.finish_epoch(&report, counts, &self.kernels);
        Ok(report)
    }

    /// Loss and error of the present weights on the validation part, with the statistics of batch norms that the settings ask for.
    /// `proceed` is asked after every batch.
    ///
    /// # Errors
    /// [`TrainError::Stopped`] where `proceed` breaks.
    pub fn validate(&mut self, proceed: Proceed<'_>) -> Result<Evaluation, TrainError> {
        self.estimate_norm_statistics(proceed)?;
        self.load_present();
        let judged = self.count_loaded(&self.task.dataset.validation, proceed)?;
        Ok(self.judged.insert(judged).0)
    }

    /// Epochs since the one with the lowest validation error; 0 as long as no epoch counts.
    pub fn epochs_since_best(&self) -> u32 {
        match self.state.best.epoch {
            0 => 0,
            best => self.state.curve.len() as u32 - best,
        }
    }

    /// Trains to the end of the settings' epochs. `observer` hears of the epochs before a checkpoint first.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::TooLarge`], [`TrainError::Stopped`] by the observer.
    pub fn run(
        mut self,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<TrainedModel, TrainError> {
        self.tell_curve(observer)?;
        self.train_to(self.task.settings.epochs, observer)?;
        self.finish(&mut || observer(Progress::Batch))
    }

    /// Trains to the end of the last of `rungs`, which are epochs in ascending order. Each rung is a whole training as far as the learning
    /// rate is concerned: the budget is its end. A training that rested at the end of an earlier rung and goes on from there ends with the
    /// same weights, bit for bit.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    ///
    /// # Panics
    /// If there are no rungs, or one ends after no epochs or after more than those of the settings.
    pub fn run_in_rungs(
        mut self,
        rungs: &[u32],
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<TrainedModel, TrainError> {
        assert!(rungs.iter().all(|end| (1..=self.task.settings.epochs).contains(end)), "rungs at {rungs:?}");
        assert!(!rungs.is_empty(), "a training of no rungs");
        self.tell_curve(observer)?;
        for &end in rungs {
            if self.state.curve.len() < end as usize {
                self.set_budget(end);
                self.train_to(end, observer)?;
            }
        }
        self.finish(&mut || observer(Progress::Batch))
    }

    /// Tells of the epochs before a checkpoint.
    fn tell_curve(
        &self,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), TrainError> {
        let told = self.state.curve.iter().try_for_each(|report| observer(Progress::Epoch(report)));
        if told.is_break() { Err(self.stopped()) } else { Ok(()) }
    }

    /// Trains until so many epochs are trained, or early stopping allows no more.
    fn train_to(
        &mut self,
        end: u32,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), TrainError> {
        while !self.is_finished(end) {
            let report = self.epoch(&mut || observer(Progress::Batch))?;
            if observer(Progress::Epoch(&report)).is_break()
                || observer(Progress::Resting(&|| self.checkpoint())).is_break()
            {
                return Err(self.stopped());
            }
        }
        Ok(())
    }

    /// Whether no epoch is left until the end, or none that early stopping allows.
    fn is_finished(&self, end: u32) -> bool {
        let patience_is_over =
            self.task.settings.early_stop.is_some_and(|patience| self.epochs_since_best() >= patience);
        let epochs = self.state.curve.len();
        epochs >= end as usize || (epochs > 0 && patience_is_over)
    }

    /// Fills the plan's input and the targets.
    fn load(&mut self, positions: &[u32]) {
        let augments = self.augments();
        let Self { feed, buffers, loss, kernels, .. } = self;
        let input = buffers.plan.input(positions.len(), &mut buffers.workspace);
        let selection = Selection { split: &self.task.dataset.train, positions };
        feed.load(kernels, selection, augments, input);
        let rng = augments.then_some(&mut feed.generators.augment);
        loss.prepare(positions, &feed.targets, input, rng);
    }

    /// Whether samples are changed in the epoch under way.
    fn augments(&self) -> bool {
        let epochs = f64::from(self.state.learning_rate.horizon.budget);
        f64::from(self.state.epoch_number() - 1) < self.task.settings.augment_until * epochs
    }

    fn stopped(&self) -> TrainError {
        TrainError::Stopped { epochs: self.state.curve.len() as u32 }
    }
}

fn check_data(graph: &Graph, dataset: &Dataset) -> Result<(), TrainError> {
    let parts = [("training", &dataset.train), ("validation", &dataset.validation), ("test", &dataset.test)];
    if let Some((part, _)) = parts.into_iter().find(|(_, split)| split.is_empty()) {
        return Err(TrainError::EmptySplit { part });
    }
    let [height, width, channels] = dataset.input;
    let samples = Shape::new(height, width, channels);
    if graph.input_shape() != samples {
        return Err(TrainError::InputShape { graph: graph.input_shape(), samples });
    }
    let (outputs, classes) = (graph.shape(graph.output()), dataset.classes());
    let fits = outputs == Shape::flat(classes) || (classes == 2 && outputs == Shape::flat(1));
    if fits { Ok(()) } else { Err(TrainError::Outputs { outputs, classes }) }
}

/// Trains `graph` on `dataset`; same seed, same result on the same instruction set.
///
/// `observer` hears of every batch and every epoch, and may end the training at any of them.
///
/// # Errors
/// [`TrainError::Diverged`], [`TrainError::TooLarge`], [`TrainError::Stopped`] by the observer; the others if a setting cannot be used, or the
/// graph does not fit the data.
pub fn train(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    seed: u64,
    observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<TrainedModel, TrainError> {
    Trainer::new(graph, dataset, settings, seed)?.run(observer)
}

#[cfg(test)]
mod checkpoint_tests;
#[cfg(test)]
mod tests;
