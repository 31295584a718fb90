//! Folders in which datasets lie.

use std::path::{Path, PathBuf};

/// The environment variable that names a data folder.
const DATA_VARIABLE: &str = "MUNAS_DATA";

/// Folders in which named datasets are looked for: the given one, that of the variable `MUNAS_DATA`, and
/// [`cache_directory`].
pub fn data_directories(data_dir: Option<&Path>) -> Vec<PathBuf> {
    let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    data_dir.map(Path::to_path_buf).into_iter().chain(variable).chain(cache_directory()).collect()
}

/// Where downloads go when nothing else is asked for: the folder `munas` in the user's cache folder, if there is one.
pub fn cache_directory() -> Option<PathBuf> {
    dirs::cache_dir().map(|cache| cache.join("munas"))
}
