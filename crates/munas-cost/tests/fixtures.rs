//! The fixtures: figures of an independent implementation, to be met to the byte.

use munas_cost::{MemoryRules, choose_order, price, resources};
use munas_ir::{Graph, Op, Shape};
use munas_space::{Architecture, Kind};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixtures {
    space: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    input: [usize; 3],
    classes: usize,
    arch: serde_json::Value,
    peak_memory: u64,
    peak_memory_with_input: u64,
    model_size: u64,
    macs: u64,
    layers: Option<Vec<Layer>>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Layer {
    kind: String,
    out: Vec<usize>,
}

fn layers(graph: &Graph) -> Vec<Layer> {
    let layer = |(id, node): (_, &munas_ir::Node)| {
        let Shape { height, width, channels } = graph.output_shape(id);
        let flat = matches!(node.op, Op::Dense { .. });
        let out = if flat { vec![channels] } else { vec![height, width, channels] };
        Layer { kind: node.op.kind_name().into(), out }
    };
    graph.ops().map(layer).collect()
}

fn check(text: &str, expected_cases: usize) {
    let fixtures: Fixtures = serde_json::from_str(text).expect("the fixtures have this form");
    assert_eq!(fixtures.cases.len(), expected_cases);
    let kind: Kind = fixtures.space.parse().expect("the fixtures name a space");
    for (index, case) in fixtures.cases.iter().enumerate() {
        let architecture = Architecture::from_json(kind, &case.arch).expect("every case is well-formed");
        assert_eq!(architecture.to_json(), case.arch, "case {index}");
        let [height, width, channels] = case.input;
        let graph = architecture.lower(Shape::new(height, width, channels), case.classes);
        if let Some(expected) = &case.layers {
            assert_eq!(&layers(&graph), expected, "case {index}");
        }
        let found = resources(&graph);
        assert_eq!(found.peak_memory, case.peak_memory, "case {index}\n{graph}");
        assert_eq!(found.peak_memory_with_input, case.peak_memory_with_input, "case {index}\n{graph}");
        assert_eq!(found.model_size, case.model_size, "case {index}");
        assert_eq!(found.macs, case.macs, "case {index}");
        assert!(found.exact, "case {index}");
        for (rules, peak) in [
            (MemoryRules::WITHOUT_INPUT, case.peak_memory),
            (MemoryRules::WITH_INPUT, case.peak_memory_with_input),
        ] {
            let chosen = choose_order(&graph, rules);
            assert_eq!(chosen.peak, peak, "case {index}");
            assert_eq!(price(&graph, &chosen.order, rules).peak, peak, "case {index}");
        }
    }
}

#[test]
fn cnn2d_figures_match() {
    check(include_str!("../../../fixtures/cnn2d.json"), 240);
}

#[test]
fn mlp_figures_match() {
    check(include_str!("../../../fixtures/mlp.json"), 40);
}
