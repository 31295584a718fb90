//! Building the C source of a network for an emulated board, running it there, and measuring it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use munas_cost::CountUnit;
use munas_ir::{Graph, OpId};

use crate::{
    c::{TestSamples, text},
    helper::{HelperLimits, Run},
};

use super::{
    CNetwork, Sizes, Target, VerifyError,
    console::{self, Console, ConsoleOperator},
    elf::{sizes, symbol_size},
    process, tracing,
};

/// How firmware is built and run.
#[derive(Clone, Debug)]
pub struct FirmwareOptions {
    /// Compiler options for the network's source.
    pub model_flags: Vec<String>,
    /// What compilers and the emulator may take.
    pub limits: HelperLimits,
}

impl Default for FirmwareOptions {
    /// C99 at `-O2` with the warnings under which the source is to be clean.
    fn default() -> Self {
        let flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic"];
        Self { model_flags: flags.map(str::to_owned).to_vec(), limits: HelperLimits::default() }
    }
}

/// What a network did and took on an emulated board.
#[derive(Clone, Debug, PartialEq)]
pub struct FirmwareReport {
    /// The name of the emulated board.
    pub target: &'static str,
    /// Outputs and counts, sample by sample.
    pub samples: Vec<SampleRun>,
    /// What the counts count.
    pub unit: CountUnit,
    /// Sizes of the network's own code and data.
    pub network: Sizes,
    /// Bytes of program memory of library routines that the linker added (on the AVR also avr-libc's start-up).
    pub library: u64,
    /// Bytes of the arena, if the network names one.
    pub arena: Option<u64>,
    /// Bytes of stack that one call takes.
    pub stack: u64,
    /// What the compiler said of the network's source; empty for clean source.
    pub warnings: String,
}

/// One inference on an emulated board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRun {
    /// The network's input, where the sample was a raw one.
    pub input: Option<Vec<i8>>,
    /// The network's output, one integer for each class or unit.
    pub output: Vec<i8>,
    /// The class that it stands for, where the network has a function for that.
    pub class: Option<usize>,
    /// Instructions or cycles from call to return, those of a call that does nothing subtracted.
    pub count: u64,
}

/// Builds the network for `target` and runs it on `samples` (NHWC). As many of them go into one firmware as the board
/// holds.
///
/// # Errors
/// [`VerifyError`]: a missing tool, source that does not compile or fit, a fault or a time-out of the emulator.
///
/// # Panics
/// If a sample does not have the network's input length, or is a raw one and the network has no function for those.
pub fn firmware<'a>(
    network: &CNetwork,
    target: &'static Target,
    samples: impl Into<TestSamples<'a>>,
    options: &FirmwareOptions,
) -> Result<FirmwareReport, VerifyError> {
    let samples = samples.into();
    let value_bytes = network.quantise_for(samples).map_or(1, |function| function.raw.bytes());
    let together = target.sample_bytes() / (network.input_length * value_bytes).max(1);
    let mut pieces = samples.pieces(together.max(1)).into_iter();
    let first = pieces.next().expect("no samples are one piece");
    let mut report = firmware_of(network, target, first, options)?;
    for piece in pieces {
        let more = firmware_of(network, target, piece, options)?;
        report.samples.extend(more.samples);
        report.stack = report.stack.max(more.stack);
    }
    Ok(report)
}

/// One firmware with all of these samples.
fn firmware_of(
    network: &CNetwork,
    target: &'static Target,
    samples: TestSamples<'_>,
    options: &FirmwareOptions,
) -> Result<FirmwareReport, VerifyError> {
    let directory = super::temporary_directory()?;
    let built = build(network, target, samples, options, directory.path())?;
    let console = emulate(target, directory.path(), &options.limits)?;
    check_complete(&console, network, samples)?;
    let is_raw = network.quantise_for(samples).is_some();
    let runs = console.samples.into_iter().map(|sample| SampleRun {
        input: is_raw.then_some(sample.input),
        output: sample.output,
        class: sample.class,
        count: count(sample.ticks, console.overhead, target.ticks_per_count),
    });
    Ok(FirmwareReport {
        target: target.name,
        samples: runs.collect(),
        unit: target.unit,
        network: built.network,
        library: built.library,
        arena: built.arena,
        stack: console.stack,
        warnings: built.warnings,
    })
}

/// What one operator did on an emulated board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRun {
    /// The operator that was measured.
    pub op: OpId,
    /// Instructions or cycles that it took, the call included.
    pub count: u64,
    /// The operator's output, NHWC; of one that runs in rows, those that anyone reads.
    pub output: Vec<i8>,
}

