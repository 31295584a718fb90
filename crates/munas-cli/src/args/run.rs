//! Commands on a run directory.

use std::path::PathBuf;

use super::{Format, RunLength};

/// A command that only reads a run; it works while the search is going on.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

/// Where the data of a run are now. They must be the same as in the search.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Data that have moved")]
pub struct MovedData {
    /// Where the run's own data are now: images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    /// Folder where the datasets' files are now
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

const RESUME_HELP: &str = "\
Examples:
  munas resume runs/quick-start-1
  munas resume runs/quick-start-1 --trials 500

Interrupted trials go on from their last checkpoint, or begin anew. With more
--trials than before, a run that was complete goes on.";

/// Go on with a run that was interrupted, or extend it
#[derive(Debug, clap::Args)]
#[command(after_help = RESUME_HELP)]
pub struct ResumeArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub length: RunLength,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub moved: MovedData,
}

const REPLAY_HELP: &str = "\
The experiment, its seed and the order of results decide every proposal. If one
is not what the journal leads to, the exit status is 1.";

/// Derive every proposal of a run again from its journal and compare
#[derive(Debug, clap::Args)]
#[command(after_help = REPLAY_HELP)]
pub struct ReplayArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

/// One trial of a run: layers, memory timeline, training curve
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  munas show runs/quick-start-1 17")]
pub struct ShowArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Number of the trial, as `munas front` shows it
    #[arg(value_name = "TRIAL")]
    pub trial: u64,
    #[command(flatten)]
    pub format: Format,
}

const REPORT_HELP: &str = "\
Example:
  munas report runs/quick-start-1 -o report.html

The page holds a summary, plots of the Pareto front, and the layers, memory
timeline and training curve of every network on it; of a front of more than 200,
those of 200 within the bounds and far apart. It needs no other file.";

/// Write a run as one self-contained HTML page
#[derive(Debug, clap::Args)]
#[command(after_help = REPORT_HELP)]
pub struct ReportArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Where to write the page [default: report.html in the run's directory]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}
