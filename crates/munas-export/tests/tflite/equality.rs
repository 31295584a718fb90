//! The host executor against TensorFlow Lite for Microcontrollers, in every tensor.
//!
//! `MUNAS_TFLITE_NETWORKS` and `MUNAS_TFLITE_SAMPLES` set how many random networks and samples of each are tried.

use munas_export::helper::HelperLimits;
use munas_export::tflite::{Tflm, TflmError, write_in_best_order};
use munas_export::verify::compare_tflite;
use munas_ir::Activation;
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    activated::activated,
    networks::{Case, Ranges, case, random_graphs},
    setting,
};

/// The number of elements that differ, of all operators' outputs for all samples.
fn differences(case: &Case) -> Result<usize, TflmError> {
    let metadata = crate::metadata::example(&case.network);
    let tensors = compare_tflite(&case.network, &metadata, &case.samples, &HelperLimits::default())?;
    let file = write_in_best_order(&case.network, &metadata);
    let outputs = Tflm::new(HelperLimits::default()).outputs(&file, &case.samples)?;
    assert_eq!(outputs.len(), case.samples.len());
    let mut executor = Executor::new(&case.network);
    for (sample, output) in case.samples.iter().zip(&outputs) {
        assert_eq!(executor.run(sample), output, "the file's arena plan overwrites what is needed");
    }
    Ok(tensors.iter().map(|tensor| tensor.different).sum())
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so, and a long one what it has done")]
fn every_tensor_is_that_of_the_runtime() {
    let (networks, samples) = (setting("MUNAS_TFLITE_NETWORKS", 4), setting("MUNAS_TFLITE_SAMPLES", 3));
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let mut compared = 0;
    let activated = Activation::ALL.map(activated).into_iter().flat_map(|graph| vec![graph; 3]);
    let graphs = random_graphs(networks, 29).chain(activated);
    for (index, graph) in graphs.enumerate() {
        let case = case(&graph, Ranges::of(index), samples, &mut rng);
        compared += samples * graph.shapes()[1..].iter().map(|shape| shape.elements()).sum::<usize>();
        match differences(&case) {
            Err(error @ TflmError::Missing(_)) => return eprintln!("skipped: {error}"),
            found => assert_eq!(found.unwrap(), 0, "{graph}"),
        }
    }
    eprintln!(
        "{networks} random networks and some of each activation, {samples} samples each: {compared} elements compared, none differs"
    );
}
