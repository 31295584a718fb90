//! Loss and error of given weights, computed on the inference graph (batch norm folded).

use std::ops::ControlFlow;

use munas_data::{Normalisation, Split};
use munas_ir::{Graph, Shape, TensorQuantisation, Weights, fold_batch_norm};
use munas_kernels::{Isa, Kernels, LANES, LossSum, blocks_for};

use crate::batch::{BatchLoader, Selection};
use crate::loss::Loss;
use crate::parameters::{ParameterLayout, Parameters, fake_quantise};
use crate::plan::{Pass, Plan, Purpose, Workspace};
use crate::quantisation::{CALIBRATION_BATCHES, Ranges};
use crate::report::never_stop;
use crate::{Confusion, Evaluation, TrainError};

/// The inference form of a network, to be loaded with weights again and again.
pub(crate) struct Evaluator {
    graph: Graph,
    layout: ParameterLayout,
    parameters: Parameters,
    plan: Plan,
    loss: Loss,
    d_logits: Vec<f32>,
    positions: Vec<u32>,
    /// How activations are rounded; empty where they are not.
    activations: Vec<TensorQuantisation>,
    /// What was taken for what, where it is counted.
    confusion: Option<Confusion>,
    /// What each sample was taken for, where it is counted.
    predicted: Vec<u32>,
}

impl Evaluator {
    /// An evaluator of `graph` in batches of `batch`.
    pub fn new(graph: &Graph, batch: usize) -> Self {
        Self::with_plan(graph, batch, Plan::new)
    }

    /// An evaluator that can round values, and measure their ranges.
    pub fn quantised(graph: &Graph, batch: usize) -> Self {
        Self::with_plan(graph, batch, Plan::quantised)
    }

