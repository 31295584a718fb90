use munas_ir::TensorId;
use munas_kernels::{Isa, Kernels};
use proptest::prelude::*;

use super::BatchExecutor;
use crate::testing::{Case, quantised};
use crate::{Executor, QuantisedNetwork};

fn all_isas() -> impl Iterator<Item = Kernels> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Kernels::new)
}

/// Every tensor of every sample is that of the executor that takes one sample at a time.
fn check(network: &QuantisedNetwork, samples: &[Vec<f32>], kernels: Kernels) -> Result<(), TestCaseError> {
    let mut batch = BatchExecutor::with_kernels(network, kernels);
    let mut single = Executor::new(network);
    let graph = network.graph();
    // The second run is of fewer samples than the first, in buffers that the first has used.
    for samples in [samples, &samples[..samples.len() / 2]] {
        let outputs = batch.run_real(&samples.concat()).to_vec();
        let mut found = outputs.chunks_exact(graph.shape(graph.output()).elements());
        for (lane, sample) in samples.iter().enumerate() {
            prop_assert_eq!(found.next(), Some(single.run_real(sample)));
            for (tensor, expected) in single.tensors().iter().enumerate() {
                let shape = graph.shape(TensorId::new(tensor));
                for (index, &expected) in expected.iter().enumerate() {
                    let (pixel, channel) = (index / shape.channels, index % shape.channels);
                    let value = batch.tensors[tensor][channel * shape.pixels() + pixel][lane];
                    prop_assert_eq!(value, expected, "{} at {} of tensor {}", kernels.isa(), index, tensor);
                }
            }
        }
        prop_assert_eq!(found.next(), None);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_tensor_is_that_of_the_executor(seed: u64, samples in 1_usize..=BatchExecutor::SAMPLES) {
        let case = Case::random(seed, samples);
        for kernels in all_isas() {
            check(&quantised(&case), &case.samples, kernels)?;
        }
    }
}

#[test]
#[should_panic(expected = "17 inputs at once")]
fn more_inputs_than_lanes_are_refused() {
    let case = Case::random(3, BatchExecutor::SAMPLES + 1);
    BatchExecutor::new(&quantised(&case)).run_real(&case.samples.concat());
}
