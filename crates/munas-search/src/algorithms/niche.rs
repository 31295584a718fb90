//! The parts of `niche`: a surrogate of the error, the expected hypervolume improvement, rungs.
//!
//! | file | holds |
//! |---|---|
//! | `features` | a network as some thirty numbers |
//! | `ridge`, `forest` | regressions on them |
//! | `surrogate` | the model of the error, made of both |

mod features;
mod forest;
mod ridge;
mod surrogate;
