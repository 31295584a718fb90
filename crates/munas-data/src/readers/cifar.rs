//! CIFAR-10, binary version: records of one label byte and 3,072 bytes, the red, green and blue planes of 32×32
//! (Krizhevsky 2009). Files may be gzipped.

use std::path::Path;

use super::file::{Content, plain_or_gzipped};
use crate::error::DataError;
use crate::raw_data::{PartSizes, RawData, TestPart};
use crate::samples::{ElementType, Samples};

const EDGE: usize = 32;
const CHANNELS: usize = 3;
const PLANE: usize = EDGE * EDGE;
const RECORD: usize = 1 + CHANNELS * PLANE;
/// Records per file as published; any number is accepted.
const USUAL_RECORDS: usize = 10_000;
/// Bytes of each file as published.
#[cfg(feature = "fetch")]
pub(crate) const PUBLISHED_BYTES: u64 = (USUAL_RECORDS * RECORD) as u64;
/// All files, the test part last.
pub(crate) const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// Reads the six files in `folder`.
pub(crate) fn read_folder(folder: &Path, name: &str, class_names: &[&str]) -> Result<RawData, DataError> {
    let mut pixels = Vec::new();
    // Files are compressed or not, so only a usual set's size is known before they are read.
    pixels.reserve_exact(FILES.len() * USUAL_RECORDS * (RECORD - 1));
    let mut labels = Vec::new();
    let mut train = 0;
    for file in FILES {
        train = labels.len();
        append(folder, file, class_names.len(), &mut pixels, &mut labels)?;
    }
    pixels.shrink_to_fit();
    Ok(RawData {
        name: name.to_owned(),
        input: [EDGE, EDGE, CHANNELS],
        class_names: class_names.iter().map(|&name| name.to_owned()).collect(),
        samples: Samples::U8(pixels),
        parts: PartSizes { train, validation: None, test: TestPart::Own(labels.len() - train) },
        labels,
        full_scale: ElementType::U8.full_scale(),
        ..RawData::default()
    })
}

fn append(
    folder: &Path,
    file: &str,
    classes: usize,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u32>,
) -> Result<(), DataError> {
    let path = folder.join(file);
    let Some(path) = plain_or_gzipped(&path) else {
        return Err(DataError::malformed(&path, "no such file, plain or .gz; CIFAR-10 needs all six"));
    };
    let mut content = Content::open(&path)?;
    let mut record = Vec::with_capacity(RECORD);
    let mut records = 0;
    while content.read_record(RECORD, &mut record)? {
        let label = u32::from(record[0]);
        if label as usize >= classes {
            return Err(content.malformed(format!("record {records} has label {label}, not below {classes}")));
        }
        labels.push(label);
        let (red, rest) = record[1..].split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        let start = pixels.len();
        pixels.resize(start + CHANNELS * PLANE, 0);
        let (sample, _) = pixels[start..].as_chunks_mut::<CHANNELS>();
        for (pixel, ((&red, &green), &blue)) in sample.iter_mut().zip(red.iter().zip(green).zip(blue)) {
            *pixel = [red, green, blue];
        }
        records += 1;
    }
    if records == 0 {
        return Err(content.malformed("the file is empty"));
    }
    Ok(())
}
