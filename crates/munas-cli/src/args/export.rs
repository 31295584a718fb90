//! `munas export` and `munas verify`.

use std::path::PathBuf;

use clap::ValueEnum;
use munas_app::export::memory_asked;
use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_export::c::CName;

use super::{Format, MovedData};

const EXPORT_HELP: &str = "\
Examples:
  munas export runs/quick-start-1 17 -o firmware
  munas export runs/quick-start-1 17 --format tflite -o model
  munas export runs/gestures 8 --name gesture -o firmware
  munas export runs/gestures 8 --runtime streamed -o firmware

The int8 network that the search measured, as C99 source without dependencies
(model.h, model.c, test vectors with a program that checks them, README.md) and
as model.tflite, with the operators in the order that needs the least memory.
Where a trial was trained anew (munas refine), it is the best of those networks.";

/// Write a trial's network as a .tflite model and as C source for firmware
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT_HELP)]
pub struct ExportArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Number of the trial, as `munas front` shows it
    #[arg(value_name = "TRIAL")]
    pub trial: u64,
    /// Write the network as the search trained it, also where it was trained anew (munas refine)
    #[arg(long)]
    pub as_searched: bool,
    /// What to write
    #[arg(long = "format", value_enum, default_value_t = ExportFormat::All)]
    pub formats: ExportFormat,
    /// Where to write it; made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Name of the files and, in C, of all that they define: gesture.c with gesture_invoke and GESTURE_INPUT_SIZE, so
    /// that firmware can hold several networks [default: model.c with munas_invoke and MUNAS_INPUT_SIZE]
    #[arg(long, value_name = "NAME")]
    pub name: Option<CName>,
    /// How the C source executes the network: `layers`, one operator after the other, or `streamed`, in rows where that takes less memory
    /// [default: as the search counted]
    #[arg(long, value_name = "RUNTIME")]
    pub runtime: Option<Runtime>,
    /// Where the C source has the input: `external`, in a buffer of the caller, `buffer`, in the arena, or `rows`, which are pushed as the
    /// sensor delivers them [default: as the search counted; of another runtime, external for layers and rows for streamed]
    #[arg(long, value_name = "PLACE")]
    pub input: Option<NetworkInput>,
    /// Test samples to write as test vectors, with the outputs of the host
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub samples: usize,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub moved: MovedData,
}

impl ExportArgs {
    /// What to write the C source for, where the search counted with this.
    pub fn memory(&self, searched: MemoryModel) -> MemoryModel {
        memory_asked(searched, self.runtime, self.input)
    }
}

/// The forms of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// model.tflite
    Tflite,
    /// C source
    C,
    /// Both
    All,
}

impl ExportFormat {
    /// Whether the model is wanted.
    pub const fn has_tflite(self) -> bool {
        matches!(self, Self::Tflite | Self::All)
    }

    /// Whether the source is wanted.
    pub const fn has_c(self) -> bool {
        matches!(self, Self::C | Self::All)
    }
}

const VERIFY_HELP: &str = "\
Examples:
  munas verify runs/quick-start-1 17
  munas verify runs/quick-start-1 17 --target mps2-an386 --samples 1000

Compares the host's int8 executor with the C source compiled for this machine
(needs gcc), with the .tflite model in TensorFlow Lite for Microcontrollers
(needs a python3 with the packages tflite-micro and numpy; MUNAS_PYTHON names
another one), tensor by tensor, and with firmware on an emulated board: from
the sensor's values through munas_quantise_input to the class.
Targets: mps2-an385 (Cortex-M3), mps2-an386 (M4), mps2-an500 (M7), mps3-an547
(M55), microbit (M0), virt (RISC-V rv32imc), atmega1284p (AVR).
A check whose tools are missing is skipped; with --target, it is an error.
Exit status 1 if anything differs, or nothing could be compared.";

/// Check that what a trial exports computes what the host computes, to the bit
#[derive(Debug, clap::Args)]
#[command(after_help = VERIFY_HELP)]
pub struct VerifyArgs {
    /// Directory of the run
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Number of the trial, as `munas front` shows it
    #[arg(value_name = "TRIAL")]
    pub trial: u64,
    /// Check the network as the search trained it, also where it was trained anew (munas refine)
    #[arg(long)]
    pub as_searched: bool,
    /// Emulated board to run firmware on
    #[arg(long, alias = "board", value_name = "NAME")]
    pub target: Option<String>,
    /// Test samples to compare [default: 1000 on this machine, fewer of a large network; 16 elsewhere]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: Option<u64>,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub moved: MovedData,
}
