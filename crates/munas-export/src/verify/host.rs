//! Building the C source of a network for this machine and running it here.

use std::{fs, process::Command};

use crate::{
    c::TestSamples,
    helper::{HelperLimits, Run},
};

use super::{CNetwork, HOST_COMPILER, VerifyError, process};

/// How the network is built for this machine.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    /// Whether reads and writes out of bounds and undefined behaviour end the program with an error.
    pub sanitize: bool,
    /// Options of the compiler besides those that are always given.
    pub flags: Vec<String>,
    /// What compiler and program may take.
    pub limits: HelperLimits,
}

/// One inference on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRun {
    /// The network's input, where the sample was a raw one.
    pub input: Option<Vec<i8>>,
    /// The network's output, one integer for each class or unit.
    pub output: Vec<i8>,
    /// The class that it stands for, where the network has a function for that.
    pub class: Option<usize>,
}

/// Runs the network on `samples` (NHWC).
///
/// # Errors
/// [`VerifyError`]: no compiler, source that does not compile, or a program that fails.
///
/// # Panics
/// If a sample does not have the network's input length, or is a raw one and the network has no function for those.
pub fn host<'a>(
    network: &CNetwork,
    samples: impl Into<TestSamples<'a>>,
    options: &HostOptions,
) -> Result<Vec<HostRun>, VerifyError> {
    const PROGRAM: &str = "host";
    let samples = samples.into();
    let directory = super::temporary_directory()?;
    let directory = directory.path();
    network.write(directory, samples)?;
    super::write(&directory.join("host_main.c"), include_str!("harness/host.c"))?;
    let sanitizers: &[&str] = if options.sanitize {
        &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    } else {
        &[]
    };
    let flags = options.flags.iter().map(String::as_str).chain(sanitizers.iter().copied());
    let arguments = ["-std=c99", "-O2", "-o", PROGRAM, "host_main.c"].into_iter().chain(flags);
    process::compile(HOST_COMPILER, directory, arguments.chain(network.sources()), &options.limits)?;

    let input = directory.join("input");
    let bytes: Vec<u8> = match (samples, network.quantise_for(samples)) {
        (TestSamples::Raw(samples), Some(function)) => {
            samples.iter().flat_map(|sample| function.raw.native_bytes(sample)).collect()
        }
        (TestSamples::Elements(samples), _) => {
            samples.iter().flatten().map(|element| element.cast_unsigned()).collect()
        }
        (TestSamples::Raw(_), None) => unreachable!("a function was looked up for raw samples"),
    };
    fs::write(&input, bytes).map_err(|error| VerifyError::file("write", &input, error))?;
    let HelperLimits { run: limit, interrupt, .. } = &options.limits;
    let run = Run { directory, input: Some(&input), limit: *limit, interrupt };
    let finished = process::run(HOST_COMPILER, &mut Command::new(directory.join(PROGRAM)), &run)?;
    let input_length = network.quantise_for(samples).map(|_| network.input_length);
    match read_runs(&finished.output, network, input_length) {
        Some(runs) if finished.status.success() && runs.len() == samples.len() => Ok(runs),
        _ => Err(VerifyError::Cut { console: finished.messages }),
    }
}

/// What the program wrote, with inputs of a length or without; `None` if it ends in the middle of a sample.
fn read_runs(written: &[u8], network: &CNetwork, input_length: Option<usize>) -> Option<Vec<HostRun>> {
    let class_bytes = if network.classify.is_some() { size_of::<u32>() } else { 0 };
    let inputs = input_length.unwrap_or(0);
    let elements = |bytes: &[u8]| -> Vec<i8> { bytes.iter().map(|byte| byte.cast_signed()).collect() };
    let runs = written.chunks(inputs + network.output_length + class_bytes).map(|run| {
        let (input, run) = run.split_at_checked(inputs)?;
        let (output, class) = run.split_at_checked(network.output_length)?;
        let class = match class {
            [] if class_bytes == 0 => None,
            bytes => Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize),
        };
        Some(HostRun { input: input_length.map(|_| elements(input)), output: elements(output), class })
    });
    runs.collect()
}
