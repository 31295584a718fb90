//! Folders of recordings: a folder per class, or folders for the parts with such in them; WAV files.
//!
//! A folder `_background_noise_` beside the classes, as in Speech Commands, is none of them: its recordings are the noise that
//! renditions of the training samples are made with.

use std::path::{Path, PathBuf};

use super::class_tree::{ClassTree, Kind};
use super::folder::{Contents, below};
use super::tree::{Labelled, Listing, Reading};
use super::wav;
use crate::audio::{AudioSettings, FrontEnd, Mixer, Noise, Part, Scratch};
use crate::budget::Budget;
use crate::error::{DataError, LISTED};
use crate::group_choice::GroupChoice;
use crate::raw_data::RawData;
use crate::samples::{ElementType, Samples};
use crate::split::Renditions;
use crate::warning::Warning;

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
pub(crate) fn read_folder(
    root: &Path,
    name: &str,
    options: AudioOptions<'_>,
    groups: &GroupChoice,
) -> Result<RawData, DataError> {
    options.settings.check()?;
    let tree = ClassTree::list(root, &RECORDINGS, groups)?;
    let root = &*tree.root;
    let rate = match options.settings.rate {
        Some(rate) => rate,
        None => first_rate(root, &tree.listing)?,
    };
    let front_end = FrontEnd::new(options.settings, rate)?;
    let noise = match options.background {
        Some(_) => Some(read_noise(root, rate, &options)?),
        None => None,
    };
    let task = AudioTask { root, front_end: &front_end, noise: noise.as_ref(), options };
    let as_clips = |part: Vec<Labelled<PathBuf>>| -> Vec<Labelled<Clip>> {
        let clip = |Labelled { item, label, group }| Labelled { item: Clip::File(item), label, group };
        part.into_iter().map(clip).collect()
    };
    let listing = Listing {
        train: as_clips(tree.listing.train.clone()),
        validation: tree.listing.validation.clone().map(as_clips),
        test: tree.listing.test.clone().map(as_clips),
    };
    let raw = task.read(&listing)?;
    tree.describe(raw, name, &RECORDINGS)
}

/// What trees of recordings are made of.
const RECORDINGS: Kind =
    Kind { files: "recordings", is_sample: wav::is_recording, is_no_class: |folder| folder == NOISE_FOLDER };

/// The sampling rate of the first recording that can be read.
fn first_rate(root: &Path, listing: &Listing<PathBuf>) -> Result<u32, DataError> {
    let mut reasons = Vec::new();
    for path in listing.items() {
        match wav::read_rate(path) {
            Ok(rate) => return Ok(rate),
            Err(problem) if reasons.len() < LISTED => {
                reasons.push(format!("{}: {problem}", below(root, path)));
            }
            Err(_) => {}
        }
    }
    let total = listing.items().count();
    Err(DataError::Refused { root: root.to_path_buf(), count: total, total, reasons })
}

/// What a sample is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clip {
    /// A recording: a WAV file.
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

/// A clip as it was recorded.
struct Wave {
    samples: Vec<f32>,
    /// The file, if its channels cancel out in their mix.
    cancelled: Option<String>,
    /// Length of the recording in seconds.
    seconds: f64,
}

