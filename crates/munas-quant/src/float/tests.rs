use munas_ir::{Graph, Op, OpId, PoolKind, Weights, fold_batch_norm};
use proptest::prelude::*;

use super::FloatExecutor;
use crate::testing::{Case, summands, terms};

/// One element of an operator's output in 64 bits.
fn element(graph: &Graph, weights: &Weights, op: OpId, tensors: &[Vec<f32>], index: usize) -> f64 {
    let node = graph.node(op);
    let input = &tensors[node.inputs[0].index()];
    let sum = match (node.op, weights.layer(op)) {
        (_, Some(layer)) => {
            let products = terms(graph, op, index)
                .into_iter()
                .map(|(element, weight)| f64::from(input[element]) * f64::from(layer.kernel[weight]));
            products.sum::<f64>() + f64::from(layer.bias[index % layer.bias.len()])
        }
        (Op::Pool { kind, .. }, None) => {
            let terms = terms(graph, op, index);
            let values = terms.iter().map(|&(element, _)| f64::from(input[element]));
            match kind {
                PoolKind::Max => values.fold(f64::MIN, f64::max),
                PoolKind::Avg => values.sum::<f64>() / terms.len() as f64,
            }
        }
        (_, None) => summands(graph, op, index)
            .into_iter()
            .filter_map(|(tensor, element)| Some(f64::from(tensors[tensor.index()][element?])))
            .sum(),
    };
    let [low, high] = node.op.activation().range().map(f64::from);
    sum.clamp(low, high)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_element_is_what_its_operator_says(seed: u64) {
        let case = Case::random(seed, 2);
        let (graph, weights) = fold_batch_norm(&case.graph, &case.weights);
        let mut executor = FloatExecutor::new(&case.graph, &case.weights);
        for sample in case.samples() {
            let tensors = executor.run(sample);
            prop_assert_eq!(&tensors[0], sample);
            for (op, node) in graph.ops() {
                for (index, &found) in tensors[op.output().index()].iter().enumerate() {
                    let expected = element(&graph, &weights, op, tensors, index);
                    let error = (f64::from(found) - expected).abs();
                    prop_assert!(error < 1e-4, "{} at {}: {} for {}", node.op, index, found, expected);
                }
            }
        }
    }
}
