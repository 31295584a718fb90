//! The form on a terminal: a line of totals, a bar for the trials, and one per worker. New members of the front scroll by
//! above them.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar};
use munas_app::Tally;
use munas_report::{trial_figures, units};
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{Event, TrialRecord, TrialState};

use super::{ending_notice, worker_notice};
use crate::output::{bar_style, plain};

/// The bars of a search.
pub struct Bars {
    screen: MultiProgress,
    trials: ProgressBar,
    totals: ProgressBar,
    /// One per worker, in the order in which they first got a trial.
    workers: Vec<WorkerBar>,
}

struct WorkerBar {
    bar: ProgressBar,
    trial: Option<u64>,
}

impl Bars {
    /// Bars at the beginning of a session.
    pub fn new(tally: &Tally) -> Self {
        let screen = MultiProgress::new();
        let trials = screen.add(ProgressBar::new(tally.limit).with_position(tally.ended));
        let is_endless = tally.limit == ENDLESS_TRIALS;
        trials.set_style(bar_style(match is_endless {
            true => "trials   {pos}  {elapsed}",
            false => "trials   {bar:40} {pos}/{len}  {elapsed}",
        }));
        // The elapsed time goes on between events.
        trials.enable_steady_tick(Duration::from_secs(1));
        let totals = screen.add(ProgressBar::new_spinner());
        totals.set_style(bar_style("         {msg}"));
        totals.set_message(tally.line());
        Self { screen, trials, totals, workers: Vec::new() }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>, tally: &Tally) {
        match event {
            Event::TrialStarted { record, .. } => self.start(record),
            Event::Epoch { trial, report } => {
                if let Some(worker) = self.worker_of(*trial) {
                    worker.bar.set_position(u64::from(report.epoch));
                    worker.bar.set_message(format!("error {}", units::percent(report.validation_error)));
                }
                self.totals.set_message(tally.line());
            }
            Event::TrialFinished { record, on_front, .. } => {
                if let Some(worker) = self.worker_of(record.trial) {
                    worker.trial = None;
                }
                match &record.state {
                    TrialState::Failed(reason) => {
                        self.say(&format!("trial {} failed: {reason}", record.trial));
                    }
                    _ if *on_front => self.say(&format!("trial {}: {}", record.trial, trial_figures(record))),
                    _ => {}
                }
                self.trials.set_position(tally.ended);
                self.totals.set_message(tally.line());
            }
            Event::CheckpointLost { error, .. } => {
                if let Some(warning) = tally.checkpoint_warning(error) {
                    self.say(&warning);
                }
            }
            Event::Worker(news) => {
                if let Some(text) = worker_notice(news, &tally.workers) {
                    self.say(&text);
                }
                self.totals.set_message(tally.line());
            }
            Event::Ending { reason, running } => {
                if let Some(notice) = ending_notice(*reason, *running) {
                    self.say(&notice);
                }
            }
        }
    }

    /// Takes the bars away.
    pub fn clear(self) {
        // A terminal that is gone needs no tidying.
        drop(self.screen.clear());
    }

    fn start(&mut self, record: &TrialRecord) {
        let free = self.workers.iter().position(|worker| worker.trial.is_none());
        let index = free.unwrap_or_else(|| {
            let bar = self.screen.insert_before(&self.totals, ProgressBar::new(1));
            bar.set_style(bar_style("{prefix:8} {bar:40} epoch {pos}/{len}  {msg}"));
            self.workers.push(WorkerBar { bar, trial: None });
            self.workers.len() - 1
        });
        let worker = &mut self.workers[index];
        worker.trial = Some(record.trial);
        worker.bar.set_length(u64::from(record.candidate.epochs));
        worker.bar.set_position(0);
        worker.bar.set_prefix(format!("#{}", record.trial));
        worker.bar.set_message("");
    }

    fn worker_of(&mut self, trial: u64) -> Option<&mut WorkerBar> {
        self.workers.iter_mut().find(|worker| worker.trial == Some(trial))
    }

    /// A way to print lines above the bars.
    pub fn voice(&self) -> impl Fn(&str) + Send + 'static {
        let screen = self.screen.clone();
        // As with every message beside the results: one that cannot be written is lost.
        move |line| drop(screen.println(plain(line)))
    }

    fn say(&self, line: &str) {
        drop(self.screen.println(plain(line)));
    }
}
