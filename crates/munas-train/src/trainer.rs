//! The training loop.
//!
//! A step: load a batch, forward, loss, backward, penalties, clipping, optimiser, moving statistics. An epoch: a step
//! for each batch of a fresh permutation of the training part (the last batch has what is left), then an evaluation
//! on the validation part. With pruning, every evaluation is of the masked weights.
//!
//! Random draws of an epoch depend on seed, purpose and epoch only, so that a training can go on from a
//! [`Checkpoint`] without the state of any generator.

mod objective;
mod pruned;
mod quantised;
mod state;

use std::ops::ControlFlow;

use munas_data::{Augmenter, Dataset, SampleBuffer, Split};
use munas_ir::{Graph, Shape, Weights};
use munas_kernels::{AlignedBuffer, Isa, Kernels, LANES};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::batch::{BatchLoader, Selection};
use crate::evaluate::Evaluator;
use crate::loss::has_diverged;
use crate::norm_statistics::{NormStatistics, StatisticsEstimator};
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Plan, Purpose, Workspace};
use crate::pruning::{Mask, PruningMode};
use crate::schedule::{Horizon, LearningRate};
use crate::{
    Checkpoint, Confusion, EpochReport, Evaluation, Progress, StepReport, TrainError, TrainSettings,
    TrainedModel,
};
use objective::Objective;
use state::{Best, Kept, TrainState};

/// What a batch norm's moving statistics keep of themselves in each step.
const BATCH_NORM_MOMENTUM: f32 = 0.99;

/// What random draws are for; each purpose has streams of its own.
#[derive(Clone, Copy)]
enum Draw {
    Initialise = 0,
    Shuffle = 1,
    Augment = 2,
    Dropout = 3,
    NormStatistics = 4,
}

/// The generator of one purpose in one epoch. Epoch 0 is the time before training.
fn generator(seed: u64, draw: Draw, epoch: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(epoch) << 8 | draw as u64);
    rng
}

/// Is asked after every batch whether to go on.
type Proceed<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// The generators of the current epoch.
struct Generators {
    augment: ChaCha8Rng,
    dropout: ChaCha8Rng,
}

impl Generators {
    fn new(seed: u64, epoch: u32) -> Self {
        Self {
            augment: generator(seed, Draw::Augment, epoch),
            dropout: generator(seed, Draw::Dropout, epoch),
        }
    }
}

