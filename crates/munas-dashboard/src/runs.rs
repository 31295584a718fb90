//! The runs there are: directories of runs, and those within other directories. A run keeps its number as long as the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use munas_run::RunReader;

use crate::live::LiveRun;

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
    run: Arc<Mutex<LiveRun>>,
}

impl Runs {
    /// The runs of these places, each a run or a folder of runs.
    pub fn of(places: Vec<PathBuf>) -> Self {
        Self { places, seen: Mutex::new(Vec::new()) }
    }

    /// Looks for new ones; all that can be read, with their numbers.
    pub fn all(&self) -> Vec<(usize, Arc<Mutex<LiveRun>>)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in self.places.iter().flat_map(|place| runs_in(place)) {
            if seen.iter().any(|known| known.dir == dir) {
                continue;
            }
            // One that is just being made can be read a little later.
            if let Ok(reader) = RunReader::open(&dir) {
                seen.push(Seen { dir, run: Arc::new(Mutex::new(LiveRun::new(reader))) });
            }
        }
        seen.iter().map(|known| Arc::clone(&known.run)).enumerate().collect()
    }

    /// The run of a number.
    pub fn get(&self, number: usize) -> Option<Arc<Mutex<LiveRun>>> {
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
