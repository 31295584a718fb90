//! Distillation: a network learns from the outputs of a trained one besides the labels (Hinton, Vinyals and Dean,
//! arXiv 1503.02531).
//!
//! | symbol | meaning |
//! |---|---|
//! | s, t | logits of the student (the network in training) and of the teacher |
//! | α, T | weight of the term, temperature |
//! | p(x) | softmax(x/T); of a single output the probabilities of its two classes, 1 − σ(x/T) and σ(x/T) |
//!
//! loss += α·T²·H(p(t), p(s)) with the cross-entropy H; its gradient by s is α·T·(p(s) − p(t)).
//!
//! The teacher sees each sample as the student does. Where samples are not changed at random, its logits are computed
//! once for the whole training part and shared by all trainings of that teacher; else batch by batch.

use std::sync::{Arc, Mutex, PoisonError};

use munas_data::{Dataset, NormaliseMode, Split};
use munas_ir::{Graph, Weights};
use munas_kernels::{Isa, Kernels, LANES};

use crate::batch::{BatchLoader, Selection};
use crate::error::TrainError;
use crate::evaluate::Evaluator;
use crate::plan::{Plan, Workspace};

/// How a network learns from another one; the module of the same name states the formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Distillation {
    /// The network to learn from. It must have been trained on samples that were normalised in the same way.
    pub teacher: Arc<Teacher>,
    /// Weight α of the term.
    pub alpha: f64,
    /// Temperature T of both soft-maxes.
    pub temperature: f64,
}

/// A trained network.
#[derive(Debug)]
pub struct Teacher {
    graph: Graph,
    weights: Weights,
    logits: Mutex<Vec<KnownLogits>>,
}

/// The logits `[sample][unit]` of a training part, with what they depend on besides the teacher.
#[derive(Debug)]
struct KnownLogits {
    /// The part: folds have parts of their own of the same data.
    part: Split,
    normalise: NormaliseMode,
    rows: Arc<Vec<f32>>,
}

/// Equal networks are equal teachers.
impl PartialEq for Teacher {
    fn eq(&self, other: &Self) -> bool {
        self.graph == other.graph && self.weights == other.weights
    }
}

impl Teacher {
    /// The network `graph` with its `weights`.
    pub fn new(graph: Graph, weights: Weights) -> Self {
        Self { graph, weights, logits: Mutex::default() }
    }

    /// The network that is learned from, batch norm apart or folded.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether a network with the input and outputs of `student` can learn from this one.
    ///
    /// # Errors
    /// [`TrainError::Teacher`].
    pub fn check(&self, student: &Graph) -> Result<(), TrainError> {
        let ends = |graph: &Graph| (graph.input_shape(), graph.shape(graph.output()));
        let (teacher, student) = (ends(&self.graph), ends(student));
        let fail = |part, teacher, student| Err(TrainError::Teacher { part, teacher, student });
        if teacher.0 != student.0 {
            return fail("input", teacher.0, student.0);
        }
        if teacher.1 != student.1 {
            return fail("output", teacher.1, student.1);
        }
        Ok(())
    }

    /// Logits of all training samples.
    fn known_logits(&self, dataset: &Dataset, normalise: NormaliseMode, batch: usize) -> Arc<Vec<f32>> {
        let part = &dataset.train;
        // Whoever else wants them waits: they are computed once.
        let mut known = self.logits.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|known| known.normalise == normalise && known.part.is_same(part));
        if let Some(found) = found {
            return Arc::clone(&found.rows);
        }
        let rows = Arc::new(self.compute_logits(dataset, normalise, batch));
        known.push(KnownLogits { part: part.clone(), normalise, rows: Arc::clone(&rows) });
        rows
    }

    fn compute_logits(&self, dataset: &Dataset, normalise: NormaliseMode, batch: usize) -> Vec<f32> {
        let mut tutor = OnTheFly::new(self, batch);
        let pixels = self.graph.input_shape().pixels();
        let loader = BatchLoader::new(dataset.normalisation(normalise), pixels, Vec::new());
        let positions: Vec<u32> = (0..dataset.train.len() as u32).collect();
        let mut rows = Vec::with_capacity(positions.len() * tutor.units);
        for positions in positions.chunks(batch) {
            let selection = Selection { split: &dataset.train, positions };
            let input = tutor.evaluator.plan().input(positions.len(), &mut tutor.workspace);
            loader.load(&tutor.kernels, selection, input);
            tutor.append_logits(positions.len(), &mut rows);
        }
        rows
    }
}

/// A teacher that computes logits when they are asked for.
struct OnTheFly {
    kernels: Kernels,
    evaluator: Evaluator,
    workspace: Workspace,
    units: usize,
}

impl OnTheFly {
    fn new(teacher: &Teacher, batch: usize) -> Self {
        let mut evaluator = Evaluator::new(&teacher.graph, batch);
        evaluator.load_weights(&teacher.graph, &teacher.weights);
        Self {
            kernels: Kernels::new(Isa::detect()),
            workspace: Workspace::for_plans(&[evaluator.plan()]),
            units: teacher.graph.shape(teacher.graph.output()).channels,
            evaluator,
        }
    }

