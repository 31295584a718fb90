//! The comparisons: each runs what was exported, and counts the elements that differ from the host's.

use std::time::Duration;

use munas_app::export::c_source;
use munas_app::exported::{Exported, Samples};
use munas_app::{UserError, UserResult};
use munas_cost::{CountUnit, MemoryModel, NetworkInput};
use munas_export::c::{CSettings, CSource, TestSamples};
use munas_export::helper::HelperLimits;
use munas_export::tflite::{ModelMetadata, TflmError};
use munas_export::verify::{
    CNetwork, FirmwareOptions, HostOptions, Target, TensorComparison, VerifyError, compare_firmware,
    compare_tflite, firmware as run_firmware, host,
};

use munas_ir::Shape;

use super::{CheckJson, FirmwareJson};
use crate::stop::Interruption;

/// Samples whose tensors are compared one by one on an emulated board; of the others, the outputs are.
const TRACED_SAMPLES: usize = 4;

/// What is compared.
pub struct Subject<'a> {
    pub title: String,
    pub exported: &'a Exported,
    /// Of the .tflite file.
    pub metadata: ModelMetadata,
    pub samples: Samples,
    /// The host's output for each sample.
    pub outputs: Vec<Vec<i8>>,
}

impl Subject<'_> {
    /// The C source, without the names of the classes: they are for the application, and sizes are without them.
    fn source(&self, memory: MemoryModel) -> UserResult<CSource> {
        c_source(self.exported, CSettings { title: &self.title, memory, ..CSettings::default() })
    }

    /// What compilers and runs may take: more for more samples.
    fn limits(&self, interruption: &Interruption) -> HelperLimits {
        const EACH: Duration = Duration::from_secs(2);
        let limits = HelperLimits::default();
        let samples = u32::try_from(self.outputs.len()).unwrap_or(u32::MAX);
        HelperLimits {
            run: limits.run.saturating_add(EACH * samples),
            interrupt: interruption.of_helpers(),
            ..limits
        }
    }
}

/// Elements that were compared, and those of them that differ.
#[derive(Default)]
struct Comparison {
    compared: usize,
    different: usize,
}

impl Comparison {
    /// Compares two tensors; elements that one of them lacks differ.
    fn add(&mut self, ours: &[i8], theirs: &[i8]) {
        let pairs = ours.iter().zip(theirs);
        self.different +=
            pairs.filter(|(ours, theirs)| ours != theirs).count() + ours.len().abs_diff(theirs.len());
        self.compared += ours.len();
    }

    /// Compares what was made of a raw sample: the input, the output and the class, which counts as one element.
    fn add_run(
        &mut self,
        subject: &Subject<'_>,
        sample: usize,
        input: Option<&[i8]>,
        output: &[i8],
        class: Option<usize>,
    ) {
        self.add(&subject.samples.inputs[sample], input.unwrap_or_default());
        self.add(&subject.outputs[sample], output);
        self.compared += 1;
        self.different += usize::from(class != Some(subject.class(&subject.outputs[sample])));
    }

    fn add_tensors(&mut self, tensors: &[TensorComparison]) {
        self.compared += tensors.iter().map(|tensor| tensor.elements).sum::<usize>();
        self.different += tensors.iter().map(|tensor| tensor.different).sum::<usize>();
    }

    fn into_check(self, check: String, samples: usize, firmware: Option<FirmwareJson>) -> CheckJson {
        let outcome = if self.different == 0 { "equal" } else { "different" };
        CheckJson {
            check,
            outcome,
            samples,
            compared: self.compared,
            different: self.different,
            reason: None,
            firmware,
        }
    }
}

fn skipped(check: String, reason: &impl ToString) -> CheckJson {
    let reason = Some(reason.to_string());
    CheckJson { check, outcome: "skipped", samples: 0, compared: 0, different: 0, reason, firmware: None }
}

