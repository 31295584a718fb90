//! Aging evolution (Real et al., arXiv 1802.01548), as muNAS uses it (arXiv 2010.14246, section 4.3).
//!
//! | symbol | meaning |
//! |---|---|
//! | P | `population`: the last P finished trials, in arrival order |
//! | S | `sample`: members of a tournament, drawn from the population with replacement |
//! | λ | weights of one [`Scalarisation`], drawn for each tournament |
//!
//! With pruning, a child's target sparsity is its parent's plus N(0, 0.05), clipped to the range.
//!
//! Proposals are random until P trials have finished. From then on each is one random morphism of the winner of a
//! tournament. A draw that is refused is followed by a new tournament under a new λ; every hundredth draw in a row is a
//! random architecture, so that a population whose whole neighbourhood is refused does not end the search (the
//! published algorithm trains every draw, and never gets there).
//!
//! With several workers the population is what has finished: running trials are neither members nor counted, so that up
//! to P + workers − 1 trials are random. A trial that failed or was stopped has no fitness; it neither joins the
//! population nor makes a member leave it.

use rand::Rng;

use crate::objective::ObjectiveValues;
use crate::sampling::Sampler;
use crate::{Algorithm, Context, Interrupted, Observed, Proposal, Proposer, Scalarisation};

use super::SettingError;
use super::evolve::{RESTART_AFTER, child, tournament};
use super::random::RandomProposer;

/// The most members of a population and of a sample of it.
const MOST_MEMBERS: usize = 1_000_000;

/// The settings of an evolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvolutionSettings {
    /// P, at least 1.
    pub population: usize,
    /// S, at least 1.
    pub sample: usize,
}

impl Default for EvolutionSettings {
    /// As published: population 100, sample 25.
    fn default() -> Self {
        Self { population: 100, sample: 25 }
    }
}

impl EvolutionSettings {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`SettingError`] with the first setting that no evolution can work with.
    pub fn check(&self) -> Result<(), SettingError> {
        let Self { population, sample } = *self;
        for (key, value) in [("population", population), ("sample", sample)] {
            if !(1..=MOST_MEMBERS).contains(&value) {
                let reason = format!("must be at least 1 and at most {MOST_MEMBERS}");
                return Err(SettingError { key, value: value.to_string(), reason });
            }
        }
        Ok(())
    }
}

/// Aging evolution.
#[derive(Clone, Copy, Debug)]
pub struct AgingEvolution {
    settings: EvolutionSettings,
}

impl AgingEvolution {
    /// An evolution with these settings.
    ///
    /// # Panics
    /// If [`EvolutionSettings::check`] refuses them.
    pub fn new(settings: EvolutionSettings) -> Self {
        assert_eq!(settings.check(), Ok(()), "a tournament has members");
        Self { settings }
    }
}

impl Algorithm for AgingEvolution {
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        _rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        let youngest_first = context.history.finished().rev().take(self.settings.population);
        let population: Vec<Member> = youngest_first.map(Member::new).collect();
        if population.len() < self.settings.population {
            return Ok(Box::new(RandomProposer { sampler: Sampler::new(&context) }));
        }
        Ok(Box::new(Evolution { context, sample: self.settings.sample, population, draws: 0 }))
    }
}

struct Member<'a> {
    trial: &'a Observed,
    objectives: ObjectiveValues,
}

impl<'a> Member<'a> {
    fn new(trial: &'a Observed) -> Self {
        Self { trial, objectives: trial.candidate.objectives(trial.error) }
    }
}

struct Evolution<'a> {
    context: Context<'a>,
    sample: usize,
    /// Never empty.
    population: Vec<Member<'a>>,
    draws: u64,
}

impl Proposer for Evolution<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        self.draws += 1;
        if self.draws.is_multiple_of(RESTART_AFTER) {
            return Ok(Sampler::new(&self.context).draw(rng));
        }
        let scalarisation = Scalarisation::draw(&self.context.problem.bounds, rng);
        let fitness = |member: &Member<'_>| scalarisation.fitness(&member.objectives);
        let parent = &tournament(&self.population, self.sample, fitness, rng).trial.candidate;
        Ok(child(self.context.problem, &parent.architecture, parent.sparsity, rng))
    }
}

#[cfg(test)]
mod tests;
