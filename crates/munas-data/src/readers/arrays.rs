//! Collects arrays of samples and of labels, part by part, into one dataset: what idx and npz files have in common.
//!
//! | module | holds |
//! |---|---|
//! | `store` | the values of all samples in the type in which they are kept |
//! | `order` | column-major arrays and channels that come first |
//! | `classes` | arrays of labels: numbers, texts, one-hot rows |
//! | `groups` | arrays that say which samples belong together |

mod classes;
mod groups;
mod order;
mod store;

use std::path::Path;

use self::order::{channels_last, index_of, row_major};
use self::store::Store;
use super::file::Content;
use super::group_names::GroupNames;
use super::labels::Labels;
use super::numbers::NumberFormat;
use super::refusals::Refusals;
use crate::axes::{Arrangement, Layout};
use crate::budget::Budget;
use crate::error::DataError;
use crate::raw_data::{Fact, PartSizes, RawData, TestPart};
use crate::samples::Samples;
use crate::warning::Warning;

/// How arrays become samples and labels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArrayOptions {
    /// What the axes of samples mean.
    pub(crate) layout: Layout,
    /// Whether classes are the distinct labels, be they any numbers or names; else labels are the numbers of classes, some of
    /// which may have no sample.
    pub(crate) compact_labels: bool,
    /// Leave out samples with values that are not finite.
    pub(crate) skip_bad: bool,
    pub(crate) budget: Budget,
}

/// An array that a header declares; its values are what the content holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) format: NumberFormat,
    pub(super) shape: Vec<usize>,
    /// Whether the first axis runs fastest (column-major) instead of the last.
    pub(super) column_major: bool,
}

impl Array {
    /// Number of values, saturating: hostile headers declare more than there are numbers for.
    fn values(&self) -> u64 {
        self.shape.iter().fold(1, |values: u64, &extent| values.saturating_mul(extent as u64))
    }

    /// Size of the values, saturating.
    pub(super) fn bytes(&self) -> u64 {
        self.values().saturating_mul(self.format.bytes() as u64)
    }

    /// Shape and type in words: `120x16x16x3 uint8`.
    pub(super) fn describe(&self) -> String {
        format!("{} {}", in_words(&self.shape), self.format)
    }
}

/// Extents with crosses between them.
fn in_words(shape: &[usize]) -> String {
    match shape {
        [] => "no axes".to_owned(),
        shape => shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
    }
}

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Collector {
    options: ArrayOptions,
    store: Option<Store>,
    labels: Labels,
    groups: GroupNames,
    /// Whether an array of groups was read.
    grouped: bool,
    /// Samples that cannot be used.
    bad: Vec<usize>,
    refusals: Refusals,
    /// How the first array of samples was understood.
    first: Option<(String, Arrangement)>,
    /// What was read, in words.
    arrays: Vec<String>,
}

impl Collector {
    pub(super) fn new(options: ArrayOptions) -> Self {
        Self {
            options,
            store: None,
            labels: Labels::default(),
            groups: GroupNames::default(),
            grouped: false,
            bad: Vec::new(),
            refusals: Refusals::default(),
            first: None,
            arrays: Vec::new(),
        }
    }

    /// Appends the values of an array of samples, called `name`, and returns their number.
    pub(super) fn append_samples(
        &mut self,
        file: &mut Content<'_>,
        array: &Array,
        name: &str,
    ) -> Result<usize, DataError> {
        let (count, arrangement) = self.understand(file, array)?;
        let Some(element) = array.format.element() else {
            return Err(file.malformed(format!("samples must be numbers, not {}", array.format)));
        };
        file.check_declared(array.bytes())?;
        let store = self.store.get_or_insert_with(|| Store::new(arrangement.input, element, array.format));
        store.check_same(arrangement.input, array.format).map_err(|problem| file.malformed(problem))?;
        // What is turned is copied once.
        let copies = 1 + u64::from(array.column_major);
        let values = array.values().saturating_mul(copies).saturating_add(store.samples.len() as u64);
        let what = format_args!("samples of {}", in_words(&arrangement.input));
        let bytes = values.saturating_mul(element.bytes() as u64);
        self.options.budget.check(file.path(), what, bytes)?;

        let start = store.samples.len();
        store.reserve(array.values() as usize).map_err(|problem| file.malformed(problem))?;
        file.read_values(array.bytes(), array.format.bytes(), |bytes| store.append(bytes, array.format))?;
        let first_sample = start / arrangement.input.iter().product::<usize>();
        if let Samples::F32(values) = &store.samples {
            let found = not_finite(name, array, &values[start..], &mut self.refusals);
            self.bad.extend(found.into_iter().map(|sample| first_sample + sample));
        }
        if array.column_major {
            row_major(&mut store.samples, start, &array.shape);
        }
        if arrangement.channels_first {
            channels_last(&mut store.samples, start, arrangement.input);
        }
        self.first.get_or_insert_with(|| (format!("{name} ({})", in_words(&array.shape)), arrangement));
        self.arrays.push(format!("{name} {}", array.describe()));
        Ok(count)
    }

