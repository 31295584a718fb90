//! Folders of recordings: a folder per class, or `train/`, `val/` and `test/` folders of such; WAV files.
//!
//! A folder `_background_noise_` beside the classes, as in Speech Commands, is none of them: its recordings are the noise that
//! renditions of the training samples are made with.

use std::path::{Path, PathBuf};

use super::tree::{self, Labelled, Listing, Reading, below};
use super::wav;
use crate::audio::{AudioSettings, FrontEnd, Mixer, Noise, Part, Scratch};
use crate::budget::Budget;
use crate::dataset::RawData;
use crate::error::DataError;
use crate::samples::{ElementType, Samples};
use crate::split::Renditions;

/// The folder of noise.
pub(super) const NOISE_FOLDER: &str = "_background_noise_";

/// How recordings become samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioOptions<'a> {
    pub(crate) settings: &'a AudioSettings,
    /// Largest volume of the noise in renditions; without it there are none.
    pub(crate) background: Option<f64>,
    /// Leave out files that cannot be read.
    pub(crate) skip_bad: bool,
    pub(crate) budget: Budget,
}

/// Reads a tree of recordings. Classes are the folders, in the order of their names.
pub(crate) fn read_folder(root: &Path, name: &str, options: AudioOptions<'_>) -> Result<RawData, DataError> {
    options.settings.check()?;
    let (class_names, listing) = tree::list(root, |folder| folder != NOISE_FOLDER)?;
    let Some(rate) =
        options.settings.rate.or_else(|| listing.items().find_map(|path| wav::read_rate(path).ok()))
    else {
        return Err(DataError::malformed(root, "no WAV files in its class folders"));
    };
    let front_end = FrontEnd::new(options.settings, rate)?;
    let noise = match options.background {
        Some(_) => Some(read_noise(root, rate)?),
        None => None,
    };
    let task = AudioTask { root, front_end: &front_end, noise: noise.as_ref(), options };
    let as_clips = |part: Vec<Labelled<PathBuf>>| -> Vec<Labelled<Clip>> {
        part.into_iter().map(|Labelled { item, label }| Labelled { item: Clip::File(item), label }).collect()
    };
    let listing = Listing {
        train: as_clips(listing.train),
        validation: listing.validation.map(as_clips),
        test: listing.test.map(as_clips),
    };
    let raw = task.read(&listing)?;
    Ok(RawData { name: name.to_owned(), class_names, ..raw })
}

/// What a sample is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clip {
    /// A recording.
    File(PathBuf),
    /// A clip of noise of random volume, for this part; each number is another.
    Noise { part: Part, number: u32 },
}

/// Recordings of one kind, and what becomes of them.
#[derive(Clone, Copy)]
pub(super) struct AudioTask<'a> {
    pub(super) root: &'a Path,
    pub(super) front_end: &'a FrontEnd,
    /// For clips of noise, and for renditions.
    pub(super) noise: Option<&'a Noise>,
    pub(super) options: AudioOptions<'a>,
}

/// Features of a clip, and of its renditions.
struct Features {
    clean: Vec<i8>,
    renditions: Vec<i8>,
}

impl AudioTask<'_> {
    /// Reads the clips of a list. Name and class names are left to the caller.
    pub(super) fn read(&self, listing: &Listing<Clip>) -> Result<RawData, DataError> {
        let Self { root, front_end, options, .. } = *self;
        let settings = options.settings;
        let mixer = self.noise.zip(options.background).map(|(noise, volume)| {
            let renditions = settings.renditions;
            Mixer { noise, volume, renditions }
        });
        let name = |clip: &Clip| match clip {
            Clip::File(path) => below(root, path),
            Clip::Noise { number, .. } => format!("noise {number}"),
        };
        self.check_memory(listing, mixer.map_or(0, |mixer| mixer.renditions))?;
        let reading = Reading { root, name: &name, skip_bad: options.skip_bad };
        let (mut values, mut renditions) = (Vec::new(), Vec::new());
        let decode = |scratch: &mut Scratch, index: usize, clip: &Clip| {
            let recording = match *clip {
                Clip::File(ref path) => self.recording(path)?,
                Clip::Noise { part, number } => {
                    let noise = self.noise.ok_or("there is no noise")?;
                    noise.clip(part, number, front_end.clip_samples())
                }
            };
            let clip = front_end.clip(&recording);
            let mut features = Features { clean: Vec::new(), renditions: Vec::new() };
            front_end.append_quantised(&clip, scratch, &mut features.clean);
            if let Some(mixer) = mixer.filter(|_| index < listing.train.len()) {
                mixer.for_each_rendition(&clip, index, |clip| {
                    front_end.append_quantised(clip, scratch, &mut features.renditions);
                });
            }
            Ok(features)
        };
        let gathered = listing.gather(&reading, Scratch::default, decode, |features: Features| {
            values.extend_from_slice(&features.clean);
            renditions.extend_from_slice(&features.renditions);
        })?;
        if gathered.labels.is_empty() {
            return Err(DataError::malformed(root, "no WAV files in its class folders"));
        }
        let renditions =
            mixer.map(|mixer| Renditions { samples: Samples::I8(renditions), each: mixer.renditions });
        Ok(RawData {
            input: front_end.shape(),
            samples: Samples::I8(values),
            labels: gathered.labels,
            parts: gathered.parts,
            full_scale: ElementType::I8.full_scale(),
            refused: gathered.refused,
            renditions,
            ..RawData::default()
        })
    }

    /// Fails if the features are more than may be in memory; each training sample has so many renditions beside itself.
    fn check_memory(&self, listing: &Listing<Clip>, renditions: usize) -> Result<(), DataError> {
        let [frames, width, _] = self.front_end.shape();
        let count = listing.items().count();
        let samples = (count + listing.train.len() * renditions) as u64;
        let bytes = samples.saturating_mul((frames * width) as u64);
        let what = format_args!("{count} samples of {frames}x{width}x1 with their renditions");
        self.options.budget.check(self.root, what, bytes)
    }

    fn recording(&self, path: &Path) -> Result<Vec<f32>, String> {
        let rate = self.front_end.rate();
        let recording = wav::read(path, Some(self.options.settings.clip_ms / 1000.0))?;
        if recording.rate != rate {
            return Err(wrong_rate(recording.rate, rate));
        }
        Ok(recording.samples)
    }
}

fn wrong_rate(found: u32, expected: u32) -> String {
    format!("{found} Hz where {expected} Hz are expected; recordings are not resampled, convert it first")
}

/// Reads the noise of a dataset. A damaged file of noise is never left out: it would change all renditions.
pub(super) fn read_noise(root: &Path, rate: u32) -> Result<Noise, DataError> {
    let folder = root.join(NOISE_FOLDER);
    if !folder.is_dir() {
        return Err(DataError::malformed(
            root,
            format!("no folder {NOISE_FOLDER} with recordings of noise in it"),
        ));
    }
    let mut recordings = Vec::new();
    for path in tree::entries(&folder)? {
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav")) {
            continue;
        }
        let recording = wav::read(&path, None).map_err(|problem| DataError::malformed(&path, problem))?;
        if recording.rate != rate {
            return Err(DataError::malformed(&path, wrong_rate(recording.rate, rate)));
        }
        recordings.push(recording.samples);
    }
    Noise::new(recordings).ok_or_else(|| DataError::malformed(&folder, "no WAV files in it"))
}
