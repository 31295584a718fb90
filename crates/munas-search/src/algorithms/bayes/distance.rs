//! The OTMANN distance between networks (Kandasamy et al., NeurIPS 2018, section 3, with muNAS's costs).
//!
//! | symbol | meaning |
//! |---|---|
//! | M₁, M₂ | masses of the networks |
//! | C = C_mis + ν·C_str | cost of matching one unit of mass of two nodes |
//! | C_str | half the mean difference of path lengths towards the output plus half that back to the input |
//! | C_mis | what the labels differ by; 0 for equal ones |
//! | lp | cost of the best transport, where leaving a unit of mass unmatched costs 1 |
//! | emd | lp / (M₁ + M₂) |

use super::features::{Label, Network, PathLengths, Place};
use super::transport::largest_saving;

/// The weights ν of the path lengths; each gives a distance of its own.
pub(super) const STRUCTURE_WEIGHTS: [f64; 4] = [0.1, 0.25, 0.61, 0.2];

/// What one attribute of two labels costs where it differs.
const ATTRIBUTE: f64 = 0.1;
/// What max and average pooling differ by.
const POOLING: f64 = 0.5;

/// The distances of two networks, one of each sort per entry of [`STRUCTURE_WEIGHTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Distances {
    pub lp: [f64; 4],
    pub emd: [f64; 4],
}

impl Distances {
    pub fn between(one: &Network, other: &Network) -> Self {
        let mass = one.mass + other.mass;
        // Leaving everything unmatched costs 1 on either side; matching saves 2 less its cost.
        let mut lp = [mass; 4];
        let (mut costs, mut savings) = (Vec::new(), Vec::new());
        for (rows, columns) in one.kinds.iter().zip(&other.kinds) {
            let masses = |places: &[Place]| places.iter().map(|place| place.mass).collect::<Vec<f64>>();
            let (row_masses, column_masses) = (masses(rows), masses(columns));
            costs.clear();
            costs.extend(rows.iter().flat_map(|row| {
                columns.iter().map(|column| (mismatch(row.label, column.label), structure(row, column)))
            }));
            for (lp, weight) in lp.iter_mut().zip(STRUCTURE_WEIGHTS) {
                savings.clear();
                savings.extend(costs.iter().map(|(mismatch, structure)| 2.0 - mismatch - weight * structure));
                *lp -= largest_saving(&row_masses, &column_masses, &savings);
            }
        }
        // Equal networks may be a rounding error apart.
        let lp = lp.map(|lp| lp.max(0.0));
        Self { lp, emd: lp.map(|lp| lp / mass) }
    }
}

/// C_mis of labels of one kind.
fn mismatch(one: Label, other: Label) -> f64 {
    let differing = |differs: bool| if differs { ATTRIBUTE } else { 0.0 };
    match (one, other) {
        (
            Label::Convolution { depthwise, kernel, batch_norm, activation },
            Label::Convolution {
                depthwise: other_depthwise,
                kernel: other_kernel,
                batch_norm: other_norm,
                activation: other_activation,
            },
        ) => {
            (2.0 * kernel.abs_diff(other_kernel) as f64).sqrt() / 10.0
                + differing(batch_norm != other_norm)
                + differing(activation != other_activation)
                + differing(depthwise != other_depthwise)
        }
        (Label::Pool(one), Label::Pool(other)) if one != other => POOLING,
        (
            Label::Dense { batch_norm, activation },
            Label::Dense { batch_norm: other_norm, activation: other_activation },
        ) => differing(batch_norm != other_norm) + differing(activation != other_activation),
        _ => 0.0,
    }
}

/// C_str.
fn structure(one: &Place, other: &Place) -> f64 {
    let mean_difference = |one: &PathLengths, other: &PathLengths| {
        let sum: f64 = one.iter().zip(other).map(|(one, other)| (one - other).abs()).sum();
        sum / one.len() as f64
    };
    0.5 * (mean_difference(&one.forward, &other.forward) + mean_difference(&one.backward, &other.backward))
}

#[cfg(test)]
mod tests {
    use munas_ir::{
        Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
    };
    use munas_space::Space;

    use super::{Distances, Network};
    use crate::testing::generator;

    fn convolution(filters: usize, kernel: usize, batch_norm: bool) -> Op {
        Op::Conv2d {
            filters,
            attributes: ConvAttributes {
                kernel: Window::square(kernel),
                stride: Window::square(1),
                padding: Padding::Same,
                batch_norm,
                activation: Activation::Relu,
            },
        }
    }

    fn pool(kind: PoolKind) -> Op {
        Op::Pool { kind, window: Window::square(2) }
    }

    const LOGITS: Op = Op::Dense { units: 10, activation: Activation::None };

    fn golden_networks() -> [Graph; 2] {
        let mut first = GraphBuilder::new(Shape::new(16, 16, 1)).unwrap();
        let depthwise = Op::DepthwiseConv2d(ConvAttributes {
            kernel: Window::square(3),
            stride: Window::square(1),
            padding: Padding::Same,
            batch_norm: true,
            activation: Activation::Relu,
        });
        let mut last = TensorId::INPUT;
        for op in [convolution(4, 3, true), depthwise, pool(PoolKind::Max), LOGITS] {
            last = first.push(op, &[last]).unwrap();
        }
        let mut second = GraphBuilder::new(Shape::new(16, 16, 1)).unwrap();
        let left = second.push(convolution(8, 5, true), &[TensorId::INPUT]).unwrap();
        let right = second.push(convolution(8, 1, false), &[TensorId::INPUT]).unwrap();
        let mut last = second.push(Op::Add, &[left, right]).unwrap();
        for op in [pool(PoolKind::Avg), LOGITS] {
            last = second.push(op, &[last]).unwrap();
        }
        [first.finish().unwrap(), second.finish().unwrap()]
    }

    /// The golden values of `fixtures/otmann.md`, made with the library that defines the distance.
    #[test]
    fn distances_are_those_of_the_published_library() {
        let [first, second] = golden_networks().map(|graph| Network::of(&graph));
        let found = Distances::between(&first, &second);
        let expected = [54.370304, 55.439360, 58.0050944, 55.083008];
        let normalised = [0.5363232323, 0.5468686869, 0.5721777778, 0.5433535354];
        for index in 0..4 {
            assert!((found.lp[index] - expected[index]).abs() < 1e-6, "{found:?}");
            assert!((found.emd[index] - normalised[index]).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn a_distance_is_symmetric_and_zero_between_equals() {
        let space = Space::named("cnn2d", "munas-2020").unwrap();
        let mut rng = generator(5, 0);
        let networks: Vec<Network> =
            (0..20).map(|_| Network::of(&space.sample(&mut rng).lower(Shape::new(28, 28, 1), 10))).collect();
        for one in &networks {
            assert!(Distances::between(one, one).emd.iter().all(|emd| emd.abs() < 1e-12));
            for other in &networks {
                let [there, back] = [Distances::between(one, other), Distances::between(other, one)];
                for (there, back) in there.emd.into_iter().zip(back.emd) {
                    assert!((there - back).abs() < 1e-9 && (0.0..=1.0).contains(&there), "{there} {back}");
                }
            }
        }
    }
}
