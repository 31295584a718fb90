//! Generated C source on emulated boards equals the host's executor to the bit, at the planned arena; the project of
//! `examples/firmware-m4` builds with it and classifies as the host does.
//!
//! `MUNAS_FIRMWARE_NETWORKS` sets how many random networks are tried on each board. Boards whose compiler or emulator is not
//! installed are skipped.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

#[path = "../examples/fit_latency/networks.rs"]
mod networks;
#[path = "c/two_classes.rs"]
mod two_classes;

use std::{fs, path::Path, process::Command};

use munas_cost::MemoryModel;
use munas_export::{
    c::{CSettings, TestSamples, generate},
    helper::HelperLimits,
    input::{InputConversion, RawType},
    tflite::{ModelMetadata, TflmError},
    verify::{
        FirmwareOptions, MAKE, Target, TensorComparison, VerifyError, compare_firmware, compare_tflite,
        firmware, tool_version, trace,
    },
};
use munas_ir::{Shape, TensorId};
use munas_space::Space;
use networks::{Case, Limits, Ranges, c_source, case, graphs_within};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use two_classes::two_class_case;

const SAMPLES: usize = 4;

/// The first random networks within the limits.
fn cases(limits: Limits, count: usize, seed: u64) -> impl Iterator<Item = Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    graphs_within(limits, seed)
        .take(count)
        .enumerate()
        .map(move |(index, graph)| case(&graph, Ranges::of(index), SAMPLES, &mut rng))
}

/// What a check gave, or `None` with a printed line where a tool is missing.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn unless_missing<T>(result: Result<T, VerifyError>, context: &str) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error @ VerifyError::MissingTool(_)) => {
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{context}: {error}"),
    }
}

/// Runs random networks on a board and compares outputs and arena with the host's.
fn check(board: &str, limits: Limits, seed: u64) {
    let count = std::env::var("MUNAS_FIRMWARE_NETWORKS").map_or(1, |text| text.parse().expect("a number"));
    let target = Target::find(board).expect("the board is in the table");
    for (index, case) in cases(limits, count, seed).enumerate() {
        let context = format!("{board}, network {index}\n{}", case.network.graph());
        let (source, c_network) = c_source(&case.network);
        let report = firmware(&c_network, target, &case.samples, &FirmwareOptions::default());
        let Some(report) = unless_missing(report, &context) else { return };
        assert_eq!(report.arena, Some(source.plan.size as u64), "{context}");
        assert_eq!(report.warnings, "", "{context}");
        for (sample, run) in case.samples.iter().zip(&report.samples) {
            assert_eq!(Some(&run.output), case.network.run(sample).last(), "{context}");
            assert!(run.count > 0, "{context}");
        }
    }
}

#[test]
fn cortex_m4_equals_the_host_executor() {
    check("mps2-an386", Limits::MEDIUM, 1);
}

#[test]
fn other_cortex_m_equal_the_host_executor() {
    check("mps2-an385", Limits::MEDIUM, 2);
    check("mps2-an500", Limits::MEDIUM, 3);
    check("microbit", Limits::SMALL, 4);
    check("mps3-an547", Limits::MEDIUM, 5);
}

#[test]
fn risc_v_and_avr_equal_the_host_executor() {
    check("virt", Limits::MEDIUM, 6);
    check("atmega1284p", Limits::SMALL, 7);
}

#[test]
fn every_tensor_on_a_board_equals_the_host_executors() {
    for (board, limits) in
        [("mps2-an386", Limits::MEDIUM), ("virt", Limits::MEDIUM), ("atmega1284p", Limits::SMALL)]
    {
        let target = Target::find(board).unwrap();
        for case in cases(limits, 1, 9) {
            let options = FirmwareOptions::default();
            let compared =
                compare_firmware(&case.network, MemoryModel::PUBLISHED, target, &case.samples, &options);
            let Some(tensors) = unless_missing(compared, board) else { continue };
            assert_all_equal(&case, &tensors);
        }
    }
}

/// In rows, the rows that anyone reads: of each tensor at least one.
#[test]
fn every_row_on_a_board_equals_the_host_executors() {
    for (board, limits) in [
        ("mps2-an386", Limits::MEDIUM),
        ("microbit", Limits::SMALL),
        ("mps2-an500", Limits::MEDIUM),
        ("mps3-an547", Limits::MEDIUM),
        ("virt", Limits::MEDIUM),
        ("atmega1284p", Limits::SMALL),
    ] {
        let target = Target::find(board).unwrap();
        for case in cases(limits, 2, 11) {
            let options = FirmwareOptions::default();
            let compared =
                compare_firmware(&case.network, MemoryModel::STREAMED, target, &case.samples, &options);
            let Some(tensors) = unless_missing(compared, board) else { continue };
            let graph = case.network.graph();
            assert_eq!(tensors.len(), graph.nodes().len());
            for TensorComparison { tensor, elements, different } in tensors {
                let row = graph.shape(tensor).elements() / graph.shape(tensor).height;
                assert!(
                    different == 0 && elements >= row * case.samples.len(),
                    "{board}: {tensor:?} of\n{graph}"
                );
            }
        }
    }
}

