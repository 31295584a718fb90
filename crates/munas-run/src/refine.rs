//! Finalists: the best networks of a run's front, trained anew, longer and several times with seeds of their own.
//!
//! A search compares hundreds of networks by one training each, and the best of so many is in part the luckiest. What it comes to is known
//! by the mean of several trainings that no choice was made by.
//!
//! | module | holds |
//! |---|---|
//! | `choice` | which networks of a front: a function of the trials |
//! | `length` | how many epochs a training has |
//! | `plan` | these networks, what they learn from, and what of it the time allows |
//! | `training` | how they are trained: the experiment's settings, longer; the evaluator |
//! | `session` | the loop: a backend's workers train, the journal records |
//! | `conclusion` | from the end of a training to its record |
//! | `event`, `end` | what there is to see meanwhile, and how it ended |
//!
//! Ranks and the network that is kept follow from validation errors alone; test errors are measured and reported, and no choice
//! reads them. The seed of a training follows from the experiment's seed, the trial and the training's number, so that a run has the same
//! finalists with the same results, however often it was interrupted.

mod choice;
mod conclusion;
pub(crate) mod end;
pub(crate) mod event;
pub(crate) mod length;
pub(crate) mod plan;
pub(crate) mod session;
pub(crate) mod training;

#[cfg(test)]
mod tests;
