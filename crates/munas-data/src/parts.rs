//! Which samples are for training, which for validation and which for the test: the draws of the parts that a source leaves open.

use std::collections::BTreeSet;

use crate::draw::{OfEach, Purpose, stratified_draw};
use crate::groups::{Groups, InOneGroup, Wanted, count, grouped_draw, validation_groups};
use crate::raw_data::{PartSizes, SplitOptions, TestPart};
use crate::warning::Warning;

/// The test part must be the same in every run, whatever the experiment's seed, or results could not be compared.
const TEST_SEED: u64 = 0;
/// Fewer groups than this in a validation part are said.
const FEW_GROUPS: usize = 5;
/// Where the number of a fold stands in the seed of its draw.
const SHIFT_OF_FOLD: u32 = 40;
/// Groups that a message lists.
const LISTED: usize = 3;

/// What the parts are drawn from.
pub(crate) struct Drawing<'a> {
    pub(crate) labels: &'a [u32],
    pub(crate) groups: Option<&'a Groups>,
    pub(crate) class_names: &'a [String],
    pub(crate) options: &'a SplitOptions,
}

/// Ascending positions of the samples of each part.
pub(crate) struct Drawn {
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
    pub(crate) test: Vec<u32>,
    /// Samples for training and for validation of the other folds.
    pub(crate) folds: Vec<[Vec<u32>; 2]>,
    pub(crate) warnings: Vec<Warning>,
}

