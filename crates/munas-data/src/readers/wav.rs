//! WAV files: one channel of floats, ±1 at full scale.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use hound::{SampleFormat, WavReader};

/// Longest recording that is read, in samples of one channel: six hours at 48 kHz.
const MOST_SAMPLES: usize = 1 << 30;

/// A recording, its channels averaged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// Samples per second.
    pub(super) rate: u32,
    /// ±1 at full scale.
    pub(super) samples: Vec<f32>,
}

/// Reads the header of a file: its sampling rate.
pub(super) fn read_rate(path: &Path) -> Result<u32, String> {
    open(path).map(|reader| reader.spec().sample_rate)
}

/// Reads the whole file, or its first `seconds`.
pub(super) fn read(path: &Path, seconds: Option<f64>) -> Result<Recording, String> {
    let mut reader = open(path)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    // What the header declares is not believed: samples are counted as they come.
    let wanted =
        seconds.map_or(MOST_SAMPLES, |seconds| (seconds * f64::from(spec.sample_rate)).ceil() as usize);
    let wanted = wanted.min(MOST_SAMPLES).min(reader.duration() as usize);
    let values: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => collect(reader.samples::<f32>(), wanted * channels)?,
        SampleFormat::Int => {
            let scale = 1.0 / (1_u64 << (spec.bits_per_sample - 1)) as f32;
            collect(
                reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 * scale)),
                wanted * channels,
            )?
        }
    };
    if values.is_empty() {
        return Err("there are no samples in it".to_owned());
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err("a sample is no number".to_owned());
    }
    let samples = match channels {
        1 => values,
        _ => values.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect(),
    };
    Ok(Recording { rate: spec.sample_rate, samples })
}

fn open(path: &Path) -> Result<WavReader<BufReader<File>>, String> {
    let reader = WavReader::open(path).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if spec.sample_rate == 0 || spec.channels == 0 || !(1..=32).contains(&spec.bits_per_sample) {
        return Err(format!(
            "{} channels of {} bits at {} Hz are no recording",
            spec.channels, spec.bits_per_sample, spec.sample_rate
        ));
    }
    Ok(reader)
}

fn collect(samples: impl Iterator<Item = hound::Result<f32>>, wanted: usize) -> Result<Vec<f32>, String> {
    samples.take(wanted).collect::<Result<_, _>>().map_err(|error| match error {
        // The header was read: it declares more than there is.
        hound::Error::IoError(error) => format!("truncated: {error}"),
        error => error.to_string(),
    })
}
