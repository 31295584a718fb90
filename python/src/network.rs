//! A trained network: what it computes in floats and in int8, and its files.

use std::path::PathBuf;

use munas_app::experiment::Moved;
use munas_app::export::{ExportWishes, export, memory_asked, tflite_model};
use munas_app::exported::{Exported, Samples, model};
use munas_app::interface::InterfaceJson;
use munas_app::{UserError, UserResult};
use munas_cost::{MemoryModel, NetworkInput, Runtime};
use munas_data::Layout;
use munas_export::c::CName;
use munas_ir::TensorId;
use munas_quant::{Executor, FloatExecutor};
use munas_run::{RunReader, SavedModel};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{exception, json, told};

/// Bytes of a raw value, a 32-bit float in the machine's order.
const RAW: usize = size_of::<f32>();

/// A network of a run, with all that it needs: it may outlive the run.
#[pyclass(frozen, module = "munas._munas")]
pub struct Network {
    model: SavedModel,
    exported: Exported,
    /// The run's directory, which names the network in its files.
    run: PathBuf,
    /// What the run's search counted as peak memory.
    memory: MemoryModel,
}

#[pymethods]
impl Network {
    /// The network of a trial: the best of those that were trained anew, unless there are none or the one of the search is wanted.
    #[staticmethod]
    fn load(py: Python<'_>, run: PathBuf, trial: u64, as_searched: bool) -> PyResult<Self> {
        let loaded = (|| -> UserResult<Self> {
            let reader = RunReader::open(&run)?;
            let exported = Exported::load(&reader, trial, as_searched)?;
            let (model, _) = model(&reader, trial, as_searched)?;
            let run = run.canonicalize().unwrap_or(run);
            Ok(Self { model, exported, run, memory: reader.experiment().memory })
        })();
        told(py, loaded)
    }

    /// The network of what [`Network::state`] gave.
    #[staticmethod]
    fn of_state(
        bytes: &[u8],
        labels: Vec<String>,
        refined: Option<u32>,
        run: PathBuf,
        runtime: &str,
        input: &str,
    ) -> PyResult<Self> {
        let wrong = |problem: String| PyValueError::new_err(format!("not the state of a network: {problem}"));
        let model = SavedModel::from_bytes(bytes).map_err(wrong)?;
        let memory = memory_model(runtime, input).map_err(|error| wrong(error.to_string()))?;
        Self::of(model, refined, labels, run, memory).ok_or_else(|| wrong("no int8 form".to_owned()))
    }

