//! The int8 network of a trained one: calibrated on training samples, measured sample by sample on another part.

use std::ops::ControlFlow;

use munas_data::{Dataset, Normalisation, Split, text_form};
use munas_ir::{Quantisation, Shape};
use munas_quant::{
    BatchExecutor, Calibration, QuantisedNetwork, bias_correction, calibrate, predicted_class,
};
use munas_train::TrainedModel;
use serde::{Deserialize, Serialize};

/// Section `[int8]`: how networks are quantised after training.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a section")]
pub struct Int8Settings {
    /// How ranges of activations are chosen.
    #[serde(with = "text_form")]
    pub calibration: Calibration,
    /// Training samples that these ranges are measured on.
    pub samples: usize,
    /// Whether biases make up for the shifts that rounding causes.
    pub bias_correction: bool,
}

/// The int8 form of a trained network, calibrated on the training part; after quantised epochs with the quantisation that
/// they were trained with.
///
/// # Panics
/// If the network does not read the dataset's samples, or the training part is empty.
pub fn quantise(
    model: &TrainedModel,
    dataset: &Dataset,
    normalisation: &Normalisation,
    settings: &Int8Settings,
) -> QuantisedNetwork {
    let TrainedModel { graph, weights, .. } = model;
    if let Some(quantisation) = &model.quantisation {
        return QuantisedNetwork::new(graph, weights, quantisation);
    }
    let inputs = calibration_inputs(&dataset.train, normalisation, settings.samples);
    let inputs = inputs.chunks_exact(graph.input_shape().elements());
    let ranges = calibrate(graph, weights, inputs.clone(), &settings.calibration);
    let quantisation = Quantisation::new(graph, weights, &ranges);
    let network = QuantisedNetwork::new(graph, weights, &quantisation);
    if !settings.bias_correction {
        return network;
    }
    let (_, corrected) = bias_correction(graph, weights, &quantisation, inputs);
    QuantisedNetwork::new(network.graph(), &corrected, &quantisation)
}

/// `count` network inputs, one after the other, spread over the part.
fn calibration_inputs(split: &Split, normalisation: &Normalisation, count: usize) -> Vec<f32> {
    let count = count.min(split.len());
    let mut inputs = vec![0.0; count * split.sample(0).len()];
    for (index, input) in inputs.chunks_exact_mut(split.sample(0).len()).enumerate() {
        normalisation.apply(split.sample(index * split.len() / count), input);
    }
    inputs
}

/// Share of the samples of `split` that an int8 network misclassifies. `None` if `proceed`, which is asked after every
/// few samples, answers `Break`.
///
/// # Panics
/// If the network does not read the samples of `split`.
pub fn int8_error(
    network: &QuantisedNetwork,
    split: &Split,
    normalisation: &Normalisation,
    proceed: impl FnMut() -> ControlFlow<()>,
) -> Option<f64> {
    let predicted = int8_predictions(network, split, normalisation, proceed)?;
    let wrong = predicted.iter().zip(split.labels()).filter(|(predicted, label)| predicted != label).count();
    Some(wrong as f64 / split.len() as f64)
}

/// The class that an int8 network takes each sample of `split` for. `None` and panics as with [`int8_error`].
pub fn int8_predictions(
    network: &QuantisedNetwork,
    split: &Split,
    normalisation: &Normalisation,
    mut proceed: impl FnMut() -> ControlFlow<()>,
) -> Option<Vec<u32>> {
    let graph = network.graph();
    let mut executor = BatchExecutor::new(network);
    let threshold = network.quantisation().tensor(graph.output()).zero_point;
    let [input_len, output_len] = [graph.input_shape(), graph.shape(graph.output())].map(Shape::elements);
    let mut inputs = vec![0.0; BatchExecutor::SAMPLES * input_len];
    let mut predicted = Vec::with_capacity(split.len());
    for first in (0..split.len()).step_by(BatchExecutor::SAMPLES) {
        let positions = first..split.len().min(first + BatchExecutor::SAMPLES);
        let inputs = &mut inputs[..positions.len() * input_len];
        for (input, position) in inputs.chunks_exact_mut(input_len).zip(positions.clone()) {
            normalisation.apply(split.sample(position), input);
        }
        let outputs = executor.run_real(inputs).chunks_exact(output_len);
        predicted.extend(outputs.map(|logits| predicted_class(logits, threshold) as u32));
        if proceed().is_break() {
            return None;
        }
    }
    Some(predicted)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use munas_data::NormaliseMode;
    use munas_ir::Quantisation;
    use munas_quant::{BatchExecutor, Calibration, Executor, QuantisedNetwork, calibrate};
    use munas_train::{TrainSettings, Trainer};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{calibration_inputs, int8_error, predicted_class};
    use crate::task::Task;
    use crate::testing::experiment;

    #[test]
    fn the_error_counts_every_sample_once() {
        let experiment = experiment(&["data.subset=250", "data.validation=0.3"]);
        let dataset = experiment.load_data().unwrap();
        let task = Task::of(&dataset);
        let architecture = experiment.space.sample(&mut ChaCha8Rng::seed_from_u64(1));
        let graph = architecture.lower(task.input, task.classes());
        let weights = Trainer::new(&graph, &dataset, &TrainSettings::default(), 2).unwrap().weights();
        let normalisation = dataset.normalisation(NormaliseMode::Unit);
        let inputs = calibration_inputs(&dataset.train, &normalisation, 50);
        let inputs = inputs.chunks_exact(task.input.elements());
        let ranges = calibrate(&graph, &weights, inputs, &Calibration::MinMax);
        let network = QuantisedNetwork::new(&graph, &weights, &Quantisation::new(&graph, &weights, &ranges));

        let split = &dataset.validation;
        assert_ne!(split.len() % BatchExecutor::SAMPLES, 0, "the last batch is not full");
        let mut executor = Executor::new(&network);
        let mut input = vec![0.0; task.input.elements()];
        let wrong = (0..split.len()).filter(|&position| {
            normalisation.apply(split.sample(position), &mut input);
            predicted_class(executor.run_real(&input), 0) != split.label(position) as usize
        });
        let expected = wrong.count() as f64 / split.len() as f64;
        let found = int8_error(&network, split, &normalisation, || ControlFlow::Continue(()));
        assert!(found == Some(expected) && expected < 1.0, "{found:?}, one by one {expected}");
        assert_eq!(int8_error(&network, split, &normalisation, || ControlFlow::Break(())), None);
    }
}
