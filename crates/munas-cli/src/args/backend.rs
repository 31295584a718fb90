//! Who trains.

use std::path::PathBuf;
use std::str::FromStr;

/// Where trials are trained.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Where trials are trained")]
pub struct BackendArgs {
    /// Who trains: threads of this process, processes of this machine, or ray, ray:HOST:PORT (whatever a Ray cluster has free) [default: threads]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<BackendName>,
    /// Cores that Ray reserves for each worker [default: 1]
    #[arg(long, value_name = "N", value_parser = cpus)]
    pub cpus_per_worker: Option<f64>,
}

/// The backend that `--backend` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BackendName {
    /// Threads of this process.
    #[default]
    Threads,
    /// Processes of this machine.
    Processes,
    /// A Ray cluster.
    Ray {
        /// `HOST:PORT`; the one that this machine belongs to, or one of this machine alone, if it is left out.
        address: Option<String>,
    },
}

impl FromStr for BackendName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "threads" => Ok(Self::Threads),
            None if text == "processes" => Ok(Self::Processes),
            None if text == "ray" => Ok(Self::Ray { address: None }),
            Some(("ray", address)) if !address.is_empty() => {
                Ok(Self::Ray { address: Some(address.to_owned()) })
            }
            _ => Err("expected threads, processes, ray or ray:HOST:PORT".to_owned()),
        }
    }
}

fn cpus(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above 0".to_owned())
}

const WORKER_HELP: &str = "\
Not a command for people: `munas search --backend processes` starts workers, and
--backend ray has Ray start them. docs/worker.md describes what is said over
standard input and output.";

/// Train for a search in another process
#[derive(Debug, clap::Args)]
#[command(after_help = WORKER_HELP)]
pub struct WorkerArgs {
    /// Packed data, as `munas data pack` writes them, where the search names none
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}
