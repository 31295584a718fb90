//! From a source's text to a dataset in memory.

mod packed;

use std::path::PathBuf;

use crate::audio::AudioSettings;
use crate::axes::Layout;
use crate::budget::Budget;
use crate::classes;
use crate::csv_settings::CsvSettings;
use crate::dataset::Dataset;
use crate::directories::data_directories;
use crate::error::DataError;
use crate::folds::Folds;
use crate::glyphs;
use crate::group_choice::GroupChoice;
use crate::raw_data::{RawData, SplitOptions};
use crate::readers::arrays::ArrayOptions;
use crate::readers::audio::AudioOptions;
use crate::readers::images::{Backdrop, ImageOptions};
use crate::readers::npz::Selection;
use crate::readers::table::TableOptions;
use crate::readers::{audio, idx, images, npz, table};
use crate::source::Source;

/// How a source is read and split.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// The first folder in which named datasets are looked for; see [`data_directories`].
    pub data_dir: Option<PathBuf>,
    /// Share of the training samples that becomes the validation part, where the source has none of its own.
    pub validation: f64,
    /// Seed of the validation (and subset) draw.
    pub seed: u64,
    /// Height and width that images are scaled to.
    pub size: Option<(usize, usize)>,
    /// Without a size: whether the user's own images are scaled to a common one where they are large or differ, instead of
    /// being refused.
    pub fit: bool,
    /// Share of each side of the user's own images (and of those of `vww`) that is kept around the centre, above 0 and up to 1.
    pub crop: Option<f64>,
    /// Images in grey, or the user's own in colour; when left out, the user's own are in grey where all of them are grey.
    pub grey: Option<bool>,
    /// Whether the user's own images are turned upright, as their EXIF data say.
    pub orientation: bool,
    /// What the user's own images are laid over where they are transparent; when left out, their hidden colours show.
    pub backdrop: Option<Backdrop>,
    /// Whether 16 bits are kept of the user's own images that have them, instead of 8.
    pub deep: bool,
    /// How recordings become samples.
    pub audio: AudioSettings,
    /// Largest volume of background noise in renditions of the training samples, in 0..=1; without it there are none.
    pub background: Option<f64>,
    /// Leave out files and rows that cannot be read (they are counted), instead of failing.
    pub skip_bad: bool,
    /// What the axes of arrays of samples mean.
    pub layout: Layout,
    /// Names of the arrays of an archive: samples and labels of training, of training and test, or of training, validation and
    /// test. Usual names are known when left out.
    pub arrays: Option<Vec<String>>,
    /// Whether the distinct labels of arrays are the classes, be they any numbers or names. If not, labels are the numbers of
    /// classes, from 0, and classes between them may have no sample.
    pub compact_labels: bool,
    /// Whether each class of the user's own data has a sample in every part that is drawn; one too small for that is an error.
    /// If not, the parts have its share of them, be it none.
    pub every_class: bool,
    /// Which samples belong together and stay on one side of every split.
    pub groups: GroupChoice,
    /// How many pairs of training and validation parts are drawn.
    pub folds: Folds,
    /// Whether errors are counted so that each class counts alike: classes out of balance need no warning then.
    pub balanced: bool,
    /// How tables of text are read.
    pub csv: CsvSettings,
    /// Keep at most this many training samples, stratified, before validation is split off.
    pub subset: Option<usize>,
    /// Bytes that the samples may take; half of the machine's memory (or of the control group's) when left out.
    pub memory: Option<u64>,
}

impl Default for LoadOptions {
    /// A tenth of the training samples for validation (muNAS), seed 0, images as they are.
    fn default() -> Self {
        Self {
            data_dir: None,
            validation: 0.1,
            seed: 0,
            size: None,
            fit: true,
            crop: None,
            grey: None,
            orientation: true,
            backdrop: Some(Backdrop::default()),
            deep: true,
            audio: AudioSettings::default(),
            background: None,
            skip_bad: false,
            layout: Layout::Auto,
            arrays: None,
            compact_labels: true,
            every_class: true,
            groups: GroupChoice::default(),
            folds: Folds::Count(1),
            balanced: false,
            csv: CsvSettings::default(),
            subset: None,
            memory: None,
        }
    }
}

