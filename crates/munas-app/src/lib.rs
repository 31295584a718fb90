//! What people do with runs, whatever they do it with: the command line and the Python package are two ways to the same acts, and say
//! the same of what goes wrong.
//!
//! | module | holds |
//! |---|---|
//! | `error` | errors with place and hint, from those of all crates |
//! | [`experiment`], [`architecture`] | from what users ask for to experiments, data and networks |
//! | [`new_run`] | where a new run goes |
//! | [`session`] | a search from its beginning to its finalists, and who follows it |
//! | [`crew`] | who trains for it |
//! | `tally` | its running totals |
//! | [`single`] | one network, trained without a run |
//! | [`exported`] | the network of a trial in int8, with samples to run it on |
//! | [`interface`] | what that network takes and gives |
//! | [`export`] | the same as files for firmware |
//! | [`price`] | what networks take, as documents |
//! | [`records`] | trials as documents, the same everywhere |
//! | `report` | a run as one HTML page |
//! | `memory` | peak memory as people read it |
//! | `shell` | paths in commands that the user may copy |
//!
//! Deliberately absent: output, arguments, signals.

pub mod architecture;
pub mod crew;
mod error;
pub mod experiment;
pub mod export;
pub mod exported;
pub mod interface;
mod memory;
pub mod new_run;
pub mod price;
pub mod records;
mod report;
pub mod session;
mod shell;
pub mod single;
mod tally;

pub use error::{Fault, UserError, UserResult, read_input};
pub use memory::PeakMemory;
pub use report::report_page;
pub use shell::quoted;
pub use tally::{Tally, Workers};
