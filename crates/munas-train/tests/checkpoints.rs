//! Checkpoints on disk, of this version and of the one before.
//!
//! The files `checkpoints/*-version-1.safetensors` were written by [`to_bytes`] of what [`interrupted`] makes, when facts
//! were texts.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::collections::{BTreeMap, HashMap};

use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
};
use munas_train::{
    Checkpoint, EpochReport, Optimizer, Pruning, PruningMode, Schedule, TrainError, TrainSettings, Trainer,
    never_stop,
};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

const SEED: u64 = 7;
/// The entry of the metadata, as in the files of a run.
const METADATA: &str = "munas";

/// Convolution, pooling and a dense layer on 6×6 pixels.
fn graph() -> Graph {
    let mut builder = GraphBuilder::new(Shape::new(6, 6, 1)).unwrap();
    let conv = Op::Conv2d {
        filters: 4,
        attributes: ConvAttributes {
            kernel: Window::square(3),
            stride: Window::square(1),
            padding: Padding::Same,
            batch_norm: true,
            activation: Activation::Relu,
        },
    };
    let first = builder.push(conv, &[TensorId::INPUT]).unwrap();
    let second = builder.push(conv, &[first]).unwrap();
    let pool = Op::Pool { kind: PoolKind::Max, window: Window::square(3) };
    let pooled = builder.push(pool, &[second]).unwrap();
    builder.push(Op::Dense { units: 3, activation: Activation::None }, &[pooled]).unwrap();
    builder.finish().unwrap()
}

/// Three classes, of which each is bright in rows of its own.
fn dataset() -> Dataset {
    const PART: usize = 30;
    let labels: Vec<u32> = (0..3 * PART).map(|sample| sample as u32 % 3).collect();
    let value = |sample: usize, pixel: usize| {
        let bright = (pixel / 12) as u32 == labels[sample];
        (sample * 31 + pixel * 57) as u8 % 90 + if bright { 120 } else { 0 }
    };
    let samples = (0..3 * PART).flat_map(|sample| (0..36).map(move |pixel| (sample, pixel)));
    let raw = RawData {
        name: "rows".into(),
        input: [6, 6, 1],
        class_names: ["top", "middle", "bottom"].map(String::from).to_vec(),
        samples: Samples::U8(samples.map(|(sample, pixel)| value(sample, pixel)).collect()),
        labels: labels.clone(),
        parts: PartSizes { train: PART, validation: Some(PART), test: TestPart::Own(PART) },
        full_scale: 255.0,
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions::default()).unwrap()
}

/// Trainings of two epochs or three; together they have every fact and tensor.
fn trainings() -> [(&'static str, TrainSettings, u32); 2] {
    let common = TrainSettings { epochs: 4, batch: 16, ..TrainSettings::default() };
    let quantised = TrainSettings { quantised_epochs: 2, weight_decay: 1e-4, ..common.clone() };
    let pruned = TrainSettings {
        optimizer: Optimizer::AdamW,
        schedule: Schedule::Plateau { factor: 0.5, patience: 1 },
        pruning: Some(Pruning { mode: PruningMode::Structured, sparsity: 0.4, start: 1, finish: 2 }),
        ..common
    };
    [("quantised", quantised, 3), ("pruned", pruned, 2)]
}

/// A training of so many epochs.
fn interrupted<'a>(
    graph: &'a Graph,
    dataset: &'a Dataset,
    settings: &'a TrainSettings,
    epochs: u32,
) -> Trainer<'a> {
    let mut trainer = Trainer::new(graph, dataset, settings, SEED).unwrap();
    for _ in 0..epochs {
        trainer.epoch(&mut never_stop).unwrap();
    }
    trainer
}

fn to_bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let tensors: BTreeMap<&String, Vec<u8>> =
        checkpoint.tensors.iter().map(|(name, values)| (name, bytes(values))).collect();
    let view = |bytes| TensorView::new(Dtype::F32, vec![<[u8]>::len(bytes) / 4], bytes).unwrap();
    let views = tensors.iter().map(|(name, bytes)| (*name, view(bytes)));
    let facts = serde_json::to_string(&checkpoint.facts).unwrap();
    safetensors::serialize(views, Some(HashMap::from([(METADATA.to_owned(), facts)]))).unwrap()
}

fn from_bytes(bytes: &[u8]) -> Checkpoint {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let facts = serde_json::from_str(&header.metadata().as_ref().unwrap()[METADATA]).unwrap();
    let values =
        |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    let file = SafeTensors::deserialize(bytes).unwrap();
    let tensors = file.iter().map(|(name, view)| (name.to_owned(), values(view.data()))).collect();
    Checkpoint { facts, tensors }
}

/// The golden files, in the order of [`trainings`].
const VERSION_1: [&[u8]; 2] = [
    include_bytes!("checkpoints/quantised-version-1.safetensors"),
    include_bytes!("checkpoints/pruned-version-1.safetensors"),
];

#[test]
fn checkpoints_of_version_1_are_gone_on_from() {
    let (graph, dataset) = (graph(), dataset());
    for ((name, settings, epochs), file) in trainings().into_iter().zip(VERSION_1) {
        let old = from_bytes(file);
        assert_eq!(old.facts["version"], "1", "{name}");
        let mut trainer = Trainer::resume(&graph, &dataset, &settings, SEED, &old).unwrap();
        // Nothing is lost: the same training at rest in the present form has the same tensors and the same curve.
        let new = trainer.checkpoint();
        assert_eq!((&new.tensors, new.facts["version"].as_str()), (&old.tensors, "2"), "{name}");
        let lines = trainer.curve().iter().map(|report| {
            let EpochReport { epoch, learning_rate, train_loss, .. } = report;
            let EpochReport { train_error, validation_loss, validation_error, .. } = report;
            format!("{epoch} {learning_rate} {train_loss} {train_error} {validation_loss} {validation_error}")
        });
        assert_eq!(lines.collect::<Vec<_>>().join("\n"), old.facts["curve"], "{name}");
        let reread =
            Trainer::resume(&graph, &dataset, &settings, SEED, &from_bytes(&to_bytes(&new))).unwrap();
        assert_eq!(reread.checkpoint(), new, "{name}");
        // It is the training that the file says, as far as instruction sets agree.
        let afresh = interrupted(&graph, &dataset, &settings, epochs);
        for (here, there) in afresh.curve().iter().zip(trainer.curve()) {
            assert!((here.train_loss - there.train_loss).abs() < 1e-3, "{name}: {here:?}, {there:?}");
        }
        assert_eq!(trainer.epoch(&mut never_stop).unwrap().epoch, epochs + 1);
    }
}

#[test]
fn a_damaged_fact_of_version_1_is_refused() {
    let (graph, dataset) = (graph(), dataset());
    for ((_, settings, _), file) in trainings().into_iter().zip(VERSION_1) {
        let old = from_bytes(file);
        for name in old.facts.keys() {
            for damage in [None, Some("x"), Some("")] {
                let mut damaged = old.clone();
                match damage {
                    None => drop(damaged.facts.remove(name)),
                    Some(text) => drop(damaged.facts.insert(name.clone(), text.to_owned())),
                }
                let refused = Trainer::resume(&graph, &dataset, &settings, SEED, &damaged).err();
                assert!(matches!(refused, Some(TrainError::Checkpoint(_))), "{name} {damage:?}: {refused:?}");
            }
        }
    }
}
