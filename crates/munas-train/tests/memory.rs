//! Trainings take the memory that their settings foretell. The one test of its program, for the allocator counts all threads.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::ops::ControlFlow;

use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::Shape;
use munas_train::{Optimizer, Pruning, PruningMode, ReferenceNetwork, TrainSettings, train};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Samples of each part: one full batch.
const SAMPLES: usize = 128;
/// What does not grow with the network, and working memory of the kernels, as a share of what is foretold.
const TOLERANCE: f64 = 0.05;

fn dataset(input: Shape) -> Dataset {
    let elements = input.elements();
    let raw = RawData {
        name: "noise".into(),
        input: [input.height, input.width, input.channels],
        class_names: vec!["even".into(), "odd".into()],
        samples: Samples::U8((0..3 * SAMPLES * elements).map(|index| (index * 7919 % 251) as u8).collect()),
        labels: (0..3 * SAMPLES as u32).map(|index| index % 2).collect(),
        parts: PartSizes { train: SAMPLES, validation: Some(SAMPLES), test: TestPart::Own(SAMPLES) },
        full_scale: 255.0,
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).unwrap()
}

#[test]
fn a_training_takes_the_memory_that_is_foretold() {
    let plain = TrainSettings { epochs: 2, ..TrainSettings::default() };
    let pruning = |mode| Some(Pruning { mode, sparsity: 0.5, start: 1, finish: 2 });
    let variants = [
        plain.clone(),
        TrainSettings { optimizer: Optimizer::AdamW, dropout: 0.2, ..plain.clone() },
        TrainSettings { pruning: pruning(PruningMode::Structured), ..plain.clone() },
        TrainSettings { pruning: pruning(PruningMode::Unstructured), ..plain.clone() },
        TrainSettings { quantised_epochs: 1, ..plain },
    ];
    for network in [ReferenceNetwork::A, ReferenceNetwork::B] {
        let dataset = dataset(network.input());
        let graph = network.graph(network.input(), 2);
        for settings in &variants {
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let model = train(&graph, &dataset, settings, 0, &mut |_| ControlFlow::Continue(())).unwrap();
            let taken = (ALLOCATOR.peak_usage() - before) as f64;
            let foretold = settings.memory(&graph) as f64;
            let deviation = (taken - foretold) / foretold;
            assert!(deviation.abs() <= TOLERANCE, "{network:?}: {taken}, not {foretold}; {settings:?}");
            drop(model);
        }
    }
}
