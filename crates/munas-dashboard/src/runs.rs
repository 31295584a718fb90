//! The runs there are: directories of runs, and those within other directories. A run keeps its number as long as the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use munas_app::UserError;
use munas_run::RunReader;

use crate::live::{LiveRun, SharedRun};

/// All runs that have been seen.
#[derive(Debug)]
pub struct Runs {
    /// Where to look.
    places: Vec<PathBuf>,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    dir: PathBuf,
    run: SharedRun,
}

impl Runs {
    /// The runs of these places, each a run or a folder of runs.
    pub fn of(places: Vec<PathBuf>) -> Self {
        Self { places, seen: Mutex::new(Vec::new()) }
    }

    /// Looks for new ones: all that can be read, with their numbers, and what is wrong with the others.
    pub fn all(&self) -> (Vec<(usize, SharedRun)>, Vec<UserError>) {
        let mut unreadable = Vec::new();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in self.places.iter().flat_map(|place| runs_in(place)) {
            if seen.iter().any(|known| known.dir == dir) {
                continue;
            }
            match RunReader::open(&dir) {
                Ok(reader) => seen.push(Seen { dir, run: Arc::new(Mutex::new(LiveRun::new(reader))) }),
                Err(error) => unreadable.push(error.into()),
            }
        }
        (seen.iter().map(|known| Arc::clone(&known.run)).enumerate().collect(), unreadable)
    }

    /// The run of a number.
    pub fn get(&self, number: usize) -> Option<SharedRun> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(number).map(|known| Arc::clone(&known.run))
    }
}

/// The directories of runs in a place, by name.
fn runs_in(place: &Path) -> Vec<PathBuf> {
    let is_run = |dir: &Path| dir.join("journal.db").exists();
    if is_run(place) {
        return vec![place.to_owned()];
    }
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_run(path)).collect();
    found.sort();
    found
}
