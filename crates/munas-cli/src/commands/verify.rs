//! `munas verify`: host against C source, .tflite and firmware.

mod checks;

use munas_app::export::tflite_metadata;
use munas_app::exported::{Exported, Samples};
use munas_app::{UserError, UserResult};
use munas_cost::{MemoryModel, macs};
use munas_data::Dataset;
use munas_export::verify::{TARGETS, Target};
use munas_quant::Executor;
use munas_report::{Align, Table, units};
use munas_run::RunReader;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::output::Output;
use crate::stop::Interruption;
use checks::Subject;

use super::export::note_origin;

#[derive(Debug, Serialize)]
struct VerifyJson {
    trial: u64,
    /// The number of the training that it is of, if the trial was trained anew (munas refine).
    refined: Option<u32>,
    /// Test samples on which the host's int8 network was run, and its error on them.
    samples: usize,
    host_error: f64,
    /// All test samples that there are.
    test_samples: usize,
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
    /// Test samples that went through it.
    samples: usize,
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
    /// Test error of the firmware on the samples of the check.
    error: f64,
    /// Mean of the samples; the unit is `instructions` or `cycles`.
    count_per_inference: u64,
    unit: &'static str,
    /// Bytes of the network's code, of its constants, and of what the linker added.
    text: u64,
    rodata: u64,
    library: u64,
    /// `layers`, with its input in the caller's buffer, or `streamed`, with an input that comes in rows.
    runtime: &'static str,
    /// Bytes of the arena, and what was predicted.
    arena: Option<u64>,
    predicted_arena: u64,
    /// Bytes of all static memory of the network, the arena among it, of what the caller holds of the input, and of the stack.
    ram: u64,
    input_buffer: u64,
    stack: u64,
}

/// Compares and prints; an error if anything differs.
pub fn run(args: &VerifyArgs, output: &mut Output) -> UserResult {
    let target = args.target.as_deref().map(find_target).transpose()?;
    let reader = RunReader::open(&args.dir)?;
    let mut exported = Exported::load(&reader, args.trial, args.as_searched)?;
    note_origin(&exported, args.trial, output);
    let dataset = exported.load_data(&reader, &(&args.moved).into())?;
    let [here, elsewhere] = sample_counts(args.samples, macs(exported.network.graph()));
    let on_host = Subject::new(args, &exported, &dataset, here);
    let on_boards = Subject::new(args, &exported, &dataset, elsewhere);
    let interruption = Interruption::watch()?;
    let mut checks = vec![
        checks::c_on_host(&on_host, MemoryModel::PUBLISHED, &interruption)?,
        checks::c_on_host(&on_host, MemoryModel::STREAMED, &interruption)?,
        checks::tflite(&on_boards, &interruption)?,
    ];
    if let Some(target) = target {
        for memory in [MemoryModel::PUBLISHED, MemoryModel::STREAMED] {
            checks.push(checks::firmware(&on_boards, memory, target, &interruption)?);
        }
    }
    let is_compared = checks.iter().any(|check| check.compared > 0);
    let document = VerifyJson {
        trial: args.trial,
        refined: exported.refined,
        samples: on_host.outputs.len(),
        host_error: on_host.error(on_host.outputs.iter().map(|output| on_host.class(output))),
        test_samples: dataset.test.len(),
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
        (false, true) => Err(UserError::failure("what was exported differs from the host")),
        (false, false) => {
            let hint =
                "install a C compiler, or a python3 with tflite-micro; `munas verify --help` says more";
            Err(UserError::failure("nothing was compared: every check was skipped").hint(hint))
        }
    }
}

/// The emulated board of a name. The name of a board that is not emulated leads to one with a core of its kind.
fn find_target(name: &str) -> UserResult<&'static Target> {
    Target::find(name).map_err(|error| {
        let core = munas_cost::boards::find(name).ok().map(|board| &board.core.instructions.core);
        let alike = core.and_then(|core| TARGETS.iter().find(|target| target.core == *core));
        let hint = alike
            .map(|target| format!("{} has a core that runs the code of `{name}`: --target {0}", target.name));
        UserError::input(error).maybe_hint(hint)
    })
}

/// Samples that are compared on this machine and elsewhere. What runs natively takes many; an emulator or an
/// interpreter is slower by orders of magnitude.
fn sample_counts(asked: Option<u64>, macs: u64) -> [usize; 2] {
    const HERE: u64 = 1000;
    const ELSEWHERE: u64 = 16;
    /// Some seconds of the host's executor.
    const MOST_MACS: u64 = 4_000_000_000;
    let here = (MOST_MACS / macs.max(1)).clamp(ELSEWHERE, HERE);
    [here, ELSEWHERE].map(|count| usize::try_from(asked.unwrap_or(count)).unwrap_or(usize::MAX))
}

impl<'a> Subject<'a> {
    /// The network on so many test samples, with what the host makes of them.
    fn new(args: &VerifyArgs, exported: &'a Exported, dataset: &Dataset, count: usize) -> Self {
        let samples = Samples::of(exported, dataset, count);
        let mut executor = Executor::new(&exported.network);
        let outputs = samples.inputs.iter().map(|input| executor.run(input).to_vec()).collect();
        let metadata = tflite_metadata(exported, &args.dir, args.trial);
        Self { title: exported.title(&args.dir, args.trial), metadata, exported, samples, outputs }
    }

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

fn print(document: &VerifyJson, output: &mut Output) -> UserResult {
    let of_all = match document.test_samples {
        all if all == document.samples => "test samples".to_owned(),
        all => format!("of the {all} test samples"),
    };
    output.line(format_args!(
        "trial {}: the host's int8 network misclassifies {} of {} {of_all}\n",
        document.trial,
        units::percent(document.host_error),
        document.samples,
    ))?;
    let mut table = Table::new(&[
        ("compared with", Align::Left),
        ("outcome", Align::Left),
        ("samples", Align::Right),
        ("elements", Align::Right),
        ("different", Align::Right),
    ]);
    for check in &document.checks {
        table.row([
            check.check.clone(),
            check.outcome.to_owned(),
            check.samples.to_string(),
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
            output.line(format_args!("\n{}", check.check))?;
            print_firmware(firmware, check.samples, output)?;
        }
    }
    Ok(())
}

fn print_firmware(firmware: &FirmwareJson, samples: usize, output: &mut Output) -> UserResult {
    let arena = match firmware.arena {
        None => "none".to_owned(),
        Some(bytes) if bytes == firmware.predicted_arena => format!("{bytes} B, as predicted"),
        Some(bytes) => format!("{bytes} B, predicted {} B", firmware.predicted_arena),
    };
    Ok(output.facts([
        ("test error", format!("{} of {samples} samples", units::percent(firmware.error))),
        ("per inference", format!("{} {}", firmware.count_per_inference, firmware.unit)),
        (
            "flash",
            format!(
                "{} B of code, {} B of constants, {} B of library",
                firmware.text, firmware.rodata, firmware.library
            ),
        ),
        ("arena", arena),
        (
            "RAM",
            format!(
                "{} B: {} static, {} of stack, {} for the input",
                firmware.ram + firmware.stack + firmware.input_buffer,
                firmware.ram,
                firmware.stack,
                firmware.input_buffer
            ),
        ),
    ])?)
}
