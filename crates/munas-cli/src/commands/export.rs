//! `munas export`: a trial's network for firmware.

use std::fs;
use std::path::{Path, PathBuf};

use munas_export::c::{CSettings, CSource, InputPlace, generate};
use munas_export::tflite::{ModelMetadata, write_in_best_order};
use munas_quant::QuantisedNetwork;
use munas_report::{units, visible};
use munas_run::RunReader;
use serde::Serialize;

use crate::args::ExportArgs;
use crate::error::{CliError, CliResult};
use crate::exported::{Samples, int8_network, run_name, title};
use crate::output::Output;
use crate::shell::quoted;

#[derive(Debug, Serialize)]
struct ExportJson {
    trial: u64,
    /// What was written.
    files: Vec<PathBuf>,
    /// Bytes of model.tflite.
    tflite_bytes: Option<u64>,
    c: Option<CJson>,
}

/// Memory of the C source.
#[derive(Debug, Serialize)]
struct CJson {
    /// Bytes of the arena.
    arena: usize,
    /// The predicted `peak_memory`, which the arena equals where packing allows.
    predicted: usize,
    /// Whether no smaller arena exists for the operator order.
    exact: bool,
    /// Bytes of the largest buffer on the stack, with the DSP extension of Cortex-M cores.
    patch: usize,
    /// Test vectors written.
    samples: usize,
}

/// Writes the files and says what they need.
pub fn run(args: &ExportArgs, output: &mut Output) -> CliResult {
    let reader = RunReader::open(&args.dir)?;
    let network = int8_network(&reader, args.trial)?;
    fs::create_dir_all(&args.output).map_err(|error| cannot_write(&args.output, &error))?;
    let mut document = ExportJson { trial: args.trial, files: Vec::new(), tflite_bytes: None, c: None };
    if args.formats.has_tflite() {
        let bytes = tflite_model(&network, &args.dir, args.trial);
        document.tflite_bytes = Some(bytes.len() as u64);
        document.files.push(save(&args.output, "model.tflite", &bytes)?);
    }
    if args.formats.has_c() {
        let samples = match args.samples {
            0 => Vec::new(),
            _ => test_samples(&reader, args, &network, output),
        };
        let source = c_source(&network, &title(&args.dir, args.trial), &samples)?;
        for file in &source.files {
            document.files.push(save(&args.output, &file.name, file.text.as_bytes())?);
        }
        document.c = Some(CJson {
            arena: source.plan.size,
            predicted: source.plan.predicted,
            exact: source.plan.exact,
            patch: source.patch_bytes,
            samples: samples.len(),
        });
    }
    if args.format.json {
        output.json(&document)?;
        return Ok(());
    }
    print(args, &document, output)
}

/// The model of a network, with the operators in the order that needs the least memory in TensorFlow Lite Micro.
fn tflite_model(network: &QuantisedNetwork, dir: &Path, trial: u64) -> Vec<u8> {
    let metadata = ModelMetadata {
        run: run_name(dir),
        trial: trial.to_string(),
        description: format!("found by munas {} in {}", env!("CARGO_PKG_VERSION"), title(dir, trial)),
    };
    write_in_best_order(network, &metadata)
}

/// The C source of a network; its input stays in the caller's buffer.
///
/// # Errors
/// If a layer is larger than the C kernels can have it.
pub fn c_source(network: &QuantisedNetwork, name: &str, samples: &[Vec<i8>]) -> CliResult<CSource> {
    let settings = CSettings { name, input: InputPlace::Caller, samples };
    generate(network, &settings).map_err(CliError::failure)
}

/// The samples of the test vectors; none if the data are not at hand, which is said.
fn test_samples(
    reader: &RunReader,
    args: &ExportArgs,
    network: &QuantisedNetwork,
    output: &mut Output,
) -> Vec<Vec<i8>> {
    match Samples::load(reader, &args.moved, network, args.samples) {
        Ok(samples) => samples.inputs,
        Err(error) => {
            output.error(&error.render());
            output.note("the test vectors are left out: the run's data are not at hand");
            Vec::new()
        }
    }
}

fn save(dir: &Path, name: &str, bytes: &[u8]) -> CliResult<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, bytes).map_err(|error| cannot_write(&path, &error))?;
    Ok(path)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failure(format_args!("cannot write: {error}")).in_file(path)
}

fn print(args: &ExportArgs, document: &ExportJson, output: &mut Output) -> CliResult {
    for file in &document.files {
        output.line(visible(&file.to_string_lossy()))?;
    }
    output.line("")?;
    let mut facts = Vec::new();
    if let Some(bytes) = document.tflite_bytes {
        facts.push((".tflite", units::bytes(bytes)));
    }
    if let Some(c) = &document.c {
        let compared = match c.arena - c.predicted {
            0 => "as predicted".to_owned(),
            gap => format!("{gap} B more than predicted: no tighter packing was found"),
        };
        facts.push(("arena", format!("{} ({} B, {compared})", units::bytes(c.arena as u64), c.arena)));
        facts.push((
            "stack",
            format!("a patch of {} with the DSP extension, beside the calls", units::bytes(c.patch as u64)),
        ));
        facts.push(("test vectors", c.samples.to_string()));
    }
    output.facts(facts)?;
    if document.c.is_some() {
        output.line(format_args!(
            "\nnext: cc -O2 -o model_test {} {} && ./model_test\n      munas verify {} {}",
            quoted(&args.output.join("model_test.c")),
            quoted(&args.output.join("model.c")),
            quoted(&args.dir),
            args.trial,
        ))?;
    }
    Ok(())
}
