//! Speech Commands (Warden 2018) with twelve classes: ten words, silence and all other words.
//!
//! The tree holds a folder of WAV files per word and `_background_noise_`. Which part a file belongs to is told by
//! `validation_list.txt` and `testing_list.txt` where these are there, and otherwise by the hash of the speaker in its name,
//! which is how the lists were made. Silence and unknown words are each 10 % of the ten words' number, in every part: unknown words
//! are drawn from all other folders, silence is noise of random volume, from another stretch of the recordings for each part. Both
//! draws are always the same, so that results can be compared.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha1::{Digest, Sha1};

use super::audio::{AudioOptions, AudioTask, Clip, NOISE_FOLDER, read_noise};
use super::folder::Contents;
use super::tree::{Labelled, Listing};
use crate::audio::{AudioSettings, FrontEnd, Part};
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::raw_data::RawData;

/// The recordings' sampling rate in Hz.
const RATE: u32 = 16_000;
/// Silence and unknown words, each, as a share of the words of a part.
const SHARE: f64 = 0.1;
/// Shares of validation and test in percent, where the hash decides.
const VALIDATION_PERCENT: f64 = 10.0;
const TEST_PERCENT: f64 = 10.0;
/// What the published hash is taken modulo, less one: most recordings per word.
const MOST_PER_WORD: u32 = (1 << 27) - 1;
/// The draw of unknown words is part of the dataset.
const SEED: u64 = 59_185;

/// Reads the tree. `words` are the ten words; silence and unknown words come after them.
pub(crate) fn read(
    root: &Path,
    name: &str,
    words: &[&str],
    options: AudioOptions<'_>,
    groups: &GroupChoice,
) -> Result<RawData, DataError> {
    let settings = AudioSettings { rate: Some(RATE), ..options.settings.clone() };
    if options.settings.rate.is_some_and(|rate| rate != RATE) {
        return Err(DataError::Option(format!("{name} is sampled at {RATE} Hz; leave out the rate")));
    }
    let front_end = FrontEnd::new(&settings, RATE)?;
    let noise = read_noise(root, RATE, &options)?;
    let lists = Lists::read(root)?;
    let mut parts = Parts::default();
    let mut missing: Vec<&str> = words.to_vec();
    for (word, folder) in Contents::of(root)?.folders {
        if word == NOISE_FOLDER {
            continue;
        }
        let label = words.iter().position(|known| *known == word);
        missing.retain(|known| *known != word);
        for path in Contents::of(&folder)?.files {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let part = match &lists {
                Some(lists) => lists.part_of(&format!("{word}/{file_name}")),
                None => part_of_hash(&file_name),
            };
            let part = parts.of(part);
            match label {
                Some(label) => {
                    part.known.push(Labelled { item: Clip::File(path), label: label as u32, group: None });
                }
                None => part.unknown.push(path),
            }
        }
    }
    if !missing.is_empty() {
        return Err(DataError::malformed(root, format!("no folder for the words {}", missing.join(", "))));
    }
    let mut filled = |part: Part| {
        let files = std::mem::take(parts.of(part));
        fill_up(files, part, words.len() as u32)
    };
    let mut listing = Listing {
        train: filled(Part::Train),
        validation: Some(filled(Part::Validation)),
        test: Some(filled(Part::Test)),
    };
    let options = AudioOptions { settings: &settings, ..options };
    let speakers = if groups.is_auto() { group_by_speaker(&mut listing) } else { Vec::new() };
    let mut raw = AudioTask { root, front_end: &front_end, noise: Some(&noise), options }.read(&listing)?;
    if let Some(groups) = &mut raw.groups {
        groups.names = speakers;
    }
    let class_names = words.iter().chain(&["silence", "unknown"]).map(|&class| class.to_owned()).collect();
    Ok(RawData { name: name.to_owned(), class_names, ..raw })
}

#[derive(Debug, Default)]
struct Parts([PartFiles; 3]);

