use munas_ir::Shape;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{Architecture, Space};

const SPACES: [(&str, &str); 6] = [
    ("cnn2d", "munas-2020"),
    ("cnn2d", "wide"),
    ("cnn1d", "munas-2020-1d"),
    ("cnn1d", "wide-1d"),
    ("mlp", "munas-2020"),
    ("mlp", "wide"),
];

fn for_each_space(check: impl Fn(&Space, &mut ChaCha8Rng)) {
    for (kind, bounds) in SPACES {
        check(&Space::named(kind, bounds).unwrap(), &mut ChaCha8Rng::seed_from_u64(5));
    }
}

fn parameters(architecture: &Architecture) -> usize {
    let graph = architecture.lower(Shape::new(24, 24, 2), 5);
    graph.ops().filter_map(|(op, _)| graph.weight_dims(op)).map(|dims| dims.kernel_len() + dims.outputs).sum()
}

#[test]
fn structures_and_what_becomes_of_them_lie_inside_the_space() {
    for_each_space(|space, rng| {
        space.smallest_in_rows().iter().for_each(|smallest| space.check(smallest).unwrap());
        for _ in 0..200 {
            let mut architecture = space.sample_structure(rng);
            space.check(&architecture).unwrap();
            for factor in [0.0, 0.3, 1.0, 2.7, 1e9] {
                space.check(&space.scaled(&architecture, factor)).unwrap();
            }
            assert_eq!(space.scaled(&architecture, 1.0), architecture);
            while let Some(smaller) = space.shrunk(&architecture, rng) {
                space.check(&smaller).unwrap();
                assert_ne!(smaller, architecture, "a change changes something, or it would never end");
                architecture = smaller;
            }
        }
    });
}

#[test]
fn larger_factors_give_no_smaller_networks() {
    for_each_space(|space, rng| {
        for _ in 0..50 {
            let architecture = space.sample_structure(rng);
            let sizes =
                [0.0, 0.1, 0.5, 1.0, 2.0, 8.0].map(|factor| parameters(&space.scaled(&architecture, factor)));
            assert!(sizes.is_sorted(), "{architecture}: {sizes:?}");
        }
    });
}

#[test]
fn the_smallest_has_fewer_parameters_than_random_ones() {
    for_each_space(|space, rng| {
        let smallest = space.smallest().iter().map(parameters).min().unwrap();
        for _ in 0..500 {
            assert!(smallest <= parameters(&space.sample(rng)));
        }
    });
}
