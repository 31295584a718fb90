//! A dataset in memory: three splits over one store, class names, input shape and fingerprint.

use std::sync::Arc;

use crate::classes;
use crate::error::DataError;
use crate::normalise::{Normalisation, NormaliseMode};
use crate::parts::Drawing;
use crate::raw_data::{Fact, MAX_CLASSES, RawData, SplitOptions, TestPart};
use crate::samples::ElementType;
use crate::split::{Renditions, Split, Store, StoredRenditions};
use crate::stored::Stored;
use crate::warning::Warning;

/// A dataset, ready for training. Its samples are held once, whatever the splits.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Name of the source.
    pub name: String,
    /// Height, width and channels of a sample.
    pub input: [usize; 3],
    /// One name per class, in label order.
    pub class_names: Vec<String>,
    /// What the weights are fitted to.
    pub train: Split,
    /// What models are chosen by. Empty when no share was asked for.
    pub validation: Split,
    /// What chosen models are reported on.
    pub test: Split,
    /// Training and validation parts of the folds after the first, which is `train` and `validation`; empty where there is one.
    pub other_folds: Vec<[Split; 2]>,
    /// Hexadecimal hash over input shape, class names, all values, labels and splits.
    pub fingerprint: String,
    /// Stored magnitude that unit normalisation maps to 1.
    pub full_scale: f32,
    /// Files or rows that were left out because they could not be read (only with `skip_bad`).
    pub refused: usize,
    /// Sampling rate in Hz of the recordings that the samples are features of; `None` for other samples.
    pub rate: Option<u32>,
    /// Names of the groups of samples that no draw tears apart; empty where the source has none.
    pub group_names: Vec<String>,
    /// What the user should know about how the data were read.
    pub warnings: Vec<Warning>,
    /// How the source was understood, where there was something to find out.
    pub facts: Vec<Fact>,
}

impl Dataset {
    /// Number of classes, whether or not each has a sample.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Type of the stored values.
    pub fn element_type(&self) -> ElementType {
        self.train.store().samples.element_type()
    }

    /// Memory held by the samples and their renditions, in bytes.
    pub fn sample_bytes(&self) -> usize {
        self.train.store().all_samples().map(Stored::bytes).sum()
    }

    /// Number of samples that are held, whether or not they are in a part (a subset leaves some out).
    pub fn stored_samples(&self) -> usize {
        let store = self.train.store();
        store.samples.len() / store.sample_len
    }

    /// Number of folds, at least one.
    pub fn folds(&self) -> usize {
        1 + self.other_folds.len()
    }

    /// The same samples with the parts of a fold, from 0.
    ///
    /// # Panics
    /// If there is no such fold.
    pub fn fold(&self, fold: usize) -> Self {
        let Some(other) = fold.checked_sub(1) else { return self.clone() };
        let [train, validation] = self.other_folds[other].clone();
        Self { train, validation, ..self.clone() }
    }

    /// The parts in the order in which they are hashed and packed: those of the first fold, then training and validation of the others.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Split> {
        let Self { train, validation, test, other_folds, .. } = self;
        [train, validation, test].into_iter().chain(other_folds.as_flattened())
    }

    /// The same with the fingerprint of what it holds.
    fn with_fingerprint(self) -> Self {
        Self { fingerprint: self.content_fingerprint(), ..self }
    }

    /// Hash of everything that training could depend on. The store goes in as one run, which hashes several times
    /// faster than sample by sample; the splits follow as index lists with labels.
    pub(crate) fn content_fingerprint(&self) -> String {
        let store = self.train.store();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"munas dataset 1\0");
        hasher.update(store.samples.element_type().name().as_bytes());
        let number = |hasher: &mut blake3::Hasher, value: usize| {
            hasher.update(&(value as u64).to_le_bytes());
        };
        for extent in self.input {
            number(&mut hasher, extent);
        }
        number(&mut hasher, self.class_names.len());
        for name in &self.class_names {
            number(&mut hasher, name.len());
            hasher.update(name.as_bytes());
        }
        number(&mut hasher, store.samples.len());
        for samples in store.all_samples() {
            samples.all().visit_bytes(|bytes| {
                hasher.update(bytes);
            });
        }
        for split in self.parts() {
            number(&mut hasher, split.len());
            let mut bytes = Vec::with_capacity(split.len() * 8);
            for (index, label) in split.indices().iter().zip(split.labels()) {
                bytes.extend_from_slice(&index.to_le_bytes());
                bytes.extend_from_slice(&label.to_le_bytes());
            }
            hasher.update(&bytes);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The map from stored values to network inputs.
    pub fn normalisation(&self, mode: NormaliseMode) -> Normalisation {
        match mode {
            NormaliseMode::Unit => Normalisation::unit(self.input[2], self.full_scale),
            NormaliseMode::MeanStd => self.train.mean_std(self.input[2]),
        }
    }
}

