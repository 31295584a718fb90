//! The plain form: a line per trial that ends.

use munas_app::Tally;
use munas_report::trial_figures;
use munas_run::{Event, TrialState};

use super::{ending_notice, worker_notice};
use crate::output::message;

/// Prints what an event has to say.
pub fn show(event: &Event<'_>, tally: &Tally) {
    match event {
        Event::TrialFinished { record, on_front, epochs, .. } => {
            let trial = record.trial;
            let text = match &record.state {
                TrialState::Done => trial_figures(record),
                TrialState::Paused => {
                    let whole = record.candidate.epochs;
                    format!("{}, rests after {epochs} of {whole} epochs", trial_figures(record))
                }
                TrialState::Failed(reason) => format!("failed: {reason}"),
                state => state.name().to_owned(),
            };
            let front = if *on_front { ", on the front" } else { "" };
            message(format_args!("trial {trial}: {text}{front} ({}, {})", tally.progress(), tally.line()));
        }
        Event::Ending { reason, running } => {
            if let Some(notice) = ending_notice(*reason, *running) {
                message(notice);
            }
        }
        Event::CheckpointLost { error, .. } => {
            if let Some(warning) = tally.checkpoint_warning(error) {
                message(warning);
            }
        }
        Event::Worker(news) => {
            if let Some(text) = worker_notice(news, &tally.workers) {
                message(text);
            }
        }
        Event::TrialStarted { .. } | Event::Epoch { .. } => {}
    }
}