/// The files of a part.
#[derive(Debug, Default)]
struct PartFiles {
    known: Vec<Labelled<Clip>>,
    unknown: Vec<PathBuf>,
}

impl Parts {
    fn of(&mut self, part: Part) -> &mut PartFiles {
        &mut self.0[part as usize]
    }
}

/// The files of a part filled up with silence and unknown words, whose labels come after those of the words.
fn fill_up(files: PartFiles, part: Part, words: u32) -> Vec<Labelled<Clip>> {
    let PartFiles { known: mut clips, mut unknown } = files;
    let count = (clips.len() as f64 * SHARE).ceil() as usize;
    clips.extend((0..count as u32).map(|number| Labelled {
        item: Clip::Noise { part, number },
        label: words,
        group: None,
    }));
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    rng.set_stream(part as u64);
    unknown.shuffle(&mut rng);
    unknown.truncate(count);
    let label = words + 1;
    clips.extend(unknown.into_iter().map(|path| Labelled { item: Clip::File(path), label, group: None }));
    clips
}

/// The published lists of files that are not for training.
struct Lists {
    validation: HashSet<String>,
    test: HashSet<String>,
}

impl Lists {
    /// `None` where neither list is there.
    fn read(root: &Path) -> Result<Option<Self>, DataError> {
        let [validation, test] = ["validation_list.txt", "testing_list.txt"].map(|file| root.join(file));
        if !validation.is_file() && !test.is_file() {
            return Ok(None);
        }
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path).map_err(|error| DataError::io(path, error))?;
            Ok(text.lines().map(|line| line.trim().to_owned()).collect())
        };
        Ok(Some(Self { validation: read(&validation)?, test: read(&test)? }))
    }

    fn part_of(&self, file: &str) -> Part {
        if self.validation.contains(file) {
            Part::Validation
        } else if self.test.contains(file) {
            Part::Test
        } else {
            Part::Train
        }
    }
}

/// Puts all recordings of a speaker into one group; returns the speakers.
fn group_by_speaker(listing: &mut Listing<Clip>) -> Vec<String> {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    let mut speakers = Vec::new();
    for Labelled { item, group, .. } in listing.parts_mut().flatten() {
        let Clip::File(path) = item else { continue };
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let speaker = speaker_of(&file_name);
        let number = *numbers.entry(speaker.to_owned()).or_insert_with(|| {
            speakers.push(speaker.to_owned());
            speakers.len() as u32 - 1
        });
        *group = Some(number);
    }
    speakers
}

/// The speaker of a file: what stands before `_nohash_` in its name.
fn speaker_of(file_name: &str) -> &str {
    file_name.split("_nohash_").next().unwrap_or(file_name)
}

/// The part of a file by its name: all recordings of a speaker are in one.
fn part_of_hash(file_name: &str) -> Part {
    let speaker = speaker_of(file_name);
    let digest = Sha1::digest(speaker.as_bytes());
    let last: [u8; 4] = std::array::from_fn(|index| digest[digest.len() - 4 + index]);
    let share = u32::from_be_bytes(last) & MOST_PER_WORD;
    let percent = f64::from(share) * (100.0 / f64::from(MOST_PER_WORD));
    if percent < VALIDATION_PERCENT {
        Part::Validation
    } else if percent < VALIDATION_PERCENT + TEST_PERCENT {
        Part::Test
    } else {
        Part::Train
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_published() {
        // Computed with hashlib, by the rule of the dataset's own README; the first is a file of its validation list.
        for (file, part) in HASHED {
            assert_eq!(part_of_hash(file), *part, "{file}");
        }
    }

    const HASHED: &[(&str, Part)] = &[
        ("026290a7_nohash_0.wav", Part::Validation),
        ("026290a7_nohash_7.wav", Part::Validation),
        ("78e51061_nohash_2.wav", Part::Validation),
        ("2265b1f5_nohash_0.wav", Part::Test),
        ("414c343c_nohash_0.wav", Part::Test),
        ("91b7584a_nohash_1.wav", Part::Train),
        ("bobby_nohash_0.wav", Part::Train),
    ];
}
