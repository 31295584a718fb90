//! Samples that belong together, and the draw that keeps them together.
//!
//! Pictures of one session or recordings of one speaker are alike. With some of them in the training part and others in the
//! validation or test part, a network is measured on what it has almost seen; so whole groups are drawn.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::draw::{Draw, OfEach, Purpose, class_counts, quotas};

/// Fewest groups of a validation part that says something about new ones, and the least share of all groups in it, where there
/// are three times as many.
const LEAST_GROUPS: usize = 5;
const LEAST_SHARE: f64 = 0.2;
/// A validation part takes no larger share of the groups than one in so many, however few that are.
const MOST_SHARE_ONE_IN: usize = 3;

/// Which samples belong together: those of a session, a speaker, a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Names of the groups, by number.
    pub names: Vec<String>,
    /// Number of each sample's group; `None` for one that belongs to no other.
    pub of: Vec<Option<u32>>,
}

impl Groups {
    /// Whether the groups tell anything apart: there are at least so many, and one of them has two samples.
    pub(crate) fn are_some(&self, least: usize) -> bool {
        let mut counts = vec![0_usize; self.names.len()];
        self.of.iter().flatten().for_each(|&group| counts[group as usize] += 1);
        counts.iter().filter(|count| **count > 0).count() >= least && counts.iter().any(|count| *count > 1)
    }
}

/// Number of different groups.
pub(crate) fn count(groups: impl IntoIterator<Item = Option<u32>>) -> usize {
    groups.into_iter().flatten().collect::<BTreeSet<u32>>().len()
}

/// How many of so many groups a validation part takes at least: five and a fifth of them, but never more than a third.
pub(crate) fn validation_groups(groups: usize) -> usize {
    let wanted = LEAST_GROUPS.max((LEAST_SHARE * groups as f64).ceil() as usize);
    wanted.min(groups / MOST_SHARE_ONE_IN).max(1)
}

/// How much a draw takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// About so many samples.
    pub(crate) samples: usize,
    /// At least so many groups.
    pub(crate) groups: usize,
    pub(crate) of_each: OfEach,
}

/// A class whose samples are all in one group, so that no draw can leave it on both sides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InOneGroup {
    pub(crate) class: usize,
}

/// Samples that are taken, or left, together.
struct Unit {
    /// Whether it is a group, and not a sample that is in none.
    is_group: bool,
    /// Positions in the list that is drawn from.
    members: Vec<u32>,
    /// Number of its samples of each class that it has.
    classes: BTreeMap<usize, usize>,
}

/// Takes whole groups, about `wanted.samples` samples of them with each class in its share, and leaves some of every class: at
/// least one, and as many as `wanted.of_each` says.
///
/// In a random order, each group is taken that brings the numbers of samples by class closer to their shares. Of a class that has
/// then none, the group is taken that spoils the shares least, and so are more groups while there are fewer than `wanted.groups`. `groups` are those of the samples with these `labels`; the
/// same arguments give the same draw.
pub(crate) fn grouped_draw(
    (labels, groups): (&[u32], &[Option<u32>]),
    classes: usize,
    wanted: Wanted,
    seed: u64,
    purpose: Purpose,
) -> Result<Draw, InOneGroup> {
    let Wanted { samples: count, groups: least_groups, of_each } = wanted;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose as u64);
    let mut units = units(labels, groups);
    units.shuffle(&mut rng);
    let sizes = class_counts(labels, classes);
    let quotas = quotas(&sizes, count);
    let mut taken = vec![0; classes];
    let mut chosen = vec![false; units.len()];
    let left = of_each.left.max(1);
    let leaves_some = |taken: &[usize], unit: &Unit| {
        unit.classes.iter().all(|(&class, &samples)| taken[class] + samples + left <= sizes[class])
    };
    // How much further from the quotas the numbers are with the unit than without it.
    let harm = |taken: &[usize], unit: &Unit| -> i64 {
        let distance = |class: usize, samples: usize| quotas[class].abs_diff(taken[class] + samples) as i64;
        unit.classes.iter().map(|(&class, &samples)| distance(class, samples) - distance(class, 0)).sum()
    };
    let take = |taken: &mut [usize], unit: &Unit| {
        unit.classes.iter().for_each(|(&class, &samples)| taken[class] += samples);
    };
    for (unit, chosen) in units.iter().zip(&mut chosen) {
        if leaves_some(&taken, unit) && harm(&taken, unit) < 0 {
            take(&mut taken, unit);
            *chosen = true;
        }
    }
    for class in (0..classes).filter(|&class| count > 0 && sizes[class] > 0) {
        if taken[class] > 0 {
            continue;
        }
        let candidates = (0..units.len()).filter(|&index| {
            !chosen[index] && units[index].classes.contains_key(&class) && leaves_some(&taken, &units[index])
        });
        let Some(best) = candidates.min_by_key(|&index| harm(&taken, &units[index])) else {
            return Err(InOneGroup { class });
        };
        take(&mut taken, &units[best]);
        chosen[best] = true;
    }
    while count > 0
        && units.iter().zip(&chosen).filter(|(unit, chosen)| unit.is_group && **chosen).count() < least_groups
    {
        let more = (0..units.len())
            .filter(|&index| units[index].is_group && !chosen[index] && leaves_some(&taken, &units[index]));
        let Some(best) = more.min_by_key(|&index| harm(&taken, &units[index])) else { break };
        take(&mut taken, &units[best]);
        chosen[best] = true;
    }
    Ok(Draw { taken: members(&units, &chosen, true), left: members(&units, &chosen, false) })
}

