//! The generated C source against the host executor, byte for byte: compiled for this machine, and run on emulated boards.
//!
//! `MUNAS_C_NETWORKS` and `MUNAS_C_SAMPLES` set how many random networks and samples of each are tried.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod activated;
mod cases;
mod classes;
mod compiled;
mod inputs;
mod names;
mod networks;
mod placement;
mod streamed;
mod two_classes;

use munas_cost::{InputMemory, MemoryModel, MemoryRules, NetworkInput, Runtime};
use munas_export::{
    arena,
    c::{CError, CSettings, CSource, GeneratedFile, generate},
    verify::{CNetwork, FirmwareOptions, HostOptions, HostRun, TARGETS, VerifyError, firmware, host},
};
use munas_ir::{Activation, TensorId};
use munas_quant::Executor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use activated::activated;
use networks::{Case, Ranges, case, random_graphs};
use two_classes::two_class_case;

const PUBLISHED: MemoryModel = MemoryModel::PUBLISHED;
const IN_ARENA: MemoryModel = MemoryModel { runtime: Runtime::Layers, input: NetworkInput::Buffer };

/// Warnings are errors.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"];

fn count(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// What the host computes.
fn expected(case: &Case) -> Vec<HostRun> {
    let mut executor = Executor::new(&case.network);
    let run = |sample: &Vec<i8>| {
        let output = executor.run(sample).to_vec();
        HostRun { input: None, class: Some(case.network.predicted_class(&output)), output }
    };
    case.samples.iter().map(run).collect()
}

fn source(case: &Case, memory: MemoryModel) -> CSource {
    let settings =
        CSettings { title: "test", memory, samples: (&case.samples).into(), ..CSettings::default() };
    generate(&case.network, &settings).expect("the sizes fit the kernels")
}

fn text<'a>(source: &'a CSource, name: &str) -> &'a str {
    &source.files.iter().find(|file| file.name == name).expect("the file is generated").text
}

/// The network of the source. With its input in the arena it copies what the harness hands over.
fn network(source: &CSource, case: &Case) -> CNetwork {
    let graph = case.network.graph();
    let is_part = |file: &&GeneratedFile| matches!(file.name.as_str(), "model.h" | "model.c");
    CNetwork {
        files: source.files.iter().filter(is_part).cloned().collect(),
        header: "model.h".to_owned(),
        prefix: "munas".to_owned(),
        invoke: "munas_invoke".to_owned(),
        quantise: None,
        classify: Some("munas_classify".to_owned()),
        arena: Some("munas_arena".to_owned()),
        input_length: graph.input_shape().elements(),
        output_length: graph.shape(graph.output()).elements(),
    }
}

/// The result, or `None` with a printed line where a tool is missing.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn unless_missing<T>(result: Result<T, VerifyError>) -> Option<T> {
    match result {
        Err(error @ VerifyError::MissingTool(_)) => {
            eprintln!("skipped: {error}");
            None
        }
        other => Some(other.expect("the source builds and runs")),
    }
}

fn check_on_host(case: &Case, memory: MemoryModel, sanitize: bool) {
    let options =
        HostOptions { sanitize, flags: STRICT.map(str::to_owned).to_vec(), ..HostOptions::default() };
    let outputs = unless_missing(host(&network(&source(case, memory), case), &case.samples, &options));
    if let Some(outputs) = outputs {
        assert!(outputs == expected(case), "{}", case.network.graph());
    }
}

fn check_on_board(case: &Case, board: &str, flags: &[&str]) {
    check_model_on_board(case, PUBLISHED, board, flags);
}

fn check_model_on_board(case: &Case, memory: MemoryModel, board: &str, flags: &[&str]) {
    let target = TARGETS.iter().find(|target| target.name == board).expect("the board exists");
    let mut options = FirmwareOptions::default();
    options.model_flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
    let source = source(case, memory);
    let report = unless_missing(firmware(&network(&source, case), target, &case.samples, &options));
    if let Some(report) = report {
        let graph = case.network.graph();
        for (run, expected) in report.samples.iter().zip(expected(case)) {
            assert!(run.output == expected.output, "{board}: {graph}");
            assert_eq!(run.class, expected.class, "{board}: {graph}");
        }
        assert_eq!(report.warnings, "", "{board}: {graph}");
        assert_eq!(report.arena, Some(source.plan.size as u64), "{board}: {graph}");
    }
}

#[test]
fn random_networks_equal_the_executor() {
    let samples = count("MUNAS_C_SAMPLES", 4);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for (index, graph) in random_graphs(count("MUNAS_C_NETWORKS", 4), 12).enumerate() {
        let case = case(&graph, Ranges::of(index), samples, &mut rng);
        check_on_host(&case, if index % 3 == 2 { IN_ARENA } else { PUBLISHED }, index % 4 == 0);
    }
}

#[test]
fn random_networks_equal_the_executor_with_the_dsp_extension() {
    let samples = count("MUNAS_C_SAMPLES", 4).min(8);
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for (index, graph) in random_graphs(count("MUNAS_C_NETWORKS", 4).div_ceil(2), 14).enumerate() {
        check_on_board(&case(&graph, Ranges::of(index), samples, &mut rng), "mps2-an386", &[]);
    }
}

