//! Architectures that the user names: from a file to a checked value.

use std::path::Path;
use std::str::FromStr;

use munas_space::{Architecture, Kind};

use crate::error::{UserError, UserResult, read_input};

/// The kind of a search space by its name.
///
/// # Errors
/// If there is no such kind.
pub fn parse_kind(name: &str) -> UserResult<Kind> {
    name.parse()
        .map_err(|_| UserError::input(format_args!("there is no kind of search space `{name}`")))
        .map_err(|error: UserError| error.hint("the kinds are cnn2d, cnn1d and mlp"))
}

/// The architecture in a JSON file.
///
/// # Errors
/// If the file cannot be read or is not a well-formed architecture of this kind.
pub fn read_architecture(kind: Kind, path: &Path) -> UserResult<Architecture> {
    parse_architecture(kind, &read_input(path)?).map_err(|error| error.in_file(path))
}

/// The architecture of a JSON text.
///
/// # Errors
/// If it is not a well-formed architecture of this kind.
pub fn parse_architecture(kind: Kind, text: &str) -> UserResult<Architecture> {
    Architecture::from_json_text(kind, text).map_err(|error| {
        UserError::input(format_args!("not an architecture of kind {kind}: {error}"))
            .hint("`munas cost --help` shows the form")
    })
}

/// Largest height, width or number of channels: far above any microcontroller's input, low enough that no product of
/// dimensions overflows.
const MAX_DIMENSION: usize = 65_536;
/// Most elements of a network's input: 16 MiB of bytes, more than a microcontroller has for everything.
const MAX_ELEMENTS: usize = 1 << 24;
/// Most classes of a classifier.
const MAX_CLASSES: usize = 65_536;

/// Height × width × channels of a network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputDims {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl InputDims {
    /// Checks that the dimensions are those of a network's input.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn new([height, width, channels]: [usize; 3]) -> Result<Self, String> {
        let dims = [height, width, channels];
        if dims.contains(&0) {
            return Err("every dimension must be at least 1".to_owned());
        }
        if let Some(dim) = dims.iter().find(|&&dim| dim > MAX_DIMENSION) {
            return Err(format!("{dim} is too large, at most {MAX_DIMENSION} is possible"));
        }
        let elements = height * width * channels;
        if elements > MAX_ELEMENTS {
            return Err(format!("{elements} elements are too many, at most {MAX_ELEMENTS} are possible"));
        }
        Ok(Self { height, width, channels })
    }
}

impl FromStr for InputDims {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "not of the form HEIGHTxWIDTHxCHANNELS, such as 28x28x1".to_owned();
        let parts: Vec<usize> =
            text.split('x').map(str::parse).collect::<Result<_, _>>().map_err(|_| form())?;
        Self::new(parts.try_into().map_err(|_| form())?)
    }
}

/// Checks a number of classes.
///
/// # Errors
/// What is wrong, in words.
pub fn check_classes(classes: usize) -> Result<usize, String> {
    if (2..=MAX_CLASSES).contains(&classes) {
        Ok(classes)
    } else {
        Err(format!("the number of classes must be between 2 and {MAX_CLASSES}"))
    }
}
