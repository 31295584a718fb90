//! A page on which runs grow while their searches go on: served to this machine alone, from journals that are only read.
//!
//! ```text
//! journal.db ──► LiveRun (what has changed) ──► server-sent events ──► page ──► plots, table, filters
//!           └──► a trial's details, .tflite, C source ───────────────► on request
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`server`](serve) | addresses, and what is answered to whom |
//! | `guard` | who is answered: whoever has the token, from this machine, in the page's own name |
//! | `runs` | the runs there are |
//! | `live` | one run, as far as it is known, and what is new |
//! | `records` | what the page is told, as JSON |
//! | `details` | one trial: its section of the report, and its files |
//! | `page/` | the page: HTML, style, script; nothing of it comes from elsewhere |
//!
//! Deliberately absent: whatever changes a run.

mod details;
mod guard;
mod live;
mod records;
mod runs;
mod server;

pub use server::{Address, serve};
