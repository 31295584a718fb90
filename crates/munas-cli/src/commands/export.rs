//! `munas export`: a trial's network for firmware.

use std::fs;
use std::path::{Path, PathBuf};

use munas_export::c::{CSettings, CSource, TestSamples, generate};
use munas_export::tflite::{Interface, ModelMetadata, write_in_best_order};
use munas_report::{units, visible};
use munas_run::RunReader;
use serde::Serialize;

use crate::args::ExportArgs;
use crate::error::{CliError, CliResult};
use crate::exported::{Exported, Samples, run_name};
use crate::interface::InterfaceJson;
use crate::output::Output;
use crate::shell::quoted;

#[derive(Debug, Serialize)]
struct ExportJson {
    trial: u64,
    /// The number of the training that it is of, if the trial was trained anew (munas refine).
    refined: Option<u32>,
    #[serde(flatten)]
    interface: InterfaceJson,
    /// What was written.
    files: Vec<PathBuf>,
    /// Bytes of model.tflite.
    tflite_bytes: Option<u64>,
    c: Option<CJson>,
}

/// Memory of the C source.
#[derive(Debug, Serialize)]
struct CJson {
    /// `layers` or `streamed`.
    runtime: &'static str,
    /// Where the input is: `external`, `buffer` or `rows`.
    input: &'static str,
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
    let mut exported = Exported::load(&reader, args.trial, args.as_searched)?;
    exported.note_origin(args.trial, output);
    let samples = test_samples(&reader, args, &mut exported, output);
    let name = args.name.clone().unwrap_or_default();
    fs::create_dir_all(&args.output).map_err(|error| cannot_write(&args.output, &error))?;
    let interface = InterfaceJson::of(&exported);
    let mut document = ExportJson {
        trial: args.trial,
        refined: exported.refined,
        interface,
        files: Vec::new(),
        tflite_bytes: None,
        c: None,
    };
    if args.formats.has_tflite() {
        let bytes =
            write_in_best_order(&exported.network, &tflite_metadata(&exported, &args.dir, args.trial));
        document.tflite_bytes = Some(bytes.len() as u64);
        document.files.push(save(&args.output, &format!("{name}.tflite"), &bytes)?);
    }
    if args.formats.has_c() {
        let title = exported.title(&args.dir, args.trial);
        let samples = match &samples[..] {
            [] => TestSamples::Elements(&[]),
            samples => TestSamples::Raw(samples),
        };
        let (title, name, labels) = (&*title, &name, &*exported.labels);
        let memory = args.memory(reader.experiment().memory);
        let settings = CSettings { title, name, memory, labels, samples, ..CSettings::default() };
        let source = c_source(&exported, settings)?;
        for file in &source.files {
            document.files.push(save(&args.output, &file.name, file.text.as_bytes())?);
        }
        document.c = Some(CJson {
            runtime: memory.runtime.name(),
            input: memory.input.name(),
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

/// What the .tflite file of a trial says besides the network.
pub fn tflite_metadata(exported: &Exported, dir: &Path, trial: u64) -> ModelMetadata {
    ModelMetadata {
        run: run_name(dir),
        trial: trial.to_string(),
        description: format!(
            "found by munas {} in {}",
            env!("CARGO_PKG_VERSION"),
            exported.title(dir, trial)
        ),
        interface: Interface { input: exported.conversion.clone(), classes: exported.labels.clone() },
    }
}

/// The C source of a network, from raw values to the class.
///
/// # Errors
/// If a layer is larger than the C kernels can have it.
pub fn c_source(exported: &Exported, settings: CSettings<'_>) -> CliResult<CSource> {
    let settings = CSettings { conversion: exported.conversion.as_ref(), ..settings };
    generate(&exported.network, &settings).map_err(CliError::failure)
}

/// The samples of the test vectors; none if the data are not at hand, which is said.
fn test_samples(
    reader: &RunReader,
    args: &ExportArgs,
    exported: &mut Exported,
    output: &mut Output,
) -> Vec<Vec<f32>> {
    let wants_samples = args.formats.has_c() && args.samples > 0;
    if !wants_samples && exported.conversion.is_some() {
        return Vec::new();
    }
    match exported.load_data(reader, &args.moved) {
        Ok(dataset) if wants_samples => Samples::of(exported, &dataset, args.samples).raw,
        Ok(_) => Vec::new(),
        Err(error) => {
            output.error(&error.render());
            if wants_samples {
                output.note("the test vectors are left out: the run's data are not at hand");
            }
            if exported.conversion.is_none() {
                output.note(
                    "munas_quantise_input is left out: an earlier version of munas trained the network, and without the data \
                     it is not known how they were normalised",
                );
            }
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
        let input = match c.input {
            "external" => "the input in the caller's buffer",
            "buffer" => "the input in the arena",
            _ => "the input pushed in rows",
        };
        facts.push(("runtime", format!("{}, {input}", c.runtime)));
        facts.push(("arena", format!("{} ({} B, {compared})", units::bytes(c.arena as u64), c.arena)));
        facts.push((
            "stack",
            format!("a patch of {} with the DSP extension, beside the calls", units::bytes(c.patch as u64)),
        ));
        facts.push(("test vectors", c.samples.to_string()));
    }
    facts.extend(document.interface.facts());
    output.facts(facts)?;
    if document.c.is_some() {
        let name = args.name.clone().unwrap_or_default();
        let c_file = |suffix: &str| quoted(&args.output.join(format!("{name}{suffix}.c")));
        output.line(format_args!(
            "\nnext: cc -O2 -o {name}_test {} {} && ./{name}_test\n      munas verify {} {}{}",
            c_file("_test"),
            c_file(""),
            quoted(&args.dir),
            args.trial,
            if args.as_searched { " --as-searched" } else { "" },
        ))?;
    }
    Ok(())
}
