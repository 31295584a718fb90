//! TensorFlow Lite for Microcontrollers on the host, through its Python package: the oracle of the int8 arithmetic.

use std::{
    env, fs, io,
    path::{self, Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::model::TensorIndex;
use crate::helper::{self, Finished, HelperError, HelperLimits, Run};

/// The program that loads a model and runs it.
const PROGRAM: &str = include_str!("../../python/run_tflite.py");
/// Its exit status when the package is not installed.
const NO_PACKAGE: i32 = 3;
/// The environment variable that names the Python to use.
const PYTHON_VARIABLE: &str = "MUNAS_PYTHON";

/// A Python interpreter with the package `tflite_micro`.
#[derive(Clone, Debug)]
pub struct Tflm {
    python: PathBuf,
    limits: HelperLimits,
}

/// Why a model was not run.
#[derive(Debug, thiserror::Error)]
pub enum TflmError {
    /// Python or the package is not there.
    #[error(
        "{} with the packages tflite_micro and numpy was not found (another one is named by MUNAS_PYTHON)",
        .0.display()
    )]
    Missing(PathBuf),
    /// The runtime refuses the model, or fails.
    #[error("TensorFlow Lite for Microcontrollers failed:\n{0}")]
    Failed(String),
    /// Python took too long and was ended.
    #[error("TensorFlow Lite for Microcontrollers did not end within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// Files could not be exchanged with Python.
    #[error("cannot exchange files with Python: {0}")]
    Io(#[from] io::Error),
}

impl Tflm {
    /// The Python that the environment variable `MUNAS_PYTHON` names, or `python3` of the PATH. Whether it has the
    /// package turns out when a model is run.
    pub fn new(limits: HelperLimits) -> Self {
        let python = env::var_os(PYTHON_VARIABLE).map_or_else(|| "python3".into(), PathBuf::from);
        // A path is from the directory of this process, in which the program does not run; a name is looked up.
        let is_path = python.components().count() > 1;
        let python = if is_path { path::absolute(&python).unwrap_or(python) } else { python };
        Self { python, limits }
    }

    /// Runs a model and returns, for each sample, these tensors. Every tensor has memory of its own; a plan of the file
    /// is not used.
    ///
    /// # Errors
    /// [`TflmError`] if there is no such Python, or the model is refused.
    pub fn tensors(
        &self,
        model: &[u8],
        samples: &[Vec<i8>],
        tensors: &[Int8Tensor],
    ) -> Result<Vec<Vec<Vec<i8>>>, TflmError> {
        let indices: Vec<String> = tensors.iter().map(|tensor| tensor.index.index().to_string()).collect();
        let elements = self.run(model, samples, "tensors", &indices)?;
        let mut rest = &elements[..];
        let mut take = |tensor: &Int8Tensor| {
            let (taken, after) = rest.split_at_checked(tensor.elements)?;
            rest = after;
            Some(taken.to_vec())
        };
        let results: Option<Vec<Vec<Vec<i8>>>> =
            samples.iter().map(|_| tensors.iter().map(&mut take).collect()).collect();
        results.ok_or_else(|| TflmError::Failed("tensors have fewer elements than expected".into()))
    }

    /// Runs a model, its arena planned as on a device, and returns the first output for each sample.
    ///
    /// # Errors
    /// [`TflmError`] if there is no such Python, or the model is refused.
    pub fn outputs(&self, model: &[u8], samples: &[Vec<i8>]) -> Result<Vec<Vec<i8>>, TflmError> {
        let elements = self.run(model, samples, "outputs", &[])?;
        let length = elements.len() / samples.len().max(1);
        Ok(elements.chunks(length.max(1)).map(<[i8]>::to_vec).collect())
    }

    /// Bytes of the arena that hold tensors and the kernels' scratch buffers, as the runtime plans them.
    ///
    /// # Errors
    /// [`TflmError`] if there is no such Python, or the model is refused.
    pub fn arena_head(&self, model: &[u8]) -> Result<u64, TflmError> {
        let directory = tempfile::tempdir()?;
        let mut command = self.command(directory.path(), model)?;
        let messages = self.finish(command.arg("arena"), directory.path())?;
        let (_, after) = messages.split_once(" head ").unwrap_or_default();
        let bytes = after.split(' ').next().and_then(|number| number.parse().ok());
        bytes.ok_or(TflmError::Failed(messages))
    }

    /// Runs the program on samples and returns all that it has written.
    fn run(
        &self,
        model: &[u8],
        samples: &[Vec<i8>],
        command: &str,
        arguments: &[String],
    ) -> Result<Vec<i8>, TflmError> {
        let directory = tempfile::tempdir()?;
        let (inputs, results) = (directory.path().join("inputs"), directory.path().join("results"));
        let bytes: Vec<u8> = samples.iter().flatten().map(|element| element.cast_unsigned()).collect();
        fs::write(&inputs, bytes)?;
        let mut program = self.command(directory.path(), model)?;
        self.finish(program.arg(command).args([&inputs, &results]).args(arguments), directory.path())?;
        Ok(fs::read(&results)?.into_iter().map(u8::cast_signed).collect())
    }

    fn command(&self, directory: &Path, model: &[u8]) -> Result<Command, TflmError> {
        let (program, file) = (directory.join("run_tflite.py"), directory.join("model.tflite"));
        fs::write(&program, PROGRAM)?;
        fs::write(&file, model)?;
        let mut command = Command::new(&self.python);
        command.args([program, file]);
        Ok(command)
    }

    /// Runs the program to its end and returns what it wrote.
    fn finish(&self, command: &mut Command, directory: &Path) -> Result<String, TflmError> {
        let HelperLimits { run: limit, interrupt, .. } = &self.limits;
        let run = Run { directory, input: None, limit: *limit, interrupt };
        let Finished { status, output, messages } =
            helper::run(command, &run).map_err(|error| match error {
                HelperError::NotFound => TflmError::Missing(self.python.clone()),
                HelperError::TimedOut(limit) => TflmError::TimedOut(limit),
                HelperError::Interrupted => TflmError::Interrupted,
                HelperError::Io { source, .. } => TflmError::Io(source),
            })?;
        let messages = String::from_utf8_lossy(&output).into_owned() + &messages;
        match status.code() {
            Some(0) => Ok(messages),
            Some(NO_PACKAGE) => Err(TflmError::Missing(self.python.clone())),
            _ => Err(TflmError::Failed(messages)),
        }
    }
}

/// A tensor of 8-bit integers to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int8Tensor {
    /// Its index among the tensors of the file.
    pub index: TensorIndex,
    /// The number of its elements.
    pub elements: usize,
}