impl Drawing<'_> {
    /// The samples of each part; those that the source has no part for are drawn from its training samples.
    pub(crate) fn parts(&self, sizes: PartSizes) -> Drawn {
        let options = self.options;
        let validation_start = sizes.train as u32;
        let test_start = validation_start + sizes.validation.unwrap_or(0) as u32;
        let mut drawn = Drawn {
            train: (0..validation_start).collect(),
            validation: (validation_start..test_start).collect(),
            test: (test_start..self.labels.len() as u32).collect(),
            folds: Vec::new(),
            warnings: Vec::new(),
        };
        // Of each class there is a sample for training, and one for every part that is drawn.
        let (least, validated) = match options.every_class {
            true => (1, usize::from(sizes.validation.is_none() && options.validation > 0.0)),
            false => (0, 0),
        };
        if let TestPart::Draw { share } = sizes.test {
            let samples = share_of(drawn.train.len(), share);
            let of_each = OfEach { taken: least, left: least + validated };
            let wanted = Wanted { samples, groups: 0, of_each };
            drawn.test = self.take(&mut drawn.train, wanted, TEST_SEED, Purpose::Test, &mut drawn.warnings);
        }
        if let Some(subset) = options.subset.filter(|&subset| subset < drawn.train.len()) {
            let of_each = OfEach { taken: least + validated, left: 0 };
            let wanted = Wanted { samples: subset, groups: 0, of_each };
            let Drawn { train, warnings, .. } = &mut drawn;
            *train = self.take(train, wanted, options.seed, Purpose::Subset, warnings);
        }
        if sizes.validation.is_none() {
            let wanted = self.wanted_for_validation(&drawn.train, validated);
            let Drawn { train, validation, folds: other_folds, warnings, .. } = &mut drawn;
            *validation = self.take(train, wanted, options.seed, Purpose::Validation, warnings);
            let [of_train, of_validation] = [&*train, &*validation].map(|part| self.groups_of(part));
            let folds = options.folds.count(validation.len(), (of_train.len(), of_validation.len()));
            if wanted.samples > 0 {
                *other_folds = self.other_folds(train, validation, (folds, wanted));
            }
            let few = (1..FEW_GROUPS).contains(&of_validation.len());
            if options.several_groups && few && of_train.is_disjoint(&of_validation) {
                warnings.push(few_groups(of_validation.len(), of_train.len() + of_validation.len()));
            }
        }
        let own = [
            ("validation", sizes.validation.is_some(), &drawn.validation),
            ("test", matches!(sizes.test, TestPart::Own(_)), &drawn.test),
        ];
        let shared = own.into_iter().filter(|(_, own, _)| *own);
        let shared: Vec<Warning> =
            shared.filter_map(|(part, _, samples)| self.shared_groups(&drawn.train, part, samples)).collect();
        drawn.warnings.extend(shared);
        drawn
    }

    /// What the validation part takes of the training samples `from`.
    fn wanted_for_validation(&self, from: &[u32], validated: usize) -> Wanted {
        let options = self.options;
        let mut samples = share_of(from.len(), options.validation);
        let mut groups = 0;
        let all = self.groups_of(from).len();
        if options.several_groups && samples > 0 && all > 0 {
            groups = validation_groups(all);
            let in_groups = self
                .groups
                .map_or(0, |known| from.iter().filter(|&&index| known.of[index as usize].is_some()).count());
            let (in_none, share) = (from.len() - in_groups, groups as f64 / all as f64);
            let of_both = in_groups as f64 * share + in_none as f64 * options.validation;
            samples = samples.max(share_of(from.len(), of_both / from.len() as f64));
        }
        Wanted { samples, groups, of_each: OfEach { taken: validated, left: validated } }
    }

    /// The folds after the first, which these parts are. Each validates on samples that none before it has validated on, as long as there
    /// are enough; then draws begin anew.
    fn other_folds(
        &self,
        train: &[u32],
        validation: &[u32],
        (folds, wanted): (usize, Wanted),
    ) -> Vec<[Vec<u32>; 2]> {
        // As many as the first has.
        let wanted = Wanted { samples: validation.len(), ..wanted };
        let mut pool = [train, validation].concat();
        pool.sort_unstable();
        let classes_of = |samples: &[u32]| -> BTreeSet<u32> {
            samples.iter().map(|&index| self.labels[index as usize]).collect()
        };
        let mut unused = train.to_vec();
        let mut all = Vec::new();
        for fold in 1..folds {
            let seed = self.options.seed.wrapping_add((fold as u64) << SHIFT_OF_FOLD);
            let is_enough = |of_unused: &[u32]| {
                of_unused.len() > wanted.samples
                    && self.groups_of(of_unused).len() >= wanted.groups
                    && classes_of(of_unused) == classes_of(&pool)
            };
            if !is_enough(&unused) {
                unused.clone_from(&pool);
            }
            // A draw leaves at least one sample of each class, which the last of the folds may spare.
            let validation = self.take(&mut unused, wanted, seed, Purpose::Fold, &mut Vec::new());
            let is_validated: BTreeSet<u32> = validation.iter().copied().collect();
            let train = pool.iter().copied().filter(|index| !is_validated.contains(index)).collect();
            all.push([train, validation]);
        }
        all
    }

    /// Takes samples out of `from`, whole groups if it can be done.
    fn take(
        &self,
        from: &mut Vec<u32>,
        wanted: Wanted,
        seed: u64,
        purpose: Purpose,
        warnings: &mut Vec<Warning>,
    ) -> Vec<u32> {
        let classes = self.class_names.len();
        let labels: Vec<u32> = from.iter().map(|&index| self.labels[index as usize]).collect();
        let by_groups = self.groups.filter(|_| purpose != Purpose::Subset).map(|groups| {
            let groups: Vec<_> = from.iter().map(|&index| groups.of[index as usize]).collect();
            grouped_draw((&labels, &groups), classes, wanted, seed, purpose)
        });
        if let Some(Err(InOneGroup { class })) = by_groups {
            warnings.push(torn_groups(purpose, &self.class_names[class]));
        }
        let draw = by_groups.and_then(Result::ok).unwrap_or_else(|| {
            let count = match purpose {
                // A larger part makes up for few groups; where they are torn, it is of no use.
                Purpose::Validation => wanted.samples.min(share_of(from.len(), self.options.validation)),
                Purpose::Test | Purpose::Subset | Purpose::Fold => wanted.samples,
            };
            stratified_draw(&labels, classes, count, wanted.of_each, seed, purpose)
        });
        let taken = draw.taken.iter().map(|&position| from[position as usize]).collect();
        *from = draw.left.iter().map(|&position| from[position as usize]).collect();
        taken
    }

    fn groups_of(&self, samples: &[u32]) -> BTreeSet<u32> {
        let Some(groups) = self.groups else { return BTreeSet::new() };
        samples.iter().filter_map(|&index| groups.of[index as usize]).collect()
    }

    /// What is to be said of a part of the source's own whose groups are in the training part too.
    fn shared_groups(&self, train: &[u32], part: &str, samples: &[u32]) -> Option<Warning> {
        let groups = self.groups?;
        let shared: Vec<u32> =
            self.groups_of(train).intersection(&self.groups_of(samples)).copied().collect();
        let of_part = count(samples.iter().map(|&index| groups.of[index as usize]));
        let mut names: Vec<String> =
            shared.iter().take(LISTED).map(|&group| format!("`{}`", groups.names[group as usize])).collect();
        if shared.len() > LISTED {
            names.push("…".to_owned());
        }
        let what = format!(
            "{} of the {of_part} groups of the {part} part are in the training part too ({}): the {part} error will be too low \
             for new ones",
            shared.len(),
            names.join(", ")
        );
        (!shared.is_empty()).then(|| Warning::new(what))
    }
}

/// What is to be said of a validation part of few groups.
fn few_groups(of_validation: usize, all: usize) -> Warning {
    let what = format!(
        "few groups: the validation part has {of_validation} of the {all} that are for training and validation, so its error says \
         little about new ones"
    );
    Warning::new(what).hint(
        "add groups; or `--groups none` draws samples one by one, which hides the difference between groups",
    )
}

/// What is to be said of a draw that could not keep groups together.
fn torn_groups(purpose: Purpose, class: &str) -> Warning {
    let part = if purpose == Purpose::Test { "test" } else { "validation" };
    let what = format!(
        "too few groups: class `{class}` cannot be in the training and the {part} part without a group that is in both, so \
         samples are drawn one by one; the {part} error will be too low"
    );
    Warning::new(what).hint(format!("add groups, or give a {part} part of its own"))
}

/// `share` of `count`, rounded; at least one sample of a share that is not zero, and never all of them.
fn share_of(count: usize, share: f64) -> usize {
    if share == 0.0 || count < 2 {
        return 0;
    }
    ((count as f64 * share).round() as usize).clamp(1, count - 1)
}
