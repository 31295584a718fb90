//! Building the C source of a network for this machine and running it here.

use std::{fs, process::Command};

use super::{
    CNetwork, HOST_COMPILER, VerifyError,
    process::{self, BUILD_LIMIT, Run},
};

/// How the network is built for this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostOptions {
    /// Whether reads and writes out of bounds and undefined behaviour end the program with an error.
    pub sanitize: bool,
    /// Further compiler options.
    pub flags: Vec<String>,
}

/// One inference on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRun {
    /// The network's output.
    pub output: Vec<i8>,
    /// The class that it stands for, where the network has a function for that.
    pub class: Option<usize>,
}

/// Runs the network on `samples` (NHWC int8).
///
/// # Errors
/// [`VerifyError`]: no compiler, source that does not compile, or a program that fails.
///
/// # Panics
/// If a sample does not have the network's input length.
pub fn host(
    network: &CNetwork,
    samples: &[Vec<i8>],
    options: &HostOptions,
) -> Result<Vec<HostRun>, VerifyError> {
    const PROGRAM: &str = "host";
    let directory = super::temporary_directory()?;
    let directory = directory.path();
    network.write(directory, samples.len())?;
    super::write(&directory.join("host_main.c"), include_str!("harness/host.c"))?;
    let sanitizers: &[&str] = if options.sanitize {
        &["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    } else {
        &[]
    };
    let flags = options.flags.iter().map(String::as_str).chain(sanitizers.iter().copied());
    let arguments = ["-std=c99", "-O2", "-o", PROGRAM, "host_main.c"].into_iter().chain(flags);
    process::compile(HOST_COMPILER, directory, arguments.chain(network.sources()))?;

    let input = directory.join("input");
    assert!(samples.iter().all(|sample| sample.len() == network.input_length), "samples fit the network");
    let bytes: Vec<u8> = samples.iter().flatten().map(|value| value.cast_unsigned()).collect();
    fs::write(&input, bytes).map_err(|error| VerifyError::file("write", &input, error))?;
    let run = Run { directory, input: Some(&input), limit: BUILD_LIMIT };
    let finished = process::run(HOST_COMPILER, &mut Command::new(directory.join(PROGRAM)), &run)?;
    match read_runs(&finished.output, network) {
        Some(runs) if finished.status.success() && runs.len() == samples.len() => Ok(runs),
        _ => Err(VerifyError::Cut { console: finished.messages }),
    }
}

/// What the program wrote; `None` if it ends in the middle of a sample.
fn read_runs(written: &[u8], network: &CNetwork) -> Option<Vec<HostRun>> {
    let class_bytes = if network.classify.is_some() { size_of::<u32>() } else { 0 };
    let runs = written.chunks(network.output_length + class_bytes).map(|run| {
        let (output, class) = run.split_at_checked(network.output_length)?;
        let class = match class {
            [] if class_bytes == 0 => None,
            bytes => Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize),
        };
        Some(HostRun { output: output.iter().map(|byte| byte.cast_signed()).collect(), class })
    });
    runs.collect()
}