    /// Appends the logits `[sample][unit]` of the input in the workspace.
    fn append_logits(&mut self, batch: usize, rows: &mut Vec<f32>) {
        self.evaluator.forward(&self.kernels, batch, &mut self.workspace);
        let first = rows.len();
        rows.resize(first + batch * self.units, 0.0);
        let logits = self.evaluator.plan().logits(batch, &self.workspace);
        self.kernels.unpack_rows(self.units, logits, &mut rows[first..]);
    }
}

enum Source {
    Known(Arc<Vec<f32>>),
    OnTheFly(Box<OnTheFly>),
}

/// How the student sees its samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lessons {
    /// Samples of a step, at most.
    pub batch: usize,
    /// How stored samples become inputs.
    pub normalise: NormaliseMode,
    /// Whether samples are changed at random.
    pub is_augmented: bool,
}

/// A teacher at work: its logits for the present batch, and the loss by them.
pub(crate) struct Tutor {
    source: Source,
    loss: DistillationLoss,
    /// `[sample][unit]` of the present batch.
    logits: Vec<f32>,
}

impl Tutor {
    /// A tutor in a training on `dataset`.
    pub fn new(distillation: &Distillation, dataset: &Dataset, lessons: Lessons) -> Self {
        let Distillation { teacher, alpha, temperature } = distillation;
        let batch = lessons.batch.min(dataset.train.len());
        let source = if lessons.is_augmented {
            Source::OnTheFly(Box::new(OnTheFly::new(teacher, batch)))
        } else {
            Source::Known(teacher.known_logits(dataset, lessons.normalise, batch))
        };
        let loss = DistillationLoss {
            units: teacher.graph.shape(teacher.graph.output()).channels,
            alpha: *alpha as f32,
            temperature: *temperature as f32,
        };
        Self { source, loss, logits: Vec::new() }
    }

    /// Gets the logits of the samples at `positions`, which the student reads as `input`.
    pub fn prepare(&mut self, positions: &[u32], input: &[f32]) {
        self.logits.clear();
        match &mut self.source {
            Source::Known(rows) => {
                let units = self.loss.units;
                for &position in positions {
                    self.logits.extend_from_slice(&rows[position as usize * units..][..units]);
                }
            }
            Source::OnTheFly(tutor) => {
                let plan = tutor.evaluator.plan();
                plan.input(positions.len(), &mut tutor.workspace).copy_from_slice(input);
                tutor.append_logits(positions.len(), &mut self.logits);
            }
        }
    }

    /// Adds the gradient of the mean loss by the logits of the last forward pass to what is there; returns the sum of
    /// the loss over the batch.
    pub fn differentiate(&self, plan: &Plan, workspace: &mut Workspace) -> f64 {
        let batch = self.logits.len() / self.loss.units;
        let (student, d_student) = plan.logits_and_gradient(batch, workspace);
        self.loss.differentiate(&self.logits, student, d_student)
    }
}

/// The term of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DistillationLoss {
    units: usize,
    alpha: f32,
    temperature: f32,
}

impl DistillationLoss {
    /// `teacher` is `[sample][unit]`, `student` and `d_student` are `[block][unit][LANES]`. Adds the gradient of the
    /// mean to `d_student`; returns the sum.
    fn differentiate(&self, teacher: &[f32], student: &[f32], d_student: &mut [f32]) -> f64 {
        let Self { units, alpha, temperature } = *self;
        let factor = alpha * temperature / (teacher.len() / units) as f32;
        let mut sum = 0.0;
        // log p(t) and log p(s); a single output x stands for the logits 0 and x.
        let classes = units.max(2);
        let (mut of_teacher, mut of_student) = (vec![0.0; classes], vec![0.0; classes]);
        for (sample, teacher) in teacher.chunks_exact(units).enumerate() {
            let first = sample / LANES * units * LANES + sample % LANES;
            for unit in 0..units {
                of_teacher[classes - units + unit] = teacher[unit] / temperature;
                of_student[classes - units + unit] = student[first + unit * LANES] / temperature;
            }
            of_teacher[..classes - units].fill(0.0);
            of_student[..classes - units].fill(0.0);
            log_softmax(&mut of_teacher);
            log_softmax(&mut of_student);
            for (class, (log_teacher, log_student)) in of_teacher.iter().zip(&of_student).enumerate() {
                let wanted = log_teacher.exp();
                // 0 · ∞ would turn a logit of −∞ into NaN.
                if wanted > 0.0 {
                    sum -= f64::from(wanted * log_student);
                }
                if let Some(unit) = class.checked_sub(classes - units) {
                    d_student[first + unit * LANES] += factor * (log_student.exp() - wanted);
                }
            }
        }
        f64::from(alpha * temperature * temperature) * sum
    }
}

fn log_softmax(logits: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    let log_sum = sum.ln() + largest;
    for logit in logits {
        *logit -= log_sum;
    }
}

#[cfg(test)]
mod tests;