/// The samples of the units that are on this side.
fn members(units: &[Unit], chosen: &[bool], side: bool) -> Vec<u32> {
    let units = units.iter().zip(chosen).filter(|(_, chosen)| **chosen == side);
    let mut members: Vec<u32> = units.flat_map(|(unit, _)| unit.members.iter().copied()).collect();
    members.sort_unstable();
    members
}

/// The groups, and the samples that are in none, in the order of their first samples.
fn units(labels: &[u32], groups: &[Option<u32>]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut of_group = BTreeMap::new();
    for ((position, &label), &group) in (0_u32..).zip(labels).zip(groups) {
        let new = units.len();
        let index = group.map_or(new, |group| *of_group.entry(group).or_insert(new));
        if index == new {
            units.push(Unit { is_group: group.is_some(), members: Vec::new(), classes: BTreeMap::new() });
        }
        units[index].members.push(position);
        *units[index].classes.entry(label as usize).or_default() += 1;
    }
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// So many samples, of however many groups and classes.
    fn about(samples: usize) -> Wanted {
        Wanted { samples, groups: 0, of_each: OfEach { taken: 0, left: 0 } }
    }

    proptest! {
        #[test]
        fn no_group_is_on_both_sides_and_no_class_is_missing(
            samples in prop::collection::vec((0_u32..3, prop::option::weighted(0.9, 0_u32..12)), 1..200),
            share in 0.05_f64..0.5, seed: u64,
        ) {
            let (labels, groups): (Vec<u32>, Vec<Option<u32>>) = samples.into_iter().unzip();
            let count = (share * labels.len() as f64).ceil() as usize;
            let draw = || grouped_draw((&labels, &groups), 3, about(count), seed, Purpose::Validation);
            prop_assert_eq!(draw(), draw());
            let members = |class: u32| -> BTreeSet<(Option<u32>, usize)> {
                let of_class = (0..labels.len()).filter(|&index| labels[index] == class);
                of_class.map(|index| (groups[index], groups[index].map_or(index, |_| 0))).collect()
            };
            match draw() {
                Err(InOneGroup { class }) => {
                    // Every group of the class was needed to leave something of one class or another.
                    prop_assert!(members(class as u32).len() <= 3 || labels.len() < 30);
                }
                Ok(Draw { taken, left }) => {
                    let mut all = [taken.clone(), left.clone()].concat();
                    all.sort_unstable();
                    prop_assert!(all.iter().copied().eq(0..labels.len() as u32));
                    let groups_of = |side: &[u32]| -> BTreeSet<u32> {
                        side.iter().filter_map(|&index| groups[index as usize]).collect()
                    };
                    prop_assert!(groups_of(&taken).is_disjoint(&groups_of(&left)));
                    let classes_of = |side: &[u32]| -> BTreeSet<u32> {
                        side.iter().map(|&index| labels[index as usize]).collect()
                    };
                    prop_assert_eq!(classes_of(&taken), classes_of(&left));
                }
            }
        }
    }

    #[test]
    fn speakers_who_say_everything_are_drawn_in_their_share() {
        // Ten speakers, four words, five takes of each.
        let labels: Vec<u32> = (0..200).map(|index| index % 4).collect();
        let groups: Vec<Option<u32>> = (0..200).map(|index| Some(index / 20)).collect();
        let draw = grouped_draw((&labels, &groups), 4, about(40), 7, Purpose::Test).unwrap();
        assert_eq!((draw.taken.len(), draw.left.len()), (40, 160));
        let other = grouped_draw((&labels, &groups), 4, about(40), 8, Purpose::Test).unwrap();
        assert_ne!(draw, other);
    }

    #[test]
    fn a_group_is_taken_whole_even_where_it_is_more_than_the_share() {
        let (labels, groups) = ([0, 0, 0, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 1, 1].map(Some));
        let draw = grouped_draw((&labels, &groups), 2, about(2), 0, Purpose::Test).unwrap();
        assert_eq!(draw.taken, [6, 7]);
        let alone = grouped_draw((&labels, &[0; 8].map(Some)), 2, about(2), 0, Purpose::Test);
        assert_eq!(alone, Err(InOneGroup { class: 0 }));
        let nothing = grouped_draw((&labels, &groups), 2, about(0), 0, Purpose::Test).unwrap();
        assert!(nothing.taken.is_empty());
    }

    #[test]
    fn what_later_draws_need_of_a_class_is_left() {
        // Of class 0, two samples are in a group that would just be the share of class 1, and one is in a large group.
        let labels: Vec<u32> = [vec![0, 0, 1, 1, 1, 1], vec![0], vec![1; 23]].concat();
        let groups: Vec<Option<u32>> = [vec![Some(0); 6], vec![Some(1); 11], vec![None; 13]].concat();
        let left_of_class_0 = |left: usize, seed: u64| {
            let wanted = Wanted { of_each: OfEach { taken: 1, left }, ..about(5) };
            let draw = grouped_draw((&labels, &groups), 2, wanted, seed, Purpose::Test).unwrap();
            draw.left.iter().filter(|&&position| labels[position as usize] == 0).count()
        };
        assert!((0..20).any(|seed| left_of_class_0(1, seed) == 1));
        assert!((0..20).all(|seed| left_of_class_0(2, seed) == 2));
    }

    #[test]
    fn a_validation_part_has_five_groups_and_a_fifth_where_there_are_so_many() {
        let counts = [1, 2, 3, 6, 9, 12, 15, 21, 25, 26, 40, 100];
        assert_eq!(counts.map(validation_groups), [1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 8, 20]);
    }

    #[test]
    fn groups_are_added_until_there_are_as_many_as_wanted() {
        // One group has nearly all that is wanted; the small ones are needed for the number.
        let labels: Vec<u32> = (0..200).map(|index| index % 2).collect();
        let of_sample = |index: u32| Some(if index < 100 { index / 20 } else { 5 + index % 10 });
        let groups: Vec<Option<u32>> = (0..200).map(of_sample).collect();
        for seed in 0..20 {
            let wanted = Wanted { groups: 5, ..about(20) };
            let draw = grouped_draw((&labels, &groups), 2, wanted, seed, Purpose::Validation).unwrap();
            let of = |side: &[u32]| side.iter().map(|&index| groups[index as usize]).collect::<BTreeSet<_>>();
            assert!(of(&draw.taken).len() >= 5 && of(&draw.taken).is_disjoint(&of(&draw.left)));
        }
    }

    #[test]
    fn groups_of_one_sample_each_are_none() {
        let groups =
            |of: &[u32]| Groups { names: vec![String::new(); 4], of: of.iter().copied().map(Some).collect() };
        assert!(groups(&[0, 0, 1]).are_some(2));
        assert!(!groups(&[0, 0, 1]).are_some(3));
        assert!(!groups(&[0, 1, 2, 3]).are_some(2));
        assert!(!groups(&[2, 2, 2]).are_some(2));
    }
}
