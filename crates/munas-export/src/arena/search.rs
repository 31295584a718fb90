//! Exact packing within a capacity, by depth-first search.
//!
//! A packing in which no buffer can be moved down is built by placing buffers at ever higher offsets. The
//! *skyline* is the height that each step is filled to; its lowest *valley* is the next place to fill. What
//! is placed at the floor of a valley is enumerated from the left: either one of the buffers that fit into
//! the valley is the leftmost, and what is left of it is filled up to the lower of its two walls, or none is,
//! and the whole valley is filled up to the lower of its walls. A step whose height and unplaced bytes exceed
//! the capacity ends the branch.

use super::{Buffer, Packing, loads};

/// More buffers than this are not searched.
const MOST_BUFFERS: usize = 256;
/// Work for one set of buffers, in nodes × steps: about a second.
const BUDGET: usize = 20_000_000;

/// The end of a search.
pub(super) enum Outcome {
    Found(Packing),
    /// No packing is that small.
    Impossible,
    OutOfBudget,
}

/// Why a branch ended without a packing.
enum Dead {
    Impossible,
    OutOfBudget,
}

/// A search that may be asked for several capacities, with one budget for all.
pub(super) struct Search<'b> {
    buffers: &'b [Buffer],
    /// Indices of the buffers, the largest first.
    largest_first: Vec<usize>,
    budget: usize,
    capacity: usize,
    /// For each step, the height that is taken from the beginning.
    taken: &'b [usize],
    /// For each step, the height it is filled to.
    skyline: Vec<usize>,
    /// For each step, the bytes of buffers that are not placed.
    unplaced: Vec<usize>,
    offsets: Vec<Option<usize>>,
}

/// Neighbouring steps of the same height with buffers still to place, as wide as possible.
#[derive(Clone, Copy)]
struct Valley {
    first: usize,
    last: usize,
    floor: usize,
    /// Heights of the neighbouring steps; `None` at the ends and beside a step without buffers to place.
    left_wall: Option<usize>,
    right_wall: Option<usize>,
}

impl<'b> Search<'b> {
    pub(super) fn new(buffers: &'b [Buffer], taken: &'b [usize]) -> Self {
        let mut largest_first: Vec<usize> = (0..buffers.len()).collect();
        largest_first.sort_by_key(|&index| std::cmp::Reverse(buffers[index].size));
        let budget = if buffers.len() > MOST_BUFFERS { 0 } else { BUDGET };
        Self {
            buffers,
            largest_first,
            budget,
            capacity: 0,
            taken,
            skyline: taken.to_vec(),
            unplaced: vec![0; taken.len()],
            offsets: Vec::new(),
        }
    }

    /// A packing of at most `capacity` bytes.
    pub(super) fn pack(&mut self, capacity: usize) -> Outcome {
        self.capacity = capacity;
        self.skyline.copy_from_slice(self.taken);
        self.unplaced = loads(self.buffers, self.skyline.len());
        self.offsets = vec![None; self.buffers.len()];
        if self.unplaced.iter().zip(self.taken).any(|(&bytes, &taken)| bytes + taken > capacity) {
            return Outcome::Impossible;
        }
        match self.fill() {
            Ok(()) => Outcome::Found(self.packing()),
            Err(Dead::Impossible) => Outcome::Impossible,
            Err(Dead::OutOfBudget) => Outcome::OutOfBudget,
        }
    }

    fn packing(&self) -> Packing {
        let offsets: Vec<usize> = self.offsets.iter().flatten().copied().collect();
        let ends = offsets.iter().zip(self.buffers).map(|(offset, buffer)| offset + buffer.size);
        let size = ends.chain(self.taken.iter().copied()).max().unwrap_or(0);
        Packing { offsets, size }
    }

    /// Places what is not placed; on success `offsets` is complete, else everything is as before.
    fn fill(&mut self) -> Result<(), Dead> {
        let Some(valley) = self.lowest_valley() else { return Ok(()) };
        self.budget = self.budget.checked_sub(self.skyline.len()).ok_or(Dead::OutOfBudget)?;
        let before = self.skyline[valley.first..=valley.last].to_vec();
        for position in 0..self.largest_first.len() {
            let index = self.largest_first[position];
            let buffer = self.buffers[index];
            let fits =
                self.offsets[index].is_none() && valley.first <= buffer.first && buffer.last <= valley.last;
            if !fits {
                continue;
            }
            let top = valley.floor + buffer.size;
            self.skyline[valley.first..buffer.first].fill(valley.left_wall.map_or(top, |wall| wall.min(top)));
            self.skyline[buffer.first..=buffer.last].fill(top);
            self.unplaced[buffer.first..=buffer.last].iter_mut().for_each(|bytes| *bytes -= buffer.size);
            self.offsets[index] = Some(valley.floor);
            let filled =
                if self.holds(valley.first, buffer.last) { self.fill() } else { Err(Dead::Impossible) };
            if !matches!(filled, Err(Dead::Impossible)) {
                return filled;
            }
            self.offsets[index] = None;
            self.unplaced[buffer.first..=buffer.last].iter_mut().for_each(|bytes| *bytes += buffer.size);
            self.skyline[valley.first..=valley.last].copy_from_slice(&before);
        }
        let lower_wall = match (valley.left_wall, valley.right_wall) {
            (Some(left), Some(right)) => left.min(right),
            (Some(wall), None) | (None, Some(wall)) => wall,
            (None, None) => return Err(Dead::Impossible),
        };
        self.skyline[valley.first..=valley.last].fill(lower_wall);
        let filled = if self.holds(valley.first, valley.last) { self.fill() } else { Err(Dead::Impossible) };
        if matches!(filled, Err(Dead::Impossible)) {
            self.skyline[valley.first..=valley.last].copy_from_slice(&before);
        }
        filled
    }

    /// Whether what is not placed may still fit at these steps.
    fn holds(&self, first: usize, last: usize) -> bool {
        (first..=last)
            .all(|step| self.unplaced[step] == 0 || self.skyline[step] + self.unplaced[step] <= self.capacity)
    }

    fn lowest_valley(&self) -> Option<Valley> {
        let open = |step: usize| self.unplaced[step] > 0;
        let steps = 0..self.skyline.len();
        let first = steps.filter(|&step| open(step)).min_by_key(|&step| self.skyline[step])?;
        let floor = self.skyline[first];
        let beyond = (first + 1..self.skyline.len()).find(|&step| !open(step) || self.skyline[step] != floor);
        let wall = |step: usize| open(step).then(|| self.skyline[step]);
        Some(Valley {
            first,
            last: beyond.unwrap_or(self.skyline.len()) - 1,
            floor,
            left_wall: first.checked_sub(1).and_then(wall),
            right_wall: beyond.and_then(wall),
        })
    }
}
