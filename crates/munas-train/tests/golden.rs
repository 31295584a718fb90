//! Whole networks against Keras: the same initial weights and batches give the same losses, weights and logits.
//!
//! The files are made by `tests/golden/make_golden.py`, which describes their content.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use munas_data::{Dataset, NormaliseMode, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{BatchNorm, Graph, LayerWeights, Weights};
use munas_train::{Optimizer, TrainSettings, Trainer, evaluate};
use safetensors::SafeTensors;

/// Largest deviation of a loss, relative.
const LOSS_TOLERANCE: f64 = 1e-4;
/// Largest deviation of a parameter after the last step, relative to the largest of its tensor.
const WEIGHT_TOLERANCE: f32 = 1e-3;

struct Golden<'a> {
    tensors: SafeTensors<'a>,
    graph: Graph,
    settings: TrainSettings,
}

impl<'a> Golden<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        let number = |key: &str| metadata[key].parse::<f64>().unwrap();
        let settings = TrainSettings {
            batch: number("batch") as usize,
            learning_rate: number("learning_rate"),
            optimizer: Optimizer::Sgdw { momentum: number("momentum") },
            ..TrainSettings::default()
        };
        let graph = Graph::from_json(&metadata["graph"]).unwrap();
        Self { tensors: SafeTensors::deserialize(bytes).unwrap(), graph, settings }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.tensors.tensor(name).unwrap().data().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    }

    fn weights(&self, prefix: &str) -> Weights {
        let layers = self.graph.ops().map(|(op, _)| {
            let dims = self.graph.weight_dims(op)?;
            let part = |part: &str| self.floats(&format!("{prefix}.{}.{part}", op.index()));
            let batch_norm = dims.batch_norm.then(|| BatchNorm {
                gamma: part("gamma"),
                beta: part("beta"),
                mean: part("mean"),
                variance: part("variance"),
            });
            Some(LayerWeights { kernel: part("kernel"), bias: part("bias"), batch_norm })
        });
        Weights::new(&self.graph, layers.collect()).unwrap()
    }

    /// All samples as the training part; the first one stands in for the others.
    fn dataset(&self) -> Dataset {
        let (mut samples, mut labels) = (self.bytes("samples"), self.bytes("labels"));
        let input = self.graph.input_shape();
        let train = labels.len();
        for _ in 0..2 {
            samples.extend_from_within(..input.elements());
            labels.push(labels[0]);
        }
        let raw = RawData {
            name: "golden".into(),
            input: [input.height, input.width, input.channels],
            class_names: (0..self.classes()).map(|class| class.to_string()).collect(),
            samples: Samples::U8(samples),
            labels: labels.into_iter().map(u32::from).collect(),
            parts: PartSizes { train, validation: Some(1), test: TestPart::Own(1) },
            full_scale: 255.0,
            ..RawData::default()
        };
        raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).unwrap()
    }

    fn classes(&self) -> usize {
        self.graph.shape(self.graph.output()).channels
    }

    /// Mean loss and error that Keras' logits after the last step amount to.
    fn evaluation(&self) -> (f64, f64) {
        let (logits, labels) = (self.floats("logits"), self.bytes("labels"));
        let (mut loss, mut wrong) = (0.0, 0.0);
        for (logits, &label) in logits.chunks_exact(self.classes()).zip(&labels) {
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
            loss += sum.ln() - f64::from(logits[usize::from(label)]);
            let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            wrong += if logits[usize::from(label)] < best { 1.0 } else { 0.0 };
        }
        (loss / labels.len() as f64, wrong / labels.len() as f64)
    }
}

fn assert_close(found: &[f32], expected: &[f32], name: &str) {
    let scale = expected.iter().fold(0.1_f32, |most, value| most.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= WEIGHT_TOLERANCE * scale,
            "{name}[{index}]: {found}, not {expected}"
        );
    }
}

fn assert_same_weights(found: &Weights, expected: &Weights) {
    for (op, (found, expected)) in found.layers().iter().zip(expected.layers()).enumerate() {
        let (Some(found), Some(expected)) = (found, expected) else { continue };
        assert_close(&found.kernel, &expected.kernel, &format!("kernel of {op}"));
        assert_close(&found.bias, &expected.bias, &format!("bias of {op}"));
        let (Some(found), Some(expected)) = (&found.batch_norm, &expected.batch_norm) else { continue };
        assert_close(&found.gamma, &expected.gamma, &format!("gamma of {op}"));
        assert_close(&found.beta, &expected.beta, &format!("beta of {op}"));
        assert_close(&found.mean, &expected.mean, &format!("moving mean of {op}"));
        assert_close(&found.variance, &expected.variance, &format!("moving variance of {op}"));
    }
}

fn check(bytes: &[u8]) {
    let golden = Golden::read(bytes);
    let dataset = golden.dataset();
    let mut trainer = Trainer::new(&golden.graph, &dataset, &golden.settings, 0).unwrap();
    trainer.set_weights(&golden.weights("before"));
    let (batch, count) = (golden.settings.batch, dataset.train.len());
    for (step, &expected) in golden.floats("losses").iter().enumerate() {
        let positions: Vec<u32> = (0..batch).map(|sample| ((step * batch + sample) % count) as u32).collect();
        let (found, expected) = (trainer.step(&positions).unwrap().loss, f64::from(expected));
        let deviation = (found / expected - 1.0).abs();
        assert!(deviation <= LOSS_TOLERANCE, "step {step}: loss {found}, Keras has {expected}");
    }
    assert_same_weights(&trainer.weights(), &golden.weights("after"));

    let normalisation = dataset.normalisation(NormaliseMode::Unit);
    let weights = golden.weights("after");
    let found = evaluate(&golden.graph, &weights, &dataset.train, &normalisation, batch).unwrap();
    let (loss, error) = golden.evaluation();
    assert!((found.loss / loss - 1.0).abs() < LOSS_TOLERANCE, "{} is not {loss}", found.loss);
    assert_eq!(found.error, error);
}

#[test]
fn network_a() {
    check(include_bytes!("golden/network_a.safetensors"));
}

#[test]
fn branches() {
    check(include_bytes!("golden/branches.safetensors"));
}
