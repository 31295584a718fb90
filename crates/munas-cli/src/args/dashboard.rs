//! `munas dashboard`.

use std::path::PathBuf;

use super::Format;

const HELP: &str = "\
Examples:
  munas dashboard                    all runs in the folder runs, also those that begin later
  munas dashboard runs/quick-start-1 runs/mine
  munas dashboard --port 8080

Open the address that it prints. It holds for this machine and as long as the
command runs; whoever has it can read the runs, and nobody can change them. From
another machine: ssh -L 8080:127.0.0.1:8080 HOST munas dashboard --port 8080";

/// Show runs on a live page while their searches go on, and afterwards
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct DashboardArgs {
    /// Runs, or folders of runs [default: runs]
    #[arg(value_name = "DIR")]
    pub places: Vec<PathBuf>,
    /// Port on this machine [default: one that is free]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[command(flatten)]
    pub format: Format,
}
