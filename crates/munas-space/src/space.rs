//! A search space: a kind of architecture with bounds.

use rand::{Rng, RngExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use crate::{
    Architecture, ArchitectureError, CnnBounds, Kind, MlpBounds, SpaceError, check,
    morphism::{CnnMorphism, MlpMorphism},
    names::Named,
};

/// A search space. In the experiment file:
///
/// ```toml
/// [space]
/// kind = "cnn2d"              # cnn2d, cnn1d or mlp
/// bounds = "munas-2020"       # a named set, or a table of explicit bounds
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Architectures of [`Kind::Cnn2d`].
    Cnn2d(CnnBounds),
    /// Architectures of [`Kind::Cnn1d`].
    Cnn1d(CnnBounds),
    /// Architectures of [`Kind::Mlp`].
    Mlp(MlpBounds),
}

impl Space {
    /// The names of the sets of bounds of a kind.
    pub const fn bound_names(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Cnn2d => &["munas-2020", "wide"],
            Kind::Cnn1d => &["munas-2020-1d", "wide-1d"],
            Kind::Mlp => &["munas-2020", "wide"],
        }
    }

    /// The space of a kind with a named set of bounds.
    ///
    /// # Errors
    /// [`SpaceError::UnknownKind`] or [`SpaceError::UnknownBounds`].
    pub fn named(kind: &str, bounds: &str) -> Result<Self, SpaceError> {
        let kind: Kind = kind.parse()?;
        match (kind, bounds) {
            (Kind::Cnn2d, "munas-2020") => Ok(Self::Cnn2d(CnnBounds::munas_2020())),
            (Kind::Cnn2d, "wide") => Ok(Self::Cnn2d(CnnBounds::wide())),
            (Kind::Cnn1d, "munas-2020-1d") => Ok(Self::Cnn1d(CnnBounds::munas_2020())),
            (Kind::Cnn1d, "wide-1d") => Ok(Self::Cnn1d(CnnBounds::wide())),
            (Kind::Mlp, "munas-2020") => Ok(Self::Mlp(MlpBounds::munas_2020())),
            (Kind::Mlp, "wide") => Ok(Self::Mlp(MlpBounds::wide())),
            _ => {
                let known = Self::bound_names(kind).join(", ");
                Err(SpaceError::UnknownBounds { kind, name: bounds.into(), known })
            }
        }
    }

    /// The space of a kind with bounds as the experiment file gives them: a name or a table.
    ///
    /// # Errors
    /// [`SpaceError`]: unknown kind, name or key, or bounds that make no sense.
    pub fn from_parts(kind: &str, bounds: &Value) -> Result<Self, SpaceError> {
        if let Value::String(name) = bounds {
            return Self::named(kind, name);
        }
        let syntax = |error: serde_json::Error| SpaceError::Table(error.to_string());
        let space = match kind.parse()? {
            Kind::Cnn2d => Self::Cnn2d(CnnBounds::deserialize(bounds).map_err(syntax)?),
            Kind::Cnn1d => Self::Cnn1d(CnnBounds::deserialize(bounds).map_err(syntax)?),
            Kind::Mlp => Self::Mlp(MlpBounds::deserialize(bounds).map_err(syntax)?),
        };
        space.validate()?;
        Ok(space)
    }

    /// Checks that the bounds make sense and leave at least one architecture.
    ///
    /// # Errors
    /// [`SpaceError::Bound`] names the first key that does not.
    pub fn validate(&self) -> Result<(), SpaceError> {
        match self {
            Self::Cnn2d(bounds) | Self::Cnn1d(bounds) => bounds.validate(),
            Self::Mlp(bounds) => bounds.validate(),
        }
    }

    /// The kind of the space's architectures.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Cnn2d(_) => Kind::Cnn2d,
            Self::Cnn1d(_) => Kind::Cnn1d,
            Self::Mlp(_) => Kind::Mlp,
        }
    }

    /// A random architecture inside the bounds.
    pub fn sample(&self, rng: &mut (impl Rng + ?Sized)) -> Architecture {
        match self {
            Self::Cnn2d(bounds) => Architecture::Cnn2d(bounds.sample(rng)),
            Self::Cnn1d(bounds) => Architecture::Cnn1d(bounds.sample(rng)),
            Self::Mlp(bounds) => Architecture::Mlp(bounds.sample(rng)),
        }
    }

    /// A random architecture inside the bounds whose widths are meant to be [scaled](Self::scaled): they are on a logarithmic
    /// scale, whatever the bounds say, and so are the numbers of blocks and of dense layers.
    pub fn sample_structure(&self, rng: &mut (impl Rng + ?Sized)) -> Architecture {
        match self {
            Self::Cnn2d(bounds) => Architecture::Cnn2d(bounds.sample_structure(rng)),
            Self::Cnn1d(bounds) => Architecture::Cnn1d(bounds.sample_structure(rng)),
            Self::Mlp(bounds) => Architecture::Mlp(bounds.sample_structure(rng)),
        }
    }

    /// One child per morphism that applies, all inside the bounds and different from the parent. Morphisms
    /// with a random part (a random block, a random layer) give one draw of it.
    ///
    /// Empty for an architecture of another kind. A parent outside the bounds keeps the children that are
    /// inside.
    pub fn morphisms(&self, parent: &Architecture, rng: &mut (impl Rng + ?Sized)) -> Vec<Architecture> {
        let all = Moves::all(self, parent);
        let children = (0..all.len()).map(|index| all.apply(index, rng));
        children.filter(|child| self.check(child).is_ok()).collect()
    }

    /// A child drawn uniformly from [`Space::morphisms`], without making the others; `None` if there are
    /// none.
    pub fn mutate(&self, parent: &Architecture, rng: &mut (impl Rng + ?Sized)) -> Option<Architecture> {
        let all = Moves::all(self, parent);
        let mut left: Vec<usize> = (0..all.len()).collect();
        while !left.is_empty() {
            let index = left.swap_remove(rng.random_range(0..left.len()));
            let child = all.apply(index, rng);
            if self.check(&child).is_ok() {
                return Some(child);
            }
        }
        None
    }

    /// Checks that an architecture is well-formed and inside the bounds.
    ///
    /// # Errors
    /// [`ArchitectureError`] names the first field that is not, as in
    /// `blocks[2].layers[0].kernel: 4 is not one of 3, 5, 7`.
    pub fn check(&self, architecture: &Architecture) -> Result<(), ArchitectureError> {
        architecture.check_form()?;
        match (self, architecture) {
            (Self::Cnn2d(bounds), Architecture::Cnn2d(cnn))
            | (Self::Cnn1d(bounds), Architecture::Cnn1d(cnn)) => check::cnn(cnn, bounds),
            (Self::Mlp(bounds), Architecture::Mlp(mlp)) => check::mlp(&mlp.dense, bounds),
            _ => Err(check::wrong_kind(self.kind(), architecture.kind())),
        }
    }
}

