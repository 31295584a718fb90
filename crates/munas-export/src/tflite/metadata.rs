//! What a file says besides the network.
//!
//! | entry | holds | for |
//! |---|---|---|
//! | `munas.run`, `munas.trial` | where the network is from | people |
//! | `munas.interface` | [`Interface`] as JSON: how raw values become the input, exactly, and the names of the classes | programs; [`Model::interface`] |
//! | `TFLITE_METADATA` | the same in the standard form, normalisation rounded to mean and deviation | common tools |
//! | `min_runtime_version` | the first runtime that has the operators | runtimes |
//!
//! The names of the classes are also a text file, one a line, in a zip archive behind the model: `unzip
//! model.tflite`. Runtimes do not look behind the model. Source: TensorFlow Lite metadata, "Pack metadata and
//! associated files into the model".

use std::borrow::Cow;
use std::io::{Cursor, Seek, SeekFrom, Write};

use munas_quant::QuantisedNetwork;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    interface::{Interface, LABEL_FILE},
    model::Model,
    standard,
};
use crate::input::InputConversion;

/// The entry of the interface.
const INTERFACE: &str = "munas.interface";
/// The first runtime that has all versions of the operators that are written.
const MIN_RUNTIME_VERSION: &str = "1.14.0";
/// Bytes that runtimes expect that text to take.
const MIN_RUNTIME_VERSION_BYTES: usize = 16;

/// What a file says about the network: where it is from, what it takes and gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelMetadata {
    /// Name of the run that found the network.
    pub run: String,
    /// Number or name of the trial.
    pub trial: String,
    /// A line for people.
    pub description: String,
    /// What the input is made of and what the output stands for.
    pub interface: Interface,
}

impl ModelMetadata {
    /// The entries of a network's file.
    pub(super) fn entries(&self, network: &QuantisedNetwork) -> Vec<(String, Cow<'static, [u8]>)> {
        let mut version = MIN_RUNTIME_VERSION.as_bytes().to_vec();
        version.resize(MIN_RUNTIME_VERSION_BYTES, 0);
        let mut entries = vec![
            ("min_runtime_version", version),
            ("munas.run", self.run.as_bytes().to_vec()),
            ("munas.trial", self.trial.as_bytes().to_vec()),
        ];
        if !self.interface.is_empty() {
            let interface = self.interface.compact();
            let json = serde_json::to_vec(&interface).expect("texts and finite numbers have a JSON form");
            entries.push((INTERFACE, json));
            entries.push((standard::NAME, standard::metadata(network, &self.description, &interface)));
        }
        entries.into_iter().map(|(name, data)| (name.to_owned(), Cow::Owned(data))).collect()
    }
}

/// The file with the names of the classes behind it.
pub(super) fn with_files(model: Vec<u8>, metadata: &ModelMetadata) -> Vec<u8> {
    let classes = &metadata.interface.classes;
    if classes.is_empty() {
        return model;
    }
    // One line each: a line break in a name would make two classes of it.
    let lines = classes.iter().map(|class| class.replace(char::is_control, " ") + "\n");
    let lines: String = lines.collect();
    append(model, LABEL_FILE, lines.as_bytes()).expect("memory takes every write")
}

/// Appends an archive with one file, not compressed, whose offsets count from the start of the model.
fn append(model: Vec<u8>, name: &str, content: &[u8]) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut file = Cursor::new(model);
    file.seek(SeekFrom::End(0))?;
    let mut archive = ZipWriter::new(file);
    // Equal networks have equal files: no time of writing.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    archive.start_file(name, options)?;
    archive.write_all(content)?;
    Ok(archive.finish()?.into_inner())
}

impl Model<'_> {
    /// What the file says about its input and its classes, if munas wrote it.
    pub fn interface(&self) -> Option<Interface> {
        let (_, json) = self.metadata.iter().find(|(name, _)| name == INTERFACE)?;
        let interface: Interface = serde_json::from_slice(json).ok()?;
        let is_whole =
            |input: &InputConversion| !input.scale.is_empty() && input.scale.len() == input.offset.len();
        interface.input.as_ref().is_none_or(is_whole).then_some(interface)
    }
}
