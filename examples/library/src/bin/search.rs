//! A search from code: an experiment, its run, the front.
//!
//! ```text
//! cargo run --release -p munas-examples --bin search [FOLDER]
//! ```

#![expect(clippy::print_stdout, reason = "examples print")]

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use munas_run::{
    Draft, Event, Limits, Machine, Run, RunReader, StopFlag, Task, TrainingEvaluator, execute, front,
};

const EXPERIMENT: &str = r#"
    data = { source = "glyphs", subset = 400 }
    bounds = { peak_memory = "2KB", model_size = "4KB", hard = ["peak_memory", "model_size"] }
    search = { trials = 8, time = "20s", workers = 1 }
    train.epochs = 4
"#;

fn main() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or_else(|| scratch.path().join("run"), PathBuf::from);
    // What the text leaves open follows the data and this machine.
    let draft = Draft::from_toml(EXPERIMENT, &[])?;
    let dataset = draft.preliminary()?.load_data()?;
    let experiment = draft.resolve(&dataset, &Machine::here(&dataset))?;
    let (task, limits) = (Task::of(&dataset), Limits::of(&experiment));
    let evaluator = TrainingEvaluator::new(&experiment, Arc::new(dataset))?;
    let mut run = Run::create(&dir, experiment, &task)?;
    let summary = execute(&mut run, &evaluator, &limits, &StopFlag::default(), &mut |event| {
        if let Event::TrialFinished { record, on_front: true, .. } = event {
            println!("trial {} is on the front", record.trial);
        }
    })?;
    println!("{} trials, ended by {}", summary.done, summary.reason.name());
    for record in front(&RunReader::open(&dir)?)? {
        let needs = record.candidate.resources;
        println!(
            "trial {}: error {:.1} %, {} B of memory, {} B of model",
            record.trial,
            100.0 * record.error().unwrap_or(f64::NAN),
            needs.peak_memory,
            needs.model_size
        );
    }
    Ok(())
}
