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

#[cfg(test)]
mod tests {
    use super::rungs;

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
