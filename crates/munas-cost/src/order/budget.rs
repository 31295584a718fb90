//! The effort that one graph may cost.

/// What is left of the effort. One unit is one word of one set, each time the memory of a step is worked out.
pub(super) struct Budget {
    left: usize,
}

/// The budget ran out.
pub(super) struct OutOfBudget;

impl Budget {
    /// Some tenths of a second and some tens of megabytes at the most; enough to order any ten branches of
    /// the paper's space exactly.
    pub(super) const PER_GRAPH: Self = Self { left: 1 << 23 };

    pub(super) fn spend(&mut self, units: usize) -> Result<(), OutOfBudget> {
        self.left = self.left.checked_sub(units).ok_or(OutOfBudget)?;
        Ok(())
    }
}
