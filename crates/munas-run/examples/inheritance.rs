//! Does a child that begins with its parent's weights tell in a short training what it comes to in a full one from scratch? The parents are
//! random networks of Fashion-MNIST, trained in full; a child is one random morphism of its parent.
//!
//!     cargo run --release -p munas-run --example inheritance -- DATA_DIR KIND FIRST LAST
//!
//! for the networks FIRST to LAST as parents and morphisms of one kind: `deeper`, `shallower` (an operator with weights more or less),
//! `width` (filters or units) or `setting` (anything else). One line per training, as CSV:
//! `kind,network,way,epochs,error,inherited,peak_memory,model_size,macs`: of the child, but for the way `parent`.
//!
//! | way | training |
//! |---|---|
//! | `parent` | of the parent, in full; nothing else is trained where it learns nothing, or no morphism of the kind is found |
//! | `scratch` | of the child from its initial weights: in full, and briefly |
//! | `again` | the same in full, with another seed |
//! | `inherited` | of the child from the parent's weights, as far as it can take them over; briefly |
//!
//! Brief trainings have a cycle of the learning rate of their own and a seed that no full one has, so that they share no noise with it.
//! `inherited` is the share of the child's kernel weights that are its parent's.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

#[path = "inheritance/inherit.rs"]
mod inherit;
#[path = "rungs/networks.rs"]
mod networks;

use std::error::Error;

use munas_cost::Resources;
use munas_ir::{Graph, Node, Op, Weights};
use munas_run::Experiment;
use munas_search::{Candidate, Problem, Proposal};
use munas_train::{TrainError, Trainer, never_stop};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use inherit::inherit;
use networks::{EPOCHS, Setting};

/// Epochs of the brief trainings: about a tenth and a third of the full one.
const BRIEF: [u32; 2] = [3, 9];
/// A network with such an error has learnt nothing.
const USELESS: f64 = 0.85;
/// Morphisms that are drawn until one is of the kind that is asked for.
const DRAWS: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, kind, first, last] = &arguments[..] else {
        return Err("usage: inheritance DATA_DIR deeper|shallower|width|setting FIRST LAST".into());
    };
    if !["deeper", "shallower", "width", "setting"].contains(&kind.as_str()) {
        return Err(format!("no kind of morphism is called {kind}").into());
    }
    let setting = Setting::load(dir)?;
    for network in first.parse::<u64>()?..=last.parse()? {
        for Line { way, epochs, error, inherited, resources } in pair(&setting, kind, network)? {
            let Resources { peak_memory, model_size, macs, .. } = resources;
            println!(
                "{kind},{network},{way},{epochs},{error:.5},{inherited:.4},{peak_memory},{model_size},{macs}"
            );
        }
    }
    Ok(())
}

/// One training.
struct Line {
    way: &'static str,
    epochs: u32,
    error: f64,
    /// Share of the kernel weights that are the parent's.
    inherited: f64,
    resources: Resources,
}

/// All trainings of a parent and its child.
fn pair(setting: &Setting, kind: &str, network: u64) -> Result<Vec<Line>, Box<dyn Error>> {
    let problem = &setting.problem;
    let lower = |candidate: &Candidate| candidate.architecture.lower(problem.input, problem.classes);
    let seed = |number: u64| 1_000 * number + network;
    let candidate = setting.draw(network)?;
    let parent = lower(&candidate);
    let (error, trained) = train(setting, &parent, seed(1), EPOCHS, None)?;
    let mut lines =
        vec![Line { way: "parent", epochs: EPOCHS, error, inherited: 0.0, resources: candidate.resources }];
    let Some(child) = child_of(problem, &candidate, &parent, kind, network).filter(|_| error < USELESS)
    else {
        return Ok(lines);
    };
    let resources = child.resources;
    let child = lower(&child);
    let mut add =
        |way, epochs, error, inherited| lines.push(Line { way, epochs, error, inherited, resources });
    add("scratch", EPOCHS, train(setting, &child, seed(2), EPOCHS, None)?.0, 0.0);
    add("again", EPOCHS, train(setting, &child, seed(3), EPOCHS, None)?.0, 0.0);
    let Setting { experiment: Experiment { train: settings, .. }, dataset, .. } = setting;
    let initial = Trainer::new(&child, dataset, settings, seed(4))?.weights();
    let (begin, share) = inherit((&parent, &trained), (&child, &initial))?;
    for epochs in BRIEF {
        add("scratch", epochs, train(setting, &child, seed(4), epochs, None)?.0, 0.0);
        add("inherited", epochs, train(setting, &child, seed(4), epochs, Some(&begin))?.0, share);
    }
    Ok(lines)
}

/// A random morphism of this kind within the hard bounds.
fn child_of(
    problem: &Problem,
    parent: &Candidate,
    graph: &Graph,
    kind: &str,
    network: u64,
) -> Option<Candidate> {
    let mut rng = ChaCha8Rng::seed_from_u64(network);
    (0..DRAWS).find_map(|_| {
        let architecture = problem.space.mutate(&parent.architecture, &mut rng)?;
        let child = architecture.lower(problem.input, problem.classes);
        let candidate = problem.candidate(Proposal { architecture, epochs: EPOCHS, sparsity: None });
        let is_within = problem.bounds.broken_hard(&candidate.objectives(None)).is_none();
        (is_within && kind_of(graph, &child) == Some(kind)).then_some(candidate)
    })
}

/// Which kind of morphism leads from one network to the other; `None` if they are the same.
fn kind_of(parent: &Graph, child: &Graph) -> Option<&'static str> {
    let depth = |graph: &Graph| graph.ops().filter(|&(op, _)| graph.weight_dims(op).is_some()).count();
    let without_width = |graph: &Graph| -> Vec<Node> {
        let one = |op| match op {
            Op::Conv2d { attributes, .. } => Op::Conv2d { filters: 1, attributes },
            Op::Dense { activation, .. } => Op::Dense { units: 1, activation },
            Op::DepthwiseConv2d(_) | Op::Pool { .. } | Op::Add => op,
        };
        graph.nodes().iter().map(|node| Node { op: one(node.op), inputs: node.inputs.clone() }).collect()
    };
    match depth(child) as i64 - depth(parent) as i64 {
        _ if parent == child => None,
        1.. => Some("deeper"),
        ..=-1 => Some("shallower"),
        0 if without_width(parent) == without_width(child) => Some("width"),
        0 => Some("setting"),
    }
}

/// Trains for so many epochs, from `begin` or the initial weights; the error at the end (1 where it diverges), and the weights.
fn train(
    setting: &Setting,
    graph: &Graph,
    seed: u64,
    epochs: u32,
    begin: Option<&Weights>,
) -> Result<(f64, Weights), Box<dyn Error>> {
    let mut trainer = Trainer::new(graph, &setting.dataset, &setting.experiment.train, seed)?;
    if let Some(begin) = begin {
        trainer.set_weights(begin);
    }
    trainer.set_budget(epochs);
    let mut error = 1.0;
    for _ in 0..epochs {
        match trainer.epoch(&mut never_stop) {
            Ok(report) => error = report.validation_error,
            Err(TrainError::Diverged { .. }) => return Ok((1.0, trainer.weights())),
            Err(other) => return Err(other.into()),
        }
    }
    Ok((error, trainer.weights()))
}
