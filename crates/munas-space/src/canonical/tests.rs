use munas_ir::Shape;

use crate::{Architecture, Kind};

fn network(blocks: &str, pool: &str) -> String {
    format!(r#"{{"blocks":[{blocks}],"pool":{pool},"dense":[]}}"#)
}

fn block(branch: bool, layers: &str) -> String {
    format!(r#"{{"branch":{branch},"layers":[{layers}]}}"#)
}

fn layer(op: &str, pre_pool: bool) -> String {
    format!(r#"{{{op},"pre_pool":{pre_pool},"batch_norm":false,"relu":true}}"#)
}

fn conv(kernel: usize, filters: usize, stride: usize) -> String {
    let op = format!(r#""op":"conv","kernel":{kernel},"filters":{filters},"stride":{stride}"#);
    layer(&op, false)
}

fn pointwise(filters: usize) -> String {
    layer(&format!(r#""op":"pointwise","filters":{filters}"#), false)
}

fn depthwise(kernel: usize) -> String {
    layer(&format!(r#""op":"depthwise","kernel":{kernel},"stride":1"#), false)
}

/// Checks that `json` becomes `expected` for an input of height × width × 1.
fn check(json: &str, height: usize, width: usize, expected: &str) {
    let architecture = Architecture::from_json_text(Kind::Cnn2d, json).unwrap();
    let canonical = architecture.canonical(Shape::new(height, width, 1));
    assert_eq!(canonical, Architecture::from_json_text(Kind::Cnn2d, expected).unwrap(), "{canonical}");
}

/// Checks one layer on an input of height × width × 1.
fn check_layer(found: &str, height: usize, width: usize, expected: &str) {
    let only = |layer: &str| network(&block(false, layer), "null");
    check(&only(found), height, width, &only(expected));
}

#[test]
fn kernels_are_clipped() {
    check_layer(&conv(7, 2, 1), 4, 9, &conv(4, 2, 1));
    check_layer(&conv(7, 2, 1), 9, 9, &conv(7, 2, 1));
}

#[test]
fn strides_without_effect_become_1() {
    check_layer(&conv(5, 2, 2), 5, 5, &conv(5, 2, 1));
    check_layer(&conv(5, 2, 2), 5, 6, &conv(5, 2, 2));
}

#[test]
fn convolutions_of_one_position_are_pointwise() {
    check_layer(&conv(3, 2, 2), 1, 1, &pointwise(2));
    check_layer(&conv(3, 2, 2), 1, 5, &conv(1, 2, 2));
    check_layer(&conv(3, 2, 1), 1, 5, &pointwise(2));
}

#[test]
fn same_padding_without_zeros_is_valid() {
    let same = |kernel: usize, stride: usize| {
        layer(&format!(r#""op":"depthwise","kernel":{kernel},"stride":{stride},"padding":"same""#), false)
    };
    check_layer(&same(3, 1), 1, 1, &depthwise(1));
    check_layer(&same(1, 1), 4, 4, &depthwise(1));
    check_layer(&same(3, 1), 4, 4, &same(3, 1));
}

#[test]
fn pre_pools_of_a_pixel_are_off() {
    let pooled = |pre_pool| layer(r#""op":"pointwise","filters":2"#, pre_pool);
    check_layer(&pooled(true), 1, 1, &pooled(false));
    check_layer(&pooled(true), 1, 2, &pooled(true));
}

#[test]
fn pools_take_their_smallest_size() {
    let pool = |pool: &str| network(&block(false, &pointwise(2)), pool);
    check(&pool(r#"{"kind":"avg","size":6}"#), 3, 5, &pool(r#"{"kind":"avg","size":5}"#));
    check(&pool(r#"{"kind":"max","size":4}"#), 5, 3, &pool(r#"{"kind":"max","size":4}"#));
    check(&pool(r#"{"kind":"global_avg"}"#), 5, 3, &pool(r#"{"kind":"avg","size":5}"#));
    check(&pool(r#"{"kind":"max","size":2}"#), 1, 1, &pool("null"));
}

#[test]
fn branches_take_the_channels_of_the_trunk_and_any_order() {
    let blocks = |first: &str, second: &str, third: &str| {
        let blocks = [block(false, first), block(true, second), block(true, third)];
        network(&blocks.join(","), "null")
    };
    let (wide, narrow) = (conv(3, 8, 1), conv(5, 8, 1));
    let expected = blocks(&wide, &narrow, &depthwise(3));
    check(&blocks(&wide, &depthwise(3), &conv(5, 99, 1)), 9, 9, &expected);
    check(&blocks(&narrow, &conv(3, 1, 1), &depthwise(3)), 9, 9, &expected);
    // The projection behind a depthwise layer is implied.
    let linear = r#"{"op":"pointwise","filters":9,"pre_pool":false,"batch_norm":false,"relu":false}"#;
    check(&blocks(&wide, &narrow, &[&depthwise(3), linear].join(",")), 9, 9, &expected);
    // A trunk that ends with a depthwise layer keeps its place: as a branch it would get a projection.
    let trunk = [pointwise(4), depthwise(3)].join(",");
    check(
        &blocks(&trunk, &pointwise(1), &conv(3, 1, 1)),
        9,
        9,
        &blocks(&trunk, &conv(3, 4, 1), &pointwise(4)),
    );
}
