//! Speed of lowering and of all figures, on the mix of the fixtures: architectures per second on one core.

use divan::{Bencher, counter::ItemsCount};
use munas_cost::resources;
use munas_ir::Shape;
use munas_space::{Architecture, Kind, Space};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn main() {
    divan::main();
}

struct Case {
    architecture: Architecture,
    input: Shape,
    classes: usize,
}

fn cases(kind: Kind, text: &str) -> Vec<Case> {
    let fixtures: serde_json::Value = serde_json::from_str(text).expect("the fixtures are JSON");
    let cases = fixtures["cases"].as_array().expect("the fixtures hold cases");
    let size = |value: &serde_json::Value| value.as_u64().expect("a size is a whole number") as usize;
    let case = |case: &serde_json::Value| Case {
        architecture: Architecture::from_json(kind, &case["arch"]).expect("the architecture is well-formed"),
        input: Shape::new(size(&case["input"][0]), size(&case["input"][1]), size(&case["input"][2])),
        classes: size(&case["classes"]),
    };
    cases.iter().map(case).collect()
}

fn mix() -> Vec<Case> {
    let mut all = cases(Kind::Cnn2d, include_str!("../../../fixtures/cnn2d.json"));
    all.extend(cases(Kind::Mlp, include_str!("../../../fixtures/mlp.json")));
    all
}

/// A search's cost of a proposal that is not trained: a mutation, its canonical form and its resources.
#[divan::bench]
fn mutate_and_resources(bencher: Bencher) {
    let cases = cases(Kind::Cnn2d, include_str!("../../../fixtures/cnn2d.json"));
    let space = Space::named("cnn2d", "munas-2020").expect("the space exists");
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| {
        for case in &cases {
            let child = space.mutate(&case.architecture, &mut rng).expect("some morphism applies");
            divan::black_box(child.canonical(case.input));
            divan::black_box(resources(&child.lower(case.input, case.classes)));
        }
    });
}

#[divan::bench]
fn lower_only(bencher: Bencher) {
    let cases = mix();
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| {
        for case in &cases {
            divan::black_box(case.architecture.lower(case.input, case.classes));
        }
    });
}

#[divan::bench]
fn lower_and_resources(bencher: Bencher) {
    let cases = mix();
    bencher.counter(ItemsCount::new(cases.len())).bench_local(|| {
        for case in &cases {
            divan::black_box(resources(&case.architecture.lower(case.input, case.classes)));
        }
    });
}
