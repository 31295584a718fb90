//! The host executor against TensorFlow Lite for Microcontrollers, in every tensor.
//!
//! `MUNAS_TFLITE_NETWORKS` and `MUNAS_TFLITE_SAMPLES` set how many random networks and samples of each are tried.

use munas_export::tflite::{
    Int8Tensor, Model, ModelMetadata, Tflm, TflmError, tensor_name, write_in_best_order,
};
use munas_ir::TensorId;
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    networks::{Case, Ranges, case, random_graphs},
    setting,
};

/// The tensors of a network in its file.
fn tensors_of(case: &Case, file: &[u8]) -> Vec<Int8Tensor> {
    let model = Model::read(file).unwrap();
    let graph = case.network.graph();
    let find = |tensor| {
        let index = model.find_tensor(&tensor_name(graph, tensor)).unwrap();
        Int8Tensor { index, elements: graph.shape(tensor).elements() }
    };
    (0..graph.shapes().len()).map(|index| find(TensorId::new(index))).collect()
}

/// The number of elements that differ, of all tensors for all samples.
fn differences(case: &Case) -> Result<usize, TflmError> {
    let file = write_in_best_order(&case.network, &ModelMetadata::default());
    let results = Tflm::new().tensors(&file, &case.samples, &tensors_of(case, &file))?;
    let outputs = Tflm::new().outputs(&file, &case.samples)?;
    let mut executor = Executor::new(&case.network);
    let mut differences = 0;
    for ((sample, theirs), output) in case.samples.iter().zip(&results).zip(&outputs) {
        assert_eq!(executor.run(sample), output, "the file's arena plan overwrites what is needed");
        for (ours, theirs) in executor.tensors().iter().zip(theirs) {
            differences += ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs).count();
        }
    }
    Ok(differences)
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so, and a long one what it has done")]
fn every_tensor_is_that_of_the_runtime() {
    let (networks, samples) = (setting("MUNAS_TFLITE_NETWORKS", 4), setting("MUNAS_TFLITE_SAMPLES", 3));
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let mut compared = 0;
    for (index, graph) in random_graphs(networks, 29).enumerate() {
        let case = case(&graph, Ranges::of(index), samples, &mut rng);
        compared += samples * graph.shapes().iter().map(|shape| shape.elements()).sum::<usize>();
        match differences(&case) {
            Err(error @ TflmError::Missing(_)) => return eprintln!("skipped: {error}"),
            found => assert_eq!(found.unwrap(), 0, "{graph}"),
        }
    }
    eprintln!("{networks} networks, {samples} samples each: {compared} elements compared, none differs");
}