/// The morphisms that apply to an architecture.
enum Moves<'a> {
    Cnn2d(&'a CnnBounds, &'a crate::Cnn, Vec<CnnMorphism>),
    Cnn1d(&'a CnnBounds, &'a crate::Cnn, Vec<CnnMorphism>),
    Mlp(&'a MlpBounds, &'a crate::Mlp, Vec<MlpMorphism>),
    OtherKind,
}

impl<'a> Moves<'a> {
    fn all(space: &'a Space, parent: &'a Architecture) -> Self {
        match (space, parent) {
            (Space::Cnn2d(bounds), Architecture::Cnn2d(cnn)) => {
                Self::Cnn2d(bounds, cnn, CnnMorphism::all(cnn, bounds))
            }
            (Space::Cnn1d(bounds), Architecture::Cnn1d(cnn)) => {
                Self::Cnn1d(bounds, cnn, CnnMorphism::all(cnn, bounds))
            }
            (Space::Mlp(bounds), Architecture::Mlp(mlp)) => {
                Self::Mlp(bounds, mlp, MlpMorphism::all(mlp, bounds))
            }
            _ => Self::OtherKind,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Cnn2d(.., all) | Self::Cnn1d(.., all) => all.len(),
            Self::Mlp(.., all) => all.len(),
            Self::OtherKind => 0,
        }
    }

    fn apply(&self, index: usize, rng: &mut (impl Rng + ?Sized)) -> Architecture {
        match self {
            Self::Cnn2d(bounds, cnn, all) => Architecture::Cnn2d(all[index].apply(cnn, bounds, rng)),
            Self::Cnn1d(bounds, cnn, all) => Architecture::Cnn1d(all[index].apply(cnn, bounds, rng)),
            Self::Mlp(bounds, mlp, all) => Architecture::Mlp(all[index].apply(mlp, bounds, rng)),
            Self::OtherKind => unreachable!("no morphism applies to an architecture of another kind"),
        }
    }
}

/// Written with every bound as a value of the table, so that a resolved experiment hides no default.
impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Record<'a, B> {
            kind: &'static str,
            bounds: &'a B,
        }
        let kind = self.kind().name();
        match self {
            Self::Cnn2d(bounds) | Self::Cnn1d(bounds) => Record { kind, bounds }.serialize(serializer),
            Self::Mlp(bounds) => Record { kind, bounds }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Record {
            kind: String,
            bounds: Value,
        }
        let Record { kind, bounds } = Record::deserialize(deserializer)?;
        Self::from_parts(&kind, &bounds).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
