//! `munas export`: a trial's network for firmware.

use std::path::PathBuf;

use munas_app::export::{ExportWishes, Written, export};
use munas_app::exported::{Exported, Samples};
use munas_app::interface::InterfaceJson;
use munas_app::{UserResult, quoted};
use munas_report::{units, visible};
use munas_run::RunReader;
use serde::Serialize;

use crate::args::ExportArgs;
use crate::output::Output;

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
pub fn run(args: &ExportArgs, output: &mut Output) -> UserResult {
    let reader = RunReader::open(&args.dir)?;
    let mut exported = Exported::load(&reader, args.trial, args.as_searched)?;
    note_origin(&exported, args.trial, output);
    let samples = test_samples(&reader, args, &mut exported, output);
    let wishes = ExportWishes {
        tflite: args.formats.has_tflite(),
        c: args.formats.has_c(),
        name: args.name.clone().unwrap_or_default(),
        memory: args.memory(reader.experiment().memory),
    };
    let Written { files, tflite_bytes, c } =
        export(&exported, (&args.dir, args.trial), &wishes, &samples, &args.output)?;
    let c = c.map(|source| CJson {
        runtime: wishes.memory.runtime.name(),
        input: wishes.memory.input.name(),
        arena: source.plan.size,
        predicted: source.plan.predicted,
        exact: source.plan.exact,
        patch: source.patch_bytes,
        samples: samples.len(),
    });
    let (refined, interface) = (exported.refined, InterfaceJson::of(&exported));
    let document = ExportJson { trial: args.trial, refined, interface, files, tflite_bytes, c };
    if args.format.json {
        output.json(&document)?;
        return Ok(());
    }
    print(args, &document, output)
}

/// Says which network it is where there is a choice, and what the user should know of weights without a checksum.
pub fn note_origin(exported: &Exported, trial: u64, output: &mut Output) {
    if let Some(number) = exported.refined {
        output.note(format_args!(
            "trial {trial} was trained anew: this is the network of training {number}, which has the lowest validation error; \
             --as-searched takes the one of the search"
        ));
    }
    if !exported.has_checksum {
        output.note(
            "note: an earlier version of munas wrote the weights, without a checksum: damage to the file would not be seen",
        );
    }
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
    match exported.load_data(reader, &(&args.moved).into()) {
        Ok(dataset) if wants_samples => Samples::of(exported, &dataset, args.samples).raw,
        Ok(_) => Vec::new(),
        Err(error) => {
            output.error(&error);
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

fn print(args: &ExportArgs, document: &ExportJson, output: &mut Output) -> UserResult {
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
