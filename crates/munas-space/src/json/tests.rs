use expect_test::{Expect, expect};

use crate::{Architecture, Kind, Space};

const NETWORK: &str = concat!(
    r#"{"blocks":[{"branch":false,"layers":["#,
    r#"{"op":"conv","kernel":3,"filters":8,"stride":2,"pre_pool":false,"batch_norm":true,"relu":true},"#,
    r#"{"op":"depthwise","kernel":3,"stride":1,"pre_pool":false,"batch_norm":false,"relu":true},"#,
    r#"{"op":"pointwise","filters":16,"pre_pool":true,"batch_norm":true,"relu":true}]}],"#,
    r#""pool":{"kind":"avg","size":2},"dense":[32]}"#
);

const WIDE: &str = concat!(
    r#"{"blocks":[{"branch":false,"residual":true,"layers":["#,
    r#"{"op":"conv","kernel":3,"filters":8,"stride":2,"padding":"same","pre_pool":false,"batch_norm":true,"relu":true}]}],"#,
    r#""pool":{"kind":"global_avg"},"dense":[]}"#
);

#[test]
fn text_form_is_stable() {
    for (kind, text) in [
        (Kind::Cnn2d, NETWORK),
        (Kind::Cnn1d, NETWORK),
        (Kind::Cnn2d, WIDE),
        (Kind::Mlp, r#"{"dense":[64,32]}"#),
    ] {
        let architecture = Architecture::from_json_text(kind, text).unwrap();
        assert_eq!(architecture.to_json_text(), text);
        assert_eq!(architecture.to_string(), text);
        assert_eq!(architecture.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_eq!(architecture.kind(), kind);
    }
}

/// Replaces one part of the example and shows the error.
fn check(from: &str, to: &str, expected: &Expect) {
    assert!(NETWORK.contains(from), "{from}");
    let error = Architecture::from_json_text(Kind::Cnn2d, &NETWORK.replacen(from, to, 1)).unwrap_err();
    expected.assert_eq(&error.to_string());
}

#[test]
fn errors_name_the_path() {
    check(r#""kernel":3,"#, "", &expect!["blocks[0].layers[0].kernel: missing"]);
    check(r#""kernel":3"#, r#""kernel":0"#, &expect!["blocks[0].layers[0].kernel: 0 is not in 1 to 65536"]);
    check(
        r#""kernel":3"#,
        r#""kernel":-3"#,
        &expect!["blocks[0].layers[0].kernel: expected a whole number, found -3"],
    );
    check(
        r#""kernel":3"#,
        r#""kernel":[3]"#,
        &expect!["blocks[0].layers[0].kernel: expected a whole number, found a list"],
    );
    check(
        r#""kernel":3"#,
        r#""kernal":3"#,
        &expect![
            "blocks[0].layers[0].kernal: unknown field; expected op, kernel, filters, stride, padding, pre_pool, batch_norm, relu, activation"
        ],
    );
    check(
        r#""op":"conv""#,
        r#""op":"dense""#,
        &expect!["blocks[0].layers[0].op: dense is not one of conv, pointwise, depthwise"],
    );
    check(
        r#""filters":16"#,
        r#""filters":16,"kernel":3"#,
        &expect![
            "blocks[0].layers[2].kernel: unknown field; expected op, filters, pre_pool, batch_norm, relu, activation"
        ],
    );
    check(
        r#""filters":16"#,
        r#""filters":1000000"#,
        &expect!["blocks[0].layers[2].filters: 1000000 is not in 1 to 65536"],
    );
    check(
        r#""pre_pool":true"#,
        r#""pre_pool":1"#,
        &expect!["blocks[0].layers[2].pre_pool: expected true or false, found 1"],
    );
    check(
        r#""branch":false"#,
        r#""branch":true"#,
        &expect!["blocks[0].branch: the first block cannot be a branch"],
    );
    check(
        r#""branch":false"#,
        r#""branch":null"#,
        &expect!["blocks[0].branch: expected true or false, found null"],
    );
    check(
        r#"{"kind":"avg","size":2}"#,
        r#"{"kind":"mean","size":2}"#,
        &expect!["pool.kind: mean is not one of avg, max, global_avg"],
    );
    check(
        r#"{"kind":"avg","size":2}"#,
        r#"{"kind":"global_avg","size":2}"#,
        &expect!["pool.size: unknown field; expected kind"],
    );
    check(r#"{"kind":"avg","size":2}"#, r#""avg""#, &expect![[r#"pool: expected an object, found "avg""#]]);
    check(r#"[32]"#, r#"[32,"a"]"#, &expect![[r#"dense[1]: expected a whole number, found "a""#]]);
    check(r#","dense":[32]"#, "", &expect!["dense: missing"]);
    check(
        r#""dense":[32]"#,
        r#""dense":[32],"units":3"#,
        &expect!["units: unknown field; expected blocks, pool, dense"],
    );
    check(r#""dense":[32]}"#, "", &expect!["not JSON: EOF while parsing a value at line 1 column 333"]);
}

#[test]
fn other_activations_have_names_alone() {
    let text = NETWORK.replacen(r#""relu":true"#, r#""activation":"relu6""#, 1);
    assert_eq!(Architecture::from_json_text(Kind::Cnn2d, &text).unwrap().to_json_text(), text);
    check(
        r#""relu":true"#,
        r#""activation":"swish""#,
        &expect!["blocks[0].layers[0].activation: swish is not one of none, relu, relu6"],
    );
}

#[test]
fn activations_have_names_too() {
    for (flag, name) in [("false", "none"), ("true", "relu")] {
        let flagged = NETWORK.replacen(r#""relu":true"#, &format!(r#""relu":{flag}"#), 1);
        let named = NETWORK.replacen(r#""relu":true"#, &format!(r#""activation":"{name}""#), 1);
        let read = |text: &str| Architecture::from_json_text(Kind::Cnn2d, text).unwrap();
        assert_eq!(read(&named).to_json_text(), flagged);
        assert_eq!(read(&named), read(&flagged));
    }
    check(r#","relu":true"#, "", &expect!["blocks[0].layers[0].relu: missing"]);
    check(
        r#""relu":true"#,
        r#""relu":"yes""#,
        &expect![[r#"blocks[0].layers[0].relu: expected true or false, found "yes""#]],
    );
    check(
        r#""relu":true"#,
        r#""relu":true,"activation":"relu""#,
        &expect!["blocks[0].layers[0].activation: `relu` says already what it is"],
    );
}

/// Replaces one part of the example and shows why it is outside the space of the paper.
fn check_bounds(from: &str, to: &str, expected: &Expect) {
    let architecture = Architecture::from_json_text(Kind::Cnn2d, &NETWORK.replacen(from, to, 1)).unwrap();
    let space = Space::named("cnn2d", "munas-2020").unwrap();
    expected.assert_eq(&space.check(&architecture).unwrap_err().to_string());
}

#[test]
fn well_formed_architectures_can_be_outside_the_bounds() {
    check_bounds(
        r#""kernel":3"#,
        r#""kernel":4"#,
        &expect!["blocks[0].layers[0].kernel: 4 is not one of 3, 5, 7"],
    );
    check_bounds(
        r#""filters":16"#,
        r#""filters":129"#,
        &expect!["blocks[0].layers[2].filters: 129 is not in 1 to 128"],
    );
    check_bounds(
        r#""stride":2"#,
        r#""stride":3"#,
        &expect!["blocks[0].layers[0].stride: 3 is not one of 1, 2"],
    );
    check_bounds(
        r#""stride":2"#,
        r#""stride":2,"padding":"same""#,
        &expect!["blocks[0].layers[0].padding: same is not one of valid"],
    );
    check_bounds(
        r#""branch":false"#,
        r#""branch":false,"residual":true"#,
        &expect!["blocks[0].residual: the space has no residual blocks"],
    );
    check_bounds(
        r#""relu":true"#,
        r#""activation":"relu6""#,
        &expect!["blocks[0].layers[0].activation: relu6 is not one of relu"],
    );
    check_bounds(r#""size":2"#, r#""size":3"#, &expect!["pool.size: 3 is not one of 2, 4, 6"]);
    check_bounds(
        r#"{"kind":"avg","size":2}"#,
        r#"{"kind":"global_avg"}"#,
        &expect!["pool.kind: the space has no global pool"],
    );
    check_bounds(r#"[32]"#, r#"[]"#, &expect!["dense: 0 entries, not 1 to 3"]);
    check_bounds(r#"[32]"#, r#"[32,9]"#, &expect!["dense[1]: 9 is not in 10 to 256"]);
}

#[test]
fn kinds_do_not_mix() {
    let network = Architecture::from_json_text(Kind::Cnn2d, NETWORK).unwrap();
    assert_eq!(Space::named("cnn2d", "munas-2020").unwrap().check(&network), Ok(()));
    let error = Space::named("mlp", "munas-2020").unwrap().check(&network).unwrap_err();
    expect!["the architecture is of kind cnn2d, the space of kind mlp"].assert_eq(&error.to_string());
}

#[test]
fn residual_branches_are_refused() {
    let block = r#"{"branch":true,"residual":true,"layers":[{"op":"pointwise","filters":1,"pre_pool":false,"batch_norm":true,"relu":true}]}"#;
    check(
        r#"],"pool""#,
        &format!(r#",{block}],"pool""#),
        &expect!["blocks[1].residual: a branch cannot be residual"],
    );
    check(r#"],"pool""#, r#",{"branch":true,"layers":[]}],"pool""#, &expect!["blocks[1].layers: empty"]);
}
