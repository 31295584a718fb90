//! Networks that are executed in rows: equal to the host's executor, in the memory that was planned.

use munas_cost::{Execution, MemoryModel, NetworkInput, Runtime};
use munas_export::c::{CSettings, TestSamples, generate};
use munas_export::input::{InputConversion, RawType};
use munas_export::verify::TARGETS;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::compiled::Project;
use super::networks::{Case, Ranges, case, random_graphs};
use super::{cases, check_model_on_board, check_on_host, count, source};

const fn streamed(input: NetworkInput) -> MemoryModel {
    MemoryModel { runtime: Runtime::Streamed, input }
}

fn is_in_rows(case: &Case, input: NetworkInput) -> bool {
    let schedule = source(case, streamed(input)).plan.schedule.expect("it was planned in parts");
    schedule.parts.iter().any(|part| part.execution == Execution::Rows)
}

#[test]
fn random_networks_in_rows_equal_the_executor() {
    let samples = count("MUNAS_C_SAMPLES", 3);
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let mut in_rows = 0;
    for (index, graph) in random_graphs(count("MUNAS_C_NETWORKS", 8), 32).enumerate() {
        let case = case(&graph, Ranges::of(index), samples, &mut rng);
        let input = NetworkInput::ALL[index % 3];
        in_rows += usize::from(is_in_rows(&case, input));
        check_on_host(&case, streamed(input), index % 2 == 0);
    }
    assert!(in_rows > 0);
}

#[test]
fn special_networks_in_rows_equal_the_executor() {
    let mut rng = ChaCha8Rng::seed_from_u64(33);
    for (index, graph) in cases::all().into_iter().enumerate() {
        let case = case(&graph, Ranges::of(index), 3, &mut rng);
        for input in NetworkInput::ALL {
            check_on_host(&case, streamed(input), index % 3 == 0);
        }
        check_model_on_board(&case, MemoryModel::STREAMED, "mps2-an386", &[]);
    }
}

#[test]
fn every_board_runs_networks_in_rows() {
    let mut rng = ChaCha8Rng::seed_from_u64(34);
    let case = case(&cases::every_kernel(), Ranges::Calibrated, 2, &mut rng);
    for target in &TARGETS {
        check_model_on_board(&case, MemoryModel::STREAMED, target.name, &[]);
    }
}

/// The exported program makes rows of raw values and pushes them one by one; more than there are is an error.
#[test]
fn the_test_program_pushes_rows() {
    const ROWS: &str = r#"
#include "model.h"
#include "model_vectors.h"

int main(void) {
    static int8_t rows[MUNAS_INPUT_SIZE];
    static int8_t output[MUNAS_OUTPUT_SIZE];
    for (int sample = 0; sample < MUNAS_TEST_SAMPLES; sample++) {
        unsigned int count;
        munas_begin();
        if (munas_finish(output) == 0 || munas_push_rows(0, 1) == 0) {
            return 1;
        }
        munas_begin();
        for (unsigned int y = 0; y < MUNAS_INPUT_HEIGHT; y += count) {
            count = MUNAS_INPUT_HEIGHT - y < 3 ? MUNAS_INPUT_HEIGHT - y : 3;
            munas_quantise_rows(munas_test_raw[sample] + y * MUNAS_INPUT_ROW_SIZE, rows, count);
            if (munas_push_rows(rows, count) != 0) {
                return 2;
            }
        }
        if (munas_push_rows(rows, 1) == 0 || munas_finish(output) != 0) {
            return 3;
        }
        if (munas_finish(output) == 0) {
            return 5;
        }
        for (unsigned int i = 0; i < MUNAS_OUTPUT_SIZE; i++) {
            if (output[i] != munas_test_outputs[sample][i]) {
                return 4;
            }
        }
    }
    return 0;
}
"#;
    let mut rng = ChaCha8Rng::seed_from_u64(35);
    for graph in random_graphs(6, 36) {
        let case = case(&graph, Ranges::Calibrated, 1, &mut rng);
        let (elements, channels) = (graph.input_shape().elements(), graph.input_shape().channels);
        let conversion = InputConversion {
            raw: RawType::U8,
            scale: vec![1.0 / 128.0; channels],
            offset: vec![-0.5; channels],
        };
        let raw: Vec<Vec<f32>> =
            (0..3).map(|_| (0..elements).map(|_| f32::from(rng.random::<u8>())).collect()).collect();
        for runtime in Runtime::ALL {
            let settings = CSettings {
                conversion: Some(&conversion),
                samples: TestSamples::Raw(&raw),
                memory: MemoryModel { runtime, input: NetworkInput::Rows },
                ..CSettings::default()
            };
            let source = generate(&case.network, &settings).expect("the sizes fit the kernels");
            let project = Project::new(&source.files);
            project.write("rows.c", ROWS);
            for program in ["model_test", "rows"] {
                let program_source = format!("{program}.c");
                let sanitize = "-fsanitize=address,undefined";
                let arguments = ["-std=c99", "-O1", sanitize, &program_source, "model.c", "-o", program];
                if project.compile("gcc", &arguments).is_none() {
                    return;
                }
                project.run(program, &[]);
            }
        }
    }
}

/// In a ring that several operators read, the row at its start is counted.
#[test]
fn a_ring_with_several_readers_begins_with_the_oldest_row_that_any_needs() {
    let mut rng = ChaCha8Rng::seed_from_u64(37);
    let case = case(&cases::forked_input(), Ranges::Calibrated, 4, &mut rng);
    for input in NetworkInput::ALL {
        check_on_host(&case, streamed(input), true);
    }
}