/// The C source, compiled for this machine: from raw samples to classes.
pub fn c_on_host(
    subject: &Subject<'_>,
    memory: MemoryModel,
    interruption: &Interruption,
) -> UserResult<CheckJson> {
    let name = format!("C on this machine, {}", memory.runtime);
    let source = subject.source(memory)?;
    let network = CNetwork::new(&source, subject.exported.network.graph());
    let options = HostOptions { limits: subject.limits(interruption), ..HostOptions::default() };
    let runs = match host(&network, TestSamples::Raw(&subject.samples.raw), &options) {
        Err(error @ VerifyError::MissingTool(_)) => return Ok(skipped(name, &error)),
        runs => runs.map_err(|error| failed(error, interruption))?,
    };
    let mut comparison = Comparison::default();
    for (index, run) in runs.iter().enumerate() {
        comparison.add_run(subject, index, run.input.as_deref(), &run.output, run.class);
    }
    Ok(comparison.into_check(name, subject.outputs.len(), None))
}

/// The .tflite model in TensorFlow Lite Micro, tensor by tensor.
pub fn tflite(subject: &Subject<'_>, interruption: &Interruption) -> UserResult<CheckJson> {
    let name = "TensorFlow Lite Micro".to_owned();
    let (network, inputs) = (&subject.exported.network, &subject.samples.inputs);
    let tensors = match compare_tflite(network, &subject.metadata, inputs, &subject.limits(interruption)) {
        Err(error @ TflmError::Missing(_)) => return Ok(skipped(name, &error)),
        Err(TflmError::Interrupted) => return Err(interruption.error()),
        tensors => tensors.map_err(UserError::failure)?,
    };
    let mut comparison = Comparison::default();
    comparison.add_tensors(&tensors);
    Ok(comparison.into_check(name, subject.outputs.len(), None))
}

/// Firmware on an emulated board, from raw samples: inputs, outputs and classes of all, and every tensor of the first
/// ones.
pub fn firmware(
    subject: &Subject<'_>,
    memory: MemoryModel,
    target: &'static Target,
    interruption: &Interruption,
) -> UserResult<CheckJson> {
    let source = subject.source(memory)?;
    let network = CNetwork::new(&source, subject.exported.network.graph());
    let inputs = &subject.samples.inputs;
    let cannot_run = |error| cannot_run(error, interruption);
    let options = FirmwareOptions { limits: subject.limits(interruption), ..FirmwareOptions::default() };
    let raw = TestSamples::Raw(&subject.samples.raw);
    let report = run_firmware(&network, target, raw, &options).map_err(cannot_run)?;
    let mut comparison = Comparison::default();
    for (index, run) in report.samples.iter().enumerate() {
        comparison.add_run(subject, index, run.input.as_deref(), &run.output, run.class);
    }
    let traced = &inputs[..inputs.len().min(TRACED_SAMPLES)];
    let tensors =
        compare_firmware(&subject.exported.network, memory, target, traced, &options).map_err(cannot_run)?;
    comparison.add_tensors(&tensors);
    let counts: u64 = report.samples.iter().map(|sample| sample.count).sum();
    let measured = FirmwareJson {
        error: subject.error(report.samples.iter().filter_map(|sample| sample.class)),
        count_per_inference: counts / report.samples.len().max(1) as u64,
        unit: match report.unit {
            CountUnit::Instructions => "instructions",
            CountUnit::Cycles => "cycles",
        },
        text: report.network.text,
        rodata: report.network.rodata,
        library: report.library,
        runtime: memory.runtime.name(),
        arena: report.arena,
        predicted_arena: source.plan.predicted as u64,
        ram: report.network.data + report.network.bss,
        input_buffer: input_buffer(subject.exported.network.graph().input_shape(), memory),
        stack: report.stack,
    };
    let name = format!("firmware on {}, {}", target.name, memory.runtime);
    Ok(comparison.into_check(name, subject.outputs.len(), Some(measured)))
}

/// Bytes of the input that the caller holds.
fn input_buffer(input: Shape, memory: MemoryModel) -> u64 {
    let held = match memory.input {
        NetworkInput::External => input.elements(),
        NetworkInput::Buffer => 0,
        NetworkInput::Rows => input.width * input.channels,
    };
    held as u64
}

fn cannot_run(error: VerifyError, interruption: &Interruption) -> UserError {
    let is_missing = matches!(error, VerifyError::MissingTool(_));
    failed(error, interruption)
        .maybe_hint(is_missing.then_some("leave --target out to check without a board"))
}

fn failed(error: VerifyError, interruption: &Interruption) -> UserError {
    match error {
        VerifyError::Interrupted => interruption.error(),
        other => UserError::failure(other),
    }
}
