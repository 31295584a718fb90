//! `munas verify`: host against C source, .tflite and firmware.

mod checks;

use munas_export::verify::Target;
use munas_quant::Executor;
use munas_report::{Align, Table, units};
use munas_run::RunReader;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::error::{CliError, CliResult};
use crate::exported::{Exported, Samples, title};
use crate::output::Output;
use checks::Subject;

use super::export::tflite_metadata;

#[derive(Debug, Serialize)]
struct VerifyJson {
    trial: u64,
    samples: usize,
    /// Test error of the host's int8 network on these samples.
    host_error: f64,
    /// Whether checks were made and nothing differs in them.
    equal: bool,
    checks: Vec<CheckJson>,
}

/// One comparison with the host.
#[derive(Debug, Serialize)]
pub struct CheckJson {
    check: String,
    /// `equal`, `different` or `skipped`.
    outcome: &'static str,
    /// Elements that were compared, and those of them that differ.
    compared: usize,
    different: usize,
    /// Why it was skipped.
    reason: Option<String>,
    firmware: Option<FirmwareJson>,
}

/// What firmware takes on the board.
#[derive(Debug, Serialize)]
pub struct FirmwareJson {
    /// Test error of the firmware on the samples.
    error: f64,
    /// Mean of the samples; the unit is `instructions` or `cycles`.
    count_per_inference: u64,
    unit: &'static str,
    /// Bytes of the network's code, of its constants, and of what the linker added.
    text: u64,
    rodata: u64,
    library: u64,
    /// Bytes of the arena, and what was predicted.
    arena: Option<u64>,
    predicted_arena: u64,
    stack: u64,
}

/// Compares and prints; an error if anything differs.
pub fn run(args: &VerifyArgs, output: &mut Output) -> CliResult {
    let target = args.board.as_deref().map(Target::find).transpose().map_err(CliError::input)?;
    let reader = RunReader::open(&args.dir)?;
    let mut exported = Exported::load(&reader, args.trial)?;
    let dataset = exported.load_data(&reader, &args.moved)?;
    let count = usize::try_from(args.samples).unwrap_or(usize::MAX);
    let samples = Samples::of(&exported, &dataset, count);
    let mut executor = Executor::new(&exported.network);
    let outputs = samples.inputs.iter().map(|input| executor.run(input).to_vec());
    let subject = Subject {
        title: title(&args.dir, args.trial),
        outputs: outputs.collect(),
        exported: &exported,
        metadata: tflite_metadata(&exported, &args.dir, args.trial),
        samples: &samples,
    };
    let mut checks = vec![checks::c_on_host(&subject)?, checks::tflite(&subject)?];
    if let Some(target) = target {
        checks.push(checks::firmware(&subject, target)?);
    }
    let is_compared = checks.iter().any(|check| check.compared > 0);
    let document = VerifyJson {
        trial: args.trial,
        samples: samples.inputs.len(),
        host_error: subject.error(subject.outputs.iter().map(|output| subject.class(output))),
        equal: is_compared && checks.iter().all(|check| check.different == 0),
        checks,
    };
    if args.format.json {
        output.json(&document)?;
    } else {
        print(&document, output)?;
    }
    match (document.equal, is_compared) {
        (true, _) => Ok(()),
        (false, true) => Err(CliError::failure("what was exported differs from the host")),
        (false, false) => {
            let hint =
                "install a C compiler, or a python3 with tflite-micro; `munas verify --help` says more";
            Err(CliError::failure("nothing was compared: every check was skipped").hint(hint))
        }
    }
}

impl Subject<'_> {
    /// The class of an output of the host.
    fn class(&self, output: &[i8]) -> usize {
        self.exported.network.predicted_class(output)
    }

    /// The share of the samples that are misclassified.
    fn error(&self, classes: impl Iterator<Item = usize>) -> f64 {
        let labels = &self.samples.labels;
        let wrong = classes.zip(labels).filter(|(class, label)| *class != **label as usize);
        wrong.count() as f64 / labels.len() as f64
    }
}

fn print(document: &VerifyJson, output: &mut Output) -> CliResult {
    output.line(format_args!(
        "trial {} on {} test samples; the host's int8 network misclassifies {}\n",
        document.trial,
        document.samples,
        units::percent(document.host_error)
    ))?;
    let mut table = Table::new(&[
        ("compared with", Align::Left),
        ("outcome", Align::Left),
        ("elements", Align::Right),
        ("different", Align::Right),
    ]);
    for check in &document.checks {
        table.row([
            check.check.clone(),
            check.outcome.to_owned(),
            check.compared.to_string(),
            check.different.to_string(),
        ]);
    }
    output.text(table.render())?;
    for check in &document.checks {
        if let Some(reason) = &check.reason {
            output.line(format_args!("\n{} was skipped: {reason}", check.check))?;
        }
        if let Some(firmware) = &check.firmware {
            output.line("")?;
            print_firmware(firmware, output)?;
        }
    }
    Ok(())
}

fn print_firmware(firmware: &FirmwareJson, output: &mut Output) -> CliResult {
    let arena = match firmware.arena {
        None => "none".to_owned(),
        Some(bytes) if bytes == firmware.predicted_arena => format!("{bytes} B, as predicted"),
        Some(bytes) => format!("{bytes} B, predicted {} B", firmware.predicted_arena),
    };
    Ok(output.facts([
        ("test error", units::percent(firmware.error)),
        ("per inference", format!("{} {}", firmware.count_per_inference, firmware.unit)),
        (
            "flash",
            format!(
                "{} B of code, {} B of constants, {} B of library",
                firmware.text, firmware.rodata, firmware.library
            ),
        ),
        ("arena", arena),
        ("stack", format!("{} B", firmware.stack)),
    ])?)
}
