use expect_test::{Expect, expect};
use munas_ir::Activation;
use serde::{Deserialize, Serialize};

use super::Space;
use crate::{CnnBounds, Kind, Range};

#[derive(Serialize, Deserialize, Debug)]
struct Experiment {
    space: Space,
}

fn parse(toml: &str) -> Result<Space, String> {
    toml::from_str::<Experiment>(toml).map(|file| file.space).map_err(|error| error.message().to_string())
}

#[test]
fn named_bounds_are_read() {
    for kind in [Kind::Cnn2d, Kind::Cnn1d, Kind::Mlp] {
        for name in Space::bound_names(kind) {
            let space = parse(&format!("[space]\nkind = \"{kind}\"\nbounds = \"{name}\"")).unwrap();
            assert_eq!(space, Space::named(&kind.to_string(), name).unwrap());
            assert_eq!(space.kind(), kind);
            assert_eq!(space.validate(), Ok(()));
        }
    }
}

#[test]
fn tables_replace_the_values_they_name() {
    let toml =
        "[space]\nkind = \"cnn2d\"\n[space.bounds]\nblocks = [2, 4]\nkernels = [3]\npadding = [\"same\"]";
    let Space::Cnn2d(bounds) = parse(toml).unwrap() else { panic!("the kind is cnn2d") };
    assert_eq!(bounds.blocks, Range::new(2, 4));
    assert_eq!(bounds.kernels, [3]);
    assert_eq!(bounds.filters, Range::new(1, 128));
}

#[test]
fn a_resolved_space_writes_every_value() {
    let space = Space::named("cnn2d", "wide").unwrap();
    let written = toml::to_string(&Experiment { space: space.clone() }).unwrap();
    expect![[r#"
        [space]
        kind = "cnn2d"

        [space.bounds]
        blocks = [1, 10]
        branches = true
        residual = true
        layers = [1, 3]
        ops = ["conv", "pointwise", "depthwise"]
        kernels = [3, 5, 7]
        filters = [1, 128]
        strides = [1, 2]
        padding = ["valid", "same"]
        activations = ["relu", "relu6"]
        pool_kinds = ["avg", "max"]
        pool_sizes = [2, 4, 6]
        global_pool = true
        dense = [0, 3]
        units = [1, 256]
        widths = "log"
    "#]]
    .assert_eq(&written);
    assert_eq!(parse(&written), Ok(space));
}

/// Runs that were made before there was a choice of activations wrote every other bound of `wide`.
#[test]
fn a_table_without_activations_knows_relu_alone() {
    let mut written =
        toml::Table::try_from(Experiment { space: Space::named("cnn2d", "wide").unwrap() }).unwrap();
    let bounds = written["space"]["bounds"].as_table_mut().unwrap();
    bounds.remove("activations").unwrap();
    let Ok(Space::Cnn2d(bounds)) = parse(&written.to_string()) else { panic!("the kind is cnn2d") };
    assert_eq!(bounds.activations, [Activation::Relu]);
    assert_eq!(CnnBounds { activations: CnnBounds::wide().activations, ..bounds }, CnnBounds::wide());
}

fn check(bounds: &str, expected: &Expect) {
    let error = parse(&format!("[space]\nkind = \"cnn2d\"\nbounds = {bounds}")).unwrap_err();
    expected.assert_eq(&error);
}

#[test]
fn bad_bounds_are_refused() {
    check(r#""munas""#, &expect!["bounds: munas is not one of munas-2020, wide (of kind cnn2d)"]);
    check(
        "{ kernls = [3] }",
        &expect![
            "bounds: unknown field `kernls`, expected one of `blocks`, `branches`, `residual`, `layers`, `ops`, `kernels`, `filters`, `strides`, `padding`, `activations`, `pool_kinds`, `pool_sizes`, `global_pool`, `dense`, `units`, `widths`"
        ],
    );
    check("{ kernels = [] }", &expect!["bounds.kernels: empty"]);
    check("{ kernels = [5, 3] }", &expect!["bounds.kernels: not ascending numbers from 1 to 65536"]);
    check("{ kernels = [0, 3] }", &expect!["bounds.kernels: not ascending numbers from 1 to 65536"]);
    check("{ blocks = [0, 3] }", &expect!["bounds.blocks: the smallest value, 0, is below 1"]);
    check("{ blocks = [4, 3] }", &expect!["bounds.blocks: the smallest value, 4, is above the largest, 3"]);
    check("{ blocks = [1, 300] }", &expect!["bounds.blocks: the largest value, 300, is above 256"]);
    check("{ filters = [1, 100000] }", &expect!["bounds.filters: the largest value, 100000, is above 65536"]);
    check("{ blocks = 3 }", &expect!["bounds: invalid type: integer `3`, expected an array of length 2"]);
    check("{ ops = [\"conv\", \"conv\"] }", &expect!["bounds.ops: a value is there twice"]);
    check("{ ops = [\"dense\"] }", &expect!["bounds: dense is not one of conv, pointwise, depthwise"]);
    check("{ activations = [] }", &expect!["bounds.activations: empty"]);
    check(
        "{ activations = [\"none\", \"relu\"] }",
        &expect!["bounds.activations: a layer may always be without an activation: leave out `none`"],
    );
    check("{ pool_kinds = [] }", &expect!["bounds.pool_kinds: empty"]);
    assert_eq!(
        Space::named("cnn3d", "munas-2020").unwrap_err().to_string(),
        "kind: cnn3d is not one of cnn2d, cnn1d, mlp"
    );
}

#[test]
fn no_pool_at_all_can_be_asked_for() {
    let toml = "[space]\nkind = \"cnn1d\"\nbounds = { pool_kinds = [], pool_sizes = [] }";
    assert!(matches!(parse(toml), Ok(Space::Cnn1d(_))));
}
