//! What a `--data` or `data.source` text names.

use std::fmt;
use std::path::{Path, PathBuf, is_separator};
use std::str::FromStr;

use crate::catalogue::{NAMED, NamedDataset};
use crate::error::DataError;
use crate::glyphs;
use crate::packed::is_packed;

/// The user's own data, as listed in messages.
const OWN: &[&str] =
    &["images:DIR", "audio:DIR", "csv:FILE", "csv:FILE#LABEL", "npz:FILE", "idx:DIR", "packed:FILE"];

/// A source of data.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// `glyphs` or `glyphs28`: drawn from code.
    Glyphs {
        /// Edge length in pixels.
        size: usize,
    },
    /// A dataset of the catalogue.
    Named {
        /// Its entry in the catalogue.
        dataset: &'static NamedDataset,
        /// Two classes instead of all (`-binary`).
        binary: bool,
    },
    /// `images:DIR`: a folder per class, or `train/`, `val/`, `test/` folders of such.
    Images(PathBuf),
    /// `audio:DIR`: a folder of WAV files per class, or `train/`, `val/`, `test/` folders of such.
    Audio(PathBuf),
    /// `csv:FILE` or `csv:FILE#LABEL`: numeric features and a label column.
    Csv {
        /// The file.
        path: PathBuf,
        /// Name, or number from 1, of the label column; found by its name or content when left out, at last the last one.
        label: Option<String>,
    },
    /// `npz:FILE`: arrays `x_train`, `y_train`, and optionally `x_val`, `y_val`, `x_test`, `y_test`.
    Npz(PathBuf),
    /// `idx:DIR`: a folder of idx files, as MNIST's.
    Idx(PathBuf),
    /// `packed:FILE`: what [`Dataset::pack`](crate::Dataset::pack) wrote, with its parts.
    Packed(PathBuf),
}

impl Source {
    /// Every text (or form of text) that names a source.
    pub fn known() -> Vec<String> {
        let mut known = vec!["glyphs".to_owned(), "glyphs28".to_owned()];
        for dataset in NAMED {
            known.push(dataset.name.to_owned());
            if dataset.binary {
                known.push(format!("{}-binary", dataset.name));
            }
        }
        known.extend(OWN.iter().map(|&form| form.to_owned()));
        known
    }
}

impl FromStr for Source {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((kind, place)) = text.split_once(':').filter(|(_, place)| !place.is_empty()) {
            let path = PathBuf::from(place);
            match kind {
                "images" => return Ok(Self::Images(path)),
                "audio" => return Ok(Self::Audio(path)),
                "npz" => return Ok(Self::Npz(path)),
                "idx" => return Ok(Self::Idx(path)),
                "packed" => return Ok(Self::Packed(path)),
                "csv" => return Ok(table(place)),
                _ => {}
            }
        }
        match text {
            "glyphs" => return Ok(Self::Glyphs { size: glyphs::DEFAULT_SIZE }),
            "glyphs28" => return Ok(Self::Glyphs { size: 28 }),
            _ => {}
        }
        let (name, binary) = match text.strip_suffix("-binary") {
            Some(name) => (name, true),
            None => (text, false),
        };
        match NAMED.iter().find(|dataset| dataset.name == name && (dataset.binary || !binary)) {
            Some(dataset) => Ok(Self::Named { dataset, binary }),
            None => Err(unknown(text)),
        }
    }
}

/// `FILE` or `FILE#LABEL`. The sign may also be one of the path's: the whole is a path if it is one of a file.
fn table(place: &str) -> Source {
    let path = PathBuf::from(place);
    match place.rsplit_once('#') {
        Some((file, label)) if !path.is_file() && !file.is_empty() && !label.contains(is_separator) => {
            Source::Csv { path: PathBuf::from(file), label: Some(label.to_owned()) }
        }
        _ => Source::Csv { path, label: None },
    }
}

/// The source that a path means which was given without its kind, if there is something at it.
fn own_source(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let kind = match name.trim_end_matches(".gz").rsplit_once('.').map_or("", |(_, extension)| extension) {
        _ if path.is_dir() => "images",
        _ if !path.is_file() => return None,
        _ if is_packed(path) => "packed",
        "npz" | "npy" => "npz",
        "csv" | "tsv" | "tab" | "txt" | "dat" => "csv",
        _ => return None,
    };
    Some(format!("{kind}:{}", path.display()))
}

fn unknown(text: &str) -> DataError {
    let known = Source::known();
    if let Some(own) = own_source(Path::new(text)) {
        return DataError::UnknownSource { name: text.to_owned(), known, nearest: Some(own) };
    }
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3))
        .map(|(_, name)| name.clone());
    DataError::UnknownSource { name: text.to_owned(), known, nearest }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glyphs { size } => formatter.write_str(&glyphs::name(*size)),
            Self::Named { dataset, binary } => {
                write!(formatter, "{}{}", dataset.name, if *binary { "-binary" } else { "" })
            }
            Self::Images(path) => write!(formatter, "images:{}", path.display()),
            Self::Audio(path) => write!(formatter, "audio:{}", path.display()),
            Self::Csv { path, label: None } => write!(formatter, "csv:{}", path.display()),
            Self::Csv { path, label: Some(label) } => write!(formatter, "csv:{}#{label}", path.display()),
            Self::Npz(path) => write!(formatter, "npz:{}", path.display()),
            Self::Idx(path) => write!(formatter, "idx:{}", path.display()),
            Self::Packed(path) => write!(formatter, "packed:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_a_round_trip() {
        for text in [
            "glyphs",
            "glyphs28",
            "mnist",
            "mnist-binary",
            "images:a/b",
            "audio:a/b",
            "speech-commands",
            "vww",
            "csv:a.csv",
            "csv:a.csv#kind",
            "csv:a#b/x.csv",
            "csv:a#b/x.csv#kind",
            "npz:C:x.npz",
            "packed:a/b.pack",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let error = "video:recordings".parse::<Source>().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("unknown data source `video:recordings`; there are: glyphs, glyphs28, mnist")
        );
        let error = "minst".parse::<Source>().unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `mnist`?"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Gestures.TSV.gz");
        std::fs::write(&path, "").unwrap();
        let hint = path.display().to_string().parse::<Source>().unwrap_err().hint().unwrap();
        assert_eq!(hint, format!("did you mean `csv:{}`?", path.display()));
        let hint = folder.path().display().to_string().parse::<Source>().unwrap_err().hint().unwrap();
        assert!(hint.starts_with("did you mean `images:"), "{hint}");
        assert!("uci-har-binary".parse::<Source>().is_err());
        assert!("images:".parse::<Source>().is_err());
    }
}
