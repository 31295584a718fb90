//! `munas search`.

use std::path::PathBuf;

use munas_cost::Runtime;
use munas_search::AlgorithmKind;

use super::experiment::Overrides;
use super::values;
use super::{BackendArgs, BoundArgs, DataSource, Format, RunLength};

const EXAMPLES: &str = "\
Examples:
  munas search                       quick start: two minutes on two cores
  munas search --preset fashion-mnist --trials 500
  munas search experiment.toml --out runs/mine --workers 4
  munas search --data csv:gestures.csv --max-peak-memory 8KB --time 30m
  munas search --data images:photos --board stm32f446re --time 10m --dry-run
  munas search --preset mnist --set train.epochs=10

Settings come from an experiment file, a preset or the built-in defaults; flags
change single ones. The run is a directory with the resolved experiment, a
journal of every trial and the weights of the best. Ctrl-C ends a search
cleanly, `munas resume` goes on with it.
Sizes are bytes: 16KB = 16,000, 16KiB = 16,384.";

/// Search for networks; without any argument, a quick start on generated digits
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct SearchArgs {
    /// Experiment file (TOML)
    #[arg(value_name = "FILE.toml")]
    pub file: Option<PathBuf>,
    /// A published experiment, or NAME-tuned: `munas presets` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    pub preset: Option<String>,
    /// Directory of the run; must not hold one yet [default: runs/NAME-1, -2, …]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// A dataset's name, or own data: images:DIR, audio:DIR, csv:FILE, npz:FILE, idx:DIR, packed:FILE
    #[arg(long, value_name = "SPEC")]
    pub data: Option<String>,
    #[command(flatten)]
    pub length: RunLength,
    #[arg(long, value_name = "NAME", help = algorithm_help())]
    pub algorithm: Option<String>,
    /// Trials side by side; 0: one per core
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Seed of every random draw
    #[arg(long, value_name = "S")]
    pub seed: Option<u32>,
    /// Board to fit: its RAM and flash are bounds, its clock gives milliseconds; `munas boards` lists them
    #[arg(long, value_name = "NAME")]
    pub board: Option<String>,
    /// Inferences per second on the board: none may take longer than from one to the next, and energy has the sleep between
    /// them in it; 0.5, 2 or 30/min
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub rate: Option<f64>,
    /// How the device runs networks, and what peak memory counts: layers, or streamed (in rows) [default: streamed with a board]
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<Runtime>,
    /// Any other key of the experiment file, for example train.epochs=20
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Say what the search would do and how many trials its time buys, without a run
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub reading: DataSource,
    #[command(flatten)]
    pub bounds: BoundArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
}

fn algorithm_help() -> String {
    let names = AlgorithmKind::ALL.map(|kind| format!("{kind} ({})", kind.summary()));
    format!("How to search: {}", names.join(", "))
}

impl SearchArgs {
    /// The flags as overrides of experiment keys; `--set` comes last and wins.
    pub fn overrides(&self) -> Vec<String> {
        let mut overrides = Overrides::default();
        overrides
            .text("data.source", self.data.as_deref())
            .text("search.algorithm", self.algorithm.as_deref())
            .literal("search.workers", self.workers)
            .literal("seed", self.seed)
            .text("board.name", self.board.as_deref())
            .literal("board.rate", self.rate)
            .text("memory.runtime", self.runtime.map(Runtime::name));
        self.reading.add_to(&mut overrides);
        self.length.add_to(&mut overrides);
        self.bounds.add_to(&mut overrides);
        overrides.given(&self.set).take()
    }
}
