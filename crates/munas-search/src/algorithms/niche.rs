//! `niche`: asynchronous successive halving over the whole Pareto front, led by a model of the error.
//!
//! A trial is trained in rungs and rests at their ends. Whenever something new could be begun:
//!
//! 1. A resting trial of the best third at its rung that has not gone on yet goes on (`promotion`). It is judged by its own error: what the
//!    model says beside that does not make it better known.
//! 2. Else a new trial is begun: the child of a good trial that is expected to add most to the front for what its first rung costs
//!    (`children`), one time in ten a random architecture. Until 20 trials have a result, all are random.
//!
//! "To add" means the expected hypervolume improvement, in logarithms of the error and of the bounded resources (`ehvi`): a network that
//! is far better than all of its size counts as much as one that is as much better than all larger ones, whence the name. Where
//! nothing is bounded the resources are size, MACs and peak memory.
//!
//! | file | holds |
//! |---|---|
//! | `aim` | what a decision aims at |
//! | `features` | a network as some thirty numbers |
//! | `ridge`, `forest` | regressions on them |
//! | `surrogate` | the model of the error, made of both |
//! | `model` | when it is fitted, and what is remembered |
//! | `fidelity` | what an error at a rung says of the last one |
//! | `trials` | all trials by rungs |
//! | `taken` | what they take of the resources |
//! | `goals` | what counts as better |
//! | `ranks` | the trials that the front depends on, of all that were trained in full |
//! | `seen` | what decisions need of the history, kept as it grows |
//! | `ehvi` | what a network is expected to add to the front |
//! | `field` | what a candidate competes with |
//! | `promotion` | which resting trial goes on |
//! | `parents`, `children` | what is begun next |

mod aim;
mod children;
mod ehvi;
pub(super) mod features;
pub(super) mod fidelity;
mod field;
pub(super) mod forest;
mod goals;
pub(super) mod model;
mod parents;
mod promotion;
mod ranks;
pub(super) mod ridge;
mod seen;
pub(super) mod surrogate;
mod taken;
pub(super) mod trials;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::{Rng, RngExt};

use super::SettingError;
use super::random::RandomProposer;
use crate::sampling::Sampler;
use crate::{Algorithm, Context, Interrupted, Proposal, Proposer};
use aim::Aim;
use children::{Children, Family, Pool};
use field::{Competitor, Field};
use goals::Goals;
use model::{Memo, Model};
use parents::Parents;
use promotion::Judge;
pub use promotion::Standing;
use seen::Seen;

/// The share of new trials that are random.
const RANDOM_SHARE: f64 = 0.1;
/// Random architectures that take all that the bounds allow, among those that are looked at where the least error is wanted.
const FRESH: usize = 24;
/// The latest trials, which may have children beside those of the front.
const MOST_PARENTS: usize = 2_000;

/// What results at a rung are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judging {
    /// The error over the least error of those that take no more of any resource.
    Ratio,
    /// The expected hypervolume improvement, by the error at the rung.
    Rung,
    /// The expected hypervolume improvement, by the error at the rung and the model of the error.
    Model,
}

/// Settings of [`Niche`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NicheSettings {
    /// Share of the decisions that aim at the least error within hard bounds, in [0, 1]; the others aim at the whole front.
    pub error_share: f64,
    /// MACs of a network that take as long as what training on a sample takes besides: to load it, change it and evaluate what came of it.
    pub sample_cost: u64,
}

impl Default for NicheSettings {
    fn default() -> Self {
        Self { error_share: 0.5, sample_cost: 10_000 }
    }
}

impl NicheSettings {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`SettingError`].
    pub fn check(&self) -> Result<(), SettingError> {
        if (0.0..=1.0).contains(&self.error_share) {
            return Ok(());
        }
        let (value, reason) = (self.error_share.to_string(), "must be in [0, 1]".to_owned());
        Err(SettingError { key: "error_share", value, reason })
    }
}

/// Successive halving in niches of resources.
#[derive(Debug, Default)]
pub struct Niche {
    settings: NicheSettings,
    memo: Mutex<Memo>,
}

impl Niche {
    /// With the settings that experiments led to.
    pub fn new() -> Self {
        Self::default()
    }

    /// With these settings.
    ///
    /// # Panics
    /// If [`NicheSettings::check`] refuses them.
    pub fn with(settings: NicheSettings) -> Self {
        settings.check().expect("settings were checked");
        Self { settings, memo: Mutex::default() }
    }

    /// How the latest results of each rung but the last compare, those of a rung one after the other, best first. `None` where there is
    /// to be a model, and there are too few results for one yet.
    ///
    /// # Errors
    /// [`Interrupted`] when the context says so.
    pub fn standings(
        &self,
        context: Context<'_>,
        judging: Judging,
    ) -> Result<Option<Vec<Standing>>, Interrupted> {
        let mut memo = self.memo();
        let (seen, model) = memo.of(&context);
        if judging == Judging::Ratio {
            return promotion::standings(&context, seen, Judge::Ratio).map(Some);
        }
        if model.fit(&context, seen)?.is_none() {
            return Ok(None);
        }
        let field = Known::new(&context, seen, Aim::Front).field(model)?;
        let judge = if judging == Judging::Rung { Judge::Rung(&field) } else { Judge::Model(model, &field) };
        promotion::standings(&context, seen, judge).map(Some)
    }