/// Features of a clip, and of its renditions, with what is known of its [`Wave`].
struct Features {
    clean: Vec<i8>,
    renditions: Vec<i8>,
    cancelled: Option<String>,
    seconds: f64,
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
        let sample_bytes =
            front_end.shape().iter().product::<usize>() * (1 + mixer.map_or(0, |mixer| mixer.renditions));
        let reading = Reading { root, name: &name, skip_bad: options.skip_bad, sample_bytes };
        let (mut values, mut renditions) = (Vec::new(), Vec::new());
        let (mut cancelled, mut seconds) = (Vec::new(), Vec::new());
        let decode = |scratch: &mut Scratch, index: usize, clip: &Clip| {
            let Wave { samples, cancelled, seconds } = self.wave(clip)?;
            let mut features = Features { clean: Vec::new(), renditions: Vec::new(), cancelled, seconds };
            let clip = front_end.clip(&samples);
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
            cancelled.extend(features.cancelled);
            seconds.push(features.seconds);
        })?;
        let cancelled = cancelled_channels(root, &cancelled);
        let warnings = cancelled.into_iter().chain(cut_recordings(root, &seconds, settings)).collect();
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
            rate: Some(front_end.rate()),
            groups: gathered.groups,
            warnings,
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

    /// The samples of a clip, with what there is to know about its file.
    fn wave(&self, clip: &Clip) -> Result<Wave, String> {
        match *clip {
            Clip::File(ref path) => {
                let recording = self.recording(path)?;
                let cancelled = recording.cancelled.then(|| below(self.root, path));
                Ok(Wave { samples: recording.samples, cancelled, seconds: recording.seconds })
            }
            Clip::Noise { part, number } => {
                let noise = self.noise.ok_or("there is no noise")?;
                let samples = noise.clip(part, number, self.front_end.clip_samples());
                Ok(Wave { samples, cancelled: None, seconds: 0.0 })
            }
        }
    }

    fn recording(&self, path: &Path) -> Result<wav::Recording, String> {
        let rate = self.front_end.rate();
        let settings = self.options.settings;
        let recording = wav::read(path, Some(settings.clip_ms / 1000.0), settings.channel)?;
        if recording.rate != rate {
            return Err(wrong_rate(recording.rate, rate));
        }
        Ok(recording)
    }
}

/// What is to be said if much of the recordings is not used.
fn cut_recordings(root: &Path, seconds: &[f64], settings: &AudioSettings) -> Option<Warning> {
    /// Recordings that are a little longer lose but silence.
    const MUCH: f64 = 1.25;
    /// One in so many may be long without a word.
    const FEW: usize = 10;
    let clip = settings.clip_ms / 1000.0;
    let long = seconds.iter().filter(|seconds| **seconds > MUCH * clip).count();
    if long * FEW <= seconds.len() {
        return None;
    }
    let longest = seconds.iter().copied().fold(0.0, f64::max);
    let (root, all) = (root.display(), seconds.len());
    let what = format!(
        "{root}: {long} of {all} recordings are longer than the first {clip} s that are read of each; the longest has \
         {longest:.1} s"
    );
    Some(
        Warning::new(what)
            .hint("`--set data.audio.clip_ms=2000` reads two seconds; or cut the recordings into pieces"),
    )
}

/// What is to be said about recordings whose channels cancel out.
fn cancelled_channels(root: &Path, files: &[String]) -> Option<Warning> {
    let first = files.first()?;
    let (root, count) = (root.display(), files.len());
    let what =
        format!("{root}: the channels of {count} recordings cancel out when they are mixed: {first}, …");
    Some(Warning::new(what).hint("`--channel left` or `--channel right` takes one of them"))
}

fn wrong_rate(found: u32, expected: u32) -> String {
    format!("{found} Hz where {expected} Hz are expected; recordings are not resampled, convert it first")
}

/// Reads the noise of a dataset. A damaged file of noise is never left out: it would change all renditions.
pub(super) fn read_noise(root: &Path, rate: u32, options: &AudioOptions<'_>) -> Result<Noise, DataError> {
    let folder = root.join(NOISE_FOLDER);
    if !folder.is_dir() {
        return Err(DataError::malformed(
            root,
            format!("no folder {NOISE_FOLDER} with recordings of noise in it"),
        ));
    }
    let mut recordings = Vec::new();
    let files = Contents::of(&folder)?.files;
    let bytes = files.iter().map(|path| wav::memory(path).unwrap_or(0)).fold(0, u64::saturating_add);
    options.budget.check(&folder, format_args!("{} recordings of noise", files.len()), bytes)?;
    for path in files {
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav")) {
            continue;
        }
        let recording = wav::read(&path, None, options.settings.channel)
            .map_err(|problem| DataError::malformed(&path, problem))?;
        if recording.rate != rate {
            return Err(DataError::malformed(&path, wrong_rate(recording.rate, rate)));
        }
        recordings.push(recording.samples);
    }
    Noise::new(recordings).ok_or_else(|| DataError::malformed(&folder, "no WAV files in it"))
}
