//! A task without data, and the results of trainings that never were.

use munas_ir::{BatchNorm, Graph, LayerWeights, Shape, Weights, WeightsError};
use munas_run::{Evaluated, Experiment, ExperimentError, Scores, Task};
use munas_train::EpochReport;

/// Classes of the task, so that a guess is wrong in nine of ten cases.
const CLASSES: usize = 10;

/// Images of 28 × 28 pixels that nobody has.
pub fn task() -> Task {
    Task {
        dataset: "made up".to_owned(),
        fingerprint: "made up".to_owned(),
        input: Shape::new(28, 28, 1),
        class_names: (0..CLASSES).map(|class| class.to_string()).collect(),
    }
}

/// A search of small networks by this algorithm, with so many epochs for each.
pub fn experiment(algorithm: &str, epochs: u32) -> Result<Experiment, ExperimentError> {
    let text = format!(
        "name = 'scale'\ndata.source = 'glyphs'\ntrain.epochs = {epochs}\n\
         bounds = {{ error = 0.1, peak_memory = 8000, model_size = 16000, hard = ['peak_memory', 'model_size'] }}\n\
         search = {{ algorithm = '{algorithm}', sampling = 'target' }}"
    );
    Experiment::from_toml(&text, &[])
}

/// The entry of a curve with this error.
pub fn epoch_report(epoch: u32, error: f64) -> EpochReport {
    EpochReport {
        epoch,
        learning_rate: 0.01,
        train_loss: 2.0 * error,
        train_error: 0.9 * error,
        validation_loss: 2.0 * error,
        validation_error: error,
    }
}

/// The result of a network that errs so often, with as many weights as it has.
pub fn evaluated(graph: &Graph, error: f64, epochs: u32) -> Result<Evaluated, WeightsError> {
    let scores = Scores { error, balanced: error, macro_f1: error };
    Ok(Evaluated {
        validation: scores,
        validation_stderr: Some(0.005),
        test: scores,
        last_test_error: error,
        in_int8: Some(scores),
        test_in_int8: None,
        folds: 1,
        best_epoch: epochs,
        weights: Some(weights(graph)?),
        int8: None,
        pruned: None,
        confusion: None,
    })
}

fn weights(graph: &Graph) -> Result<Weights, WeightsError> {
    let layers = graph.ops().map(|(op, _)| {
        graph.weight_dims(op).map(|dims| {
            let ones = || vec![1.0; dims.outputs];
            let norm = || BatchNorm { gamma: ones(), beta: ones(), mean: ones(), variance: ones() };
            LayerWeights {
                kernel: vec![0.5; dims.kernel_len()],
                bias: ones(),
                batch_norm: dims.batch_norm.then(norm),
            }
        })
    });
    Weights::new(graph, layers.collect())
}
