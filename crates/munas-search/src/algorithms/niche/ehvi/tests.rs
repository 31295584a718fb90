use proptest::prelude::*;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::pareto::{dominates, hypervolume};
use crate::testing::generator;

const MOST_RESOURCES: usize = 4;

fn certain(error: f64) -> Outcome {
    Outcome::Normal { mean: error, deviation: 0.0 }
}

/// Points about the reference 0, some beyond it.
fn points(resources: usize, most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec(-3.0..0.5, resources + 1), 0..most)
}

/// On a coarse grid, where ties and duplicates are common.
fn grid_points(resources: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec((-3..=0).prop_map(f64::from), resources + 1), 0..12)
}

/// A front with a candidate's resources and error, in 0 to 4 resources.
fn questions() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<f64>, f64)> {
    (0..=MOST_RESOURCES).prop_flat_map(|count| {
        let points = prop_oneof![points(count, 14), grid_points(count)];
        let resources = prop_oneof![
            prop::collection::vec(-4.0..0.5, count),
            prop::collection::vec((-4..=0).prop_map(f64::from), count)
        ];
        (points, resources, -4.0..0.5)
    })
}

fn reference(resources: &[f64]) -> Vec<f64> {
    vec![0.0; resources.len() + 1]
}

/// What the hypervolume grows by when a candidate with this error joins.
fn growth(points: &[Vec<f64>], resources: &[f64], error: f64) -> f64 {
    let reference = reference(resources);
    let mut with = points.to_vec();
    with.push([&[error], resources].concat());
    hypervolume(&with, &reference) - hypervolume(points, &reference)
}

