//! Whole searches with a synthetic evaluator; see `crate::testing`.

mod bounds;
mod brief;
mod folds;
mod interruption;
mod journal;
mod limits;
mod models;
mod reproduction;
mod rungs;
