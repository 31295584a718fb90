//! Parts of a dataset as index lists over one shared store.

use std::sync::{Arc, OnceLock};

use crate::draw::class_counts;
use crate::groups;
use crate::normalise::Normalisation;
use crate::samples::{SampleRef, Samples};
use crate::stored::Stored;

/// All samples of a dataset, shared by its splits.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) samples: Stored,
    /// Values per sample: height × width × channels.
    pub(crate) sample_len: usize,
    pub(crate) renditions: Option<StoredRenditions>,
    /// The group of each sample; empty where there are no groups.
    pub(crate) groups: Vec<Option<u32>>,
}

impl Store {
    /// The samples, and their renditions where there are any.
    pub(crate) fn all_samples(&self) -> impl Iterator<Item = &Stored> {
        let renditions = self.renditions.as_ref().map(|renditions| &renditions.samples);
        [&self.samples].into_iter().chain(renditions)
    }
}

/// [`Renditions`] where they are held.
#[derive(Debug)]
pub(crate) struct StoredRenditions {
    pub(crate) samples: Stored,
    pub(crate) each: usize,
}

/// Copies of training samples with noise mixed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Renditions {
    /// All renditions of the first training sample, then those of the second, ….
    pub samples: Samples,
    /// Renditions of each training sample, at least one.
    pub each: usize,
}

/// One part of a dataset (train, validation or test): labels, and indices into the store shared with the others.
#[derive(Debug, Clone)]
pub struct Split {
    store: Arc<Store>,
    indices: Vec<u32>,
    labels: Vec<u32>,
    /// Once it was asked for; every training asks.
    mean_std: Arc<OnceLock<Normalisation>>,
}

impl Split {
    /// The samples `indices` of the store; `all_labels` holds the label of every sample of the store.
    pub(crate) fn new(store: Arc<Store>, indices: Vec<u32>, all_labels: &[u32]) -> Self {
        let labels = indices.iter().map(|&index| all_labels[index as usize]).collect();
        Self { store, indices, labels, mean_std: Arc::default() }
    }

    /// Number of samples in this part.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// True when there is no sample.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Class of sample `index`.
    ///
    /// # Panics
    /// When the index is past the end, here and in [`sample`](Self::sample).
    #[inline]
    pub fn label(&self, index: usize) -> u32 {
        self.labels[index]
    }

    /// Class of every sample.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Group of sample `index`: its subject, speaker or session, by number; `None` where it is in none.
    ///
    /// # Panics
    /// When the index is past the end.
    pub fn group(&self, index: usize) -> Option<u32> {
        let place = self.indices[index] as usize;
        self.store.groups.get(place).copied().flatten()
    }

    /// Number of different groups that its samples are in.
    pub fn groups(&self) -> usize {
        groups::count((0..self.len()).map(|index| self.group(index)))
    }

    /// Values of sample `index`, height × width × channels.
    #[inline]
    pub fn sample(&self, index: usize) -> SampleRef<'_> {
        let sample_len = self.store.sample_len;
        self.store.samples.slice(self.indices[index] as usize * sample_len, sample_len)
    }

    /// Number of renditions with noise that each sample has. Only training samples have them.
    pub fn renditions(&self) -> usize {
        self.store.renditions.as_ref().map_or(0, |renditions| renditions.each)
    }

    /// Sample `index` with noise mixed in, in one of [`renditions`](Self::renditions) ways.
    ///
    /// # Panics
    /// When the sample is none of the training samples, or there is no such rendition.
    pub fn rendition(&self, index: usize, rendition: usize) -> SampleRef<'_> {
        let Store { sample_len, renditions, .. } = &*self.store;
        let renditions = renditions.as_ref().expect("a dataset with renditions");
        assert!(rendition < renditions.each, "rendition {rendition} of {}", renditions.each);
        let position = self.indices[index] as usize * renditions.each + rendition;
        renditions.samples.slice(position * sample_len, *sample_len)
    }

    /// [`Normalisation::mean_std`] of its samples, which have so many channels.
    pub(crate) fn mean_std(&self, channels: usize) -> Normalisation {
        let samples = || (0..self.len()).map(|index| self.sample(index));
        self.mean_std.get_or_init(|| Normalisation::mean_std(samples(), channels)).clone()
    }

    /// Samples per class.
    ///
    /// # Panics
    /// When a label is not below `classes`.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        class_counts(&self.labels, classes)
    }

    /// The samples at `positions` of this split, in that order, over the same store.
    ///
    /// # Panics
    /// When a position is past the end.
    pub fn select(&self, positions: &[u32]) -> Self {
        Self {
            store: Arc::clone(&self.store),
            indices: positions.iter().map(|&position| self.indices[position as usize]).collect(),
            labels: positions.iter().map(|&position| self.labels[position as usize]).collect(),
            mean_std: Arc::default(),
        }
    }

    /// Whether the other part has the same samples in the same order, of the same store.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.store, &other.store) && self.indices == other.indices
    }

    pub(crate) fn indices(&self) -> &[u32] {
        &self.indices
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }
}
