use expect_test::expect;
use munas_cost::{MemoryModel, NetworkInput, Runtime, peak_memory};
use munas_ir::Shape;
use munas_space::{Architecture, Kind};

use super::{Network, outline};

fn parallel() -> Architecture {
    let json = r#"{"blocks":[
        {"branch":false,"layers":[
            {"op":"conv","kernel":3,"filters":4,"stride":2,"pre_pool":false,"batch_norm":true,"relu":true}]},
        {"branch":true,"layers":[
            {"op":"conv","kernel":3,"filters":9,"stride":2,"pre_pool":false,"batch_norm":false,"relu":true}]}],
        "pool":null,"dense":[]}"#;
    Architecture::from_json_text(Kind::Cnn2d, json).unwrap()
}

#[test]
fn layers_and_memory_as_text() {
    let network = Network::new(parallel().lower(Shape::new(9, 9, 1), 10));
    expect![[r#"
        #  operator                       reads   output  parameters  MACs
        ──────────────────────────────────────────────────────────────────
        1  Conv2D 3x3 stride 2x2 bn relu  input    4×4×4          40   576
        2  Conv2D 3x3 stride 2x2 relu     input    4×4×4          40   576
        3  Add                            t1, t2   4×4×4           –    64
        4  Dense                          t3          10         650   640
    "#]]
    .assert_eq(&network.layer_table());
    expect![[r#"
        step  operator  memory                                                 alive
        ────────────────────────────────────────────────────────────────────────────
           1  1 Conv2D    64 B  ████████████████████                           t1 64 B
           2  2 Conv2D   128 B  ████████████████████████████████████████ peak  t1 64 B + t2 64 B
           3  3 Add      128 B  ████████████████████████████████████████ peak  t1 64 B + t2 64 B
           4  4 Dense     74 B  ████████████████████████                       t3 64 B + t4 10 B
    "#]]
    .assert_eq(&network.memory_table());
}

#[test]
fn the_plot_and_the_peak_agree() {
    let network = Network::new(parallel().lower(Shape::new(28, 28, 3), 10));
    let plot = network.memory_plot(None);
    let peak = plot.steps.iter().map(crate::plot::MemoryStep::bytes).max();
    assert_eq!(peak, Some(network.peak()));
    assert_eq!(network.peak(), munas_cost::resources(network.graph()).peak_memory);
}

#[test]
fn an_outline_is_a_few_words() {
    assert_eq!(outline(&parallel()), "2 blocks (1 parallel), 2 conv");
    let mlp = Architecture::from_json_text(Kind::Mlp, r#"{"dense":[64,32]}"#).unwrap();
    assert_eq!(outline(&mlp), "dense 64-32");
}

#[test]
fn the_rows_as_text() {
    let json = r#"{"blocks":[
        {"branch":false,"layers":[
            {"op":"conv","kernel":3,"filters":4,"stride":1,"pre_pool":false,"batch_norm":true,"relu":true},
            {"op":"conv","kernel":3,"filters":8,"stride":2,"pre_pool":false,"batch_norm":true,"relu":true}]}],
        "pool":{"kind":"avg","size":2},"dense":[10]}"#;
    let network = Network::new(
        Architecture::from_json_text(Kind::Cnn2d, json).unwrap().lower(Shape::new(20, 20, 1), 10),
    );
    expect![[r#"
        operators                run      memory                                                 alive
        ──────────────────────────────────────────────────────────────────────────────────────────────
        1–4 Conv2D, Pool, Dense  in rows   550 B  ████████████████████████████████████████ peak  input 3 of 20 rows 60 B + t1 3 of 18 rows 216 B + t2 1 of 8 rows 64 B + t3 1 of 4 rows 32 B + sums 168 B + t4 10 B
        5 Dense                  in full    20 B  ██                                             t4 10 B + t5 10 B
    "#]].assert_eq(&network.in_rows(NetworkInput::Rows).table());
    for input in NetworkInput::ALL {
        let rows = network.in_rows(input);
        let bars = rows.plot(None).steps.iter().map(crate::plot::MemoryStep::bytes).max();
        assert_eq!((Some(rows.peak()), rows.is_any()), (bars, true));
        assert_eq!(
            rows.peak(),
            peak_memory(network.graph(), MemoryModel { runtime: Runtime::Streamed, input })
        );
    }
    let mlp = Architecture::from_json_text(Kind::Mlp, r#"{"dense":[64,32]}"#).unwrap();
    assert!(!Network::new(mlp.lower(Shape::flat(20), 3)).in_rows(NetworkInput::Rows).is_any());
}
