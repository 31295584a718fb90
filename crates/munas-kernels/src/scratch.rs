//! Working memory that kernels reuse from call to call.

use crate::conv::ConvScratch;

/// Working memory of one thread's kernels. It grows to what the largest layer needs and is never shrunk, so that
/// after the first step nothing is allocated.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) conv: ConvScratch,
}
