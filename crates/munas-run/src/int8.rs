//! The int8 network of a trained one: calibrated on training samples, measured sample by sample on another part.

use std::ops::ControlFlow;

use munas_data::{Dataset, Normalisation, Split};
use munas_ir::Quantisation;
use munas_quant::{Calibration, Executor, QuantisedNetwork, bias_correction, calibrate};
use munas_train::TrainedModel;

/// Section `[int8]`: how networks are quantised after training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Int8Settings {
    /// How ranges of activations are chosen.
    pub calibration: Calibration,
    /// Training samples that they are measured on.
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
/// sample, answers `Break`.
///
/// # Panics
/// If the network does not read the samples of `split`.
pub fn int8_error(
    network: &QuantisedNetwork,
    split: &Split,
    normalisation: &Normalisation,
    mut proceed: impl FnMut() -> ControlFlow<()>,
) -> Option<f64> {
    let mut executor = Executor::new(network);
    let threshold = network.quantisation().tensor(network.graph().output()).zero_point;
    let mut input = vec![0.0; network.graph().input_shape().elements()];
    let mut wrong = 0;
    for index in 0..split.len() {
        normalisation.apply(split.sample(index), &mut input);
        let class = predicted_class(executor.run_real(&input), threshold);
        wrong += usize::from(class != split.label(index) as usize);
        if proceed().is_break() {
            return None;
        }
    }
    Some(wrong as f64 / split.len() as f64)
}

/// The class with the largest logit, the first of equals; of a single logit, whether it is above the integer that stands
/// for 0.
pub fn predicted_class(logits: &[i8], zero_point: i8) -> usize {
    match logits {
        [logit] => usize::from(*logit > zero_point),
        _ => (0..logits.len()).rev().max_by_key(|&class| logits[class]).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::predicted_class;

    #[test]
    fn the_largest_logit_wins() {
        assert_eq!(predicted_class(&[-3, 5, 5, 1], 0), 1);
        assert_eq!(predicted_class(&[7], 7), 0);
        assert_eq!(predicted_class(&[8], 7), 1);
    }
}
