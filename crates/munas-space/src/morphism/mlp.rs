//! Morphisms of the mlp space.

use rand::{Rng, RngExt};

use super::unit_changes;
use crate::{Mlp, MlpBounds};

const UNIT_STEPS: &[isize] = &[-5, -1, 1, 5];

/// One morphism of an mlp.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MlpMorphism {
    RemoveRandomLayer,
    AppendRandomLayer,
    SetUnits { layer: usize, units: usize },
}

impl MlpMorphism {
    /// Every morphism that applies.
    pub(crate) fn all(mlp: &Mlp, bounds: &MlpBounds) -> Vec<Self> {
        let mut morphisms = Vec::new();
        if mlp.dense.len() > bounds.dense.min {
            morphisms.push(Self::RemoveRandomLayer);
        }
        if mlp.dense.len() < bounds.dense.max {
            morphisms.push(Self::AppendRandomLayer);
        }
        let changes = unit_changes(&mlp.dense, bounds.units, UNIT_STEPS);
        morphisms.extend(changes.map(|(layer, units)| Self::SetUnits { layer, units }));
        morphisms
    }

    /// The parent with this change, drawn with `rng` where the bounds leave a choice.
    pub(crate) fn apply(self, parent: &Mlp, bounds: &MlpBounds, rng: &mut (impl Rng + ?Sized)) -> Mlp {
        let mut dense = parent.dense.clone();
        match self {
            Self::RemoveRandomLayer => {
                dense.remove(rng.random_range(0..dense.len()));
            }
            Self::AppendRandomLayer => dense.push(bounds.widths.draw(bounds.units, rng)),
            Self::SetUnits { layer, units } => dense[layer] = units,
        }
        Mlp { dense }
    }
}
