//! Greedy placement: buffer after buffer, each into the tightest gap between those placed before it.

use super::{Buffer, Packing};

/// What a buffer is ranked by; larger comes first.
type Rank = fn(&Buffer) -> [usize; 2];

/// Orders in which to place: by size, by bytes × steps, by steps, from the first and from the last step.
const RANKS: [Rank; 5] = [
    |buffer| [buffer.size, steps(buffer)],
    |buffer| [buffer.size * steps(buffer), buffer.size],
    |buffer| [steps(buffer), buffer.size],
    |buffer| [usize::MAX - buffer.first, buffer.size],
    |buffer| [buffer.last, buffer.size],
];

const fn steps(buffer: &Buffer) -> usize {
    buffer.last - buffer.first + 1
}

/// Rounds of promoting the buffers that stick out.
const PROMOTIONS: usize = 400;

/// The smallest packing of all orders; the first that meets the bound.
///
/// From each order on, the buffers that stick out above the bound are promoted and all are placed anew
/// (squeaky wheel optimisation: Joslin and Clements, JAIR 10, 1999).
pub(super) fn pack(buffers: &[Buffer], taken: &[usize], bound: usize) -> Packing {
    let mut best: Option<Packing> = None;
    for rank in RANKS {
        let mut promotions = vec![0_usize; buffers.len()];
        for _ in 0..PROMOTIONS {
            let mut order: Vec<usize> = (0..buffers.len()).collect();
            order.sort_by_key(|&index| std::cmp::Reverse((promotions[index], rank(&buffers[index]))));
            let packing = place_in_order(buffers, taken, &order);
            let mut sticks_out = false;
            for (index, buffer) in buffers.iter().enumerate() {
                if packing.offsets[index] + buffer.size > bound {
                    promotions[index] += 1;
                    sticks_out = true;
                }
            }
            if best.as_ref().is_none_or(|best| packing.size < best.size) {
                best = Some(packing);
            }
            if !sticks_out {
                return best.expect("it was just set");
            }
        }
    }
    best.expect("there is an order to place in")
}

fn place_in_order(buffers: &[Buffer], taken: &[usize], order: &[usize]) -> Packing {
    let mut offsets = vec![0; buffers.len()];
    let mut size = taken.iter().copied().max().unwrap_or(0);
    for (position, &index) in order.iter().enumerate() {
        let Buffer { first, last, .. } = buffers[index];
        let start = taken[first..=last].iter().copied().max().unwrap_or(0);
        let mut occupied: Vec<(usize, usize)> = order[..position]
            .iter()
            .filter(|&&other| buffers[index].overlaps(buffers[other]))
            .map(|&other| (offsets[other], offsets[other] + buffers[other].size))
            .chain([(0, start)])
            .collect();
        occupied.sort_unstable();
        offsets[index] = best_fit(&occupied, buffers[index].size);
        size = size.max(offsets[index] + buffers[index].size);
    }
    Packing { offsets, size }
}

/// The offset of the smallest gap that holds `size` bytes, or else the end of what is occupied.
fn best_fit(occupied: &[(usize, usize)], size: usize) -> usize {
    let mut end = 0;
    let mut best: Option<(usize, usize)> = None;
    for &(start, stop) in occupied {
        let gap = start.saturating_sub(end);
        if gap >= size && best.is_none_or(|(smallest, _)| gap < smallest) {
            best = Some((gap, end));
        }
        end = end.max(stop);
    }
    best.map_or(end, |(_, offset)| offset)
}