/// Runs the network as [`firmware`] does and returns, sample by sample, what each operator computed and took, in the order
/// in which they begin.
///
/// # Errors
/// Those of [`firmware`], and [`VerifyError::Untraceable`] for source that is not generated.
pub fn trace(
    network: &CNetwork,
    graph: &Graph,
    target: &'static Target,
    samples: &[Vec<i8>],
    options: &FirmwareOptions,
) -> Result<Vec<Vec<OperatorRun>>, VerifyError> {
    let traced = tracing::traced(network, graph)?;
    let samples = TestSamples::Elements(samples);
    let directory = super::temporary_directory()?;
    build(&traced, target, samples, options, directory.path())?;
    let console = emulate(target, directory.path(), &options.limits)?;
    check_complete(&console, network, samples)?;
    let of_ticks = |ticks| count(ticks, console.overhead, target.ticks_per_count);
    let samples = console.samples.into_iter().map(|sample| operator_runs(sample.operators, of_ticks));
    Ok(samples.collect())
}

/// The runs of operators; those of one operator's rows are one.
fn operator_runs(traced: Vec<ConsoleOperator>, count: impl Fn(u64) -> u64) -> Vec<OperatorRun> {
    let mut runs: Vec<OperatorRun> = Vec::new();
    for ConsoleOperator { index, ticks, output } in traced {
        let op = OpId::new(index);
        match runs.iter_mut().find(|run| run.op == op) {
            Some(run) => {
                run.count += count(ticks);
                run.output.extend(output);
            }
            None => runs.push(OperatorRun { op, count: count(ticks), output }),
        }
    }
    runs
}

/// Every sample has an output of the network's length.
fn check_complete(
    console: &Console,
    network: &CNetwork,
    samples: TestSamples<'_>,
) -> Result<(), VerifyError> {
    let complete = console.samples.iter().filter(|run| run.output.len() == network.output_length).count();
    if complete == samples.len() {
        Ok(())
    } else {
        Err(VerifyError::Cut { console: format!("outputs of {complete} of {} samples", samples.len()) })
    }
}

/// Instructions or cycles from counter ticks.
fn count(ticks: u64, overhead: u64, ticks_per_count: f64) -> u64 {
    (ticks.saturating_sub(overhead) as f64 / ticks_per_count).round() as u64
}

/// What is known once the firmware is linked.
struct Built {
    network: Sizes,
    library: u64,
    arena: Option<u64>,
    warnings: String,
}

const FIRMWARE: &str = "firmware.elf";

fn build(
    network: &CNetwork,
    target: &'static Target,
    samples: TestSamples<'_>,
    options: &FirmwareOptions,
    directory: &Path,
) -> Result<Built, VerifyError> {
    let limits = &options.limits;
    network.write(directory, samples)?;
    let platform = target.platform();
    for file in [platform.name, "measure.c"].iter().zip([platform.text, include_str!("harness/measure.c")]) {
        super::write(&directory.join(file.0), file.1)?;
    }
    super::write(&directory.join("platform.h"), include_str!("harness/platform.h"))?;
    super::write(&directory.join("samples.c"), &sample_source(samples))?;
    if let Some(script) = target.linker_script() {
        super::write(&directory.join(script.name), script.text)?;
    }
    let mut warnings = String::new();
    let mut network_sizes = Sizes::default();
    let mut objects: Vec<PathBuf> = Vec::new();
    let mut all = Sizes::default();
    for source in network.sources() {
        let flags = options.model_flags.iter().map(String::as_str);
        let (object, messages) = compile(target, flags, source, directory, limits)?;
        warnings.push_str(&messages);
        network_sizes += sizes(&object)?;
        objects.push(object);
    }
    all += network_sizes;
    for source in [platform.name, "measure.c", "samples.c"] {
        let (object, _) = compile(target, target.harness_flags(), source, directory, limits)?;
        all += sizes(&object)?;
        objects.push(object);
    }
    link(target, &objects, directory, limits)?;
    let linked = directory.join(FIRMWARE);
    let whole = sizes(&linked)?;
    check_ram(target, &whole)?;
    let arena = network.arena.as_ref().map(|arena| symbol_size(&linked, arena)).transpose()?.flatten();
    let library = (whole.text + whole.rodata).saturating_sub(all.text + all.rodata);
    Ok(Built { network: network_sizes, library, arena, warnings })
}

