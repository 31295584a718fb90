use munas_cost::{MemoryModel, NetworkInput, Resources, Runtime};

use super::{Broken, Gate, NearestMiss, peak_memory_floor};
use crate::testing::{generator, image_problem, random_candidate};
use crate::{Bounds, Candidate, Objective, Problem, Proposal, PruningMode, SparsityRange};

fn candidate(peak_memory: u64, model_size: u64) -> Candidate {
    let any = random_candidate(&image_problem(), &mut generator(0, 0));
    Candidate { resources: Resources { peak_memory, model_size, ..any.resources }, ..any }
}

/// A hard bound of 100 on peak memory, a soft one of 50 on model size.
fn problem() -> Problem {
    let bounds = Bounds {
        hard: vec![Objective::PeakMemory],
        ..Bounds::soft([(Objective::PeakMemory, 100.0), (Objective::ModelSize, 50.0)])
    };
    Problem { bounds, ..image_problem() }
}

#[test]
fn limits_themselves_are_feasible() {
    let problem = problem();
    let mut gate = Gate::new(&problem);
    let within = candidate(100, 500);
    assert_eq!(gate.judge(within.clone()), Ok(within));
    assert_eq!(gate.judge(candidate(101, 500)), Err(Broken::Hard));
    assert_eq!(gate.judge(candidate(100, 501)), Err(Broken::Soft));
    assert_eq!(gate.judge(candidate(101, 501)), Err(Broken::Hard));
}

#[test]
fn nearest_miss_has_the_smallest_excess() {
    let problem = problem();
    let mut gate = Gate::new(&problem);
    // Excesses: 3 (memory), 1.5 (size), 2 (memory, though the size is smaller than the second's).
    for (peak_memory, model_size) in [(300, 500), (120, 750), (200, 600)] {
        assert!(gate.judge(candidate(peak_memory, model_size)).is_err());
    }
    let nearest = gate.nearest_miss().unwrap();
    let expected = NearestMiss {
        objective: Objective::ModelSize,
        bound: 50.0,
        hard: false,
        value: 750.0,
        smallest: 500.0,
        candidate: candidate(120, 750),
    };
    assert_eq!(nearest, expected);
    assert_eq!(
        nearest.to_string(),
        "the nearest has model_size 750, above 10 times the bound of 50 (smallest model_size seen: 500)"
    );
}

#[test]
fn hard_misses_name_the_bound_itself() {
    let problem = problem();
    let mut gate = Gate::new(&problem);
    assert_eq!(gate.judge(candidate(130, 10)), Err(Broken::Hard));
    assert_eq!(
        gate.nearest_miss().unwrap().to_string(),
        "the nearest has peak_memory 130, above the hard bound of 100 (smallest peak_memory seen: 130)"
    );
}

#[test]
fn nothing_refused_is_no_miss() {
    let problem = problem();
    let mut gate = Gate::new(&problem);
    assert!(gate.judge(candidate(1, 1)).is_ok());
    assert_eq!(gate.nearest_miss(), None);
}

fn proposal(candidate: &Candidate) -> Proposal {
    let Candidate { architecture, epochs, sparsity, .. } = candidate.clone();
    Proposal { architecture, epochs, sparsity }
}

/// Every combination of absent, soft and hard bounds that leaves some draws on either side.
fn bounds_of_all_kinds() -> Vec<Bounds> {
    let kinds = (0..27).map(|code| {
        let kind = |place: u32| code / 3_u32.pow(place) % 3;
        let objectives = [Objective::PeakMemory, Objective::ModelSize, Objective::Macs];
        let mut bounds = Bounds::default();
        for ((place, objective), soft) in (0..).zip(objectives).zip([700.0, 3_000.0, 30_000.0]) {
            match kind(place) {
                1 => bounds.values[objective] = Some(soft),
                2 => bounds.cap(objective, 8.0 * soft),
                _ => {}
            }
        }
        bounds
    });
    kinds.collect()
}

/// Every runtime with every place of the input.
fn memory_models() -> Vec<MemoryModel> {
    let models = Runtime::ALL
        .into_iter()
        .flat_map(|runtime| NetworkInput::ALL.into_iter().map(move |input| MemoryModel { runtime, input }));
    models.collect()
}

#[test]
fn the_floor_changes_no_verdict() {
    let mut refused = 0;
    for (seed, bounds) in bounds_of_all_kinds().into_iter().enumerate() {
        let range = |mode| Some(SparsityRange { mode, min: 0.0, max: 0.5, fits_bounds: seed % 2 == 0 });
        let pruning = [None, range(PruningMode::Structured), range(PruningMode::Unstructured)][seed % 3];
        let memory = memory_models()[seed % 6];
        let problem = Problem { bounds, pruning, memory, ..image_problem() };
        let mut rng = generator(seed as u64, 0);
        let (mut gate, mut exact) = (Gate::new(&problem), Gate::new(&problem));
        for _ in 0..300 {
            let candidate = random_candidate(&problem, &mut rng);
            let proposal = proposal(&candidate);
            let verdict = gate.admit(proposal);
            refused += usize::from(verdict.is_err());
            assert_eq!(verdict, exact.judge(candidate));
        }
        assert_eq!(gate.nearest_miss(), exact.nearest_miss(), "{:?}", problem.bounds);
    }
    assert!((1000..7000).contains(&refused), "{refused} of 8100 draws are refused");
}

#[test]
fn the_floor_is_no_larger_than_the_peak() {
    for memory in memory_models() {
        let problem = Problem { memory, ..image_problem() };
        let mut rng = generator(0, 3);
        let mut tight = 0;
        for _ in 0..500 {
            let candidate = random_candidate(&problem, &mut rng);
            let floor = peak_memory_floor(&problem.foresee(&proposal(&candidate)).graph, memory);
            let peak = candidate.resources.bounded_peak();
            assert!(floor <= peak, "{memory:?}: {floor} of {peak}");
            tight += usize::from(floor == peak);
        }
        assert!(
            tight > 200 || memory.runtime == Runtime::Streamed,
            "{memory:?}: the floor is the peak of {tight} of 500 networks"
        );
    }
}
