//! Lists of what samples are made of, and reading all of them.

use std::path::Path;

use super::parallel;
use super::refusals::Refusals;
use crate::error::DataError;
use crate::groups::Groups;
use crate::raw_data::{PartSizes, TestPart};

/// Most files that are decoded before their content is put together, and most bytes of that content.
const MOST_TOGETHER: usize = 4096;
const MOST_BYTES_TOGETHER: usize = 128 << 20;

/// What a dataset is to be read from, part by part. An item is a file, or something that a sample can be made of.
#[derive(Debug, Clone)]
pub(super) struct Listing<I> {
    pub(super) train: Vec<Labelled<I>>,
    /// Left out: to be drawn from the training samples.
    pub(super) validation: Option<Vec<Labelled<I>>>,
    /// Left out: to be drawn from the training samples.
    pub(super) test: Option<Vec<Labelled<I>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled<I> {
    pub(super) item: I,
    pub(super) label: u32,
    /// Number of the group that it belongs to; `None`: to none but itself.
    pub(super) group: Option<u32>,
}

/// What has been read.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) labels: Vec<u32>,
    pub(super) parts: PartSizes,
    pub(super) refused: usize,
    /// The groups, without names; `None` where no item is in one.
    pub(super) groups: Option<Groups>,
}

impl<I: Sync> Listing<I> {
    /// Items of all parts, in order.
    pub(super) fn items(&self) -> impl Iterator<Item = &I> {
        self.labelled().map(|labelled| &labelled.item)
    }

    /// Items of all parts with their labels, in order.
    pub(super) fn labelled(&self) -> impl Iterator<Item = &Labelled<I>> {
        [Some(&self.train), self.validation.as_ref(), self.test.as_ref()].into_iter().flatten().flatten()
    }

    /// The lists of all parts, in order.
    pub(super) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Vec<Labelled<I>>> {
        [Some(&mut self.train), self.validation.as_mut(), self.test.as_mut()].into_iter().flatten()
    }

    /// Lets `decode` work on every item, on all cores, and hands its results to `take` in order.
    ///
    /// `decode` gets a state of its thread, the number of the item in the list, and the item.
    pub(super) fn gather<S, R: Send>(
        &self,
        reading: &Reading<'_, I>,
        state: impl Fn() -> S + Sync,
        decode: impl Fn(&mut S, usize, &I) -> Result<R, String> + Sync,
        mut take: impl FnMut(R),
    ) -> Result<Gathered, DataError> {
        let together = (MOST_BYTES_TOGETHER / reading.sample_bytes.max(1)).clamp(1, MOST_TOGETHER);
        let (mut labels, mut groups) = (Vec::new(), Vec::new());
        let mut refusals = Refusals::default();
        let mut total = 0;
        let mut read_part = |part: &[Labelled<I>]| {
            let before = labels.len();
            for together in part.chunks(together) {
                let first = total;
                let results = parallel::map(together, &state, |state, index, labelled: &Labelled<I>| {
                    decode(state, first + index, &labelled.item)
                });
                total += together.len();
                for (labelled, result) in together.iter().zip(results) {
                    match result {
                        Ok(result) => {
                            labels.push(labelled.label);
                            groups.push(labelled.group);
                            take(result);
                        }
                        Err(problem) => {
                            refusals.add(|| format!("{}: {problem}", (reading.name)(&labelled.item)));
                        }
                    }
                }
            }
            labels.len() - before
        };
        let train = read_part(&self.train);
        let validation = self.validation.as_deref().map(&mut read_part);
        let test = self.test.as_deref().map(&mut read_part);
        let refused = refusals.finish(reading.root, total, reading.skip_bad)?;
        let parts = PartSizes { train, validation, test: TestPart::own_or_drawn(test) };
        let grouped = groups.iter().any(Option::is_some);
        let groups = grouped.then(|| Groups { names: Vec::new(), of: groups });
        Ok(Gathered { labels, parts, refused, groups })
    }
}

/// How the items of a list are read.
pub(super) struct Reading<'a, I> {
    /// The folder or file that was given, for messages.
    pub(super) root: &'a Path,
    /// Names an item, for messages.
    pub(super) name: &'a dyn Fn(&I) -> String,
    /// Leave out what cannot be read.
    pub(super) skip_bad: bool,
    /// Bytes that an item becomes.
    pub(super) sample_bytes: usize,
}
