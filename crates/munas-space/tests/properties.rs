//! What holds for every architecture of every space.

use munas_ir::{Graph, Node, Op, OpId, Shape};
use munas_space::{Architecture, Space};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SPACES: [(&str, &str); 5] = [
    ("cnn2d", "munas-2020"),
    ("cnn2d", "wide"),
    ("cnn1d", "munas-2020-1d"),
    ("cnn1d", "wide-1d"),
    ("mlp", "munas-2020"),
];

const INPUTS: [Shape; 5] = [
    Shape::new(1, 1, 1),
    Shape::new(1, 40, 2),
    Shape::new(49, 10, 1),
    Shape::new(128, 1, 6),
    Shape::new(96, 96, 3),
];

/// Random architectures of every space: all of them, `per_space` of each.
fn samples(per_space: usize) -> impl Iterator<Item = (Space, Architecture)> {
    SPACES.into_iter().flat_map(move |(kind, bounds)| {
        let space = Space::named(kind, bounds).expect("the space exists");
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        (0..per_space).map(move |_| (space.clone(), space.sample(&mut rng)))
    })
}

fn check_graph(graph: &Graph, input: Shape, units: usize) {
    assert_eq!(graph.input_shape(), input);
    assert_eq!(graph.shape(graph.output()), Shape::flat(units));
    assert!(matches!(graph.nodes().last().map(|node| node.op), Some(Op::Dense { .. })));
}

#[test]
fn every_architecture_is_valid_for_every_input() {
    for (space, architecture) in samples(10_000) {
        assert_eq!(space.check(&architecture), Ok(()), "{architecture}");
        for input in INPUTS {
            check_graph(&architecture.lower(input, 3), input, 3);
        }
    }
}

#[test]
fn every_morphism_stays_inside_and_differs_from_its_parent() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (space, parent) in samples(40) {
        let children = space.morphisms(&parent, &mut rng);
        assert!(!children.is_empty(), "{parent}");
        for child in children {
            assert_eq!(space.check(&child), Ok(()), "{parent} -> {child}");
            assert_ne!(child, parent);
            for input in INPUTS {
                check_graph(&child.lower(input, 2), input, 1);
            }
        }
    }
}

#[test]
fn long_chains_of_mutations_stay_inside() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for (space, mut architecture) in samples(10) {
        for _ in 0..500 {
            architecture = space.mutate(&architecture, &mut rng).expect("some morphism applies");
            assert_eq!(space.check(&architecture), Ok(()), "{architecture}");
        }
    }
}

#[test]
fn json_round_trips() {
    for (space, architecture) in samples(300) {
        let kind = space.kind();
        assert_eq!(Architecture::from_json(kind, &architecture.to_json()).as_ref(), Ok(&architecture));
        let text = architecture.to_json_text();
        assert_eq!(Architecture::from_json_text(kind, &text).as_ref(), Ok(&architecture), "{text}");
    }
}

/// What an operator produces and holds.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Content {
    kind: &'static str,
    output: [usize; 3],
    kernel: Option<[usize; 4]>,
}

/// The contents of a graph, whatever the order of its operators; pools over a single pixel left out.
fn contents(graph: &Graph) -> Vec<Content> {
    let is_identity = |op: Op| matches!(op, Op::Pool { window, .. } if window.area() == 1);
    let ops = graph.ops().filter(|(_, node)| !is_identity(node.op));
    let content = |(id, node): (OpId, &Node)| {
        let Shape { height, width, channels } = graph.output_shape(id);
        let kernel = graph.weight_dims(id).map(|dims| dims.kernel);
        Content { kind: node.op.kind_name(), output: [height, width, channels], kernel }
    };
    let mut contents: Vec<Content> = ops.map(content).collect();
    contents.sort_unstable();
    contents
}

#[test]
fn canonical_form_is_the_same_network() {
    for (_, architecture) in samples(2000) {
        for input in INPUTS {
            let canonical = architecture.canonical(input);
            assert_eq!(canonical.check_form(), Ok(()), "{canonical}");
            assert_eq!(canonical.canonical(input), canonical, "{architecture} for {input}");
            let (graph, canonical_graph) = (architecture.lower(input, 3), canonical.lower(input, 3));
            assert_eq!(contents(&graph), contents(&canonical_graph), "{architecture} for {input}");
        }
    }
}

#[test]
fn equal_graphs_have_equal_canonical_forms() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let input = Shape::new(6, 6, 1);
    let mut equal_graphs = 0;
    for (space, parent) in samples(300) {
        let graph = parent.lower(input, 3);
        for child in space.morphisms(&parent, &mut rng) {
            if child.lower(input, 3) == graph {
                equal_graphs += 1;
                assert_eq!(child.canonical(input), parent.canonical(input), "{parent} and {child}");
            }
        }
    }
    assert!(equal_graphs > 1000, "only {equal_graphs} morphisms without effect");
}
