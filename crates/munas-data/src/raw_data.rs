//! What a reader delivers: samples and labels in memory, before anything is split off.

use std::borrow::Cow;

use crate::folds::Folds;
use crate::groups::Groups;
use crate::samples::{ElementType, Samples};
use crate::split::Renditions;
use crate::warning::Warning;

/// Share of the samples that becomes the test part where a source has none of its own.
pub(crate) const DEFAULT_TEST_SHARE: f64 = 0.2;
/// Most classes a dataset may have; far beyond what fits a microcontroller, it stops absurd labels.
pub(crate) const MAX_CLASSES: usize = 65_536;

/// Samples as a reader delivers them, before anything is split off: training samples first, then validation,
/// then test.
#[derive(Debug, Clone)]
pub struct RawData {
    /// Name of the source.
    pub name: String,
    /// Height, width and channels of a sample.
    pub input: [usize; 3],
    /// One name per class.
    pub class_names: Vec<String>,
    /// All samples, NHWC.
    pub samples: Samples,
    /// One label per sample.
    pub labels: Vec<u32>,
    /// How many of them belong to which part.
    pub parts: PartSizes,
    /// Stored magnitude that unit normalisation maps to 1.
    pub full_scale: f32,
    /// Files or rows left out because they could not be read.
    pub refused: usize,
    /// The training samples with noise, where the source has noise and it was asked for.
    pub renditions: Option<Renditions>,
    /// Sampling rate in Hz of the recordings that the samples are features of.
    pub rate: Option<u32>,
    /// Which samples belong together, where the source tells.
    pub groups: Option<Groups>,
    /// What the user should know about how the data were read.
    pub warnings: Vec<Warning>,
    /// How the source was understood, where there was something to find out.
    pub facts: Vec<Fact>,
}

impl Default for RawData {
    /// No samples, floats, and nothing said about them: readers name the fields that they know.
    fn default() -> Self {
        let element = ElementType::F32;
        Self {
            name: String::new(),
            input: [0; 3],
            class_names: Vec::new(),
            samples: Samples::empty(element),
            labels: Vec::new(),
            parts: PartSizes { train: 0, validation: None, test: TestPart::Own(0) },
            full_scale: element.full_scale(),
            refused: 0,
            renditions: None,
            rate: None,
            groups: None,
            warnings: Vec::new(),
            facts: Vec::new(),
        }
    }
}

/// Samples per part of a [`RawData`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartSizes {
    /// Training samples, at the front.
    pub train: usize,
    /// Validation samples of the source's own, after them; `None`: to be drawn from the training samples.
    pub validation: Option<usize>,
    /// Test samples, at the end, or how they are drawn.
    pub test: TestPart,
}

/// Where the test samples come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TestPart {
    /// The source has this many of its own, last.
    Own(usize),
    /// They are drawn from the training samples, stratified, with a fixed seed.
    Draw {
        /// Their share of the samples.
        share: f64,
    },
}

impl TestPart {
    /// The source's own, or a draw of the usual share where it has none.
    pub(crate) fn own_or_drawn(own: Option<usize>) -> Self {
        own.map_or(Self::Draw { share: DEFAULT_TEST_SHARE }, Self::Own)
    }
}

/// How [`RawData`] is split into a [`Dataset`](crate::Dataset).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// Share of the training samples that becomes the validation part, where the source has none of its own.
    pub validation: f64,
    /// Seed of the validation and subset draws.
    pub seed: u64,
    /// Keep at most this many training samples (before validation is split off), stratified.
    pub subset: Option<usize>,
    /// Whether each class has a sample in every part that is drawn from the training samples, and in what is left of them.
    pub every_class: bool,
    /// Whether a validation part that is drawn has at least five and a fifth of the groups, where there are three times as many; if
    /// not, it has their share of the samples.
    pub several_groups: bool,
    /// How many pairs of training and validation parts are drawn.
    pub folds: Folds,
}

impl Default for SplitOptions {
    /// A tenth for validation, seed 0, all samples, each class everywhere, several groups.
    fn default() -> Self {
        Self {
            validation: 0.1,
            seed: 0,
            subset: None,
            every_class: true,
            several_groups: true,
            folds: Folds::Count(1),
        }
    }
}

impl RawData {
    /// Merges the classes into two: 1 where the label is below half of the number of classes, 0 elsewhere (as in the
    /// literature on sub-kilobyte models).
    pub fn into_binary(mut self) -> Self {
        let half = self.class_names.len() / 2;
        let range = |names: &[String]| match names {
            [only] => only.clone(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        };
        for label in &mut self.labels {
            *label = u32::from((*label as usize) < half);
        }
        self.class_names = vec![range(&self.class_names[half..]), range(&self.class_names[..half])];
        self.name.push_str("-binary");
        self
    }
}

/// Something that was found out about a source, such as the column of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What about, in a word or two: `label`.
    pub about: Cow<'static, str>,
    /// What was found: ``column 5 (`kind`)``.
    pub found: String,
}

impl Fact {
    /// A fact about a source, in words for its user.
    pub fn new(about: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { about: about.into(), found: found.into() }
    }
}
