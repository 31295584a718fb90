//! Sets of the operators of a segment, as bits.

/// A set of numbers below 64·W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OpSet<const W: usize>([u64; W]);

impl<const W: usize> OpSet<W> {
    pub(super) const EMPTY: Self = Self([0; W]);

    /// All numbers below `len`.
    pub(super) fn first(len: usize) -> Self {
        let mut set = Self::EMPTY;
        for op in 0..len {
            set.insert(op);
        }
        set
    }

    pub(super) fn insert(&mut self, op: usize) {
        self.0[op / 64] |= 1 << (op % 64);
    }

    pub(super) fn remove(&mut self, op: usize) {
        self.0[op / 64] &= !(1 << (op % 64));
    }

    pub(super) fn contains(&self, op: usize) -> bool {
        self.0[op / 64] >> (op % 64) & 1 == 1
    }

    pub(super) fn is_subset(&self, of: &Self) -> bool {
        self.0.iter().zip(&of.0).all(|(a, b)| a & !b == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The numbers in the set, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + use<W> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                (bits != 0).then(|| {
                    bits &= bits - 1;
                    word * 64 + bit
                })
            })
        })
    }
}
