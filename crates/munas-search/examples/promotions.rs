//! Successive halving over networks that were measured, by several rules: `experiments/promotion/run.py` pipes in the networks.
//!
//!     cargo run --release -p munas-search --example promotions -- ORDERS
//!
//! The networks arrive in a random order. Each is at once at the first rung; before the next one comes, whatever is due goes on. Prints CSV, a line for
//! each full training and one for the end: `rule,capped,training,order,epochs,cost,trained,four,majority`.
//!
//! | column | meaning |
//! |---|---|
//! | epochs | epochs paid until then |
//! | cost | the same, an epoch of a network counting as 10,000 + its MACs, in epochs of the mean network |
//! | trained | networks that were trained in full until then |
//! | four, majority | the hypervolume of them, of that of all networks: up to four times the least error, up to that of one answer for all |
#![expect(clippy::print_stdout, reason = "an example prints its result")]

#[path = "measured/networks.rs"]
mod networks;
#[path = "promotions/rules.rs"]
mod rules;

use std::error::Error;

use munas_search::pareto::hypervolume;
use munas_search::{History, Objective, Problem};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use networks::Network;
use rules::{Judge, Rule};

/// What the reference is above the bounds by.
const BEYOND_BOUNDS: f64 = 10.0;
/// Multiples of the least error up to which one counts.
const BEYOND_LEAST: f64 = 4.0;
/// The error of one answer for all.
const MAJORITY: f64 = 0.9;
/// What a sample costs beside its MACs, in MACs.
const OVERHEAD_MACS: f64 = 10_000.0;

fn main() -> Result<(), Box<dyn Error>> {
    let orders: u64 = std::env::args().nth(1).ok_or("usage: promotions ORDERS")?.parse()?;
    let problem = networks::problem()?;
    let all = networks::read(std::io::stdin().lock(), &problem)?;
    let trainings = all.first().ok_or("no networks")?.errors.len();
    for training in 0..trainings {
        let scale = Scale::new(&problem, &all, training);
        for number in 0..orders {
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(number));
            for judge in Judge::ALL {
                for capped in [true, false] {
                    let rule = Rule::new(judge, capped, number);
                    let replay =
                        Replay { problem: &problem, all: &all, training, scale: &scale, rule, number };
                    replay.run(&order)?;
                }
            }
        }
    }
    Ok(())
}

/// What hypervolume and cost are measured by.
struct Scale {
    /// For each reference, itself and the hypervolume of all networks.
    references: [(Vec<f64>, f64); 2],
    mean_cost: f64,
}

impl Scale {
    fn new(problem: &Problem, all: &[Network], training: usize) -> Self {
        let points: Vec<Vec<f64>> = all.iter().map(|network| point(problem, network, training)).collect();
        let least = points.iter().map(|point| point[0]).fold(f64::INFINITY, f64::min);
        let references = [BEYOND_LEAST.ln() + least, MAJORITY.ln()].map(|error| {
            let bounds = resources(problem).map(|(_, bound)| (BEYOND_BOUNDS * bound).ln());
            let reference: Vec<f64> = std::iter::once(error).chain(bounds).collect();
            let volume = hypervolume(&points, &reference);
            (reference, volume)
        });
        let mean_cost = all.iter().map(cost).sum::<f64>() / all.len() as f64;
        Self { references, mean_cost }
    }
}

/// The bounded resources, with their bounds.
fn resources(problem: &Problem) -> impl Iterator<Item = (Objective, f64)> + '_ {
    problem.bounds.values.iter().filter(|(objective, _)| *objective != Objective::Error)
}

/// The logarithms of a network's final error and of its resources.
fn point(problem: &Problem, network: &Network, training: usize) -> Vec<f64> {
    point_at(problem, network, training, problem.rungs.len() - 1)
}

/// The logarithms of a network's error at a rung and of its resources.
fn point_at(problem: &Problem, network: &Network, training: usize, rung: usize) -> Vec<f64> {
    let values = network.candidate.objectives(None);
    let value = |(objective, _)| values[objective].unwrap_or(f64::INFINITY).ln();
    std::iter::once(network.errors[training][rung].ln()).chain(resources(problem).map(value)).collect()
}

/// Of an epoch.
fn cost(network: &Network) -> f64 {
    OVERHEAD_MACS + network.candidate.resources.macs as f64
}

/// One order of arrival under one rule.
struct Replay<'a> {
    problem: &'a Problem,
    all: &'a [Network],
    training: usize,
    scale: &'a Scale,
    rule: Rule,
    number: u64,
}

/// What has been paid, and what it has come to.
#[derive(Default)]
struct Account {
    epochs: u32,
    cost: f64,
    finals: Vec<Vec<f64>>,
}

impl Replay<'_> {
    fn run(&self, order: &[usize]) -> Result<(), Box<dyn Error>> {
        let mut history = History::new(self.problem.input);
        let mut rungs: Vec<Option<usize>> = vec![None; self.all.len()];
        let mut account = Account::default();
        let mut arrivals = order.iter();
        loop {
            let due = self.rule.due(self, &history, &rungs)?;
            let Some(place) = due.or_else(|| arrivals.next().copied()) else { break };
            let rung = rungs[place].map_or(0, |rung| rung + 1);
            rungs[place] = Some(rung);
            let network = &self.all[place];
            let before = rung.checked_sub(1).map_or(0, |before| self.problem.rungs[before]);
            let epochs = self.problem.rungs[rung] - before;
            account.epochs += epochs;
            account.cost += f64::from(epochs) * cost(network) / self.scale.mean_cost;
            history.push(network.result(self.problem, self.training, rung));
            if rung + 1 == self.problem.rungs.len() {
                account.finals.push(point(self.problem, network, self.training));
                self.print(&account);
            }
        }
        self.print(&account);
        Ok(())
    }

    fn print(&self, Account { epochs, cost, finals }: &Account) {
        let share = |(reference, all): &(Vec<f64>, f64)| hypervolume(finals, reference) / all;
        let [four, majority] = [0, 1].map(|which| share(&self.scale.references[which]));
        let Rule { judge, capped, .. } = &self.rule;
        println!(
            "{},{},{},{},{epochs},{cost:.1},{},{four:.4},{majority:.4}",
            judge.name(),
            if *capped { "yes" } else { "no" },
            self.training + 1,
            self.number,
            finals.len()
        );
    }
}