    fn memo(&self) -> MutexGuard<'_, Memo> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Algorithm for Niche {
    fn proposer<'a>(
        &'a self,
        context: Context<'a>,
        rng: &mut dyn Rng,
    ) -> Result<Box<dyn Proposer + 'a>, Interrupted> {
        context.go_on()?;
        let random = RandomProposer { sampler: Sampler::new(&context) };
        let mut memo = self.memo();
        let (seen, model) = memo.of(&context);
        let Some(surrogate) = model.fit(&context, seen)? else { return Ok(Box::new(random)) };
        if rng.random_bool(RANDOM_SHARE) {
            return Ok(Box::new(random));
        }
        let aim = Aim::drawn(context.problem, self.settings.error_share, rng);
        let known = Known::new(&context, seen, aim);
        let improvement = known.field(model)?.into_improvement();
        let Some(pool) = known.pool() else { return Ok(Box::new(random)) };
        let fresh = match aim {
            Aim::Front => Vec::new(),
            Aim::Error => (0..FRESH).filter_map(|_| random.sampler.draw_at_bounds(rng)).collect(),
        };
        let family = Family { pool: &pool, fresh };
        let children = Children::of(
            family,
            &surrogate,
            improvement,
            &known.goals,
            &context,
            self.settings.sample_cost,
            rng,
        )?;
        Ok(Box::new(Begin { children, random }))
    }

    fn has_rungs(&self) -> bool {
        true
    }

    fn promotion(&self, context: Context<'_>) -> Result<Option<u64>, Interrupted> {
        context.go_on()?;
        if context.problem.rungs.len() < 2 {
            return Ok(None);
        }
        let mut memo = self.memo();
        let (seen, model) = memo.of(&context);
        if model.fit(&context, seen)?.is_none() {
            return promotion::promoted(&context, seen, Judge::Ratio, self.settings.sample_cost);
        }
        let aim = Aim::in_turn(context.problem, self.settings.error_share, context.history.len());
        let field = Known::new(&context, seen, aim).field(model)?;
        promotion::promoted(&context, seen, Judge::Rung(&field), self.settings.sample_cost)
    }

    fn may_promote(&self, context: Context<'_>, trial: u64) -> bool {
        self.memo().of(&context).0.is_in_window(trial)
    }
}

/// What follows from a context without a model.
struct Known<'a> {
    context: &'a Context<'a>,
    seen: &'a Seen,
    goals: Goals,
}

impl<'a> Known<'a> {
    fn new(context: &'a Context<'a>, seen: &'a Seen, aim: Aim) -> Self {
        Self { context, seen, goals: Goals::new(context.problem, seen, context.pending, aim) }
    }

    /// The results of full trainings, and the running trials at their means. The model keeps what it knows of what may be asked for again.
    fn field(&self, model: &mut Model) -> Result<Field, Interrupted> {
        let Self { context, seen, goals } = self;
        let trials = &seen.trials;
        let competitor = |place: usize| {
            let error = trials.final_error(place)?;
            let point = goals.aim.of_point(seen.point(place, error));
            Some(Competitor { trial: trials.all[place].number, point })
        };
        let mut competitors: Vec<Competitor> = seen.best_whole().into_iter().filter_map(competitor).collect();
        for running in context.pending {
            context.go_on()?;
            let at_rung = trials.place(running.trial).and_then(|place| trials.estimate(place));
            let expected = at_rung.map_or_else(
                || model.predict(context.problem, running.trial, &running.candidate).mean,
                |estimate| estimate.median,
            );
            let point = goals.point(expected, &running.candidate);
            competitors.push(Competitor { trial: running.trial, point });
        }
        let kept = seen.windows().flatten().map(|place| trials.all[place].number);
        model.keep(&kept.chain(context.pending.iter().map(|running| running.trial)).collect::<HashSet<_>>());
        Ok(Field::new(goals, competitors))
    }

    /// The latest trials and the best of those that were trained in full; `None` if none of them can be compared.
    fn pool(&self) -> Option<Pool> {
        let trials = &self.seen.trials;
        let first = trials.all.len().saturating_sub(MOST_PARENTS);
        let old = self.seen.best_at_end().into_iter().take_while(|&place| place < first);
        let (mut members, mut points) = (Vec::new(), Vec::new());
        for place in old.chain(first..trials.all.len()) {
            let Some(estimate) = trials.estimate(place) else { continue };
            let point = self.seen.point(place, estimate.median);
            if point.iter().all(|value| value.is_finite()) {
                members.push(trials.all[place]);
                points.push(point);
            }
        }
        let parents = || match self.goals.aim {
            Aim::Front => Parents::new(&points),
            Aim::Error => Parents::of_least_error(&points),
        };
        (!members.is_empty()).then(|| Pool { parents: parents(), trials: members })
    }
}

struct Begin<'a> {
    children: Children,
    /// When all children were refused, the neighbourhood of the front is exhausted.
    random: RandomProposer<'a>,
}

impl Proposer for Begin<'_> {
    fn propose(&mut self, rng: &mut dyn Rng) -> Result<Proposal, Interrupted> {
        match self.children.next() {
            Some(proposal) => Ok(proposal),
            None => self.random.propose(rng),
        }
    }
}

#[cfg(test)]
mod tests;
