//! Who trains for a search, as the arguments ask for it.

use std::path::PathBuf;

use munas_app::crew::PYTHON_VARIABLE;
use munas_run::{Crew, Limits};

use crate::args::{BackendArgs, BackendName};

/// What the arguments ask for; `None`: threads of this process.
pub fn crew(args: &BackendArgs, limits: &Limits) -> Option<Crew> {
    match args.backend.clone().unwrap_or_default() {
        BackendName::Threads => None,
        BackendName::Processes => Some(Crew::Processes { count: limits.worker_count() }),
        BackendName::Ray { address } => Some(Crew::Ray {
            python: std::env::var_os(PYTHON_VARIABLE).map_or_else(|| "python3".into(), PathBuf::from),
            address,
            cpus_per_worker: args.cpus_per_worker.unwrap_or(1.0),
            most_workers: Some(limits.workers).filter(|workers| *workers > 0),
        }),
    }
}
