//! Where the time of a training step goes, by operator and pass.
//!
//! The passes of a plan report every piece of work to an [`Observer`]. A training has [`Unobserved`], which is compiled
//! away; [`profile`] holds a stopwatch.

use std::collections::BTreeMap;
use std::time::Duration;

use munas_data::Dataset;
use munas_ir::Graph;
use munas_kernels::{AlignedBuffer, ConvGeometry, Isa, Kernels, PoolGeometry};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::lower::{Affine, AffineGeometry, Layer, Operator};
use super::{Pass, Plan, Purpose, Workspace};
use crate::batch::{BatchLoader, Selection};
use crate::loss::Loss;
use crate::optimizer::OptimizerState;
use crate::parameters::{ParameterLayout, Parameters};
use crate::{TrainError, TrainSettings};

/// What of an operator is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Loading of a batch: normalisation and packing into lanes.
    Load,
    /// The operator's output, with an activation that is fused to it.
    Forward,
    /// Gradients by the parameters of a convolution or dense layer, that of its ReLU included.
    BackwardWeights,
    /// Gradient by the input; for operators other than convolutions and dense layers, everything of the backward pass.
    BackwardInput,
    /// The optimiser's step over all parameters.
    Update,
}

/// A part of a step, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Input,
    Layer(usize),
    Loss,
    Optimizer,
}

/// Who is told of every piece of work.
pub(super) trait Observer {
    /// Does `work`.
    fn observe<T>(&mut self, part: Part, phase: Phase, work: impl FnOnce() -> T) -> T;
}

/// Nobody: the work is done and nothing else, at no cost.
pub(super) struct Unobserved;

impl Observer for Unobserved {
    #[inline(always)]
    fn observe<T>(&mut self, _: Part, _: Phase, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// Keeps the shortest time of each piece of work.
struct Stopwatch<'c> {
    clock: &'c mut dyn FnMut() -> Duration,
    shortest: BTreeMap<(Part, Phase), Duration>,
}

impl Observer for Stopwatch<'_> {
    fn observe<T>(&mut self, part: Part, phase: Phase, work: impl FnOnce() -> T) -> T {
        let start = (self.clock)();
        let result = work();
        let taken = (self.clock)().saturating_sub(start);
        let shortest = self.shortest.entry((part, phase)).or_insert(taken);
        *shortest = taken.min(*shortest);
        result
    }
}

/// One line of a [`StepProfile`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// The operator in words, with its window and channels.
    pub operator: String,
    /// What of it was measured.
    pub phase: Phase,
    /// Shortest time for one batch, in seconds.
    pub seconds: f64,
    /// Multiplications and additions of the batch's samples that the definition of the operator asks for, 0 for
    /// operators other than convolutions and dense layers.
    pub flops: f64,
    /// Bytes of the activations and gradients that are read and written, each counted once.
    pub bytes: f64,
}

/// The time of a training step by operator and pass, in the order of the forward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct StepProfile {
    /// Samples per step: all times are of so many.
    pub batch: usize,
    /// All pieces of work.
    pub rows: Vec<ProfileRow>,
}

impl StepProfile {
    /// Sum of the times of all rows.
    pub fn seconds(&self) -> f64 {
        self.rows.iter().map(|row| row.seconds).sum()
    }
}

/// Measures `steps` training steps of `graph` on the first batch of `dataset`'s training part, with batch size and optimiser
/// of `settings`, without augmentation, penalties, clipping, pruning and int8. `clock` is the time since any fixed moment.
///
/// # Errors
/// [`TrainError`] if a setting cannot be used.
///
/// # Panics
/// If the graph does not fit the data, or its training part is empty.
pub fn profile(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    steps: u32,
    clock: &mut dyn FnMut() -> Duration,
) -> Result<StepProfile, TrainError> {
    settings.check()?;
    let mut stopwatch = Stopwatch { clock, shortest: BTreeMap::new() };
    let batch = settings.batch.min(dataset.train.len());
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let layout = ParameterLayout::new(graph);
    let purpose = Purpose::Training { dropout: settings.dropout, channel_masks: false };
    let plan = Plan::new(graph, &layout, batch, purpose);
    let mut workspace = Workspace::for_plans(&[&plan]);
    let mut parameters = Parameters::initialise(graph, &layout, &mut rng);
    let mut gradients = AlignedBuffer::zeroed(layout.parameters());
    let mut optimizer = OptimizerState::new(settings.optimizer, settings.weight_decay, layout.parameters());
    let loader =
        BatchLoader::new(dataset.normalisation(settings.normalise), graph.input_shape().pixels(), Vec::new());
    let loss = Loss::plain(graph.shape(graph.output()).channels);
    let positions: Vec<u32> = (0..batch as u32).collect();
    let targets: Vec<u32> = (0..batch).map(|position| dataset.train.label(position)).collect();
    let kernels = Kernels::new(Isa::detect());
    for _ in 0..steps {
        plan.draw_masks(batch, &mut workspace, &mut rng);
        let selection = Selection { split: &dataset.train, positions: &positions };
        stopwatch.observe(Part::Input, Phase::Load, || {
            loader.load(&kernels, selection, plan.input(batch, &mut workspace));
        });
        let pass =
            Pass { kernels: &kernels, parameters: &parameters.trained, batch, mask: &[], activations: &[] };
        plan.forward_observed(&pass, &mut workspace, &mut stopwatch);
        stopwatch.observe(Part::Loss, Phase::Forward, || {
            loss.differentiate(&kernels, &plan, &targets, &mut workspace);
        });
        plan.backward_observed(&pass, &mut workspace, &mut gradients, &mut stopwatch);
        stopwatch.observe(Part::Optimizer, Phase::Update, || {
            optimizer.step(&kernels, settings.learning_rate, &mut parameters.trained, &gradients);
        });
    }
    let row = |(&(part, phase), time): (&(Part, Phase), &Duration)| ProfileRow {
        operator: plan.name(part),
        phase,
        seconds: time.as_secs_f64(),
        flops: plan.flops(part, batch),
        bytes: plan.bytes(part, phase, batch),
    };
    Ok(StepProfile { batch, rows: stopwatch.shortest.iter().map(row).collect() })
}