impl RawData {
    /// Splits into train, validation and test. No sample is copied.
    ///
    /// # Errors
    /// [`DataError::Option`] when the validation share is not in 0 ≤ share < 1, or when sizes, labels and class
    /// names do not fit together; [`DataError::Advised`] when a class has too few samples for the parts.
    pub fn into_dataset(self, options: &SplitOptions) -> Result<Dataset, DataError> {
        self.check(options)?;
        let Self { input, class_names, samples, labels, parts, renditions, groups, mut warnings, .. } = self;
        let drawing =
            Drawing { labels: &labels, groups: groups.as_ref(), class_names: &class_names, options };
        let drawn = drawing.parts(parts);
        warnings.extend(drawn.warnings);
        let store = Arc::new(Store {
            samples: Stored::Owned(samples),
            sample_len: input.iter().product(),
            renditions: renditions.map(|Renditions { samples, each }| StoredRenditions {
                samples: Stored::Owned(samples),
                each,
            }),
            groups: groups.as_ref().map_or_else(Vec::new, |groups| groups.of.clone()),
        });
        let split = |indices| Split::new(Arc::clone(&store), indices, &labels);
        let (train, validation, test) = (split(drawn.train), split(drawn.validation), split(drawn.test));
        let other_folds: Vec<[Split; 2]> = drawn.folds.into_iter().map(|fold| fold.map(&split)).collect();
        Ok(Dataset {
            name: self.name,
            input,
            class_names,
            train,
            validation,
            test,
            other_folds,
            fingerprint: String::new(),
            full_scale: self.full_scale,
            refused: self.refused,
            rate: self.rate,
            group_names: groups.map_or_else(Vec::new, |groups| groups.names),
            warnings,
            facts: self.facts,
        }
        .with_fingerprint())
    }

    fn check(&self, options: &SplitOptions) -> Result<(), DataError> {
        let problem = |text: String| Err(DataError::Option(format!("{}: {text}", self.name)));
        let count = self.labels.len();
        let sample_len: usize = self.input.iter().product();
        if !(0.0..1.0).contains(&options.validation) {
            return problem(format!(
                "the validation share must be at least 0 and below 1, not {}",
                options.validation
            ));
        }
        if sample_len == 0 || self.samples.len() != count * sample_len {
            let [height, width, channels] = self.input;
            let values = self.samples.len();
            return problem(format!(
                "{count} samples of {height}x{width}x{channels} cannot be {values} values"
            ));
        }
        if count > u32::MAX as usize || self.class_names.len() > MAX_CLASSES {
            return problem(format!("{count} samples in {} classes are too many", self.class_names.len()));
        }
        let test = match self.parts.test {
            TestPart::Own(test) => test,
            TestPart::Draw { .. } => 0,
        };
        if let Some(Renditions { samples, each }) = &self.renditions
            && (*each == 0
                || samples.len() != self.parts.train * each * sample_len
                || samples.element_type() != self.samples.element_type())
        {
            let train = self.parts.train;
            return problem(format!(
                "{} values cannot be {each} renditions of {train} samples",
                samples.len()
            ));
        }
        if self.parts.train + self.parts.validation.unwrap_or(0) + test != count {
            return problem(format!("the parts {:?} do not add up to {count} samples", self.parts));
        }
        if self.groups.as_ref().is_some_and(|groups| {
            groups.of.len() != count
                || groups.of.iter().flatten().any(|&group| group as usize >= groups.names.len())
        }) {
            return problem(format!("its groups are not those of {count} samples"));
        }
        if let Some(label) = self.labels.iter().find(|&&label| label as usize >= self.class_names.len()) {
            return problem(format!("label {label} is not below the {} classes", self.class_names.len()));
        }
        classes::check_parts(self, options)
    }
}
