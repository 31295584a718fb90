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

/// Runs the network on `samples` (NHWC int8) and returns their outputs.
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
) -> Result<Vec<Vec<i8>>, VerifyError> {
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
    let outputs: Vec<i8> = finished.output.iter().map(|byte| byte.cast_signed()).collect();
    if finished.status.success() && outputs.len() == samples.len() * network.output_length {
        Ok(outputs.chunks(network.output_length).map(<[i8]>::to_vec).collect())
    } else {
        Err(VerifyError::Cut { console: finished.messages })
    }
}
