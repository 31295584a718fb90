//! Candidates for what is begun next: children of good trials, of which the one that is expected to add most for its cost is proposed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rand::{Rng, RngExt};

use super::aim::Aim;
use super::ehvi::{Improvement, Outcome};
use super::features::features;
use super::goals::Goals;
use super::model::features_of;
use super::parents::Parents;
use super::promotion::cost;
use super::surrogate::Surrogate;
use super::trials::Trial;
use crate::{Candidate, Context, Interrupted, Objective, Proposal};

/// Children that are looked at for one proposal.
const CHILDREN: usize = 200;
/// The probability that the error meets its bound, below which a child is not worth a training.
const LEAST_CHANCE: f64 = 0.05;

/// Trials whose children are looked at.
pub(super) struct Pool {
    pub trials: Vec<Trial>,
    pub parents: Parents,
}

/// What is looked at for one proposal: children of a pool, and some architectures besides.
pub(super) struct Family<'a> {
    pub pool: &'a Pool,
    pub fresh: Vec<Proposal>,
}

/// Children in the order in which they shall be proposed. What one is worth is computed when its turn comes: until then it is
/// known by a bound, and is taken no sooner than its worth allows.
pub(super) struct Children {
    improvement: Improvement,
    aim: Aim,
    heap: BinaryHeap<Child>,
}

struct Child {
    proposal: Proposal,
    outcome: Outcome,
    resources: Vec<f64>,
    cost: f64,
    mean: f64,
    /// What it is expected to add for its cost, at most; 0 for what is not worth a training unless nothing is.
    worth: f64,
    is_exact: bool,
    number: usize,
}

impl Children {
    /// A generation of children.
    pub fn of(
        Family { pool, fresh }: Family<'_>,
        surrogate: &Surrogate,
        improvement: Improvement,
        goals: &Goals,
        context: &Context<'_>,
        sample_cost: u64,
        rng: &mut dyn Rng,
    ) -> Result<Self, Interrupted> {
        let mut heap = BinaryHeap::with_capacity(CHILDREN);
        let mut fresh = fresh.into_iter();
        for number in 0..CHILDREN {
            context.go_on()?;
            let proposal = fresh.next().unwrap_or_else(|| {
                let parent = pool.trials[pool.parents.draw(rng)];
                child(context, &context.history.results()[parent.latest].candidate, rng)
            });
            let foreseen = context.problem.foresee(&proposal);
            let candidate = context.problem.price(proposal.clone(), &foreseen);
            let values = candidate.objectives(None);
            let limit = |objective| context.problem.bounds.limit(objective);
            let is_within = Objective::ALL.into_iter().all(|objective| {
                let pair = values[objective].zip(limit(objective));
                pair.is_none_or(|(value, limit)| value <= limit)
            });
            if !is_within {
                continue;
            }
            let features = match context.problem.pruning {
                // What is priced is what is trained.
                None => features(&foreseen.graph, &candidate.resources, 0.0),
                Some(_) => features_of(context.problem, &candidate),
            };
            let prediction = surrogate.predict(&features);
            let mean = prediction.mean();
            let outcome = Outcome::ensemble(prediction.ensemble());
            let has_chance = goals.error.is_none_or(|bound| outcome.probability_below(bound) > LEAST_CHANCE);
            let resources = goals.resources(&candidate);
            let cost = cost(context.problem.rungs[0], candidate.resources.macs, sample_cost);
            let worth =
                if has_chance { goals.aim.worth(improvement.bound(&resources, &outcome), cost) } else { 0.0 };
            heap.push(Child {
                proposal,
                outcome,
                resources,
                cost,
                mean,
                worth,
                is_exact: !has_chance,
                number,
            });
        }
        Ok(Self { improvement, aim: goals.aim, heap })
    }

    /// The best that is left; those that add nothing come last, by their predicted error.
    pub fn next(&mut self) -> Option<Proposal> {
        loop {
            let mut best = self.heap.pop()?;
            if best.is_exact {
                return Some(best.proposal);
            }
            best.worth = self.aim.worth(self.improvement.expected(&best.resources, &best.outcome), best.cost);
            best.is_exact = true;
            self.heap.push(best);
        }
    }
}

/// 1 + Geometric(½) morphisms of a trial's architecture.
fn child(context: &Context<'_>, parent: &Candidate, rng: &mut dyn Rng) -> Proposal {
    let problem = context.problem;
    let mut architecture = parent.architecture.clone();
    loop {
        // In a space of a single architecture there is no morphism.
        architecture = problem.space.mutate(&architecture, rng).unwrap_or_else(|| problem.space.sample(rng));
        if rng.random::<bool>() {
            break;
        }
    }
    let sparsity = problem.pruning.map(|range| range.mutate(parent.sparsity, rng));
    Proposal { architecture, epochs: problem.epochs, sparsity }
}

impl Ord for Child {
    fn cmp(&self, other: &Self) -> Ordering {
        let worth = self.worth.total_cmp(&other.worth);
        worth.then(other.mean.total_cmp(&self.mean)).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Child {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Child {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Child {}
