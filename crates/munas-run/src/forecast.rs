//! What a search would do, before it begins: what its random architectures are like, how long a trial takes, how many there will be.

mod pace;
mod training_cost;

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use munas_cost::{Resources, macs};
use munas_data::Dataset;
use munas_search::rungs::mean_share;
use munas_search::{AlgorithmKind, Candidate, Context, History, Objective, Problem};

use crate::executor::error::ExecutionError;
use crate::executor::limits::Limits;
use crate::experiment::Experiment;
use crate::task::Task;
use pace::seconds_per_epoch;

/// Random architectures that are drawn.
const DRAWS: usize = 1_000;
/// No more are drawn after so much time, once there are [`LEAST_DRAWS`].
const DRAWING: Duration = Duration::from_secs(4);
const LEAST_DRAWS: usize = 20;
/// For how long a training is timed.
const TRAINING: Duration = Duration::from_millis(1_500);

/// What a search would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The random architectures that it begins with.
    pub draws: Draws,
    /// A trial of middle cost; `None` if no draw would be trained, or the one that was tried diverged at once.
    pub trial: Option<MeasuredTrial>,
    /// Trials side by side.
    pub workers: usize,
    /// How many trials there would be, and after how long, if all were as the measured one; where trials rest at the ends of rungs, and a
    /// third of them go on.
    pub extent: Option<Extent>,
}

/// Random architectures of the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// How many were drawn.
    pub drawn: usize,
    /// Those that meet every hard bound.
    pub within_hard: usize,
    /// Those that meet all bounds that are known before training.
    pub within_all: usize,
    /// Those that would be trained: within hard bounds, within ten times the soft ones, and not too dear to train.
    pub trained: usize,
    /// The median of each resource of those that would be trained; `None` without any.
    pub median: Option<MedianResources>,
}

/// The median of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MedianResources {
    /// Bytes, as the search counts them.
    pub peak_memory: u64,
    /// Bytes.
    pub model_size: u64,
    /// Multiply-accumulate operations of one inference.
    pub macs: u64,
}

/// How long the training of a network takes on one core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredTrial {
    /// Multiply-accumulate operations of one inference of the network, before any pruning.
    pub macs: u64,
    /// Seconds of all epochs.
    pub seconds: f64,
}

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Trials.
    pub trials: u64,
    /// Seconds on the clock.
    pub seconds: f64,
}

/// What the experiment would do on these data with this machine. It takes some seconds: architectures are drawn as the sampler does
/// when nothing is known yet, and the one whose MACs are nearest to their mean is trained for a moment on one core.
///
/// # Errors
/// [`ExecutionError::Problem`] if the bounds make no sense, [`ExecutionError::Store`] if the teacher cannot be read.
pub fn forecast(experiment: &Experiment, dataset: &Dataset) -> Result<Forecast, ExecutionError> {
    let problem = experiment.problem(&Task::of(dataset));
    problem.check()?;
    let settings = experiment.train_settings(dataset)?;
    let candidates = draw(&problem, experiment);
    let trained: Vec<&Candidate> =
        candidates.iter().filter(|candidate| is_trained(candidate, &problem)).collect();
    let dense = |candidate: &Candidate| candidate.architecture.lower(problem.input, problem.classes);
    let costs: Vec<u64> = trained.iter().map(|candidate| macs(&dense(candidate))).collect();
    let trial = nearest_to_mean(&costs).and_then(|index| {
        let epoch = seconds_per_epoch(&dense(trained[index]), dataset, &settings, TRAINING).ok()?;
        Some(MeasuredTrial { macs: costs[index], seconds: epoch * f64::from(settings.epochs) })
    });
    let limits = Limits::of(experiment);
    let workers = limits.worker_count();
    let time = limits.time.map(|time| experiment.finalists.time_of_trials(time));
    Ok(Forecast {
        draws: Draws {
            drawn: candidates.len(),
            within_hard: candidates.iter().filter(|candidate| meets(candidate, &problem, true)).count(),
            within_all: candidates.iter().filter(|candidate| meets(candidate, &problem, false)).count(),
            trained: trained.len(),
            median: median_resources(&trained),
        },
        extent: trial
            .map(|trial| extent(limits.trials, time, trial.seconds * mean_share(&problem.rungs), workers)),
        trial,
        workers,
    })
}

/// Random architectures, as many as there is time for.
fn draw(problem: &Problem, experiment: &Experiment) -> Vec<Candidate> {
    let algorithm = AlgorithmKind::Random.build(&experiment.search.algorithm_settings());
    let streams = |number| -> Box<dyn Rng> { Box::new(ChaCha8Rng::seed_from_u64(number)) };
    let (history, begin) = (History::new(problem.input), Instant::now());
    let context =
        Context { problem, history: &history, pending: &[], streams: &streams, interruption: &|| false };
    let mut rng = ChaCha8Rng::seed_from_u64(experiment.seed);
    let mut candidates = Vec::new();
    let Ok(mut proposer) = algorithm.proposer(context, &mut rng) else { return candidates };
    while candidates.len() < DRAWS && (candidates.len() < LEAST_DRAWS || begin.elapsed() < DRAWING) {
        let Ok(proposal) = proposer.propose(&mut rng) else { break };
        candidates.push(problem.candidate(proposal));
    }
    candidates
}