/// Every operator's output was compared in full, and nothing differs.
fn assert_all_equal(case: &Case, tensors: &[TensorComparison]) {
    let graph = case.network.graph();
    let expected = graph.ops().map(|(op, _)| TensorComparison {
        tensor: op.output(),
        elements: graph.output_shape(op).elements() * case.samples.len(),
        different: 0,
    });
    assert_eq!(tensors, expected.collect::<Vec<_>>());
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn every_tensor_of_the_tflite_file_equals_the_host_executors() {
    for case in cases(Limits::MEDIUM, 1, 10) {
        match compare_tflite(
            &case.network,
            &ModelMetadata::default(),
            &case.samples,
            &HelperLimits::default(),
        ) {
            Err(error @ TflmError::Missing(_)) => eprintln!("skipped: {error}"),
            tensors => assert_all_equal(&case, &tensors.unwrap()),
        }
    }
}

#[test]
fn the_counts_of_the_operators_add_up() {
    let target = Target::find("mps2-an386").unwrap();
    for case in cases(Limits::MEDIUM, 1, 12) {
        let (_, c_network) = c_source(&case.network);
        let options = FirmwareOptions::default();
        let report = firmware(&c_network, target, &case.samples, &options);
        let Some(report) = unless_missing(report, target.name) else { return };
        let traces = trace(&c_network, case.network.graph(), target, &case.samples, &options).unwrap();
        for (run, operators) in report.samples.iter().zip(traces) {
            let sum: u64 = operators.iter().map(|operator| operator.count).sum();
            // With calls between the operators the compiler inlines differently.
            assert!(50 * sum.abs_diff(run.count) < run.count, "{sum} and {}", run.count);
        }
    }
}

/// The project that `docs/firmware.md` explains.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/firmware-m4");

/// Copies the sources, and nothing that was built there.
fn copy_project(to: &Path) {
    const SOURCES: [&str; 6] = ["Makefile", "main.c", "console.c", "console.h", "startup.c", "mps2_an386.ld"];
    for name in SOURCES {
        fs::copy(Path::new(PROJECT).join(name), to.join(name)).expect("the project is there");
    }
}

/// The name of a class.
fn label(class: usize) -> String {
    format!("class \"{class}\"")
}

/// Builds the project with a network, whose sensor gives steps of the input about 1000, and runs it; `None` where a
/// tool is missing.
fn run_project(case: &Case, memory: MemoryModel) -> Option<String> {
    let target = Target::find("mps2-an386").unwrap();
    for tool in [target.compiler(), target.emulator(), MAKE] {
        unless_missing(tool_version(tool), tool.program)?;
    }
    let network = &case.network;
    let scale = network.quantisation().tensor(TensorId::INPUT).scale;
    let channels = network.graph().input_shape().channels;
    let conversion = InputConversion {
        raw: RawType::I16,
        scale: vec![scale; channels],
        offset: vec![-1000.0 * scale; channels],
    };
    let zero_point = f32::from(network.quantisation().tensor(TensorId::INPUT).zero_point);
    let raw =
        |sample: &Vec<i8>| sample.iter().map(|&element| f32::from(element) - zero_point + 1000.0).collect();
    let raw: Vec<Vec<f32>> = case.samples.iter().map(raw).collect();
    let labels: Vec<String> = (0..network.classes()).map(label).collect();
    let settings = CSettings {
        conversion: Some(&conversion),
        labels: &labels,
        samples: TestSamples::Raw(&raw),
        memory,
        ..CSettings::default()
    };
    let source = generate(network, &settings).unwrap();
    let directory = tempfile::tempdir().unwrap();
    copy_project(directory.path());
    let model = directory.path().join("model");
    fs::create_dir(&model).unwrap();
    for file in &source.files {
        fs::write(model.join(&file.name), &file.text).unwrap();
    }
    let mut make = Command::new("make");
    let output =
        make.args(["-s", "run"]).env_remove("MAKEFLAGS").current_dir(directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("warning"), "{text}");
    Some(text)
}

#[test]
fn the_example_project_classifies_as_the_host_does() {
    let ten_classes = cases(Limits::MEDIUM, 1, 3).next().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let space = Space::named("cnn2d", "munas-2020").unwrap();
    let graph = space.sample(&mut rng).lower(Shape::new(16, 16, 1), 2);
    let two_classes = two_class_case(&graph, 8, &mut rng);
    let memories = [MemoryModel::PUBLISHED, MemoryModel::STREAMED];
    for (case, memory) in
        [ten_classes, two_classes].iter().flat_map(|case| memories.map(|memory| (case, memory)))
    {
        let Some(text) = run_project(case, memory) else { return };
        for (index, sample) in case.samples.iter().enumerate() {
            let class = case.network.predicted_class(&case.network.run(sample).pop().unwrap());
            let line = format!("sample {index}: class {class}, {}, as on the host", label(class));
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }
}
