//! What is asked for one by one: a trial's section of the report, how the search went, a trial's files.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use munas_app::experiment::Moved;
use munas_app::export::{ExportWishes, export, tflite_model};
use munas_app::exported::{Exported, Samples};
use munas_app::{UserError, UserResult};
use munas_export::c::CName;
use munas_report::{RunView, progress_html, trial_html};
use munas_run::{RunReader, front_of, trial as details_of};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Test vectors in an archive of C source.
const TEST_VECTORS: usize = 4;

/// The file of an archive that says why it has none.
const WITHOUT_VECTORS: &str = "NO_TEST_VECTORS.txt";

/// The section of a trial.
///
/// # Errors
/// If there is no such trial, or the journal cannot be read.
pub fn section(reader: &RunReader, trial: u64) -> UserResult<String> {
    let details = details_of(reader, trial)?;
    let curves = BTreeMap::from([(trial, details.curve)]);
    let confusions = details.confusions.map(|confusions| (trial, confusions)).into_iter().collect();
    let front = [details.record];
    let view = RunView {
        experiment: reader.experiment(),
        task: reader.task(),
        trials: &front,
        front: &front,
        finalists: &[],
        curves: &curves,
        confusions: &confusions,
    };
    Ok(trial_html(&view, &front[0]))
}

/// Error and hypervolume over the trials.
///
/// # Errors
/// If the journal cannot be read.
pub fn progress(reader: &RunReader) -> UserResult<String> {
    let trials = reader.trials()?;
    let front = front_of(&trials, &reader.experiment().bounds);
    Ok(progress_html(&RunView {
        experiment: reader.experiment(),
        task: reader.task(),
        trials: &trials,
        front: &front,
        finalists: &[],
        curves: &BTreeMap::new(),
        confusions: &BTreeMap::new(),
    }))
}

/// The .tflite model of a trial.
///
/// # Errors
/// If its network is not kept.
pub fn tflite(reader: &RunReader, trial: u64) -> UserResult<Vec<u8>> {
    Ok(tflite_model(&Exported::load(reader, trial, false)?, reader.dir(), trial))
}

/// The C source of a trial in an archive, with test vectors where the run's data are at hand.
///
/// # Errors
/// If its network is not kept, or has no C source.
pub fn c_source(reader: &RunReader, trial: u64) -> UserResult<Vec<u8>> {
    let mut exported = Exported::load(reader, trial, false)?;
    let samples = exported.load_data(reader, &Moved::default());
    let samples = samples.map(|dataset| Samples::of(&exported, &dataset, TEST_VECTORS).raw);
    let memory = reader.experiment().memory;
    let wishes = ExportWishes { tflite: false, c: true, name: CName::default(), memory };
    let folder = tempfile::tempdir().map_err(UserError::failure)?;
    let written = export(
        &exported,
        (reader.dir(), trial),
        &wishes,
        samples.as_deref().unwrap_or_default(),
        folder.path(),
    )?;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for path in &written.files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive.start_file(name, SimpleFileOptions::default()).map_err(UserError::failure)?;
        archive.write_all(&std::fs::read(path).map_err(UserError::failure)?).map_err(UserError::failure)?;
    }
    if let Err(error) = samples {
        archive.start_file(WITHOUT_VECTORS, SimpleFileOptions::default()).map_err(UserError::failure)?;
        let text = format!("The test vectors are left out: the run's data are not at hand.\n{error}\n");
        archive.write_all(text.as_bytes()).map_err(UserError::failure)?;
    }
    Ok(archive.finish().map_err(UserError::failure)?.into_inner())
}