impl Plan {
    fn name(&self, part: Part) -> String {
        match part {
            Part::Input => "input".to_owned(),
            Part::Layer(index) => self.layers[index].operator.name(),
            Part::Loss => "loss".to_owned(),
            Part::Optimizer => "optimiser".to_owned(),
        }
    }

    fn flops(&self, part: Part, batch: usize) -> f64 {
        match part {
            Part::Layer(index) => 2.0 * (self.layers[index].operator.macs() * batch) as f64,
            Part::Input | Part::Loss | Part::Optimizer => 0.0,
        }
    }

    fn bytes(&self, part: Part, phase: Phase, batch: usize) -> f64 {
        let Part::Layer(index) = part else { return 0.0 };
        let Layer { operator, inputs, output } = &self.layers[index];
        let bytes = |value| {
            let range = self.slot(value).range(munas_kernels::blocks_for(batch));
            (range.len() * size_of::<f32>()) as f64
        };
        let (input, output): (f64, _) = (inputs.iter().copied().map(bytes).sum(), bytes(*output));
        let reads = |condition, bytes| if condition { bytes } else { 0.0 };
        let is_affine = matches!(operator, Operator::Affine(_));
        input
            + output
            + match phase {
                Phase::BackwardInput if !is_affine => {
                    reads(operator.backward_reads_inputs(), input)
                        + reads(operator.backward_reads_output(), output)
                }
                Phase::BackwardWeights => reads(operator.backward_reads_output(), output),
                _ => 0.0,
            }
    }
}

impl Operator {
    fn name(&self) -> String {
        match self {
            Self::Affine(affine) => affine.name(),
            Self::BatchNorm(norm) => match &norm.pool {
                Some(pool) => format!("batch norm, {}", pool_name("max", pool)),
                None => format!("batch norm {}", norm.geometry.channels),
            },
            Self::MaxPool(g) => pool_name("max", g),
            Self::AvgPool(g) => pool_name("mean", g),
            Self::Add(summands) => format!("add {}", summands.len()),
            Self::Dropout { .. } => "dropout".to_owned(),
            Self::FakeQuantise { .. } => "fake quantisation".to_owned(),
            Self::ChannelMask(_) => "channel mask".to_owned(),
        }
    }

    /// Multiply-adds of one sample's forward pass.
    fn macs(&self) -> usize {
        match self {
            Self::Affine(affine) => match &affine.geometry {
                AffineGeometry::Conv(g) => g.macs(),
                AffineGeometry::Depthwise(g) => g.macs() / g.in_channels,
                AffineGeometry::Dense(g) => g.features * g.units,
            },
            _ => 0,
        }
    }
}

fn pool_name(kind: &str, g: &PoolGeometry) -> String {
    format!("{kind} pool {}x{} {}", g.window_height, g.window_width, g.channels)
}

impl Affine {
    fn name(&self) -> String {
        let window = |kind, g: &ConvGeometry| {
            let stride = match [g.stride_height, g.stride_width] {
                [1, 1] => String::new(),
                [height, width] => format!("/{height}x{width}"),
            };
            format!(
                "{kind} {}x{}{stride} {}>{}",
                g.kernel_height, g.kernel_width, g.in_channels, g.out_channels
            )
        };
        match &self.geometry {
            AffineGeometry::Conv(g) => window("conv", g),
            AffineGeometry::Depthwise(g) => window("depthwise", g),
            AffineGeometry::Dense(g) => format!("dense {}>{}", g.features, g.units),
        }
    }
}
