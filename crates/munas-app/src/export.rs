//! A trial's network as files for firmware.

use std::fs;
use std::path::{Path, PathBuf};

use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_export::c::{CName, CSettings, CSource, TestSamples, generate};
use munas_export::tflite::{Interface, ModelMetadata, write_in_best_order};

use crate::error::{UserError, UserResult};
use crate::exported::{Exported, run_name};

/// What is written of a network.
#[derive(Clone, Debug)]
pub struct ExportWishes {
    /// Whether the .tflite model is.
    pub tflite: bool,
    /// Whether the C source is.
    pub c: bool,
    /// The name of the files and, in C, of all that they define.
    pub name: CName,
    /// What the C source is for.
    pub memory: MemoryModel,
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// The files, in the order of their writing.
    pub files: Vec<PathBuf>,
    /// Bytes of the .tflite model, if it is among them.
    pub tflite_bytes: Option<u64>,
    /// The C source, if it is among them.
    pub c: Option<CSource>,
}

/// Writes the network of a trial into a folder, which is made if it is not there; the C source with these raw samples as test
/// vectors.
///
/// # Errors
/// If a layer is larger than the C kernels can have it, or a file cannot be written.
pub fn export(
    exported: &Exported,
    (dir, trial): (&Path, u64),
    wishes: &ExportWishes,
    samples: &[Vec<f32>],
    folder: &Path,
) -> UserResult<Written> {
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let ExportWishes { tflite, c, name, memory } = wishes;
    let mut written = Written { files: Vec::new(), tflite_bytes: None, c: None };
    if *tflite {
        let bytes = tflite_model(exported, dir, trial);
        written.tflite_bytes = Some(bytes.len() as u64);
        written.files.push(save(folder, &format!("{name}.tflite"), &bytes)?);
    }
    if *c {
        let title = exported.title(dir, trial);
        let samples = match samples {
            [] => TestSamples::Elements(&[]),
            samples => TestSamples::Raw(samples),
        };
        let (title, labels) = (&*title, &*exported.labels);
        let settings = CSettings { title, name, memory: *memory, labels, samples, ..CSettings::default() };
        let source = c_source(exported, settings)?;
        for file in &source.files {
            written.files.push(save(folder, &file.name, file.text.as_bytes())?);
        }
        written.c = Some(source);
    }
    Ok(written)
}

/// What C source is for: as the search counted, unless another runtime or place of the input is asked for. Of another runtime, the
/// input is where it costs the least.
pub fn memory_asked(
    searched: MemoryModel,
    runtime: Option<Runtime>,
    input: Option<NetworkInput>,
) -> MemoryModel {
    let of_runtime = match runtime {
        Some(Runtime::Layers) if searched.runtime != Runtime::Layers => MemoryModel::PUBLISHED,
        Some(Runtime::Streamed) if searched.runtime != Runtime::Streamed => MemoryModel::STREAMED,
        Some(_) | None => searched,
    };
    MemoryModel { input: input.unwrap_or(of_runtime.input), ..of_runtime }
}

/// The bytes of the .tflite model of a trial, its operators in the order that needs the least memory.
pub fn tflite_model(exported: &Exported, dir: &Path, trial: u64) -> Vec<u8> {
    write_in_best_order(&exported.network, &tflite_metadata(exported, dir, trial))
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
pub fn c_source(exported: &Exported, settings: CSettings<'_>) -> UserResult<CSource> {
    let settings = CSettings { conversion: exported.conversion.as_ref(), ..settings };
    generate(&exported.network, &settings).map_err(UserError::failure)
}

fn save(dir: &Path, name: &str, bytes: &[u8]) -> UserResult<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, bytes).map_err(|error| cannot_write(&path, &error))?;
    Ok(path)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> UserError {
    UserError::failure(format_args!("cannot write: {error}")).in_file(path)
}