    /// The number of samples of an array, and how they are stored.
    fn understand(&self, file: &Content<'_>, array: &Array) -> Result<(usize, Arrangement), DataError> {
        let shape = in_words(&array.shape);
        let layout = self.options.layout;
        let arranged = array.shape.split_first().and_then(|(&count, sample)| {
            let arrangement = layout.arrange(sample)?;
            Some((count, arrangement))
        });
        let Some((count, arrangement)) = arranged else {
            let problem = match layout {
                Layout::Auto | Layout::Nhwc => {
                    "samples need two to four axes, such as samples x features".to_owned()
                }
                other => format!("these are not the axes of the layout {other}"),
            };
            return Err(file.malformed(format!("shape {shape}: {problem}")));
        };
        if array.values() == 0 {
            return Err(file.malformed(format!("shape {shape}: there are no samples, or no values in them")));
        }
        Ok((count, arrangement))
    }

    /// The dataset read from `path`, whose parts have these sizes.
    pub(super) fn finish(
        mut self,
        path: &Path,
        name: &str,
        mut parts: PartSizes,
    ) -> Result<RawData, DataError> {
        let Some(mut store) = self.store.take() else {
            return Err(DataError::malformed(path, "no samples in it"));
        };
        let total = self.labels.len();
        let refusals = std::mem::take(&mut self.refusals);
        refusals.finish(path, total, self.options.skip_bad)?;
        self.bad.sort_unstable();
        self.bad.dedup();
        if !self.bad.is_empty() {
            store.remove(&self.bad);
            self.labels.remove(&self.bad);
            if self.grouped {
                self.groups.remove(&self.bad);
            }
            parts = without(parts, &self.bad);
        }
        let (warnings, facts) = (self.warnings(&store), self.facts());
        let (labels, class_names) = if self.options.compact_labels {
            self.labels.finish()
        } else {
            let finished = self.labels.finish_as_they_are();
            finished.map_err(|label| DataError::malformed(path, format!("{label} is not a label")))?
        };
        let input = store.input;
        let (samples, full_scale) = store.finish();
        Ok(RawData {
            name: name.to_owned(),
            input,
            class_names,
            samples,
            labels,
            parts,
            full_scale,
            refused: self.bad.len(),
            groups: self.grouped.then(|| self.groups.finish()),
            warnings,
            facts,
            ..RawData::default()
        })
    }

    fn warnings(&self, store: &Store) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if store.loses_digits() {
            warnings.push(Warning::new(
                "whole numbers beyond 16,777,216 lose their last digits (values are kept as 32-bit floats)",
            ));
        }
        let Some((name, arrangement)) = &self.first else { return warnings };
        if self.options.layout == Layout::Auto {
            let [height, width, channels] = arrangement.input;
            let doubt = match arrangement.layout {
                Layout::Nchw => Some("channels come last: nhwc"),
                Layout::ChannelsTime => Some("it is an image: image"),
                // More channels than a picture has, behind an axis that could be one of channels.
                Layout::Nhwc if height <= 16 && channels > 16 && channels > height && width > 1 => {
                    Some("channels come first: nchw")
                }
                _ => None,
            };
            if let Some(doubt) = doubt {
                let what = format!("{name} is taken for samples of {}", arrangement.describe());
                let (case, layout) = doubt.split_once(": ").unwrap_or((doubt, "auto"));
                warnings.push(Warning::new(what).hint(format!("`--layout {layout}` if {case}")));
            }
        }
        warnings
    }

    fn facts(&self) -> Vec<Fact> {
        let layout = self.first.as_ref().map(|(_, arrangement)| Fact::new("layout", arrangement.describe()));
        [Fact::new("arrays", self.arrays.join(", "))].into_iter().chain(layout).collect()
    }
}

/// The samples of an array that have a value which is not finite, ascending; `refusals` get the first of each.
fn not_finite(name: &str, array: &Array, values: &[f32], refusals: &mut Refusals) -> Vec<usize> {
    let mut found = vec![false; array.shape[0]];
    for (place, value) in values.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
        let index = index_of(place, &array.shape, array.column_major);
        if std::mem::replace(&mut found[index[0]], true) {
            continue;
        }
        let what = if value.is_nan() { "NaN" } else { "infinite, or too large for a 32-bit float" };
        refusals.add(|| {
            let index: Vec<String> = index.iter().map(ToString::to_string).collect();
            format!("{name}[{}] is {what}", index.join(", "))
        });
    }
    (0..found.len()).filter(|&sample| found[sample]).collect()
}

/// The sizes of parts without the samples at ascending positions.
fn without(parts: PartSizes, removed: &[usize]) -> PartSizes {
    let count = |start: usize, len: usize| {
        len - removed.iter().filter(|&&sample| (start..start + len).contains(&sample)).count()
    };
    let validation = parts.validation.unwrap_or(0);
    PartSizes {
        train: count(0, parts.train),
        validation: parts.validation.map(|len| count(parts.train, len)),
        test: match parts.test {
            TestPart::Own(len) => TestPart::Own(count(parts.train + validation, len)),
            drawn => drawn,
        },
    }
}