/// Whether the bounds are met, all or the hard ones, but that on the error, which is not known yet.
fn meets(candidate: &Candidate, problem: &Problem, hard_only: bool) -> bool {
    let values = candidate.objectives(None);
    problem.bounds.values.iter().all(|(objective, bound)| {
        let counts = !hard_only || problem.bounds.is_hard(objective);
        !counts || values[objective].is_none_or(|value| value <= bound)
    })
}

/// Whether the search would train it.
fn is_trained(candidate: &Candidate, problem: &Problem) -> bool {
    let values = candidate.objectives(None);
    let is_feasible = Objective::ALL.into_iter().all(|objective| {
        let limit = problem.bounds.limit(objective);
        limit.zip(values[objective]).is_none_or(|(limit, value)| value <= limit)
    });
    is_feasible && problem.training_excess(&candidate.architecture).is_none()
}

fn median_resources(candidates: &[&Candidate]) -> Option<MedianResources> {
    let median = |value: fn(&Resources) -> u64| {
        let mut values: Vec<u64> = candidates.iter().map(|candidate| value(&candidate.resources)).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    };
    Some(MedianResources {
        peak_memory: median(Resources::bounded_peak)?,
        model_size: median(|resources| resources.model_size)?,
        macs: median(|resources| resources.macs)?,
    })
}

/// The position of the cost that is nearest to the mean. As time grows linearly with cost, many trials take as long as so many of
/// that one; the median of costs that differ by orders of magnitude would say too little.
fn nearest_to_mean(costs: &[u64]) -> Option<usize> {
    let mean = costs.iter().map(|cost| *cost as f64).sum::<f64>() / costs.len() as f64;
    let distance = |index: &usize| (costs[*index] as f64 - mean).abs();
    (0..costs.len()).min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// What ends the search first: the number of trials, or its time.
fn extent(most_trials: u64, time: Option<Duration>, seconds_per_trial: f64, workers: usize) -> Extent {
    let per_trial = (seconds_per_trial / workers.max(1) as f64).max(f64::MIN_POSITIVE);
    let all = most_trials as f64 * per_trial;
    match time.map(|time| time.as_secs_f64()).filter(|time| *time < all) {
        Some(seconds) => Extent { trials: (seconds / per_trial) as u64, seconds },
        None => Extent { trials: most_trials, seconds: all },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_or_time_end_a_search() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert_eq!(extent(2_000, minutes(10), 4.0, 2), Extent { trials: 300, seconds: 600.0 });
        assert_eq!(extent(100, minutes(10), 4.0, 2), Extent { trials: 100, seconds: 200.0 });
        assert_eq!(extent(100, None, 4.0, 1), Extent { trials: 100, seconds: 400.0 });
        assert_eq!(extent(5, minutes(1), 0.0, 0).trials, 5);
    }

    #[test]
    fn the_trial_of_mean_cost_stands_for_all() {
        assert_eq!(nearest_to_mean(&[10, 20, 1_000, 400, 10]), Some(3));
        assert_eq!(nearest_to_mean(&[]), None);
    }

    #[test]
    fn draws_are_counted_against_hard_bounds_and_all() {
        let under = |overrides: &[&str]| {
            let text = "data = { source = \"glyphs\", subset = 100 }\nspace.kind = \"mlp\"\ntrain.epochs = 1\n\
                        search = { sampling = \"uniform\", workers = 1, trials = 7 }";
            let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
            let experiment = Experiment::from_toml(text, &overrides).unwrap();
            forecast(&experiment, &experiment.load_data().unwrap()).unwrap()
        };
        let free = under(&[]);
        assert!(free.draws.drawn >= LEAST_DRAWS);
        assert_eq!(free.draws.within_hard, free.draws.drawn);
        assert_eq!(free.extent.unwrap().trials, 7);
        let median = free.draws.median.unwrap();
        let bound = format!("bounds.model_size={}", median.model_size);
        let soft = under(&[&bound]).draws;
        assert!(soft.within_hard == soft.drawn && soft.within_all < soft.drawn && soft.within_all > 0);
        let hard = under(&[&bound, "bounds.hard=[\"model_size\"]"]).draws;
        assert_eq!(
            (hard.within_hard, hard.within_all, hard.trained),
            (soft.within_all, soft.within_all, soft.within_all)
        );
        let targeted = under(&[&bound, "bounds.hard=[\"model_size\"]", "search.sampling=target"]).draws;
        assert_eq!(targeted.within_hard, targeted.drawn, "the sampler aims within the bounds");
        let none = under(&["bounds.model_size=1", "bounds.hard=[\"model_size\"]"]);
        assert_eq!((none.draws.trained, none.draws.median, none.trial, none.extent), (0, None, None, None));
    }
}
