//! Rungs: the fidelities at which trainings rest until they are promoted.

/// Each rung takes so many times the epochs of the one before it.
pub const ETA: u32 = 3;

/// Epochs at the ends of at most `count` rungs: E, E/3, E/9, … for E `epochs`, ascending, none of them below `least`. Equal ones are one
/// rung, and the last is always E.
///
/// # Panics
/// If there are no epochs, or no rungs.
pub fn rungs(epochs: u32, count: u32, least: u32) -> Vec<u32> {
    assert!(epochs > 0 && count > 0, "{count} rungs of {epochs} epochs");
    let least = least.clamp(1, epochs);
    let ends =
        (0..count).rev().map(|below| ETA.checked_pow(below).map_or(0, |share| epochs / share).max(least));
    let mut ends: Vec<u32> = ends.collect();
    ends.dedup();
    ends
}

/// The share of its epochs that a trial is trained for on average, where a third of those that come to the end of a rung go on.
///
/// # Panics
/// If there are no rungs.
pub fn mean_share(rungs: &[u32]) -> f64 {
    let epochs = f64::from(*rungs.last().expect("a full training ends at a rung"));
    let (mut before, mut going_on, mut trained) = (0.0, 1.0, 0.0);
    for &end in rungs {
        trained += going_on * (f64::from(end) - before);
        (before, going_on) = (f64::from(end), going_on / f64::from(ETA));
    }
    trained / epochs
}

#[cfg(test)]
mod tests {
    use super::{mean_share, rungs};

    #[test]
    fn most_trials_take_a_small_part_of_their_epochs() {
        assert_eq!(mean_share(&[50]), 1.0);
        let expected = (1.0 + 2.0 / 3.0 + 6.0 / 9.0 + 18.0 / 27.0) / 27.0;
        assert!((mean_share(&[1, 3, 9, 27]) - expected).abs() < 1e-12);
    }

    #[test]
    fn rungs_are_thirds_of_each_other_and_end_with_the_whole() {
        assert_eq!(rungs(27, 4, 1), [1, 3, 9, 27]);
        assert_eq!(rungs(100, 4, 1), [3, 11, 33, 100]);
        assert_eq!(rungs(10, 4, 1), [1, 3, 10], "equal rungs are one");
        assert_eq!(rungs(30, 4, 18), [18, 30], "nothing rests before pruning is done");
        assert_eq!(rungs(1, 4, 1), [1]);
        assert_eq!(rungs(50, 1, 1), [50]);
        assert_eq!(rungs(9, 60, 20), [9]);
    }
}