/// Loads what `source` names (see [`Source`]).
///
/// # Errors
/// A [`DataError`] that names the file and what is wrong with it, or lists what is known or where was looked.
pub fn load(source: &str, options: &LoadOptions) -> Result<Dataset, DataError> {
    load_source(&source.parse()?, options)
}

/// Loads a source that has been parsed before.
///
/// # Errors
/// As [`load`].
pub fn load_source(source: &Source, options: &LoadOptions) -> Result<Dataset, DataError> {
    if options.size.is_some_and(|(height, width)| height == 0 || width == 0 || height.max(width) > MAX_SIDE) {
        return Err(DataError::Option(format!("a size must be from 1x1 to {MAX_SIDE}x{MAX_SIDE} pixels")));
    }
    if options.crop.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return Err(DataError::Option("a crop must keep a share above 0 and up to 1".to_owned()));
    }
    if let Source::Packed(path) = source {
        return packed::open(path, options);
    }
    let LoadOptions { validation, seed, subset, every_class, .. } = *options;
    let mut data = read(source, options)?;
    // Published datasets are split as published.
    let own = !matches!(source, Source::Glyphs { .. } | Source::Named { .. });
    if own {
        classes::check(&mut data, source, options.balanced)?;
    }
    let every_class = every_class && own;
    if options.background.is_some() && data.renditions.is_none() {
        return Err(no_noise(&data.name));
    }
    let several_groups = options.groups != GroupChoice::LevelShare;
    if let (Some(asked), None) = (options.groups.asked(), &data.groups) {
        let problem = format!("there are no groups `{asked}` in it");
        let hint = "`--groups none` does without groups".to_owned();
        return Err(DataError::Advised { place: data.name, problem, hint });
    }
    data.into_dataset(&SplitOptions {
        validation,
        seed,
        subset,
        every_class,
        several_groups,
        folds: options.folds,
    })
}

fn no_noise(name: &str) -> DataError {
    DataError::Option(format!("{name}: there is no background noise to mix in"))
}

/// Largest side that images are scaled to, in pixels.
const MAX_SIDE: usize = 4_096;

fn read(source: &Source, options: &LoadOptions) -> Result<RawData, DataError> {
    let LoadOptions { size, fit, crop, grey, orientation, backdrop, deep, skip_bad, .. } = *options;
    let budget = Budget::new(options.memory);
    let image_options = ImageOptions { size, fit, crop, grey, orientation, backdrop, deep, skip_bad, budget };
    let background = options.background;
    let audio_options = AudioOptions { settings: &options.audio, background, skip_bad, budget };
    let LoadOptions { layout, compact_labels, .. } = *options;
    let array_options = ArrayOptions { layout, compact_labels, skip_bad, budget };
    let (name, groups) = (source.to_string(), &options.groups);
    let data = match source {
        Source::Glyphs { size } => return glyphs_of(*size, options),
        Source::Named { dataset, binary } => {
            let data_dirs = data_directories(options.data_dir.as_deref());
            let data = dataset.read(&data_dirs, &image_options, audio_options, groups)?;
            if *binary { data.into_binary() } else { data }
        }
        Source::Images(folder) => images::read_folder(folder, &name, &image_options, groups)?,
        Source::Audio(folder) => audio::read_folder(folder, &name, audio_options, groups)?,
        Source::Csv { path, label } => {
            let (label, settings) = (label.as_deref(), &options.csv);
            let table = TableOptions { label, groups, settings, skip_bad, budget };
            table::read(path, &name, table)?
        }
        Source::Npz(path) => {
            let selection = Selection { arrays: options.arrays.as_deref(), groups };
            npz::read(path, &name, array_options, selection)?
        }
        Source::Idx(folder) => idx::read_folder(folder, &name, array_options)?,
        Source::Packed(_) => unreachable!("packed data are opened, not read and split"),
    };
    images::conform(data, &image_options)
}

/// Glyphs are drawn in the size asked for instead of being scaled to it.
fn glyphs_of(size: usize, options: &LoadOptions) -> Result<RawData, DataError> {
    let size = match options.size {
        None => size,
        Some((height, width)) if height == width && glyphs::SIZES.contains(&height) => height,
        Some((height, width)) => {
            return Err(DataError::Option(format!(
                "glyphs are square, {} to {} pixels a side, not {height}x{width}",
                glyphs::SIZES.start(),
                glyphs::SIZES.end()
            )));
        }
    };
    Ok(glyphs::generate(size))
}
