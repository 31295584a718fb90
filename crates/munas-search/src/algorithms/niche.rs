//! The parts of `niche`: a surrogate of the error, the expected hypervolume improvement, rungs.
//!
//! | file | holds |
//! |---|---|
//! | `features` | a network as some thirty numbers |
//! | `ridge`, `forest` | regressions on them |
//! | `surrogate` | the model of the error, made of both |
//! | `ehvi` | what a network is expected to add to the front |
//! | `parents` | whose children are looked at |
//! | `fidelity` | what an error at a rung says of the last one |

mod ehvi;
mod features;
mod fidelity;
mod forest;
mod parents;
mod ridge;
mod surrogate;