#[test]
fn special_networks_equal_the_executor() {
    let mut rng = ChaCha8Rng::seed_from_u64(15);
    for (index, graph) in cases::all().into_iter().enumerate() {
        let calibrated = case(&graph, Ranges::Calibrated, 4, &mut rng);
        let distorted = case(&graph, Ranges::Distorted, 4, &mut rng);
        check_on_host(&calibrated, IN_ARENA, index % 4 == 1);
        check_on_host(&distorted, PUBLISHED, index % 4 == 3);
        check_on_board(&calibrated, "mps2-an386", &[]);
        check_on_board(&distorted, "mps2-an386", &[]);
    }
}

/// Both forms of requantisation and of clamping are among the networks tried.
#[test]
fn distorted_ranges_change_the_features() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for (ranges, small_sums, clamps) in [(Ranges::Calibrated, 1, 0), (Ranges::Distorted, 0, 1)] {
        let source = source(&case(&cases::every_kernel(), ranges, 1, &mut rng), PUBLISHED);
        let model = text(&source, "model.c");
        assert!(model.contains(&format!("#define MUNAS_SMALL_SUMS {small_sums}\n")), "{ranges:?}");
        assert!(model.contains(&format!("#define MUNAS_CLAMPS {clamps}\n")), "{ranges:?}");
    }
}

/// Measured ranges end where ReLU6 does, so that nothing is to be limited; distorted ones end beyond it.
#[test]
fn outputs_of_relu6_are_limited_where_their_ranges_go_on() {
    let mut rng = ChaCha8Rng::seed_from_u64(24);
    let graph = activated(Activation::Relu6);
    let cases = [Ranges::Calibrated, Ranges::Distorted, Ranges::Distorted, Ranges::Distorted];
    let limits = cases.map(|ranges| {
        let case = case(&graph, ranges, 4, &mut rng);
        check_on_host(&case, PUBLISHED, true);
        check_on_board(&case, "mps2-an386", &[]);
        text(&source(&case, PUBLISHED), "model.c").contains("munas_limit(munas_arena")
    });
    assert!(!limits[0] && limits.contains(&true), "{limits:?}");
}

#[test]
fn kernels_are_correct_at_other_optimisations() {
    const INLINED: &str = "-DMUNAS_KERNEL=static inline __attribute__((always_inline))";
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    let case = case(&cases::every_kernel(), Ranges::Calibrated, 3, &mut rng);
    for flags in [["-O0", "-g"], ["-Os", "-g"], ["-O3", INLINED], ["-O2", "-DMUNAS_PORTABLE"]] {
        check_on_board(&case, "mps2-an500", &flags);
    }
}

#[test]
fn other_cores_run_the_portable_kernels() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let case = case(&cases::every_kernel(), Ranges::Distorted, 3, &mut rng);
    for target in &TARGETS {
        check_on_board(&case, target.name, &[]);
    }
}

#[test]
fn two_classes_are_told_apart_on_every_board() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    let case = two_class_case(&cases::dense_with(1), 12, &mut rng);
    for target in &TARGETS {
        check_on_board(&case, target.name, &[]);
    }
}

#[test]
fn the_arena_is_the_plan_and_the_input_lies_where_it_is_asked_for() {
    let mut rng = ChaCha8Rng::seed_from_u64(18);
    let case = case(&cases::every_kernel(), Ranges::Calibrated, 1, &mut rng);
    let once = MemoryRules { input: InputMemory::Once, in_place_add: true };
    for (memory, rules) in [(PUBLISHED, MemoryRules::WITHOUT_INPUT), (IN_ARENA, once)] {
        let source = source(&case, memory);
        assert_eq!(source.plan, arena::plan_best(case.network.graph(), rules));
        let is_inside = source.plan.offsets[TensorId::INPUT.index()].is_some();
        assert_eq!(is_inside, memory == IN_ARENA);
        assert_eq!(text(&source, "model.h").contains("munas_input"), is_inside);
        let size = format!("#define MUNAS_ARENA_SIZE {}\n", source.plan.size);
        assert!(text(&source, "model.h").contains(&size));
    }
}

#[test]
fn only_needed_kernels_are_written() {
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    let mlp = case(&cases::one_dense(), Ranges::Calibrated, 1, &mut rng);
    let source = source(&mlp, PUBLISHED);
    let model = text(&source, "model.c");
    assert!(model.contains("void munas_dense("));
    for kernel in ["munas_convolve", "munas_pool", "munas_summand", "munas_window"] {
        assert!(!model.contains(kernel), "{kernel}");
    }
}

#[test]
fn a_sample_of_another_length_is_an_error() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let case = case(&cases::one_dense(), Ranges::Calibrated, 1, &mut rng);
    let samples = [case.samples[0].clone(), vec![0; 3]];
    let settings = CSettings { samples: (&samples).into(), ..CSettings::default() };
    let expected = case.samples[0].len();
    assert_eq!(
        generate(&case.network, &settings),
        Err(CError::SampleLength { index: 1, expected, found: 3 })
    );
}
