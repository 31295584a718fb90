//! Datasets, splits, fingerprints and augmentation.
//!
//! [`load`] turns a text such as `mnist`, `glyphs` or `images:DIR` into a [`Dataset`]:
//!
//! ```
//! # fn main() -> Result<(), munas_data::DataError> {
//! use munas_data::{LoadOptions, NormaliseMode, load};
//!
//! let dataset = load("glyphs", &LoadOptions::default())?;
//! assert_eq!(dataset.input, [16, 16, 1]); // height, width, channels
//! assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (7_200, 800, 2_000));
//! let normalisation = dataset.normalisation(NormaliseMode::Unit);
//! let first = dataset.train.sample(0).get(0) * normalisation.scale[0] + normalisation.offset[0];
//! assert!((0.0..=1.0).contains(&first));
//! # Ok(())
//! # }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`source`](Source) | what a text names |
//! | [`catalogue`], `directories` | the named datasets and where they lie |
//! | `readers` | idx, CIFAR, npz, images, COCO, WAV, CSV: file → [`RawData`] |
//! | `packed` | a file from which a [`Dataset`] is mapped into memory, and that many processes share |
//! | `stored` | the samples, in memory of the process or mapped |
//! | [`audio`] | the front-end: recordings → features |
//! | [`glyphs`] | the dataset drawn from code |
//! | `groups`, `group_choice` | samples that belong together, on one side of every draw |
//! | `raw_data` | what readers deliver |
//! | `dataset`, `parts`, `draw`, `split` | [`RawData`] → [`Dataset`]: three [`Split`]s over one store, fingerprint |
//! | `folds` | how many pairs of training and validation parts there are |
//! | `classes` | whether labels are classes, and what to watch out for |
//! | `axes`, `csv_settings` | how arrays and tables are read where their form leaves doubt |
//! | `budget` | how much memory samples may take |
//! | `normalise` | stored values → network inputs |
//! | [`augment`] | random transformations of samples |
//! | [`text_form`] | how settings are written |
//! | [`fetch`] | downloads |
//!
//! Deliberately absent: batches, shuffling and anything else that depends on how training goes; that is the trainer's.
//! Nothing is read from the network but by [`fetch`].

pub mod audio;
pub mod augment;
mod axes;
mod budget;
mod byte_size;
mod catalogue;
mod classes;
mod csv_settings;
mod dataset;
mod directories;
mod draw;
mod error;
pub mod fetch;
mod folds;
pub mod glyphs;
mod group_choice;
mod groups;
mod load;
mod normalise;
mod packed;
mod parts;
mod raw_data;
mod readers;
mod samples;
mod source;
mod split;
mod stored;
pub mod text_form;
mod warning;

pub use audio::{AudioSettings, Channel, FeatureKind, FrontEnd};
pub use augment::{Augmentation, Augmenter, Extent, ParseAugmentationError, SampleBuffer};
pub use axes::{Arrangement, Layout, UnknownLayout};
pub use budget::machine_memory;
pub use catalogue::{CatalogueEntry, NamedDataset, catalogue};
pub use csv_settings::{CsvSettings, Delimiter, HeaderRow, IndexColumn};
pub use dataset::Dataset;
pub use directories::{cache_directory, data_directories};
pub use error::DataError;
pub use folds::{Folds, UnknownFolds};
pub use group_choice::GroupChoice;
pub use groups::Groups;
pub use load::{LoadOptions, load, load_source};
pub use normalise::{Normalisation, NormaliseMode, UnknownNormaliseMode};
pub use raw_data::{Fact, PartSizes, RawData, SplitOptions, TestPart};
pub use readers::images::Backdrop;
pub use samples::{ElementType, SampleRef, Samples, UnknownElementType};
pub use source::Source;
pub use split::{Renditions, Split};
pub use warning::Warning;
