//! Networks that are executed in rows: equal to the host's executor, in the memory that was planned.

use munas_cost::{Execution, MemoryModel, NetworkInput, Runtime};
use munas_export::verify::TARGETS;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

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