    /// All that it is, for `pickle`: the arguments of [`Network::of_state`].
    #[expect(clippy::type_complexity, reason = "the arguments of of_state, one by one")]
    fn state<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<String>, Option<u32>, PathBuf, &'static str, &'static str)> {
        let bytes = told(py, self.model.to_bytes().map_err(UserError::failure))?;
        let Self { exported, run, memory, .. } = self;
        let (runtime, input) = (memory.runtime.name(), memory.input.name());
        Ok((PyBytes::new(py, &bytes), exported.labels.clone(), exported.refined, run.clone(), runtime, input))
    }

    /// The trial that it is of.
    #[getter]
    fn trial(&self) -> u64 {
        self.model.trial
    }

    /// The number of the training that it is of, if the trial was trained anew.
    #[getter]
    fn refined(&self) -> Option<u32> {
        self.exported.refined
    }

    /// The run's directory.
    #[getter]
    fn run(&self) -> PathBuf {
        self.run.clone()
    }

    /// Names of the classes, in order.
    #[getter]
    fn class_names(&self) -> Vec<String> {
        self.exported.labels.clone()
    }

    /// The kind of its search space.
    #[getter]
    fn space(&self) -> String {
        self.model.architecture.kind().to_string()
    }

    /// Its architecture as JSON.
    #[getter]
    fn architecture(&self) -> String {
        self.model.architecture.to_json().to_string()
    }

    /// Height, width and channels of a sample.
    #[getter]
    fn input_shape(&self) -> [usize; 3] {
        let shape = self.model.graph.input_shape();
        [shape.height, shape.width, shape.channels]
    }

    /// What it takes and gives, as JSON.
    fn interface(&self, py: Python<'_>) -> PyResult<String> {
        json(py, &InterfaceJson::of(&self.exported))
    }

    /// Outputs of the float network: of samples, each of raw values in (h, w, c) order, to floats, one after the other; all in the
    /// machine's byte order. With the number of outputs of a sample.
    fn logits<'py>(&self, py: Python<'py>, raw: &[u8]) -> PyResult<(Bound<'py, PyBytes>, usize)> {
        let samples = self.samples(raw)?;
        let outputs = py.detach(|| -> UserResult<Vec<u8>> {
            let conversion = self.conversion()?;
            let mut executor = FloatExecutor::new(&self.model.graph, &self.model.weights);
            let output = self.model.graph.output().index();
            let mut outputs = Vec::new();
            for sample in samples {
                let channels = conversion.channels();
                let input: Vec<f32> = sample
                    .iter()
                    .enumerate()
                    .map(|(at, raw)| raw * conversion.scale[at % channels] + conversion.offset[at % channels])
                    .collect();
                let tensors = executor.run(&input);
                outputs.extend(tensors[output].iter().flat_map(|value| value.to_ne_bytes()));
            }
            Ok(outputs)
        });
        Ok((PyBytes::new(py, &told(py, outputs)?), self.outputs()))
    }

    /// Outputs of the int8 network for such samples: what firmware computes, in every bit. With the number of outputs of a sample.
    fn int8_outputs<'py>(&self, py: Python<'py>, raw: &[u8]) -> PyResult<(Bound<'py, PyBytes>, usize)> {
        let samples = self.samples(raw)?;
        let outputs = py.detach(|| self.run_int8(&samples));
        let bytes: Vec<u8> = told(py, outputs)?.iter().flatten().map(|value| value.cast_unsigned()).collect();
        Ok((PyBytes::new(py, &bytes), self.outputs()))
    }

    /// The classes that the int8 network takes such samples for.
    fn int8_classes(&self, py: Python<'_>, raw: &[u8]) -> PyResult<Vec<usize>> {
        let samples = self.samples(raw)?;
        let outputs = told(py, py.detach(|| self.run_int8(&samples)))?;
        Ok(outputs.iter().map(|output| self.exported.network.predicted_class(output)).collect())
    }

    /// Scale and zero point of the output: real = scale × (element − zero point).
    fn output_quantisation(&self) -> (f32, i8) {
        let network = &self.exported.network;
        let output = network.quantisation().tensor(network.graph().output());
        (output.scale, output.zero_point)
    }

    /// The bytes of its .tflite model.
    fn tflite<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &tflite_model(&self.exported, &self.run, self.model.trial))
    }

    /// Writes its files for firmware; test vectors are of such samples, or of so many of the run's own test part.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the package's method, one by one")]
    fn export(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        name: Option<&str>,
        formats: &str,
        runtime: Option<&str>,
        input: Option<&str>,
        samples: &[u8],
        own_samples: usize,
    ) -> PyResult<Vec<PathBuf>> {
        let given: Vec<Vec<f32>> = self.samples(samples)?;
        let files = (|| -> UserResult<Vec<PathBuf>> {
            let name: CName = name.map(str::parse).transpose().map_err(UserError::input)?.unwrap_or_default();
            let memory = self.export_memory(runtime, input)?;
            let (tflite, c) = match formats {
                "all" => (true, true),
                "c" => (false, true),
                "tflite" => (true, false),
                other => {
                    return Err(UserError::input(format_args!("there is no format `{other}`"))
                        .hint("the formats are all, c and tflite"));
                }
            };
            let samples = if given.is_empty() && c { self.own_samples(own_samples)? } else { given };
            let wishes = ExportWishes { tflite, c, name, memory };
            Ok(export(&self.exported, (&self.run, self.model.trial), &wishes, &samples, &folder)?.files)
        })();
        told(py, files)
    }
}

