use std::collections::BTreeMap;

use munas_ir::Activation;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{Architecture, Cnn, Layer, LayerKind, Space};

fn sampled(kind: &str, bounds: &str) -> impl Iterator<Item = Architecture> {
    let space = Space::named(kind, bounds).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..20_000).map(move |_| space.sample(&mut rng))
}

fn networks() -> Vec<Cnn> {
    sampled("cnn2d", "munas-2020").map(|architecture| architecture.cnn().unwrap().clone()).collect()
}

fn layers(networks: &[Cnn]) -> impl Iterator<Item = &Layer> {
    networks.iter().flat_map(|network| &network.blocks).flat_map(|block| &block.layers)
}

fn check_share(values: impl Iterator<Item = bool>, expected: f64) {
    let (mut hits, mut count) = (0_u32, 0_u32);
    for value in values {
        hits += u32::from(value);
        count += 1;
    }
    let share = f64::from(hits) / f64::from(count);
    assert!((share - expected).abs() < 0.01, "a share of {share}, expected {expected}");
}

/// Checks that the values are exactly those from `min` to `max`, about equally often.
fn check_uniform(values: impl Iterator<Item = usize>, min: usize, max: usize) {
    let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1.0;
    }
    let mean = counts.values().sum::<f64>() / (max - min + 1) as f64;
    assert!(counts.keys().copied().eq(min..=max), "{counts:?}");
    for (value, count) in counts {
        assert!((count - mean).abs() < 6.0 * mean.sqrt(), "{value} comes {count} times, the mean is {mean}");
    }
}

#[test]
fn probabilities_are_those_of_the_paper() {
    let networks = networks();
    check_share(layers(&networks).map(|layer| !layer.activation.is_identity()), 0.9);
    check_share(layers(&networks).map(|layer| layer.pre_pool), 0.25);
    check_share(layers(&networks).map(|layer| layer.batch_norm), 0.5);
    check_share(networks.iter().map(|network| network.pool.is_some()), 0.9);
    check_share(layers(&networks).map(|layer| layer.op.kind() == LayerKind::Depthwise), 1.0 / 3.0);
    let later_blocks = networks.iter().flat_map(|network| &network.blocks[1..]);
    check_share(later_blocks.map(|block| block.branch), 0.5);
    assert!(networks.iter().all(|network| !network.blocks[0].branch));
}

#[test]
fn activations_of_the_wide_space_come_equally_often() {
    for bounds in [("cnn2d", "wide"), ("cnn1d", "wide-1d")] {
        let networks: Vec<Cnn> =
            sampled(bounds.0, bounds.1).map(|architecture| architecture.cnn().unwrap().clone()).collect();
        for (activation, share) in
            [(Activation::None, 0.1), (Activation::Relu, 0.45), (Activation::Relu6, 0.45)]
        {
            check_share(layers(&networks).map(|layer| layer.activation == activation), share);
        }
    }
}

#[test]
fn numbers_are_uniform_with_both_ends() {
    let networks = networks();
    check_uniform(networks.iter().map(|network| network.blocks.len()), 1, 10);
    let blocks = networks.iter().flat_map(|network| &network.blocks);
    check_uniform(blocks.map(|block| block.layers.len()), 1, 3);
    check_uniform(layers(&networks).filter_map(|layer| layer.op.filters()), 1, 128);
    check_uniform(layers(&networks).filter_map(|layer| layer.op.kernel()).map(|kernel| kernel / 2), 1, 3);
    check_uniform(layers(&networks).filter_map(|layer| layer.op.stride()), 1, 2);
    check_uniform(networks.iter().map(|network| network.dense.len()), 1, 3);
    check_uniform(networks.iter().flat_map(|network| network.dense.iter().copied()), 10, 256);
    let mlps: Vec<Architecture> = sampled("mlp", "munas-2020").collect();
    check_uniform(mlps.iter().map(|mlp| mlp.dense().len()), 1, 7);
    check_uniform(mlps.iter().flat_map(|mlp| mlp.dense().iter().copied()), 10, 256);
}

#[test]
fn the_paper_s_space_has_nothing_wider() {
    for network in sampled("cnn2d", "munas-2020").take(2000) {
        let text = network.to_json_text();
        for wider in ["residual", "padding", "global", "activation"] {
            assert!(!text.contains(wider), "{text}");
        }
    }
}

#[test]
fn a_seed_always_gives_the_same_architectures() {
    let space = Space::named("cnn2d", "munas-2020").unwrap();
    let found = space.sample(&mut ChaCha8Rng::seed_from_u64(1)).to_json_text();
    expect_test::expect![[r#"{"blocks":[{"branch":false,"layers":[{"op":"depthwise","kernel":3,"stride":1,"pre_pool":true,"batch_norm":true,"relu":false},{"op":"depthwise","kernel":5,"stride":1,"pre_pool":true,"batch_norm":true,"relu":true}]},{"branch":false,"layers":[{"op":"depthwise","kernel":5,"stride":2,"pre_pool":false,"batch_norm":false,"relu":true}]},{"branch":false,"layers":[{"op":"depthwise","kernel":7,"stride":2,"pre_pool":false,"batch_norm":false,"relu":true}]},{"branch":false,"layers":[{"op":"conv","kernel":5,"filters":120,"stride":1,"pre_pool":false,"batch_norm":false,"relu":true}]},{"branch":false,"layers":[{"op":"conv","kernel":3,"filters":16,"stride":1,"pre_pool":true,"batch_norm":true,"relu":true},{"op":"conv","kernel":5,"filters":12,"stride":2,"pre_pool":true,"batch_norm":false,"relu":false},{"op":"depthwise","kernel":3,"stride":1,"pre_pool":false,"batch_norm":true,"relu":true}]},{"branch":true,"layers":[{"op":"pointwise","filters":86,"pre_pool":false,"batch_norm":true,"relu":true},{"op":"depthwise","kernel":5,"stride":1,"pre_pool":true,"batch_norm":true,"relu":true},{"op":"depthwise","kernel":7,"stride":1,"pre_pool":false,"batch_norm":true,"relu":true}]}],"pool":{"kind":"avg","size":4},"dense":[170,94,150]}"#]].assert_eq(&found);
}