fn compile<'a>(
    target: &'static Target,
    flags: impl IntoIterator<Item = &'a str>,
    source: &'a str,
    directory: &Path,
    limits: &HelperLimits,
) -> Result<(PathBuf, String), VerifyError> {
    let object = directory.join(source).with_extension("o");
    let sections = ["-ffunction-sections", "-fdata-sections", "-c", source];
    let arguments = target.machine_flags.iter().copied().chain(flags).chain(sections);
    let messages = process::compile(target.compiler(), directory, arguments, limits)?;
    Ok((object, messages))
}

fn link(
    target: &'static Target,
    objects: &[PathBuf],
    directory: &Path,
    limits: &HelperLimits,
) -> Result<(), VerifyError> {
    let objects = objects.iter().map(|object| object.to_string_lossy().into_owned());
    let machine = target.machine_flags.iter().map(|&flag| flag.to_owned());
    let output = ["-o", FIRMWARE].map(str::to_owned);
    let arguments = machine.chain(objects).chain(target.linker_flags()).chain(output);
    match process::compile(target.compiler(), directory, arguments, limits) {
        Err(VerifyError::Compiler { tool, messages }) => Err(match does_not_fit(&messages) {
            Some(reason) => VerifyError::DoesNotFit { target: target.name, reason: reason.to_owned() },
            None => VerifyError::Compiler { tool, messages },
        }),
        other => other.map(drop),
    }
}

/// The linker's message that a memory region is too small.
fn does_not_fit(messages: &str) -> Option<&str> {
    const SIGNS: [&str; 4] =
        ["overflowed by", "will not fit in region", "no room for the stack", "is not within region"];
    let line = messages.lines().find(|line| SIGNS.iter().any(|sign| line.contains(sign)))?;
    Some(line.rsplit_once(": ").map_or(line, |(_, reason)| reason))
}

/// Data and a small stack fit; the linker script of avr-libc does not know the RAM of the chip.
fn check_ram(target: &'static Target, sizes: &Sizes) -> Result<(), VerifyError> {
    const SMALLEST_STACK: u64 = 512;
    let needed = sizes.data + sizes.bss + SMALLEST_STACK;
    if needed <= u64::from(target.ram) {
        return Ok(());
    }
    let reason = format!("{needed} bytes of RAM with the stack, the board has {}", target.ram);
    Err(VerifyError::DoesNotFit { target: target.name, reason })
}

/// Runs the firmware. On Arm and RISC-V the console is the emulator's standard error, under simavr its standard output.
fn emulate(target: &'static Target, directory: &Path, limits: &HelperLimits) -> Result<Console, VerifyError> {
    let tool = target.emulator();
    let mut command = Command::new(tool.program);
    command.args(target.emulator_arguments(FIRMWARE));
    let run = Run { directory, input: None, limit: limits.run, interrupt: &limits.interrupt };
    let finished = process::run(tool, &mut command, &run)?;
    let text = [String::from_utf8_lossy(&finished.output).into_owned(), finished.messages].concat();
    console::read(&text)
}

/// `samples.c`: the samples as constants.
fn sample_source(samples: TestSamples<'_>) -> String {
    let rows = match samples {
        TestSamples::Elements(samples) => rows(samples, |element| element.to_string()),
        TestSamples::Raw(samples) => rows(samples, |&value| text::float(value)),
    };
    format!("#include \"harness.h\"\n\nHARNESS_SAMPLE_ARRAY = {{\n{rows}}};\n")
}

fn rows<T>(samples: &[Vec<T>], number: impl Fn(&T) -> String) -> String {
    let mut text = String::new();
    for sample in samples {
        text.push_str("    {");
        for value in sample {
            text.push_str(&number(value));
            text.push(',');
        }
        text.push_str("},\n");
    }
    text
}

/// The first line that a tool prints about its version.
///
/// # Errors
/// [`VerifyError::MissingTool`] if it is not on the PATH.
pub fn tool_version(tool: super::Tool) -> Result<String, VerifyError> {
    let directory = super::temporary_directory()?;
    let HelperLimits { compile: limit, interrupt, .. } = HelperLimits::default();
    let run = Run { directory: directory.path(), input: None, limit, interrupt: &interrupt };
    let finished = process::run(tool, Command::new(tool.program).arg("--version"), &run)?;
    let text = String::from_utf8_lossy(&finished.output).into_owned();
    Ok(text.lines().next().unwrap_or(tool.program).to_owned())
}

#[cfg(test)]
mod tests;
