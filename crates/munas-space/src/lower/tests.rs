use expect_test::{Expect, expect};
use munas_ir::Shape;

use super::round_half_even;
use crate::{Architecture, Kind};

fn check(kind: Kind, json: &str, input: [usize; 3], expected: &Expect) {
    let [height, width, channels] = input;
    let architecture = Architecture::from_json_text(kind, json).unwrap();
    expected.assert_eq(&architecture.lower(Shape::new(height, width, channels), 10).to_string());
}

#[test]
fn branches_are_merged() {
    let json = r#"{"blocks":[
        {"branch":false,"layers":[
            {"op":"conv","kernel":3,"filters":8,"stride":2,"pre_pool":true,"batch_norm":true,"relu":true}]},
        {"branch":true,"layers":[
            {"op":"pointwise","filters":3,"pre_pool":false,"batch_norm":false,"relu":true},
            {"op":"depthwise","kernel":5,"stride":1,"pre_pool":false,"batch_norm":true,"relu":true}]},
        {"branch":true,"layers":[
            {"op":"conv","kernel":7,"filters":99,"stride":2,"pre_pool":false,"batch_norm":false,"relu":false}]}],
        "pool":{"kind":"avg","size":2},"dense":[32]}"#;
    check(
        Kind::Cnn2d,
        json,
        [16, 13, 3],
        &expect![[r#"
        t0 = input -> 16x13x3
        t1 = Pool max 2x2 (t0) -> 8x6x3
        t2 = Conv2D 3x3 stride 2x2 bn relu (t1) -> 3x2x8
        t3 = Conv2D 1x1 relu (t0) -> 16x13x3
        t4 = DWConv2D 5x5 bn relu (t3) -> 12x9x3
        t5 = Conv2D 1x1 (t4) -> 12x9x8
        t6 = Conv2D 7x7 stride 2x2 (t0) -> 5x4x8
        t7 = Pool max 4x4 (t5) -> 3x2x8
        t8 = Pool max 2x2 (t6) -> 2x2x8
        t9 = Add (t2, t7, t8) -> 3x2x8
        t10 = Pool avg 2x2 (t9) -> 1x1x8
        t11 = Dense relu (t10) -> 1x1x32
        t12 = Dense (t11) -> 1x1x10
    "#]],
    );
}

#[test]
fn kernels_and_pools_are_clipped() {
    let json = r#"{"blocks":[{"branch":false,"layers":[
            {"op":"conv","kernel":7,"filters":4,"stride":2,"pre_pool":true,"batch_norm":false,"relu":true},
            {"op":"depthwise","kernel":3,"stride":2,"pre_pool":true,"batch_norm":false,"relu":true}]}],
        "pool":{"kind":"max","size":6},"dense":[]}"#;
    check(
        Kind::Cnn2d,
        json,
        [1, 9, 1],
        &expect![[r#"
        t0 = input -> 1x9x1
        t1 = Pool max 1x2 (t0) -> 1x4x1
        t2 = Conv2D 1x1 stride 2x2 relu (t1) -> 1x2x4
        t3 = Pool max 1x2 (t2) -> 1x1x4
        t4 = DWConv2D 1x1 stride 2x2 relu (t3) -> 1x1x4
        t5 = Pool max 1x1 (t4) -> 1x1x4
        t6 = Dense (t5) -> 1x1x10
    "#]],
    );
    check(
        Kind::Cnn2d,
        json,
        [1, 1, 1],
        &expect![[r#"
        t0 = input -> 1x1x1
        t1 = Conv2D 1x1 stride 2x2 relu (t0) -> 1x1x4
        t2 = DWConv2D 1x1 stride 2x2 relu (t1) -> 1x1x4
        t3 = Pool max 1x1 (t2) -> 1x1x4
        t4 = Dense (t3) -> 1x1x10
    "#]],
    );
}

#[test]
fn wide_settings_are_lowered() {
    let json = r#"{"blocks":[
        {"branch":false,"residual":true,"layers":[
            {"op":"conv","kernel":3,"filters":4,"stride":1,"padding":"same","pre_pool":false,"batch_norm":true,"relu":true}]},
        {"branch":false,"residual":true,"layers":[
            {"op":"depthwise","kernel":5,"stride":2,"padding":"same","pre_pool":false,"batch_norm":true,"relu":true}]}],
        "pool":{"kind":"global_avg"},"dense":[]}"#;
    check(
        Kind::Cnn2d,
        json,
        [8, 8, 3],
        &expect![[r#"
        t0 = input -> 8x8x3
        t1 = Conv2D 3x3 same bn relu (t0) -> 8x8x4
        t2 = Conv2D 1x1 (t0) -> 8x8x4
        t3 = Add (t1, t2) -> 8x8x4
        t4 = DWConv2D 5x5 stride 2x2 same bn relu (t3) -> 4x4x4
        t5 = Pool max 2x2 (t3) -> 4x4x4
        t6 = Add (t4, t5) -> 4x4x4
        t7 = Pool avg 4x4 (t6) -> 1x1x4
        t8 = Dense (t7) -> 1x1x10
    "#]],
    );
}

#[test]
fn time_series_keep_their_width() {
    let json = r#"{"blocks":[
        {"branch":false,"layers":[
            {"op":"conv","kernel":5,"filters":4,"stride":2,"pre_pool":true,"batch_norm":true,"relu":true}]},
        {"branch":true,"layers":[
            {"op":"depthwise","kernel":3,"stride":1,"pre_pool":false,"batch_norm":true,"relu":true}]}],
        "pool":{"kind":"max","size":4},"dense":[16]}"#;
    check(
        Kind::Cnn1d,
        json,
        [64, 1, 2],
        &expect![[r#"
        t0 = input -> 64x1x2
        t1 = Pool max 2x1 (t0) -> 32x1x2
        t2 = Conv2D 5x1 stride 2x1 bn relu (t1) -> 14x1x4
        t3 = DWConv2D 3x1 bn relu (t0) -> 62x1x2
        t4 = Conv2D 1x1 (t3) -> 62x1x4
        t5 = Pool max 4x1 (t4) -> 15x1x4
        t6 = Add (t2, t5) -> 15x1x4
        t7 = Pool max 4x1 (t6) -> 3x1x4
        t8 = Dense relu (t7) -> 1x1x16
        t9 = Dense (t8) -> 1x1x10
    "#]],
    );
}

#[test]
fn mlp_reads_the_flattened_input() {
    check(
        Kind::Mlp,
        r#"{"dense":[64,32]}"#,
        [4, 4, 2],
        &expect![[r#"
        t0 = input -> 4x4x2
        t1 = Dense relu (t0) -> 1x1x64
        t2 = Dense relu (t1) -> 1x1x32
        t3 = Dense (t2) -> 1x1x10
    "#]],
    );
}

#[test]
fn two_classes_share_one_unit() {
    let architecture = Architecture::from_json_text(Kind::Mlp, r#"{"dense":[]}"#).unwrap();
    for (classes, units) in [(1, 1), (2, 1), (3, 3)] {
        let graph = architecture.lower(Shape::flat(5), classes);
        assert_eq!(graph.shape(graph.output()), Shape::flat(units));
    }
}

#[test]
fn halves_are_rounded_to_even() {
    for (numerator, denominator, rounded) in
        [(4, 4, 1), (5, 2, 2), (7, 2, 4), (3, 2, 2), (13, 5, 3), (12, 5, 2)]
    {
        assert_eq!(round_half_even(numerator, denominator), rounded, "{numerator}/{denominator}");
    }
}
