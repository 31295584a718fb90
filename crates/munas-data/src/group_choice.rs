//! Which groups of samples a user asks for.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Where the groups of a dataset come from: samples that belong together, and are on one side of every split.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GroupChoice {
    /// Found out: the folders in the classes of a tree, an array or a column whose name is one of groups, the speakers and
    /// subjects that named datasets know of.
    #[default]
    Auto,
    /// Samples are drawn one by one; a column of groups is a feature like others.
    None,
    /// The folders in the classes of a tree, drawn in their share of samples however many they are, and no others: what was done
    /// before there was a choice.
    LevelShare,
    /// The column or array of this name; in a tree of folders `level` or `name`.
    By(String),
}

impl GroupChoice {
    /// Whether groups are found out.
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }

    /// What was asked for by name.
    pub(crate) fn asked(&self) -> Option<&str> {
        match self {
            Self::By(name) => Some(name),
            _ => None,
        }
    }
}

const AUTO: &str = "auto";
const NONE: &str = "none";
const LEVEL_SHARE: &str = "level-share";

impl fmt::Display for GroupChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => AUTO,
            Self::None => NONE,
            Self::LevelShare => LEVEL_SHARE,
            Self::By(name) => name,
        })
    }
}

impl FromStr for GroupChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            AUTO => Self::Auto,
            NONE => Self::None,
            LEVEL_SHARE => Self::LevelShare,
            name => Self::By(name.to_owned()),
        })
    }
}
