//! How fast one core of this machine trains.

use std::time::Duration;

use munas_data::Dataset;
use munas_ir::Graph;
use munas_train::{TrainError, TrainSettings, Trainer, never_stop};

use crate::clock::ThreadClock;

/// What a training draws random numbers from that is only timed.
const SEED: u64 = 0;

/// Seconds that an epoch of this training takes on one core, from as many steps as take `wanted`; where whole epochs do, with their
/// evaluations. It is the time that the thread works, which other programs do not change much.
///
/// # Errors
/// [`TrainError`] if the network cannot be trained, or diverges at once.
pub(crate) fn seconds_per_epoch(
    graph: &Graph,
    dataset: &Dataset,
    settings: &TrainSettings,
    wanted: Duration,
) -> Result<f64, TrainError> {
    let mut trainer = Trainer::new(graph, dataset, settings, SEED)?;
    let samples: Vec<u32> = (0..dataset.train.len() as u32).collect();
    let clock = ThreadClock::start();
    let mut trained = 0;
    for batch in samples.chunks(settings.batch.clamp(1, samples.len().max(1))) {
        trainer.step(batch)?;
        trained += batch.len();
        if clock.elapsed() >= wanted {
            return Ok(clock.elapsed().as_secs_f64() * samples.len() as f64 / trained as f64);
        }
    }
    // Trained anew: a schedule has no steps beyond its epochs.
    let mut trainer = Trainer::new(graph, dataset, settings, SEED)?;
    let clock = ThreadClock::start();
    let mut epochs = 0;
    while epochs == 0 || (epochs < settings.epochs && clock.elapsed() < wanted) {
        trainer.epoch(&mut never_stop)?;
        epochs += 1;
    }
    Ok(clock.elapsed().as_secs_f64() / f64::from(epochs))
}
