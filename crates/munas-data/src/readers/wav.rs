//! WAV files: one channel of floats, ±1 at full scale.
//!
//! | module | holds |
//! |---|---|
//! | `riff` | the chunks of a file: what its samples are like and where they lie |
//! | `encoding` | a sample's bytes to its value |

mod encoding;
mod riff;

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use self::riff::{Format, Layout};
use super::folder;
use crate::audio::Channel;

/// Longest recording that is read, in samples of one channel: six hours at 48 kHz.
const MOST_SAMPLES: u64 = 1 << 30;
/// Samples of all channels that are read at once.
const PIECE: usize = 16 * 1024;
/// A mix with less than this share of its channels' energy has lost them: -20 dB.
const CANCELLED: f64 = 0.01;

/// A recording of one channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// Samples per second and channel.
    pub(super) rate: u32,
    /// ±1 at full scale.
    pub(super) samples: Vec<f32>,
    /// Whether mixing the channels left next to nothing of them.
    pub(super) cancelled: bool,
    /// Length of the whole file, of which this may be the beginning.
    pub(super) seconds: f64,
}

/// Reads the header of a file: its sampling rate.
pub(super) fn read_rate(path: &Path) -> Result<u32, String> {
    open(path).map(|(_, layout)| layout.format.rate)
}

/// Bytes that a whole file takes in memory when it is [`read`].
pub(super) fn memory(path: &Path) -> Result<u64, String> {
    let (_, Layout { format, bytes, .. }) = open(path)?;
    Ok(bytes / format.frame_bytes() as u64 * size_of::<f32>() as u64)
}

/// Reads the whole file, or its first `seconds`.
pub(super) fn read(path: &Path, seconds: Option<f64>, channel: Channel) -> Result<Recording, String> {
    let (mut file, Layout { format, start, bytes, declared }) = open(path)?;
    let Format { rate, .. } = format;
    let frame_bytes = format.frame_bytes() as u64;
    let wanted = seconds.map_or(MOST_SAMPLES, |seconds| (seconds * f64::from(rate)).ceil() as u64);
    let wanted = wanted.min(MOST_SAMPLES);
    let there = bytes / frame_bytes;
    let declared = declared.map_or(there, |declared| declared / frame_bytes);
    if there < declared.min(wanted) {
        return Err(format!("truncated: {there} samples of {declared} that its header declares"));
    }
    let count = wanted.min(there);
    if count == 0 {
        return Err("there are no samples in it".to_owned());
    }
    file.seek(SeekFrom::Start(start)).map_err(|error| error.to_string())?;
    let mut mixer = Mixer::new(format, channel, count as usize)?;
    let mut left = count * frame_bytes;
    let mut piece = Vec::new();
    while left > 0 {
        piece.clear();
        let frames = (PIECE / usize::from(format.channels)).max(1) as u64;
        let size = (frames * frame_bytes).min(left);
        let got = (&mut file).take(size).read_to_end(&mut piece).map_err(|error| error.to_string())?;
        if got as u64 != size {
            return Err("truncated while it was read".to_owned());
        }
        mixer.append(&piece);
        left -= size;
    }
    let cancelled = mixer.is_cancelled();
    let samples = mixer.samples;
    if samples.iter().any(|value| !value.is_finite()) {
        return Err("a sample is no number".to_owned());
    }
    Ok(Recording { rate, samples, cancelled, seconds: there as f64 / f64::from(rate) })
}

fn open(path: &Path) -> Result<(BufReader<File>, Layout), String> {
    let file = folder::open(path)?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let mut file = BufReader::new(file);
    let layout = riff::layout(&mut file, length)?;
    Ok((file, layout))
}

/// The files that may be meant as recordings: by the ending of the name, or by the content.
pub(super) fn is_recording(path: &Path) -> bool {
    const ENDINGS: &[&str] = &[
        "wav", "wave", "bwf", "rf64", "w64", "mp3", "flac", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif",
        "aiff", "aifc", "wma", "amr", "3gp", "caf", "au", "snd", "webm",
    ];
    let Some(ending) = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()) else {
        return true;
    };
    if ENDINGS.contains(&ending.as_str()) {
        return true;
    }
    let mut head = Vec::new();
    let read = folder::open(path).map(|file| file.take(12).read_to_end(&mut head));
    matches!(read, Ok(Ok(_))) && riff::is_sound(&head)
}

/// Makes one channel of all.
struct Mixer {
    format: Format,
    channel: Channel,
    samples: Vec<f32>,
    /// Of the mix, and of the channels on average.
    energies: [f64; 2],
}

impl Mixer {
    fn new(format: Format, channel: Channel, count: usize) -> Result<Self, String> {
        let mut samples = Vec::new();
        samples.try_reserve_exact(count).map_err(|_| format!("no memory for its {count} samples"))?;
        Ok(Self { format, channel, samples, energies: [0.0; 2] })
    }

    /// Appends whole frames.
    fn append(&mut self, frames: &[u8]) {
        let Format { encoding, channels, .. } = self.format;
        let value = |frame: &[u8], channel: usize| {
            encoding.value(&frame[channel * encoding.bytes()..][..encoding.bytes()])
        };
        let channels = usize::from(channels);
        let one = match self.channel {
            _ if channels == 1 => Some(0),
            Channel::Left => Some(0),
            Channel::Right => Some(1),
            Channel::Mix => None,
        };
        for frame in frames.chunks_exact(self.format.frame_bytes()) {
            if let Some(channel) = one {
                self.samples.push(value(frame, channel));
                continue;
            }
            let (mut sum, mut energy) = (0.0, 0.0);
            for channel in 0..channels {
                let value = value(frame, channel);
                sum += value;
                energy += f64::from(value).powi(2);
            }
            let mix = sum / channels as f32;
            self.samples.push(mix);
            self.energies[0] += f64::from(mix).powi(2);
            self.energies[1] += energy / channels as f64;
        }
    }

    fn is_cancelled(&self) -> bool {
        let [mix, channels] = self.energies;
        channels > 0.0 && mix < CANCELLED * channels
    }
}

#[cfg(test)]
mod tests;
