//! Small, valid files of every format, for tests to read and to damage.

pub mod photographs;
pub mod pictures;
pub mod recordings;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An idx file of bytes.
pub fn idx(extents: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, extents.len() as u8];
    file.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    file.extend_from_slice(data);
    file
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Twelve training and four test samples of 2×3 pixels in two classes; the images are gzipped.
pub fn write_idx_folder(folder: &Path) {
    let pixels: Vec<u8> = (0..12 * 6).collect();
    let write = |name: &str, content: Vec<u8>| fs::write(folder.join(name), content).unwrap();
    write("train-images-idx3-ubyte.gz", gzip(&idx(&[12, 2, 3], &pixels)));
    write("train-labels-idx1-ubyte", idx(&[12], &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]));
    write("t10k-images-idx3-ubyte", idx(&[4, 2, 3], &pixels[..24]));
    write("t10k-labels-idx1-ubyte.gz", gzip(&idx(&[4], &[1, 1, 0, 0])));
}

/// An npy array.
pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_in_order(descr, false, shape, data)
}

/// An npy array in column-major order, or not.
pub fn npy_in_order(descr: &str, column_major: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if column_major { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// An npz archive, compressed as `numpy.savez_compressed` does.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        zip.write_all(array).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Six training and two test samples of shape 4×2 (f32), three classes.
pub fn small_npz() -> Vec<u8> {
    let floats =
        |count: usize| (0..count).flat_map(|index| (index as f32 / 2.0).to_le_bytes()).collect::<Vec<_>>();
    let labels = |labels: &[i64]| labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>();
    npz(&[
        ("x_train", npy("<f4", "(6, 4, 2)", &floats(48))),
        ("y_train", npy("<i8", "(6,)", &labels(&[0, 1, 2, 0, 1, 2]))),
        ("x_test", npy("<f4", "(2, 4, 2)", &floats(16))),
        ("y_test", npy("<i8", "(2,)", &labels(&[2, 0]))),
    ])
}

/// Records of CIFAR-10's binary form; pixel values count up, labels as given.
pub fn cifar_records(labels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for &label in labels {
        file.push(label);
        for plane in 0..3_u8 {
            file.extend((0..1024_u32).map(|pixel| (pixel as u8).wrapping_add(plane * 50)));
        }
    }
    file
}

/// The six files, two records each, in the folder `cifar10`.
pub fn write_cifar_folder(data_dir: &Path) {
    let folder = data_dir.join("cifar10");
    fs::create_dir_all(&folder).unwrap();
    for batch in 1..=5_u8 {
        let records = cifar_records(&[batch - 1, batch + 4]);
        fs::write(folder.join(format!("data_batch_{batch}.bin")), records).unwrap();
    }
    fs::write(folder.join("test_batch.bin.gz"), gzip(&cifar_records(&[9, 0]))).unwrap();
}

/// A table with header, twelve rows, two features and the classes `oak` and `elm`.
pub fn small_table() -> String {
    let mut table = "height,girth,tree\n".to_owned();
    for row in 0..12 {
        table.push_str(&format!("{}.5, {row} ,{}\n", row * 2, if row % 2 == 0 { "oak" } else { "elm" }));
    }
    table
}
