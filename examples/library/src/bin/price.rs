//! What a network needs on a device, of munas's own or in a .tflite file.
//!
//! ```text
//! cargo run --release -p munas-examples --bin price [MODEL.tflite]
//! ```

#![expect(clippy::print_stdout, reason = "examples print")]

use anyhow::Result;

use munas_cost::{boards, latency_ms, resources};
use munas_export::tflite::Model;
use munas_ir::Shape;
use munas_space::{Architecture, Kind};

const ARCHITECTURE: &str = r#"{
    "blocks": [
        {"branch": false, "layers": [
            {"op": "conv", "kernel": 3, "filters": 8, "stride": 2, "pre_pool": false, "batch_norm": true, "relu": true}
        ]}
    ],
    "pool": {"kind": "max", "size": 4},
    "dense": []
}"#;

fn main() -> Result<()> {
    if let Some(path) = std::env::args().nth(1) {
        let cost = Model::read(&std::fs::read(&path)?)?.cost()?;
        println!("{path}: {cost:#?}");
        return Ok(());
    }
    let architecture = Architecture::from_json_text(Kind::Cnn2d, ARCHITECTURE)?;
    let graph = architecture.lower(Shape::new(28, 28, 1), 10);
    let needs = resources(&graph);
    println!("peak memory {} B, model size {} B, {} MACs", needs.peak_memory, needs.model_size, needs.macs);
    for name in ["arduino-uno", "nucleo-f446re"] {
        let board = boards::builtin().find(name)?;
        println!("{}: {:.2} ms", board.name, latency_ms(&graph, board));
    }
    Ok(())
}
