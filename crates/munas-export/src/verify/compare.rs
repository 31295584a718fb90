//! Tensor by tensor against the host's executor: the .tflite file in its runtime, and the C source on an emulated board.

use munas_cost::{Execution, MemoryModel, NeededRows, RowFlow};
use munas_ir::{Graph, TensorId};
use munas_quant::{Executor, QuantisedNetwork};

use super::{CNetwork, FirmwareOptions, Target, VerifyError, trace};
use crate::{
    c::{CSettings, CSource, generate},
    helper::HelperLimits,
    tflite::{Int8Tensor, Model, ModelMetadata, Tflm, TflmError, tensor_name, write_in_best_order},
};

/// How often a tensor differs from the host's, all samples together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorComparison {
    /// The tensor, the output of an operator.
    pub tensor: TensorId,
    /// Elements compared, of all samples.
    pub elements: usize,
    /// Elements that are not equal.
    pub different: usize,
}

/// Compares every operator's output in TensorFlow Lite for Microcontrollers with the host's, in the graph's order.
/// The file has this metadata.
///
/// # Errors
/// [`TflmError`] if Python or its package is missing, or the file is refused.
pub fn compare_tflite(
    network: &QuantisedNetwork,
    metadata: &ModelMetadata,
    samples: &[Vec<i8>],
    limits: &HelperLimits,
) -> Result<Vec<TensorComparison>, TflmError> {
    let graph = network.graph();
    let file = write_in_best_order(network, metadata);
    let unreadable = || TflmError::Failed("the written file cannot be read".to_owned());
    let model = Model::read(&file).map_err(|error| TflmError::Failed(error.to_string()))?;
    let tensors: Option<Vec<Int8Tensor>> = outputs(graph)
        .map(|tensor| {
            let index = model.find_tensor(&tensor_name(graph, tensor))?;
            Some(Int8Tensor { index, elements: graph.shape(tensor).elements() })
        })
        .collect();
    let theirs = Tflm::new(limits.clone()).tensors(&file, samples, &tensors.ok_or_else(unreadable)?)?;
    let all: Vec<Vec<usize>> = graph.shapes().iter().map(|shape| (0..shape.height).collect()).collect();
    Ok(compare(network, samples, &theirs, &all))
}

/// Compares every operator's output on an emulated board with the host's, in the graph's order: of what runs in rows, every row that
/// anyone reads.
///
/// # Errors
/// Those of [`trace`], and [`VerifyError::Source`] for a network that has no C source.
pub fn compare_firmware(
    network: &QuantisedNetwork,
    memory: MemoryModel,
    target: &'static Target,
    samples: &[Vec<i8>],
    options: &FirmwareOptions,
) -> Result<Vec<TensorComparison>, VerifyError> {
    let graph = network.graph();
    let source = generate(network, &CSettings { memory, ..CSettings::default() })?;
    let c_network = CNetwork::new(&source, graph);
    let traces = trace(&c_network, graph, target, samples, options)?;
    let by_graph = traces.into_iter().map(|mut operators| {
        operators.sort_by_key(|run| run.op);
        operators.into_iter().map(|run| run.output).collect()
    });
    Ok(compare(network, samples, &by_graph.collect::<Vec<_>>(), &rows_made(graph, &source)))
}

/// For each tensor, the rows that the source makes: in parts that run in rows only those that anyone reads.
fn rows_made(graph: &Graph, source: &CSource) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = graph.shapes().iter().map(|shape| (0..shape.height).collect()).collect();
    if let Some(schedule) = &source.plan.schedule {
        let needed = NeededRows::of(&RowFlow::of(graph));
        let in_rows = schedule.parts.iter().filter(|part| part.execution == Execution::Rows);
        for tensor in in_rows.flat_map(|part| &part.ops).map(|op| op.output()) {
            rows[tensor.index()] = needed.rows(tensor).collect();
        }
    }
    rows
}

fn outputs(graph: &Graph) -> impl Iterator<Item = TensorId> {
    graph.ops().map(|(op, _)| op.output())
}

/// `theirs`: for each sample, the outputs of the operators in the graph's order, with these rows of each tensor.
fn compare(
    network: &QuantisedNetwork,
    samples: &[Vec<i8>],
    theirs: &[Vec<Vec<i8>>],
    rows: &[Vec<usize>],
) -> Vec<TensorComparison> {
    let mut executor = Executor::new(network);
    let graph = network.graph();
    let mut comparisons: Vec<TensorComparison> =
        outputs(graph).map(|tensor| TensorComparison { tensor, elements: 0, different: 0 }).collect();
    for (index, sample) in samples.iter().enumerate() {
        executor.run(sample);
        for (position, comparison) in comparisons.iter_mut().enumerate() {
            let tensor = comparison.tensor;
            let row = graph.shape(tensor).width * graph.shape(tensor).channels;
            let whole = &executor.tensors()[tensor.index()];
            let ours: Vec<i8> =
                rows[tensor.index()].iter().flat_map(|&y| &whole[y * row..][..row]).copied().collect();
            // A tensor that did not arrive differs in all its elements.
            let theirs = theirs.get(index).and_then(|tensors| tensors.get(position)).into_iter().flatten();
            let equal = ours.iter().zip(theirs).filter(|(ours, theirs)| ours == theirs).count();
            comparison.elements += ours.len();
            comparison.different += ours.len() - equal;
        }
    }
    comparisons
}
