//! The stratified draw that makes parts of samples.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stratified draw is for: each purpose has its own stream of the generator, so that none disturbs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Validation = 1,
    Test = 2,
    Subset = 3,
    Fold = 4,
}

/// Result of [`stratified_draw`]: two ascending lists of positions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) taken: Vec<u32>,
    pub(crate) left: Vec<u32>,
}

/// Fewest samples of each class (that has any) on the two sides of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfEach {
    pub(crate) taken: usize,
    pub(crate) left: usize,
}

/// Takes `count` of the samples, each class in its share (largest remainders get what rounding leaves), but at least as many of
/// each as `of_each` says; where that needs more or fewer than `count` altogether, so many are taken.
///
/// The same labels, count, seed and purpose give the same draw.
pub(crate) fn stratified_draw(
    labels: &[u32],
    classes: usize,
    count: usize,
    of_each: OfEach,
    seed: u64,
    purpose: Purpose,
) -> Draw {
    let count = count.min(labels.len());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose as u64);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); classes];
    for (position, &label) in (0_u32..).zip(labels) {
        members[label as usize].push(position);
    }
    let mut taken = Vec::with_capacity(count);
    let mut left = Vec::with_capacity(labels.len() - count);
    for (mut class, quota) in
        members.into_iter().zip(quotas_within(&class_counts(labels, classes), count, of_each))
    {
        class.shuffle(&mut rng);
        taken.extend_from_slice(&class[..quota]);
        left.extend_from_slice(&class[quota..]);
    }
    taken.sort_unstable();
    left.sort_unstable();
    Draw { taken, left }
}

pub(crate) fn class_counts(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    for &label in labels {
        counts[label as usize] += 1;
    }
    counts
}

/// Shares `count` out over classes in proportion to their sizes, within what `of_each` allows. The sum is `count`, or what comes
/// nearest to it.
fn quotas_within(sizes: &[usize], count: usize, of_each: OfEach) -> Vec<usize> {
    let mut quotas = quotas(sizes, count);
    let total = sizes.iter().sum::<usize>().max(1);
    let most = |class: usize| sizes[class] - of_each.left.min(sizes[class]);
    let least = |class: usize| of_each.taken.min(most(class));
    for (class, quota) in quotas.iter_mut().enumerate() {
        *quota = (*quota).clamp(least(class), most(class));
    }
    // What the limits moved is made up for by the classes that are furthest from their share.
    let mut by_surplus: Vec<usize> = (0..sizes.len()).collect();
    by_surplus.sort_by(|&first, &second| {
        let surplus = |class: usize| quotas[class] as f64 - (sizes[class] * count) as f64 / total as f64;
        surplus(second).total_cmp(&surplus(first))
    });
    let mut sum: usize = quotas.iter().sum();
    let mut changed = true;
    while sum != count && changed {
        changed = false;
        let give_up = sum > count;
        let order: &mut dyn Iterator<Item = &usize> =
            if give_up { &mut by_surplus.iter() } else { &mut by_surplus.iter().rev() };
        for &class in order {
            if sum == count {
                break;
            }
            if give_up && quotas[class] > least(class) {
                (quotas[class], sum, changed) = (quotas[class] - 1, sum - 1, true);
            } else if !give_up && quotas[class] < most(class) {
                (quotas[class], sum, changed) = (quotas[class] + 1, sum + 1, true);
            }
        }
    }
    quotas
}

/// Shares `count` out over classes in proportion to their sizes; the sum is exactly `count`.
pub(crate) fn quotas(sizes: &[usize], count: usize) -> Vec<usize> {
    let total = sizes.iter().sum::<usize>().max(1);
    let mut quotas: Vec<usize> = sizes.iter().map(|&size| size * count / total).collect();
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(sizes[class] * count % total));
    let missing = count - quotas.iter().sum::<usize>();
    for &class in by_remainder.iter().take(missing) {
        quotas[class] += 1;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_draw_partitions_and_keeps_the_shares(
            labels in prop::collection::vec(0_u32..5, 1..300), share in 0.0_f64..1.0, seed: u64,
        ) {
            let count = (share * labels.len() as f64) as usize;
            let free = OfEach { taken: 0, left: 0 };
            let draw = stratified_draw(&labels, 5, count, free, seed, Purpose::Validation);
            prop_assert_eq!(draw.taken.len(), count);
            let mut all = [draw.taken.clone(), draw.left.clone()].concat();
            all.sort_unstable();
            prop_assert!(all.iter().copied().eq(0..labels.len() as u32));
            let taken_labels: Vec<u32> = draw.taken.iter().map(|&position| labels[position as usize]).collect();
            let (of_all, of_taken) = (class_counts(&labels, 5), class_counts(&taken_labels, 5));
            for class in 0..5 {
                let exact = of_all[class] as f64 * count as f64 / labels.len() as f64;
                prop_assert!((of_taken[class] as f64 - exact).abs() < 1.0);
            }
            prop_assert_eq!(draw, stratified_draw(&labels, 5, count, free, seed, Purpose::Validation));
        }

        #[test]
        fn each_class_is_on_both_sides_of_a_draw(
            sizes in prop::collection::vec(0_usize..60, 1..9), share in 0.0_f64..1.0, taken in 0_usize..3, left in 0_usize..3,
        ) {
            let sizes: Vec<usize> = sizes.into_iter().filter(|&size| size == 0 || size >= taken + left).collect();
            let count = (share * sizes.iter().sum::<usize>() as f64) as usize;
            let within = quotas_within(&sizes, count, OfEach { taken, left });
            for (&quota, &size) in within.iter().zip(&sizes) {
                prop_assert!(size == 0 || (taken..=size - left).contains(&quota), "{within:?} of {sizes:?}");
            }
            let classes = sizes.iter().filter(|&&size| size > 0).count();
            let most = sizes.iter().sum::<usize>() - classes * left;
            prop_assert_eq!(within.iter().sum::<usize>(), count.clamp(classes * taken, most));
            let free = quotas(&sizes, count);
            let fits = free.iter().zip(&sizes).all(|(&quota, &size)| size == 0 || (taken..=size - left).contains(&quota));
            prop_assert!(!fits || within == free, "a draw that needs no help is the proportional one");
        }
    }

    #[test]
    fn seed_and_purpose_change_the_draw() {
        let labels: Vec<u32> = (0..200).map(|index| index % 4).collect();
        let free = OfEach { taken: 0, left: 0 };
        let draw = |seed, purpose| stratified_draw(&labels, 4, 20, free, seed, purpose);
        assert_ne!(draw(0, Purpose::Validation), draw(1, Purpose::Validation));
        assert_ne!(draw(0, Purpose::Validation), draw(0, Purpose::Test));
    }
}
