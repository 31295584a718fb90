//! Placement of buffers with known lifetimes in one arena.
//!
//! Greedy by size: the largest buffer first, each at the lowest offset where it overlaps no placed buffer that is
//! alive at the same time (Pisarchyk and Lee, arXiv 2001.03288, "Greedy by Size for Offset Calculation"). Networks have tens of buffers.

use std::ops::RangeInclusive;

/// A buffer to place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buffer {
    pub len: usize,
    /// Points in time from the first write to the last read.
    pub alive: RangeInclusive<usize>,
}

impl Buffer {
    fn meets(&self, other: &Self) -> bool {
        self.alive.start() <= other.alive.end() && other.alive.start() <= self.alive.end()
    }
}

/// Offsets of all buffers.
#[derive(Debug, PartialEq)]
pub(super) struct Placement {
    /// First element of each buffer, in the order given.
    pub offsets: Vec<usize>,
    /// Elements of the arena.
    pub len: usize,
}

pub(super) fn place(buffers: &[Buffer]) -> Placement {
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(buffers[index].len));
    let mut offsets = vec![0; buffers.len()];
    // Placed buffers by offset.
    let mut placed: Vec<usize> = Vec::with_capacity(buffers.len());
    for index in order {
        let mut offset = 0;
        for &other in placed.iter().filter(|&&other| buffers[other].meets(&buffers[index])) {
            if offset + buffers[index].len <= offsets[other] {
                break;
            }
            offset = offset.max(offsets[other] + buffers[other].len);
        }
        offsets[index] = offset;
        let position = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(position, index);
    }
    let ends = buffers.iter().zip(&offsets).map(|(buffer, offset)| offset + buffer.len);
    Placement { len: ends.max().unwrap_or(0), offsets }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Buffer, place};

    proptest! {
        #[test]
        fn buffers_alive_together_do_not_overlap(
            spans in prop::collection::vec((1_usize..50, 0_usize..20, 0_usize..10), 1..30),
        ) {
            let buffers: Vec<Buffer> =
                spans.iter().map(|&(len, start, more)| Buffer { len, alive: start..=start + more }).collect();
            let placement = place(&buffers);
            let end = |index: usize| placement.offsets[index] + buffers[index].len;
            for a in 0..buffers.len() {
                prop_assert!(end(a) <= placement.len);
                for b in 0..a {
                    let apart = end(a) <= placement.offsets[b] || end(b) <= placement.offsets[a];
                    prop_assert!(apart || !buffers[a].meets(&buffers[b]));
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_its_two_largest_neighbours() {
        let lens = [4, 10, 6, 8, 2];
        let chain: Vec<Buffer> =
            lens.iter().enumerate().map(|(step, &len)| Buffer { len, alive: step..=step + 1 }).collect();
        assert_eq!(place(&chain).len, 16);
    }
}