/// A training under way. [`train`] runs one from beginning to end; this is for those who need single epochs or steps.
pub struct Trainer<'a> {
    graph: &'a Graph,
    dataset: &'a Dataset,
    settings: &'a TrainSettings,
    seed: u64,
    kernels: Kernels,
    layout: ParameterLayout,
    plan: Plan,
    objective: Objective,
    loader: BatchLoader,
    augmenter: Augmenter,
    evaluator: Evaluator,
    /// Where batch norms' statistics are estimated anew; `None` once they are folded.
    estimator: Option<StatisticsEstimator>,
    workspace: Workspace,
    gradients: AlignedBuffer,
    generators: Generators,
    order: Vec<u32>,
    targets: Vec<u32>,
    state: TrainState,
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
        let train = &dataset.train;
        let batch = settings.batch.min(train.len());
        let layout = ParameterLayout::new(graph);
        let channel_masks = settings.prunes(PruningMode::Structured);
        let plan =
            Plan::new(graph, &layout, batch, Purpose::Training { dropout: settings.dropout, channel_masks });
        let evaluator = Evaluator::new(graph, batch);
        let mut draws = generator(seed, Draw::NormStatistics, 0);
        let re_estimates = settings.norm_statistics == NormStatistics::ReEstimated;
        let estimator = re_estimates
            .then(|| StatisticsEstimator::new(graph, &layout, batch, train.len(), &mut draws))
            .flatten();
        let augmenter = Augmenter::new(&settings.augment, dataset.input, dataset.full_scale);
        let buffers = if augmenter.is_identity() { 0 } else { LANES };
        let buffers = (0..buffers).map(|_| SampleBuffer::new(dataset.element_type())).collect();
        let normalisation = dataset.normalisation(settings.normalise);
        let horizon = Horizon {
            steps_per_epoch: train.len().div_ceil(batch) as u64,
            epochs: settings.epochs,
            budget: settings.epochs,
            warm_up: settings.warm_up,
        };
        let learning_rate = LearningRate::new(&settings.schedule, settings.learning_rate, horizon);
        let parameters = Parameters::initialise(graph, &layout, &mut generator(seed, Draw::Initialise, 0));
        let state = TrainState::new(settings, &layout, parameters, learning_rate);
        Ok(Self {
            objective: Objective::new(graph, dataset, settings)?,
            workspace: workspace_for(&plan, &evaluator, estimator.as_ref()),
            gradients: AlignedBuffer::zeroed(layout.parameters()),
            loader: BatchLoader::new(normalisation, graph.input_shape().pixels(), buffers),
            generators: Generators::new(seed, 1),
            order: Vec::with_capacity(train.len()),
            targets: Vec::with_capacity(batch),
            kernels: Kernels::new(Isa::detect()),
            graph,
            dataset,
            settings,
            seed,
            layout,
            plan,
            augmenter,
            evaluator,
            estimator,
            state,
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
            trainer.quantise_plans();
        }
        Ok(trainer)
    }

    /// What it takes to go on later, after the last epoch that was finished.
    pub fn checkpoint(&self) -> Checkpoint {
        self.state.to_checkpoint(self.graph, self.seed)
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
        self.state.parameters.load(self.graph, &self.layout, weights);
    }

    /// The present weights; with pruning, the masked ones.
    pub fn weights(&self) -> Weights {
        self.state.present_parameters(&self.kernels).to_weights(self.graph, &self.layout)
    }

    /// Memory of all activations and their gradients, in bytes; parameters and the dataset come on top.
    pub fn activation_bytes(&self) -> usize {
        self.plan.arena_bytes().max(self.evaluator.plan().arena_bytes())
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
        assert!((1..=self.plan.largest_batch()).contains(&batch), "a step of {batch} samples");
        self.update_mask()?;
        self.quantise_parameters();
        self.load(positions);
        self.plan.draw_masks(batch, &mut self.workspace, &mut self.generators.dropout);
        self.plan.forward(&self.state.pass(&self.kernels, batch), &mut self.workspace);
        let sum = self.objective.differentiate(&self.kernels, &self.plan, &self.targets, &mut self.workspace);
        let loss = sum.loss / batch as f64;
        if has_diverged(loss) {
            return Err(TrainError::Diverged { epoch: self.epoch_number(), loss });
        }
        let pass = self.state.pass(&self.kernels, batch);
        self.plan.backward(&pass, &mut self.workspace, &mut self.gradients);
        self.add_kernel_penalty();
        self.clip_gradients();
        let learning_rate = self.state.learning_rate.at(self.state.steps);
        let TrainState { parameters, optimizer, .. } = &mut self.state;
        optimizer.step(&self.kernels, learning_rate, &mut parameters.trained, &self.gradients);
        self.update_moving_statistics();
        self.update_ranges();
        self.state.steps += 1;
        Ok(StepReport { learning_rate, loss, correct: sum.correct })
    }

    /// Trains on every sample once and evaluates on the validation part.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::TooLarge`].
    pub fn epoch(&mut self) -> Result<EpochReport, TrainError> {
        self.epoch_while(&mut || ControlFlow::Continue(()))
    }

    /// The same, asking `proceed` after every batch.
    fn epoch_while(&mut self, proceed: Proceed<'_>) -> Result<EpochReport, TrainError> {
        let epoch = self.epoch_number();
        self.begin_quantisation();
        self.generators = Generators::new(self.seed, epoch);
        let mut order = std::mem::take(&mut self.order);
        let samples = self.dataset.train.len();
        order.clear();
        order.extend(0..samples as u32);
        order.shuffle(&mut generator(self.seed, Draw::Shuffle, epoch));
        let (mut loss, mut correct, mut learning_rate) = (0.0, 0, 0.0);
        for positions in order.chunks(self.plan.largest_batch()) {
            let step = self.step(positions)?;
            loss += step.loss * positions.len() as f64;
            correct += step.correct;
            learning_rate = step.learning_rate;
            if proceed().is_break() {
                return Err(self.stopped());
            }
        }
        self.order = order;

        self.estimate_norm_statistics(proceed)?;
        let validation = self.evaluate_present(&self.dataset.validation, proceed)?;
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
        self.finish_epoch(&report);
        Ok(report)
    }

    /// Epochs since the one with the lowest validation error; 0 as long as no epoch counts.
    pub fn epochs_since_best(&self) -> u32 {
        match self.state.best.epoch {
            0 => 0,
            best => self.state.curve.len() as u32 - best,
        }
    }

    /// The network and weights of the epoch that is kept, and what they and the last weights do on the test part.
    ///
    /// # Panics
    /// If no epoch was trained; with pruning, if none was from the one in which the sparsity is reached.
    pub fn finish(self) -> TrainedModel {
        self.finish_while(&mut || ControlFlow::Continue(())).expect("nothing stops it")
    }

    /// The same, asking `proceed` after every batch of the evaluations.
    fn finish_while(mut self, proceed: Proceed<'_>) -> Result<TrainedModel, TrainError> {
        assert!(self.state.best.epoch > 0, "no epoch was trained that counts");
        let (epoch, weights, ranges, last_test_error) = match self.state.best.kept.take() {
            Some(Kept { parameters, ranges }) => {
                let last = self.evaluate_present(&self.dataset.test, proceed)?;
                let weights = parameters.to_weights(self.graph, &self.layout);
                (self.state.best.epoch, weights, ranges, Some(last.error))
            }
            None => (self.state.curve.len() as u32, self.weights(), self.state.ranges(), None),
        };
        let (graph, weights) = self.without_masked_channels(weights);
        let (evaluator, quantisation) = self.kept_evaluator(&graph, &weights, ranges.as_ref());
        self.evaluator = evaluator;
        self.workspace.replan(&[self.evaluator.plan()]);
        let (validation, (validation_confusion, validation_predicted)) =
            self.count_loaded(&self.dataset.validation, proceed)?;
        let (test, (test_confusion, _)) = self.count_loaded(&self.dataset.test, proceed)?;
        Ok(TrainedModel {
            best_epoch: epoch,
            validation_error: validation.error,
            test_error: test.error,
            validation_confusion,
            validation_predicted,
            test_confusion,
            last_test_error: last_test_error.unwrap_or(test.error),
            sparsity: self.state.mask.as_ref().map(|mask| mask.sparsity),
            curve: self.state.curve,
            quantisation,
            graph,
            weights,
        })
    }

    /// Trains to the end of the settings' epochs. `observer` hears of the epochs before a checkpoint first.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::TooLarge`], [`TrainError::Stopped`] by the observer.
    pub fn run(
        mut self,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<TrainedModel, TrainError> {
        for report in &self.state.curve {
            if observer(Progress::Epoch(report)).is_break() {
                return Err(self.stopped());
            }
        }
        while !self.is_finished() {
            let report = self.epoch_while(&mut || observer(Progress::Batch))?;
            if observer(Progress::Epoch(&report)).is_break()
                || observer(Progress::Resting(&|| self.checkpoint())).is_break()
            {
                return Err(self.stopped());
            }
        }
        self.finish_while(&mut || observer(Progress::Batch))
    }

    /// Whether no epoch is left, or none that early stopping allows.
    fn is_finished(&self) -> bool {
        let patience_is_over =
            self.settings.early_stop.is_some_and(|patience| self.epochs_since_best() >= patience);
        let epochs = self.state.curve.len();
        epochs >= self.settings.epochs as usize || (epochs > 0 && patience_is_over)
    }

    /// The epoch under way, counted from 1.
    fn epoch_number(&self) -> u32 {
        self.state.curve.len() as u32 + 1
    }

    /// Fills the plan's input and the targets.
    fn load(&mut self, positions: &[u32]) {
        let (train, augments) = (&self.dataset.train, self.augments());
        self.targets.clear();
        self.targets.extend(positions.iter().map(|&position| train.label(position as usize)));
        let input = self.plan.input(positions.len(), &mut self.workspace);
        let selection = Selection { split: train, positions };
        if !augments || self.augmenter.is_identity() {
            self.loader.load(&self.kernels, selection, input);
        } else {
            let rng = &mut self.generators.augment;
            self.loader.load_augmented(&self.kernels, selection, &self.augmenter, rng, input);
        }
        let rng = augments.then_some(&mut self.generators.augment);
        self.objective.prepare(positions, &self.targets, input, rng);
    }

    /// Whether samples are changed in the epoch under way.
    fn augments(&self) -> bool {
        let epochs = f64::from(self.state.learning_rate.horizon.budget);
        f64::from(self.epoch_number() - 1) < self.settings.augment_until * epochs
    }

    fn add_kernel_penalty(&mut self) {
        let lambda = self.settings.kernel_l2 as f32;
        if lambda == 0.0 {
            return;
        }
        let TrainState { parameters, mask, .. } = &self.state;
        let present = mask.as_ref().map_or(&*parameters.trained, Mask::step_parameters);
        for ranges in self.layout.layers() {
            let kernel = ranges.affine.kernel.clone();
            self.kernels.axpy(2.0 * lambda, &present[kernel.clone()], &mut self.gradients[kernel]);
        }
    }

    fn clip_gradients(&mut self) {
        let Some(limit) = self.settings.gradient_clip else { return };
        let norm = self.kernels.sum_of_squares(&self.gradients).sqrt();
        if norm > limit {
            self.kernels.scale((limit / norm) as f32, &mut self.gradients);
        }
    }

    /// Statistics of the batch norms for the present weights, where they are estimated anew.
    fn estimate_norm_statistics(&mut self, proceed: Proceed<'_>) -> Result<(), TrainError> {
        let Some(mut estimator) = self.estimator.take() else { return Ok(()) };
        let Self { kernels, loader, workspace, dataset, .. } = self;
        let parameters = self.state.present_parameters(kernels);
        let statistics = estimator.estimate(kernels, &parameters, &dataset.train, loader, workspace, proceed);
        self.estimator = Some(estimator);
        let statistics = statistics.ok_or_else(|| self.stopped())?;
        self.state.parameters.moving.copy_from_slice(&statistics);
        Ok(())
    }

    fn update_moving_statistics(&mut self) {
        let moving = &mut self.state.parameters.moving;
        for ranges in self.plan.norms() {
            let batch = &self.workspace.statistics()[ranges.index];
            for (range, values) in [(&ranges.mean, &batch.mean), (&ranges.variance, &batch.variance)] {
                for (moving, value) in moving[range.clone()].iter_mut().zip(values) {
                    *moving = BATCH_NORM_MOMENTUM * *moving + (1.0 - BATCH_NORM_MOMENTUM) * value;
                }
            }
        }
    }

    fn evaluate_present(&mut self, split: &Split, proceed: Proceed<'_>) -> Result<Evaluation, TrainError> {
        let weights = self.weights();
        self.evaluator.load_weights(self.graph, &weights);
        if let Some(awareness) = &self.state.awareness {
            self.evaluator.quantise(&self.kernels, awareness.ranges.tensors(self.graph));
        }
        self.evaluate_loaded(split, proceed)
    }

    fn evaluate_loaded(&mut self, split: &Split, proceed: Proceed<'_>) -> Result<Evaluation, TrainError> {
        let Self { evaluator, kernels, loader, workspace, .. } = self;
        let evaluation = evaluator.evaluate_while(kernels, split, loader, workspace, proceed);
        evaluation.ok_or_else(|| self.stopped())
    }

    /// The same, with what was taken for what, all together and sample by sample.
    fn count_loaded(
        &mut self,
        split: &Split,
        proceed: Proceed<'_>,
    ) -> Result<(Evaluation, (Confusion, Vec<u32>)), TrainError> {
        let classes = self.dataset.classes();
        self.evaluator.count_confusion(classes);
        let evaluation = self.evaluate_loaded(split, proceed)?;
        let counted = self.evaluator.take_confusion();
        Ok((evaluation, counted.unwrap_or_else(|| (Confusion::new(classes), Vec::new()))))
    }

    fn stopped(&self) -> TrainError {
        TrainError::Stopped { epochs: self.state.curve.len() as u32 }
    }

    fn finish_epoch(&mut self, report: &EpochReport) {
        self.state.learning_rate.finish_epoch(report.validation_loss);
        self.state.curve.push(*report);
        let counts = self.pruning().is_none_or(|pruning| report.epoch >= pruning.finish);
        if counts && report.validation_error < self.state.best.validation_error {
            let kept = self.state.best.kept.is_some().then(|| Kept {
                parameters: self.state.present_parameters(&self.kernels).into_owned(),
                ranges: self.state.ranges(),
            });
            let (epoch, validation_error) = (report.epoch, report.validation_error);
            self.state.best = Best { epoch, validation_error, kept };
        }
    }
}

/// Memory for all plans that a training has at the same time.
fn workspace_for(plan: &Plan, evaluator: &Evaluator, estimator: Option<&StatisticsEstimator>) -> Workspace {
    let plans = [plan, evaluator.plan()].into_iter().chain(estimator.map(StatisticsEstimator::plan));
    Workspace::for_plans(&plans.collect::<Vec<_>>())
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
