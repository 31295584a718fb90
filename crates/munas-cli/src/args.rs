//! The command line as data. Nothing here has an effect: parsing ends in an [`Args`], the commands act on it.
//!
//! Names and flags are those of the published command line; `values` holds how single values are written.

mod backend;
mod cost;
#[cfg(feature = "dashboard")]
mod dashboard;
mod data;
mod experiment;
mod export;
mod limits;
mod run;
mod search;
mod train;
pub mod values;

pub use backend::{BackendArgs, BackendName, WorkerArgs};
pub use cost::{BenchArgs, BenchNetwork, CostArgs};
#[cfg(feature = "dashboard")]
pub use dashboard::DashboardArgs;
pub use data::{DataArgs, DataCommand, DataSource, DatasetArgs, FetchArgs, InfoArgs, ListArgs, PackArgs};
pub use experiment::RunLength;
pub use export::{ExportArgs, VerifyArgs};
pub use limits::{BoundArgs, LimitArgs};
pub use run::{FrontArgs, MovedData, RefineArgs, ReplayArgs, ReportArgs, ResumeArgs, RunArgs, ShowArgs};
pub use search::SearchArgs;
pub use train::TrainArgs;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
munas trains candidates on your data and returns those that trade error
against memory, model size and MACs best.

Start here:
  munas search                       a first search: two minutes, no download
  munas front runs/quick-start-1     the networks that it found
  munas report runs/quick-start-1    everything about them as one HTML page
  munas search --preset mnist        a published experiment
  munas search --data images:photos --max-peak-memory 64KB

Sizes are bytes: 16KB = 16,000, 16KiB = 16,384. Counts: 30M = 30,000,000.
Durations: 45s, 30m, 1h30m. Results go to standard output, progress to
standard error. Exit status: 0 success, 1 failure, 2 wrong usage or input,
130 for a search that Ctrl-C ended (143: SIGTERM, 129: SIGHUP).";

/// Searches for small neural networks that fit a microcontroller
#[derive(Debug, Parser)]
#[command(name = "munas", version, propagate_version = true, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One variant per command.
#[derive(Debug, Subcommand)]
pub enum Command {
    Search(Box<SearchArgs>),
    Resume(ResumeArgs),
    Refine(RefineArgs),
    Replay(ReplayArgs),
    /// Progress of a run: trials, rate, best so far, time left
    Status(RunArgs),
    Front(FrontArgs),
    Show(ShowArgs),
    Report(ReportArgs),
    #[cfg(feature = "dashboard")]
    Dashboard(DashboardArgs),
    Cost(CostArgs),
    Train(Box<TrainArgs>),
    Data(DataArgs),
    /// The published experiments that --preset knows
    Presets(JsonArgs),
    Bench(BenchArgs),
    Export(ExportArgs),
    Verify(VerifyArgs),
    Worker(WorkerArgs),
    /// The boards that --board knows
    Boards(JsonArgs),
}

/// Arguments of a command that only prints.
#[derive(Debug, clap::Args)]
pub struct JsonArgs {
    #[command(flatten)]
    pub format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Format {
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests;
