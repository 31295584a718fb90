//! Networks of two classes, whose single logit tells them apart.

use munas_ir::Graph;
use rand::Rng;

use crate::networks::{Case, Ranges, case};

/// A graph with random weights, and inputs of both classes.
pub fn two_class_case(graph: &Graph, samples: usize, rng: &mut impl Rng) -> Case {
    let has_both = |case: &Case| {
        let output = |sample: &Vec<i8>| case.network.run(sample).pop().expect("a network has an output");
        let is_one = |sample: &&Vec<i8>| case.network.predicted_class(&output(sample)) == 1;
        let ones = case.samples.iter().filter(is_one).count();
        0 < ones && ones < case.samples.len()
    };
    let mut drawn = (0..1000).map(|_| case(graph, Ranges::Calibrated, samples, rng));
    drawn.find(has_both).expect("some weights tell the inputs apart")
}
