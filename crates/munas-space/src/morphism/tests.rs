use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{CnnMorphism, MlpMorphism, cnn::remove_block, neighbours};
use crate::{Architecture, CnnBounds, Kind, Mlp, MlpBounds, Space};

const SMALL: &str = r#"{"blocks":[
    {"branch":false,"layers":[
        {"op":"conv","kernel":3,"filters":2,"stride":1,"pre_pool":false,"batch_norm":false,"relu":true}]},
    {"branch":true,"layers":[
        {"op":"depthwise","kernel":5,"stride":2,"pre_pool":false,"batch_norm":false,"relu":true}]}],
    "pool":{"kind":"avg","size":2},"dense":[10]}"#;

fn parse(json: &str) -> Architecture {
    Architecture::from_json_text(Kind::Cnn2d, json).unwrap()
}

fn check(json: &str, bounds: &CnnBounds, expected: &Expect) {
    let lines = CnnMorphism::all(parse(json).cnn().unwrap(), bounds);
    let lines: Vec<String> = lines.iter().map(|morphism| format!("{morphism:?}")).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn all_morphisms_of_a_small_network() {
    check(
        SMALL,
        &CnnBounds::munas_2020(),
        &expect![[r#"
        RemoveRandomBlock
        AppendRandomBlock
        RemoveBlock { block: 0 }
        InsertRandomLayer { block: 0 }
        RedrawLayer { block: 0, layer: 0, to: Pointwise }
        RedrawLayer { block: 0, layer: 0, to: Depthwise }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 2, stride: 1, padding: Valid }, pre_pool: false, batch_norm: true, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 2, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: None } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 2, stride: 1, padding: Valid }, pre_pool: true, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 1, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 3, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 5, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 7, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 5, filters: 2, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Conv { kernel: 3, filters: 2, stride: 2, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        FlipBranch { block: 1 }
        RemoveBlock { block: 1 }
        InsertRandomLayer { block: 1 }
        RedrawLayer { block: 1, layer: 0, to: Conv }
        RedrawLayer { block: 1, layer: 0, to: Pointwise }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 5, stride: 2, padding: Valid }, pre_pool: false, batch_norm: true, activation: Relu } }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 5, stride: 2, padding: Valid }, pre_pool: false, batch_norm: false, activation: None } }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 5, stride: 2, padding: Valid }, pre_pool: true, batch_norm: false, activation: Relu } }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 2, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 7, stride: 2, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 1, layer: 0, to: Layer { op: Depthwise { kernel: 5, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetPool { to: None }
        SetPool { to: Some(Window { kind: Max, size: 2 }) }
        SetPool { to: Some(Window { kind: Avg, size: 4 }) }
        AppendRandomDense
        SetUnits { dense: 0, units: 11 }
        SetUnits { dense: 0, units: 13 }
        SetUnits { dense: 0, units: 15 }"#]],
    );
}

#[test]
fn wider_bounds_add_morphisms() {
    let json = r#"{"blocks":[{"branch":false,"layers":[
        {"op":"depthwise","kernel":3,"stride":1,"padding":"same","pre_pool":false,"batch_norm":false,"relu":true}]}],
        "pool":{"kind":"global_avg"},"dense":[]}"#;
    check(
        json,
        &CnnBounds::wide(),
        &expect![[r#"
        AppendRandomBlock
        FlipResidual { block: 0 }
        InsertRandomLayer { block: 0 }
        RedrawLayer { block: 0, layer: 0, to: Conv }
        RedrawLayer { block: 0, layer: 0, to: Pointwise }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 1, padding: Same }, pre_pool: false, batch_norm: true, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 1, padding: Same }, pre_pool: false, batch_norm: false, activation: None } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 1, padding: Same }, pre_pool: false, batch_norm: false, activation: Relu6 } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 1, padding: Same }, pre_pool: true, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 5, stride: 1, padding: Same }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 2, padding: Same }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetLayer { block: 0, layer: 0, to: Layer { op: Depthwise { kernel: 3, stride: 1, padding: Valid }, pre_pool: false, batch_norm: false, activation: Relu } }
        SetPool { to: None }
        SetPool { to: Some(Window { kind: Avg, size: 6 }) }
        AppendRandomDense"#]],
    );
}

#[test]
fn all_morphisms_of_an_mlp() {
    let mlp = |dense: &[usize]| Mlp { dense: dense.to_vec() };
    let count = |dense: &[usize]| MlpMorphism::all(&mlp(dense), &MlpBounds::munas_2020()).len();
    assert_eq!(count(&[100]), 1 + 4, "append; 4 changes of units");
    assert_eq!(count(&[10, 256]), 2 + 2 + 2, "remove and append; 2 changes at each end");
    assert_eq!(count(&[100; 7]), 1 + 7 * 4, "remove; 4 changes of units each");
}

#[test]
fn a_branch_takes_the_place_of_the_block_before_it() {
    let blocks = parse(SMALL).cnn().unwrap().blocks.clone();
    let mut rest = blocks.clone();
    remove_block(&mut rest, 0);
    assert_eq!(rest.len(), 1);
    assert!(!rest[0].branch);
    assert_eq!(rest[0].layers, blocks[1].layers);
}

#[test]
fn neighbours_are_the_next_values_of_the_list() {
    let of = |from| neighbours(&[3, 5, 7], from).collect::<Vec<_>>();
    assert_eq!([of(3), of(5), of(7), of(4)], [vec![5], vec![3, 7], vec![5], vec![3, 5]]);
}

#[test]
fn mutations_are_uniform_over_the_morphisms() {
    let space = Space::named("mlp", "munas-2020").unwrap();
    let parent = Architecture::Mlp(Mlp { dense: vec![100, 50] });
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..10_000 {
        let child = space.mutate(&parent, &mut rng).unwrap();
        let name = if child.dense().len() == 3 { "append".into() } else { child.to_json_text() };
        *counts.entry(name).or_default() += 1;
    }
    // Ten morphisms: append, remove (one of two), four changes each.
    assert_eq!(counts.len(), 11, "{counts:?}");
    for (child, count) in counts {
        let expected = if child == r#"{"dense":[100]}"# || child == r#"{"dense":[50]}"# { 500 } else { 1000 };
        assert!(count.abs_diff(expected) < 150, "{child}: {count} of {expected}");
    }
}

#[test]
fn architectures_of_another_kind_have_no_morphisms() {
    let space = Space::named("mlp", "munas-2020").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert!(space.morphisms(&parse(SMALL), &mut rng).is_empty());
    assert_eq!(space.mutate(&parse(SMALL), &mut rng), None);
}

#[test]
fn parents_outside_the_bounds_have_only_children_inside() {
    let mut bounds = CnnBounds::munas_2020();
    bounds.kernels = vec![3];
    let space = Space::Cnn2d(bounds);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let parent = parse(SMALL);
    assert!(space.check(&parent).is_err());
    let children = space.morphisms(&parent, &mut rng);
    assert!(!children.is_empty());
    assert!(children.iter().all(|child| space.check(child).is_ok()));
    assert!(space.check(&space.mutate(&parent, &mut rng).unwrap()).is_ok());
}
