//! Commands on a run directory.

use std::path::PathBuf;
use std::time::Duration;

use munas_app::experiment::Moved;
use munas_run::Length;
use munas_search::{Bounds, Objective};

use super::{BackendArgs, Format, LimitArgs, RunLength, values};

/// A command that only reads a run; it works while the search is going on.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub format: Format,
}

const FRONT_HELP: &str = "\
Examples:
  munas front runs/quick-start-1
  munas front runs/quick-start-1 --at-least 95% --max-peak-memory 4KB

Errors are those of the validation part, in int8 where search.error is int8.";

/// The Pareto front of a run, or what of it meets your limits
#[derive(Debug, clap::Args)]
#[command(after_help = FRONT_HELP)]
pub struct FrontArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub limits: FrontLimits,
}

/// What the networks of a front have to meet.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Only networks with")]
pub struct FrontLimits {
    /// Least validation accuracy, for example .95 or 95%; the same as --max-error 5%
    #[arg(long, value_name = "RATE", value_parser = values::accuracy, conflicts_with = "max_error")]
    pub at_least: Option<f64>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl FrontLimits {
    /// The limits as bounds. An accuracy is a bound on the error.
    pub fn bounds(&self) -> Bounds {
        let mut values = self.limits.values();
        if let Some(accuracy) = self.at_least {
            values[Objective::Error] = Some(1.0 - accuracy);
        }
        Bounds { values, hard: Vec::new() }
    }
}

/// Where the data of a run are now. They must be the same as in the search.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Data that have moved")]
pub struct MovedData {
    /// Where the run's own data are now: images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    /// Folder where the datasets' files are now
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl From<&MovedData> for Moved {
    fn from(MovedData { data, data_dir }: &MovedData) -> Self {
        Self { source: data.clone(), data_dir: data_dir.clone() }
    }
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
    #[command(flatten)]
    pub backend: BackendArgs,
}

const REFINE_HELP: &str = "\
Examples:
  munas refine runs/quick-start-1
  munas refine runs/quick-start-1 --time 10m
  munas refine runs/quick-start-1 --trials 17,23 --seeds 10
  munas refine runs/quick-start-1 --longer 30

A search judges each network by one training. The best of its front are trained
anew here, longer and with several seeds, and ranked by their mean validation
error; what is reported of the test part no choice reads. A search with --time
does so in its last fifth (final.share). What was trained is not trained again,
unless --longer or --time asks for longer trainings: those take its place.";

/// Train the best networks of a run anew, longer and with several seeds
#[derive(Debug, clap::Args)]
#[command(after_help = REFINE_HELP)]
pub struct RefineArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// End after so much time, for example 30m; fewer networks are trained if it is short [default: when all are trained]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub time: Option<Duration>,
    /// The most networks [default: as the experiment says, 8, and more where --time allows the longest trainings of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub networks: Option<u64>,
    /// Trainings of each network [default: as the experiment says, 5]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: Option<u32>,
    /// Epochs of each training, as a multiple of those in the search [default: as many as --time allows, from 3 to 10; else as those before, or 3]
    #[arg(long, value_name = "FACTOR", value_parser = values::longer)]
    pub longer: Option<Length>,
    /// Train the networks of these trials, for example 3,7, and no others
    #[arg(long, value_name = "TRIALS", value_delimiter = ',', conflicts_with = "networks")]
    pub trials: Vec<u64>,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub moved: MovedData,
    #[command(flatten)]
    pub backend: BackendArgs,
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