    fn with_plan(
        graph: &Graph,
        batch: usize,
        plan: fn(&Graph, &ParameterLayout, usize, Purpose) -> Plan,
    ) -> Self {
        let graph = graph.without_batch_norm();
        let layout = ParameterLayout::new(&graph);
        let plan = plan(&graph, &layout, batch, Purpose::Inference);
        let units = graph.shape(graph.output()).elements();
        Self {
            parameters: Parameters::zeroed(&layout),
            layout,
            plan,
            loss: Loss::plain(units),
            d_logits: vec![0.0; blocks_for(batch) * units * LANES],
            positions: Vec::with_capacity(batch),
            activations: Vec::new(),
            confusion: None,
            predicted: Vec::new(),
            graph,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes over weights of the graph, batch norm apart or folded; nothing is rounded.
    pub fn load_weights(&mut self, graph: &Graph, weights: &Weights) {
        let (_, folded) = fold_batch_norm(graph, weights);
        self.parameters.load(&self.graph, &self.layout, &folded);
        self.activations.clear();
    }

    /// Rounds the loaded weights, and activations from now on.
    pub fn quantise(&mut self, kernels: &Kernels, activations: Vec<TensorQuantisation>) {
        let Self { graph, layout, parameters, .. } = self;
        let weights = parameters.trained.clone();
        fake_quantise(kernels, graph, layout, &activations, &weights, &mut parameters.trained);
        self.activations = activations;
    }

    /// The ranges of all tensors over the first batches of `split`.
    pub fn calibrate(
        &mut self,
        kernels: &Kernels,
        split: &Split,
        loader: &BatchLoader,
        workspace: &mut Workspace,
    ) -> Ranges {
        let mut ranges = Ranges::default();
        for start in (0..split.len()).step_by(self.plan.largest_batch()).take(CALIBRATION_BATCHES) {
            self.load_batch(kernels, start, split, loader, workspace);
            self.forward(kernels, self.positions.len(), workspace);
            ranges.update(workspace.observed());
        }
        ranges
    }

    /// Computes the logits of the `batch` samples in the plan's input.
    pub fn forward(&self, kernels: &Kernels, batch: usize, workspace: &mut Workspace) {
        let pass = Pass {
            kernels,
            parameters: &self.parameters.trained,
            batch,
            mask: &[],
            activations: &self.activations,
        };
        self.plan.forward(&pass, workspace);
    }

    /// From now on it is counted which of so many classes are taken for which.
    pub fn count_confusion(&mut self, classes: usize) {
        self.confusion = Some(Confusion::new(classes));
        self.predicted.clear();
    }

    /// What was counted since, and the class that each sample was taken for.
    pub fn take_confusion(&mut self) -> Option<(Confusion, Vec<u32>)> {
        Some((self.confusion.take()?, std::mem::take(&mut self.predicted)))
    }

    /// Loss and error of the loaded weights on `split`, which is not empty. `None` if `proceed`, which is asked after every
    /// batch, answers `Break`.
    pub fn evaluate(
        &mut self,
        kernels: &Kernels,
        split: &Split,
        loader: &BatchLoader,
        workspace: &mut Workspace,
        proceed: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Option<Evaluation> {
        let mut total = LossSum::default();
        for start in (0..split.len()).step_by(self.plan.largest_batch()) {
            self.load_batch(kernels, start, split, loader, workspace);
            let batch = self.positions.len();
            self.forward(kernels, batch, workspace);
            let logits = self.plan.logits(batch, workspace);
            let sum =
                self.loss.sum(kernels, &split.labels()[start..start + batch], logits, &mut self.d_logits);
            total.loss += sum.loss;
            total.correct += sum.correct;
            if let Some(confusion) = &mut self.confusion {
                let labels = &split.labels()[start..start + batch];
                for (sample, &label) in labels.iter().enumerate() {
                    let predicted = predicted_class(logits, self.loss.units, sample);
                    confusion.add(label as usize, predicted);
                    self.predicted.push(predicted as u32);
                }
            }
            if proceed().is_break() {
                return None;
            }
        }
        let samples = split.len() as f64;
        Some(Evaluation { loss: total.loss / samples, error: 1.0 - total.correct as f64 / samples })
    }
}

impl Evaluator {
    /// Fills the plan's input with the batch from sample `start` on.
    fn load_batch(
        &mut self,
        kernels: &Kernels,
        start: usize,
        split: &Split,
        loader: &BatchLoader,
        workspace: &mut Workspace,
    ) {
        let end = split.len().min(start + self.plan.largest_batch());
        self.positions.clear();
        self.positions.extend((start..end).map(|position| position as u32));
        let selection = Selection { split, positions: &self.positions };
        loader.load(kernels, selection, self.plan.input(end - start, workspace));
    }
}

/// Loss and error of `weights` on `split`, in batches of `batch`.
///
/// # Errors
/// [`TrainError::EmptySplit`], [`TrainError::InputShape`] or [`TrainError::Outputs`] if the network, the weights and the
/// samples do not fit together; [`TrainError::Setting`] for a batch of 0.
pub fn evaluate(
    graph: &Graph,
    weights: &Weights,
    split: &Split,
    normalisation: &Normalisation,
    batch: usize,
) -> Result<Evaluation, TrainError> {
    check_task(graph, split, normalisation, batch)?;
    let kernels = Kernels::new(Isa::detect());
    let mut evaluator = Evaluator::new(graph, batch.min(split.len()));
    evaluator.load_weights(graph, weights);
    let mut workspace = Workspace::for_plans(&[evaluator.plan()]);
    let loader = BatchLoader::new(normalisation.clone(), graph.input_shape().pixels(), Vec::new());
    let evaluation = evaluator.evaluate(&kernels, split, &loader, &mut workspace, &mut never_stop);
    Ok(evaluation.expect("nothing stops it"))
}

/// The class of a sample by its logits, `[block][unit][LANES]`: the largest, the first of equals; one logit stands for class 1 if
/// it is above 0. The losses of the kernels count as correct by the same rule.
fn predicted_class(logits: &[f32], units: usize, sample: usize) -> usize {
    let first = sample / LANES * units * LANES + sample % LANES;
    let logit = |class: usize| logits[first + class * LANES];
    match units {
        1 => usize::from(logit(0) > 0.0),
        _ => (1..units).fold(0, |best, class| if logit(class) > logit(best) { class } else { best }),
    }
}

/// Whether a network, normalised samples and a batch fit together.
pub(crate) fn check_task(
    graph: &Graph,
    split: &Split,
    normalisation: &Normalisation,
    batch: usize,
) -> Result<(), TrainError> {
    if split.is_empty() {
        return Err(TrainError::EmptySplit { part: "evaluated" });
    }
    if batch == 0 {
        let reason = "must be at least 1";
        return Err(TrainError::Setting { key: "batch", value: "0".into(), reason });
    }
    let input = graph.input_shape();
    let channels = normalisation.scale.len();
    if split.sample(0).len() != input.elements() || channels != input.channels {
        let samples = Shape::new(1, split.sample(0).len() / channels, channels);
        return Err(TrainError::InputShape { graph: input, samples });
    }
    let classes = split.labels().iter().max().map_or(0, |&label| label as usize + 1);
    let outputs = graph.shape(graph.output());
    if outputs.pixels() != 1 || classes > outputs.channels.max(2) {
        return Err(TrainError::Outputs { outputs, classes });
    }
    Ok(())
}
