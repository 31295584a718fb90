//! Trained networks that are above a hard bound.

use std::ops::ControlFlow;

use munas_cost::{MemoryModel, Resources, peak_memory};
use munas_train::Progress;
use tempfile::tempdir;

use crate::executor::execute;
use crate::executor::limits::{Limits, StopFlag};
use crate::executor::replay::replay;
use crate::store::run::{Run, RunReader};
use crate::task::Task;
use crate::testing::{Synthetic, experiment, model_files, search};
use crate::trial::{PrunedNetwork, TrialState};
use crate::{Assignment, Evaluated, EvaluationError, Evaluator, Pruned, TrialRecord, front};

/// Size of what pruning leaves of every network; the bound is 2,000.
const SIZE: u64 = 2_001;

/// Pruning leaves more of the networks than was foreseen.
struct Oversized(Synthetic);

impl Evaluator for Oversized {
    fn task(&self) -> &Task {
        self.0.task()
    }

    fn memory(&self, _: &Assignment) -> u64 {
        0
    }

    fn evaluate(
        &self,
        assignment: &Assignment,
        observer: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Evaluated, EvaluationError> {
        let evaluated = self.0.evaluate(assignment, observer)?;
        let resources = Resources { model_size: SIZE, ..munas_cost::resources(&assignment.graph) };
        let network = PrunedNetwork { sparsity: 0.3, graph: assignment.graph.clone() };
        Ok(Evaluated { pruned: Some(Pruned { network, resources }), ..evaluated })
    }
}

/// The trials of a search with pruning, and the number of those on its front.
fn trials(fit: &str) -> (Vec<TrialRecord>, usize) {
    let pruning = format!(
        "train.pruning={{mode=\"structured\",start=1,finish=2,min_sparsity=0.1,max_sparsity=0.5,fit=\"{fit}\"}}"
    );
    let experiment = experiment(&["search.trials=5", &pruning]);
    let (dir, evaluator) = (tempdir().unwrap(), Oversized(Synthetic::new()));
    let mut run = Run::create(dir.path(), experiment, evaluator.task()).unwrap();
    let limits = Limits::of(run.experiment());
    execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |_| {}).unwrap();
    let reader = RunReader::open(dir.path()).unwrap();
    let on_front = front(&reader).unwrap().len();
    assert_eq!(model_files(dir.path()).len(), on_front);
    (reader.trials().unwrap(), on_front)
}

#[test]
fn a_network_above_a_hard_bound_is_no_result() {
    let (records, on_front) = trials("hard-bounds");
    let reason = format!("the trained network has model_size {SIZE}, above the hard bound of 2000");
    assert_eq!((records.len(), on_front), (5, 0));
    for record in records {
        assert_eq!(record.state, TrialState::Failed(reason.clone()));
        assert!(record.candidate.resources.model_size <= 2_000 && record.pruned.is_none());
    }
}

#[test]
fn a_search_that_leaves_it_to_chance_keeps_what_it_gets() {
    let (records, on_front) = trials("none");
    assert!(on_front > 0);
    assert!(records.iter().all(|record| record.candidate.resources.model_size == SIZE));
}

#[test]
fn the_peak_memory_of_the_run_bounds_its_trials() {
    let settings = [
        "memory.runtime=streamed",
        "bounds.peak_memory=300",
        "bounds.hard+=peak_memory",
        "search.sampling=target",
    ];
    let (dir, evaluator) = (tempdir().unwrap(), Synthetic::new());
    search(dir.path(), &experiment(&settings), &evaluator);
    let reader = RunReader::open(dir.path()).unwrap();
    let records = reader.trials().unwrap();
    assert_eq!(records.len(), 14);
    for record in &records {
        let graph = record.graph(&evaluator.task);
        let Resources { peak_memory: layers, peak_memory_of_model, .. } = record.candidate.resources;
        assert_eq!(peak_memory_of_model, Some(peak_memory(&graph, MemoryModel::STREAMED)));
        assert!(peak_memory_of_model <= Some(300), "{peak_memory_of_model:?}");
        assert_eq!(layers, munas_cost::resources(&graph).peak_memory);
        assert_eq!(record.memory, MemoryModel::STREAMED);
    }
    assert!(
        records.iter().any(|record| record.candidate.resources.peak_memory > 300),
        "more of them fit in rows"
    );
    assert_eq!(replay(&reader).unwrap().difference, None);
}
