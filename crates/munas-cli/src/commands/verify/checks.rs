//! The comparisons: each runs what was exported, and counts the elements that differ from the host's.

use munas_cost::CountUnit;
use munas_export::tflite::TflmError;
use munas_export::verify::{
    CNetwork, FirmwareOptions, HostOptions, Target, TensorComparison, VerifyError, compare_firmware,
    compare_tflite, firmware as run_firmware, host,
};
use munas_quant::QuantisedNetwork;

use super::{CheckJson, FirmwareJson};
use crate::commands::export::c_source;
use crate::error::{CliError, CliResult};
use crate::exported::Samples;

/// Samples whose tensors are compared one by one on an emulated board; of the others, the outputs are.
const TRACED_SAMPLES: usize = 4;

/// What is compared.
pub struct Subject<'a> {
    pub title: String,
    pub network: &'a QuantisedNetwork,
    pub samples: &'a Samples,
    /// The host's output for each sample.
    pub outputs: Vec<Vec<i8>>,
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

    /// Compares a class, which counts as one element.
    fn add_class(&mut self, ours: usize, theirs: Option<usize>) {
        self.compared += 1;
        self.different += usize::from(theirs != Some(ours));
    }

    fn add_tensors(&mut self, tensors: &[TensorComparison]) {
        self.compared += tensors.iter().map(|tensor| tensor.elements).sum::<usize>();
        self.different += tensors.iter().map(|tensor| tensor.different).sum::<usize>();
    }

    fn into_check(self, check: String, firmware: Option<FirmwareJson>) -> CheckJson {
        let outcome = if self.different == 0 { "equal" } else { "different" };
        CheckJson {
            check,
            outcome,
            compared: self.compared,
            different: self.different,
            reason: None,
            firmware,
        }
    }
}

fn skipped(check: String, reason: &impl ToString) -> CheckJson {
    let reason = Some(reason.to_string());
    CheckJson { check, outcome: "skipped", compared: 0, different: 0, reason, firmware: None }
}

/// The C source, compiled for this machine.
pub fn c_on_host(subject: &Subject<'_>) -> CliResult<CheckJson> {
    let name = "C on this machine".to_owned();
    let source = c_source(subject.network, &subject.title, &[])?;
    let network = CNetwork::new(&source, subject.network.graph());
    let runs = match host(&network, &subject.samples.inputs, &HostOptions::default()) {
        Err(error @ VerifyError::MissingTool(_)) => return Ok(skipped(name, &error)),
        runs => runs.map_err(CliError::failure)?,
    };
    let mut comparison = Comparison::default();
    for (ours, theirs) in subject.outputs.iter().zip(&runs) {
        comparison.add(ours, &theirs.output);
        comparison.add_class(subject.class(ours), theirs.class);
    }
    Ok(comparison.into_check(name, None))
}

/// The .tflite model in TensorFlow Lite Micro, tensor by tensor.
pub fn tflite(subject: &Subject<'_>) -> CliResult<CheckJson> {
    let name = "TensorFlow Lite Micro".to_owned();
    let tensors = match compare_tflite(subject.network, &subject.samples.inputs) {
        Err(error @ TflmError::Missing(_)) => return Ok(skipped(name, &error)),
        tensors => tensors.map_err(CliError::failure)?,
    };
    let mut comparison = Comparison::default();
    comparison.add_tensors(&tensors);
    Ok(comparison.into_check(name, None))
}

/// Firmware on an emulated board: outputs and classes of all samples, and every tensor of the first ones.
pub fn firmware(subject: &Subject<'_>, target: &'static Target) -> CliResult<CheckJson> {
    let source = c_source(subject.network, &subject.title, &[])?;
    let network = CNetwork::new(&source, subject.network.graph());
    let inputs = &subject.samples.inputs;
    let options = FirmwareOptions::default();
    let report = run_firmware(&network, target, inputs, &options).map_err(cannot_run)?;
    let mut comparison = Comparison::default();
    for (ours, theirs) in subject.outputs.iter().zip(&report.samples) {
        comparison.add(ours, &theirs.output);
        comparison.add_class(subject.class(ours), theirs.class);
    }
    let traced = &inputs[..inputs.len().min(TRACED_SAMPLES)];
    let tensors = compare_firmware(subject.network, target, traced, &options).map_err(cannot_run)?;
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
        arena: report.arena,
        predicted_arena: source.plan.predicted as u64,
        stack: report.stack,
    };
    Ok(comparison.into_check(format!("firmware on {}", target.name), Some(measured)))
}

fn cannot_run(error: VerifyError) -> CliError {
    let is_missing = matches!(error, VerifyError::MissingTool(_));
    CliError::failure(error).maybe_hint(is_missing.then_some("leave --board out to check without a board"))
}
