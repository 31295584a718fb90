//! Running what was exported, and comparing it with the host.
//!
//! | item | runs |
//! |---|---|
//! | [`firmware()`] | the C source on an emulated board: outputs, instruction or cycle counts, sizes, arena, stack |
//! | [`trace()`] | the same, operator by operator |
//! | [`compare_firmware`], [`compare_tflite`] | every tensor against the host's executor |
//! | [`host()`] | the C source on this machine |
//! | [`Target`] | the emulated boards |
//!
//! Compilers and emulators are looked up on the PATH; [`VerifyError::MissingTool`] names the packages that bring one.
//! Each runs within its limits ([`HelperLimits`](crate::helper::HelperLimits)). The firmware around the network
//! (start-up code, linker scripts, measuring) is in `verify/harness`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use munas_ir::Graph;

use crate::{
    c::{CError, CSource, GeneratedFile, TestSamples},
    input::RawType,
};

mod compare;
mod console;
mod elf;
mod firmware;
mod host;
mod process;
mod target;
mod tracing;

pub use compare::{TensorComparison, compare_firmware, compare_tflite};
pub use elf::Sizes;
pub use firmware::{FirmwareOptions, FirmwareReport, OperatorRun, SampleRun, firmware, tool_version, trace};
pub use host::{HostOptions, HostRun, host};
pub use target::{HOST_COMPILER, MAKE, TARGETS, Target, Tool, UnknownTarget};

/// Why a check could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A compiler or emulator is not installed.
    #[error("`{}` is not on the PATH (Debian: apt-get install {})", .0.program, .0.packages)]
    MissingTool(Tool),
    /// The firmware does not fit into the board's memory.
    #[error("the network does not fit {target}: {reason}")]
    DoesNotFit {
        /// The name of the emulated board.
        target: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The source does not compile.
    #[error("{} refuses the source:\n{messages}", .tool.program)]
    Compiler {
        /// The compiler that was run.
        tool: Tool,
        /// What it wrote to its standard error.
        messages: String,
    },
    /// A program took too long and was ended.
    #[error("{} did not end within {} s", .tool.program, .limit.as_secs())]
    TimedOut {
        /// The program that was ended.
        tool: Tool,
        /// The time it had.
        limit: Duration,
    },
    /// It was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The processor of the emulated board took a fault.
    #[error("the firmware ended in a fault")]
    Fault,
    /// The network returned a status other than 0.
    #[error("the network returned {0}")]
    Status(u64),
    /// The firmware ended before all was written.
    #[error("the firmware did not run to its end; its console:\n{console}")]
    Cut {
        /// What the board wrote until then.
        console: String,
    },
    /// A line of the console is not what the harness writes.
    #[error("a line of the firmware's console cannot be read: {line}")]
    Console {
        /// The line as it was read.
        line: String,
    },
    /// An object file or firmware cannot be read.
    #[error("{}: {reason}", .path.display())]
    Elf {
        /// The object file or the firmware.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The calls of the operators were not found in the source.
    #[error("the source calls {found} operators in the form that can be traced, the network has {operators}")]
    Untraceable {
        /// Calls that the source has in that form.
        found: usize,
        /// Operators of the network.
        operators: usize,
    },
    /// The network has no C source.
    #[error(transparent)]
    Source(#[from] CError),
    /// A file or program could not be opened, written or started.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// The file, or the program that was to be started.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl VerifyError {
    fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

/// The C source of a network, with what has to be known to call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CNetwork {
    /// The source and header files of the network; every `.c` file is compiled.
    pub files: Vec<GeneratedFile>,
    /// The header that declares the function.
    pub header: String,
    /// What stands before the names of its functions, if they are generated.
    pub prefix: String,
    /// `int function(const int8_t *input, int8_t *output)`, which returns 0.
    pub invoke: String,
    /// What makes inputs of raw values, if there is something.
    pub quantise: Option<QuantiseFunction>,
    /// `unsigned int function(const int8_t *output)`, which returns the class, if there is one.
    pub classify: Option<String>,
    /// The symbol of the arena, if there is one.
    pub arena: Option<String>,
    /// Elements of the input.
    pub input_length: usize,
    /// Elements of the output.
    pub output_length: usize,
}

/// `void function(const RAW *raw, int8_t *input)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantiseFunction {
    /// The name of the function in the source.
    pub name: String,
    /// The type of a raw value.
    pub raw: RawType,
}

impl CNetwork {
    /// Generated source of the network with this graph; the test program and its vectors are left out.
    pub fn new(source: &CSource, graph: &Graph) -> Self {
        let (name, prefix) = (&source.name, source.name.prefix());
        let (header, code) = (format!("{name}.h"), format!("{name}.c"));
        let of_network = source.files.iter().filter(|file| file.name == header || file.name == code);
        Self {
            files: of_network.cloned().collect(),
            header,
            prefix: prefix.to_owned(),
            invoke: format!("{prefix}_invoke"),
            quantise: source
                .raw
                .map(|raw| QuantiseFunction { name: format!("{prefix}_quantise_input"), raw }),
            classify: Some(format!("{prefix}_classify")),
            arena: Some(format!("{prefix}_arena")),
            input_length: graph.input_shape().elements(),
            output_length: graph.shape(graph.output()).elements(),
        }
    }

    /// The files to compile.
    fn sources(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str()).filter(|name| name.ends_with(".c"))
    }

    /// The function for these samples; `None` for those that are inputs already.
    fn quantise_for(&self, samples: TestSamples<'_>) -> Option<&QuantiseFunction> {
        match samples {
            TestSamples::Elements(_) => None,
            TestSamples::Raw(_) => Some(self.quantise.as_ref().expect("the network takes raw values")),
        }
    }

    /// Writes the files, and `harness.h` for a harness with these samples.
    fn write(&self, directory: &Path, samples: TestSamples<'_>) -> Result<(), VerifyError> {
        let fit = samples.lengths().into_iter().all(|length| length == self.input_length);
        assert!(fit, "a sample has the length of the network's input");
        for file in &self.files {
            write(&directory.join(&file.name), &file.text)?;
        }
        let Self { header, invoke, input_length, output_length, .. } = self;
        let classify = self.classify.iter().map(|function| format!("#define HARNESS_CLASSIFY {function}\n"));
        let quantise = self.quantise_for(samples);
        let raw = quantise.map_or("int8_t", |function| function.raw.c_type());
        let quantise =
            quantise.iter().map(|function| format!("#define HARNESS_QUANTISE {}\n", function.name));
        let samples = samples.len();
        let mut definitions = format!(
            "#include \"{header}\"\n\
             #define HARNESS_INVOKE {invoke}\n\
             #define HARNESS_SAMPLES {samples}\n\
             #define HARNESS_RAW {raw}\n\
             #define HARNESS_INPUT_LENGTH {input_length}\n\
             #define HARNESS_OUTPUT_LENGTH {output_length}\n"
        );
        definitions.extend(quantise.chain(classify));
        let text = [include_str!("verify/harness/harness.h"), &definitions].concat();
        write(&directory.join("harness.h"), &text)
    }
}

fn write(path: &Path, text: &str) -> Result<(), VerifyError> {
    fs::write(path, text).map_err(|error| VerifyError::file("write", path, error))
}

fn temporary_directory() -> Result<tempfile::TempDir, VerifyError> {
    tempfile::tempdir().map_err(|error| VerifyError::file("write", &std::env::temp_dir(), error))
}
