//! Loss and error of given weights, computed on the inference graph (batch norm folded).

use munas_data::{Normalisation, Split};
use munas_ir::{Graph, Shape, Weights, fold_batch_norm};
use munas_kernels::{Isa, Kernels, LANES, LossSum, blocks_for};

use crate::batch::{BatchLoader, Selection};
use crate::loss::Loss;
use crate::parameters::{ParameterLayout, Parameters};
use crate::plan::{Pass, Plan, Purpose, Workspace};
use crate::{Evaluation, TrainError};

/// The inference form of a network, to be loaded with weights again and again.
pub(crate) struct Evaluator {
    graph: Graph,
    layout: ParameterLayout,
    parameters: Parameters,
    plan: Plan,
    loss: Loss,
    d_logits: Vec<f32>,
    positions: Vec<u32>,
}

impl Evaluator {
    /// An evaluator of `graph` in batches of `batch`.
    pub fn new(graph: &Graph, batch: usize) -> Self {
        let graph = graph.without_batch_norm();
        let layout = ParameterLayout::new(&graph);
        let plan = Plan::new(&graph, &layout, batch, Purpose::Inference);
        let units = graph.shape(graph.output()).elements();
        Self {
            parameters: Parameters::zeroed(&layout),
            layout,
            plan,
            loss: Loss::plain(units),
            d_logits: vec![0.0; blocks_for(batch) * units * LANES],
            positions: Vec::with_capacity(batch),
            graph,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes over weights of the graph, batch norm apart or folded.
    pub fn load_weights(&mut self, graph: &Graph, weights: &Weights) {
        let (_, folded) = fold_batch_norm(graph, weights);
        self.parameters.load(&self.graph, &self.layout, &folded);
    }

    /// Computes the logits of the `batch` samples in the plan's input.
    pub fn forward(&self, kernels: &Kernels, batch: usize, workspace: &mut Workspace) {
        let pass = Pass { kernels, parameters: &self.parameters.trained, batch, mask: &[] };
        self.plan.forward(&pass, workspace);
    }

    /// Loss and error of the loaded weights on `split`, which is not empty.
    pub fn evaluate(
        &mut self,
        kernels: &Kernels,
        split: &Split,
        loader: &BatchLoader,
        workspace: &mut Workspace,
    ) -> Evaluation {
        let mut total = LossSum::default();
        for start in (0..split.len()).step_by(self.plan.largest_batch()) {
            let range = start..split.len().min(start + self.plan.largest_batch());
            let batch = range.len();
            self.positions.clear();
            self.positions.extend(range.clone().map(|position| position as u32));
            let selection = Selection { split, positions: &self.positions };
            loader.load(kernels, selection, self.plan.input(batch, workspace));
            self.forward(kernels, batch, workspace);
            let logits = self.plan.logits(batch, workspace);
            let sum = self.loss.sum(kernels, &split.labels()[range], logits, &mut self.d_logits);
            total.loss += sum.loss;
            total.correct += sum.correct;
        }
        let samples = split.len() as f64;
        Evaluation { loss: total.loss / samples, error: 1.0 - total.correct as f64 / samples }
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
    let kernels = Kernels::new(Isa::detect());
    let mut evaluator = Evaluator::new(graph, batch.min(split.len()));
    evaluator.load_weights(graph, weights);
    let mut workspace = Workspace::for_plans(&[evaluator.plan()]);
    let loader = BatchLoader::new(normalisation.clone(), input.pixels(), Vec::new());
    Ok(evaluator.evaluate(&kernels, split, &loader, &mut workspace))
}