impl Network {
    /// A network with classes of these names, of the training of this number if its trial was trained anew; `None` if it has no
    /// int8 form.
    pub fn of(
        model: SavedModel,
        refined: Option<u32>,
        labels: Vec<String>,
        run: PathBuf,
        memory: MemoryModel,
    ) -> Option<Self> {
        let exported = Exported::of(&model, refined, labels)?;
        Some(Self { model, exported, run, memory })
    }

    fn outputs(&self) -> usize {
        let graph = self.exported.network.graph();
        graph.shape(graph.output()).elements()
    }

    /// Samples from the bytes of their values.
    fn samples(&self, raw: &[u8]) -> PyResult<Vec<Vec<f32>>> {
        let bytes = self.model.graph.input_shape().elements() * RAW;
        if !raw.len().is_multiple_of(bytes) {
            return Err(PyValueError::new_err(format!(
                "{} bytes are not samples of {bytes} bytes",
                raw.len()
            )));
        }
        let value = |bytes: &[u8; RAW]| f32::from_ne_bytes(*bytes);
        let sample = |bytes: &[u8]| bytes.as_chunks().0.iter().map(value).collect();
        Ok(raw.chunks_exact(bytes).map(sample).collect())
    }

    fn conversion(&self) -> UserResult<&munas_export::input::InputConversion> {
        self.exported.conversion.as_ref().ok_or_else(|| {
            UserError::input("it is not known how the data were normalised")
                .hint("an earlier version of munas trained the network; search again")
        })
    }

    fn run_int8(&self, samples: &[Vec<f32>]) -> UserResult<Vec<Vec<i8>>> {
        let conversion = self.conversion()?;
        let network = &self.exported.network;
        let input = network.quantisation().tensor(TensorId::INPUT);
        let mut executor = Executor::new(network);
        Ok(samples.iter().map(|sample| executor.run(&conversion.quantise(sample, input)).to_vec()).collect())
    }

    /// What C source is for: as the search counted, unless something else is asked for.
    fn export_memory(&self, runtime: Option<&str>, input: Option<&str>) -> UserResult<MemoryModel> {
        let asked = runtime.map(|name| name.parse().map_err(UserError::input)).transpose()?;
        let input = input.map(|name| name.parse().map_err(UserError::input)).transpose()?;
        Ok(memory_asked(self.memory, asked, input))
    }

    /// Test samples of the run, if it is still where it was with its data.
    fn own_samples(&self, count: usize) -> UserResult<Vec<Vec<f32>>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let reader = RunReader::open(&self.run)?;
        let mut exported = self.exported.clone();
        let dataset = exported.load_data(&reader, &Moved::default())?;
        Ok(Samples::of(&exported, &dataset, count).raw)
    }
}

fn memory_model(runtime: &str, input: &str) -> Result<MemoryModel, UserError> {
    let runtime: Runtime = runtime.parse().map_err(UserError::input)?;
    let input: NetworkInput = input.parse().map_err(UserError::input)?;
    Ok(MemoryModel { runtime, input })
}

/// How arrays of samples with these extents become samples of height, width and channels in a layout: those three, and whether
/// channels come first and have to be moved behind the others.
#[pyfunction]
pub fn arrangement(py: Python<'_>, layout: &str, sample: Vec<usize>) -> PyResult<([usize; 3], bool)> {
    let layout: Layout = told(py, layout.parse().map_err(UserError::input))?;
    let arranged = layout.arrange(&sample).ok_or_else(|| {
        let extents: Vec<String> = sample.iter().map(ToString::to_string).collect();
        let problem = format!("samples of {} do not have the axes of the layout {layout}", extents.join("x"));
        exception(
            py,
            &UserError::input(problem)
                .hint("layout= says what the axes are: nhwc, nchw, time-channels, channels-time"),
        )
    })?;
    Ok((arranged.input, arranged.channels_first))
}