proptest! {
    #[test]
    fn a_certain_error_adds_the_difference_of_hypervolumes((points, resources, error) in questions()) {
        let improvement = Improvement::new(&points, &reference(&resources));
        let expected = growth(&points, &resources, error);
        for outcome in [certain(error), Outcome::ensemble(vec![error; 3])] {
            let found = improvement.expected(&resources, &outcome);
            prop_assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
        let nearly = Outcome::Normal { mean: error, deviation: 1e-9 };
        prop_assert!((improvement.expected(&resources, &nearly) - expected).abs() < 1e-5);
    }

    #[test]
    fn an_ensemble_adds_the_mean_of_its_values((points, resources, error) in questions()) {
        let values = vec![error, error - 0.7, error + 0.4];
        let expected = values.iter().map(|value| growth(&points, &resources, *value)).sum::<f64>() / 3.0;
        let found = Improvement::new(&points, &reference(&resources))
            .expected(&resources, &Outcome::ensemble(values));
        prop_assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn it_falls_when_a_point_joins_and_stays_below_the_bound(
        (points, resources, error) in questions(),
        deviation in 0.01..1.0,
        new in prop::collection::vec(-3.0..0.5, MOST_RESOURCES + 1),
    ) {
        let reference = reference(&resources);
        let outcome = Outcome::Normal { mean: error, deviation };
        let before = Improvement::new(&points, &reference);
        let mut more = points.clone();
        more.push(new[..reference.len()].to_vec());
        let expected = before.expected(&resources, &outcome);
        prop_assert!(Improvement::new(&more, &reference).expected(&resources, &outcome) <= expected + 1e-9);
        prop_assert!(expected >= 0.0 && expected <= before.bound(&resources, &outcome));
        let ensemble = Outcome::ensemble(vec![error, error - deviation]);
        prop_assert!(before.expected(&resources, &ensemble) <= before.bound(&resources, &ensemble));
    }

    #[test]
    fn it_is_nothing_unless_the_resources_are_below_the_reference(
        (points, resources, error) in questions(),
        place in 0..MOST_RESOURCES,
        beyond in 0.0..2.0,
    ) {
        prop_assume!(!resources.is_empty());
        let mut resources = resources;
        let place = place % resources.len();
        resources[place] = beyond;
        let improvement = Improvement::new(&points, &reference(&resources));
        let outcome = Outcome::Normal { mean: error, deviation: 1.0 };
        prop_assert_eq!(improvement.expected(&resources, &outcome), 0.0);
        prop_assert_eq!(improvement.bound(&resources, &outcome), 0.0);
    }

    #[test]
    fn what_is_dominated_for_certain_adds_exactly_nothing((points, resources, error) in questions()) {
        let candidate = [&[error], resources.as_slice()].concat();
        let reference = reference(&resources);
        let inside = |point: &&Vec<f64>| point.iter().all(|value| *value < 0.0);
        prop_assume!(points.iter().filter(inside).any(|point| dominates(point, &candidate)));
        prop_assert_eq!(Improvement::new(&points, &reference).expected(&resources, &certain(error)), 0.0);
    }

    #[test]
    fn levels_take_all_of_space_apart((points, resources, _) in questions()) {
        let improvement = Improvement::new(&points, &reference(&resources));
        let volumes = improvement.levels.iter().map(|level| level.volume_above(&resources)).sum::<f64>();
        let whole: f64 = resources.iter().map(|value| (-value).max(0.0)).product();
        prop_assert!((volumes - whole).abs() < 1e-9 * whole.max(1.0), "{volumes} is not {whole}");
    }
}

/// A mean over many draws of X of the growth of the hypervolume, with its standard error.
fn monte_carlo(points: &[Vec<f64>], resources: &[f64], draw: impl FnMut() -> f64) -> (f64, f64) {
    const DRAWS: usize = 4000;
    let growths: Vec<f64> =
        std::iter::repeat_with(draw).take(DRAWS).map(|error| growth(points, resources, error)).collect();
    let mean = growths.iter().sum::<f64>() / DRAWS as f64;
    let variance = growths.iter().map(|growth| (growth - mean).powi(2)).sum::<f64>() / DRAWS as f64;
    (mean, (variance / DRAWS as f64).sqrt())
}

#[test]
fn it_is_what_draws_add_on_average() {
    let mut rng = generator(1, 0);
    for case in 0..30 {
        let count = case % (MOST_RESOURCES + 1);
        let points: Vec<Vec<f64>> =
            (0..10).map(|_| (0..=count).map(|_| rng.random_range(-3.0..0.2)).collect()).collect();
        let resources: Vec<f64> = (0..count).map(|_| rng.random_range(-3.0..-0.5)).collect();
        let (mean, deviation) = (rng.random_range(-3.0..0.0), rng.random_range(0.1..1.0));
        let values: Vec<f64> = (0..30).map(|_| rng.random_range(mean..mean + 1.0)).collect();
        let improvement = Improvement::new(&points, &reference(&resources));
        let mut draws = generator(2, case as u64);
        let normal = monte_carlo(&points, &resources, || {
            let standard: f64 = StandardNormal.sample(&mut draws);
            mean + deviation * standard
        });
        let one_of = monte_carlo(&points, &resources, || values[draws.random_range(0..values.len())]);
        let outcomes =
            [(Outcome::Normal { mean, deviation }, normal), (Outcome::ensemble(values.clone()), one_of)];
        for (outcome, (drawn, standard_error)) in outcomes {
            let found = improvement.expected(&resources, &outcome);
            let apart = (found - drawn).abs();
            assert!(apart <= 5.0 * standard_error + 1e-4, "{found}, {drawn} ± {standard_error}: {points:?}");
        }
    }
}

#[test]
fn without_resources_it_is_the_gain_over_the_best() {
    let outcome = Outcome::Normal { mean: -1.0, deviation: 0.5 };
    let improvement = Improvement::new(&[[-1.5], [-0.5]], &[0.0]);
    assert_eq!(improvement.expected(&[], &outcome), outcome.gain(-1.5));
    let nothing: [[f64; 1]; 0] = [];
    assert_eq!(Improvement::new(&nothing, &[0.0]).expected(&[], &outcome), outcome.gain(0.0));
}

#[test]
fn gains_hold_far_from_the_mean() {
    let outcome = Outcome::Normal { mean: 0.0, deviation: 1.0 };
    // Ψ(−z) = φ(z) (1/z² − 3/z⁴ + …).
    let tail = |z: f64| {
        (-0.5 * z * z).exp() / (2.0 * PI).sqrt() * (z.powi(-2) - 3.0 * z.powi(-4) + 15.0 * z.powi(-6))
    };
    assert!((outcome.gain(-12.0) / tail(12.0) - 1.0).abs() < 1e-3);
    assert!((outcome.gain(30.0) - 30.0).abs() < 1e-12);
    assert!(outcome.gain(-60.0) >= 0.0);
    assert!((outcome.probability_below(1.0) - 0.841_344_746_068_542_9).abs() < 1e-15);
    let ensemble = Outcome::ensemble(vec![2.0, -1.0, 0.0, 1.0]);
    assert_eq!((ensemble.gain(1.5), ensemble.probability_below(1.0)), ((2.5 + 1.5 + 0.5) / 4.0, 0.5));
}

/// Mutually non-dominated points of an error that falls with the resources, which go together.
fn large_front(count: usize, resources: usize) -> Vec<Vec<f64>> {
    let mut rng = generator(3, resources as u64);
    let mut all = Vec::new();
    while pareto::front(&all).len() < count {
        for _ in 0..20 {
            let size: f64 = rng.random_range(-4.0..-0.1);
            let mut point = vec![-1.0 - 0.5 * (size + 4.0) + rng.random_range(0.0..0.5)];
            point.extend((0..resources).map(|_| (size + rng.random_range(-1.0..1.0)).min(-0.01)));
            all.push(point);
        }
    }
    let front = pareto::front(&all);
    front.into_iter().take(count).map(|place| all[place].clone()).collect()
}

#[test]
fn a_large_front_takes_few_boxes() {
    for (resources, most) in [(1, 65), (2, 129), (3, 640), (4, 1600)] {
        let improvement = Improvement::new(&large_front(64, resources), &vec![0.0; resources + 1]);
        let boxes: usize = improvement.levels.iter().map(|level| level.count).sum();
        assert!(boxes <= most, "{boxes} boxes for {resources} resources");
    }
}

#[test]
fn a_thinned_front_is_a_part_of_the_front_that_nearly_dominates_it() {
    let front = large_front(200, 3);
    let points: Vec<&[f64]> = front.iter().map(Vec::as_slice).collect();
    let kept = thinned(points.clone());
    assert_eq!(kept.len(), MOST_POINTS);
    assert!(kept.iter().all(|point| points.contains(point)));
    let excess = |kept: &[f64], point: &[f64]| {
        kept.iter().zip(point).map(|(kept, value)| kept - value).fold(f64::NEG_INFINITY, f64::max)
    };
    let worst = |kept: &[&[f64]]| {
        let least =
            |point: &&[f64]| kept.iter().map(|kept| excess(kept, point)).fold(f64::INFINITY, f64::min);
        points.iter().map(least).fold(0.0, f64::max)
    };
    assert!(worst(&kept) < 0.8 * worst(&points[..MOST_POINTS]), "{}", worst(&kept));
    let outcome = Outcome::Normal { mean: -1.5, deviation: 0.3 };
    let thin = Improvement::new(&front, &[0.0; 4]).expected(&[-2.0; 3], &outcome);
    let few = Improvement::new(&front[..16], &[0.0; 4]).expected(&[-2.0; 3], &outcome);
    assert!(thin <= few);
}
