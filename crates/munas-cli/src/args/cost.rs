//! `munas cost` and `munas bench`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Format;
use munas_app::architecture::InputDims;

use super::values;

const EXAMPLES: &str = r#"Examples:
  munas cost --space mlp --arch mlp.json --input 28x28x1 --classes 10
  munas cost --cases fixtures/cnn2d.json --json
  munas cost model.tflite --board nrf52840 --rate 2

An architecture of cnn2d:
  {"blocks":[{"branch":false,"layers":[
     {"op":"conv","kernel":3,"filters":8,"stride":2,"pre_pool":false,
      "batch_norm":true,"relu":true}]}],
   "pool":{"kind":"avg","size":2},"dense":[32]}
and of mlp: {"dense":[64,32]}
Many of them:
  {"space":"mlp","cases":[
     {"input":[28,28,1],"classes":10,"arch":{"dense":[64,32]}}]}"#;

/// Peak memory, model size and MACs of an architecture, exactly, without training it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CostArgs {
    /// A .tflite model, int8 or float; what is not known of it is left out of the figures and listed
    #[arg(value_name = "MODEL.tflite", conflicts_with_all = ["arch", "cases"])]
    pub model: Option<PathBuf>,
    /// Kind of the search space: cnn2d, cnn1d or mlp
    #[arg(long, value_name = "KIND", requires = "arch")]
    pub space: Option<String>,
    /// Architecture as JSON
    #[arg(long, value_name = "FILE.json", requires_all = ["space", "input", "classes"])]
    pub arch: Option<PathBuf>,
    /// Input of the network: height x width x channels
    #[arg(long, value_name = "HxWxC", requires = "arch")]
    pub input: Option<InputDims>,
    /// Number of classes
    #[arg(long, value_name = "N", value_parser = values::classes, requires = "arch")]
    pub classes: Option<usize>,
    /// Many architectures, in the form below
    #[arg(long, value_name = "FILE.json", conflicts_with = "arch")]
    pub cases: Option<PathBuf>,
    /// Board whose latency and energy to estimate, and whose RAM and flash to compare; `munas boards` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "cases")]
    pub board: Option<String>,
    /// Inferences per second: energy with the sleep between them, and whether the board keeps up; 0.5, 2 or 30/min
    #[arg(long, value_name = "RATE", requires = "board", value_parser = values::rate)]
    pub rate: Option<f64>,
    /// Table with boards of your own; docs/firmware.md has the form
    #[arg(long, value_name = "FILE.toml", requires = "board")]
    pub board_file: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

const BENCH_HELP: &str = "\
Times forward, backward and optimiser step on the reference networks with
synthetic data in batches of 128 on one core, and says which share of the
core's peak of fused multiply-adds that is.";

/// Measure the training speed of this machine
#[derive(Debug, clap::Args)]
#[command(after_help = BENCH_HELP)]
pub struct BenchArgs {
    /// Measure one network [default: all]
    #[arg(long, value_enum, ignore_case = true)]
    pub network: Option<BenchNetwork>,
    /// Also say where the time goes, by operator and pass
    #[arg(long)]
    pub layers: bool,
    #[command(flatten)]
    pub format: Format,
}

/// The reference networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchNetwork {
    /// 28x28x1, 22 thousand MACs
    #[value(name = "A")]
    A,
    /// 32x32x3, 361 thousand MACs
    #[value(name = "B")]
    B,
    /// 32x32x3, 3.1 million MACs
    #[value(name = "C")]
    C,
}
