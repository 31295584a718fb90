//! What one sees while finalists are trained: on a terminal a bar over all epochs, else a line per training.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use indicatif::{MultiProgress, ProgressBar};
use munas_app::Workers;
use munas_report::units;
use munas_run::{FinalistEvent, FinalistRecord, FinalistState, RefineEnd, RefinePlan};

use super::worker_notice;
use crate::output::{bar_style, message, plain};

/// The display.
pub struct FinalistsLive {
    bar: Option<(MultiProgress, ProgressBar)>,
    trainings: usize,
    ended: usize,
    /// Epochs of each training under way.
    running: BTreeMap<(u64, u32), u32>,
    /// Epochs of a training.
    epochs: u32,
    lost_checkpoints: u64,
    /// In other processes.
    workers: Workers,
}

impl FinalistsLive {
    /// A display of what is to be done.
    pub fn new(plan: &RefinePlan) -> Self {
        let epochs = plan.trainings as u64 * u64::from(plan.epochs);
        let bar = std::io::stderr().is_terminal().then(|| {
            let screen = MultiProgress::new();
            let bar = screen.add(ProgressBar::new(epochs));
            bar.set_style(bar_style("finalists {bar:40} {msg}  {elapsed}, {eta} left"));
            (screen, bar)
        });
        let display = Self {
            bar,
            trainings: plan.trainings,
            ended: 0,
            running: BTreeMap::new(),
            epochs: plan.epochs,
            lost_checkpoints: 0,
            workers: Workers::default(),
        };
        display.update();
        display
    }

    /// Shows an event.
    pub fn show(&mut self, event: &FinalistEvent<'_>) {
        match *event {
            FinalistEvent::Started { trial, number, .. } => {
                self.running.insert((trial, number), 0);
            }
            FinalistEvent::Epoch { trial, number, report } => {
                self.running.insert((trial, number), report.epoch);
            }
            FinalistEvent::Stopped { trial, number } => {
                self.running.remove(&(trial, number));
            }
            FinalistEvent::Ended { record } => {
                self.running.remove(&(record.trial, record.number));
                self.ended += 1;
                self.say(&format!("{} ({}/{})", ended_text(record), self.ended, self.trainings));
            }
            FinalistEvent::CheckpointLost { error } => {
                self.lost_checkpoints += 1;
                if self.lost_checkpoints == 1 {
                    self.say(&format!(
                        "warning: {error}; it goes on, but a training that is interrupted may begin anew"
                    ));
                }
            }
            FinalistEvent::Worker(news) => {
                self.workers.count(news);
                if let Some(notice) = worker_notice(news, &self.workers) {
                    self.say(&notice);
                }
            }
            FinalistEvent::Ending { reason, running } => {
                if let Some(notice) = ending_notice(reason, running) {
                    self.say(&notice);
                }
            }
        }
        self.update();
    }

    fn update(&self) {
        let Some((_, bar)) = &self.bar else { return };
        let of_running: u64 = self.running.values().map(|epoch| u64::from(*epoch)).sum();
        bar.set_position(self.ended as u64 * u64::from(self.epochs) + of_running);
        bar.set_message(format!("{}/{} trainings", self.ended, self.trainings));
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some((screen, _)) => drop(screen.println(plain(line))),
            None => message(line),
        }
    }

    /// A way to say something between two events.
    pub fn voice(&self) -> impl Fn(&str) + Send + 'static {
        let screen = self.bar.as_ref().map(|(screen, _)| screen.clone());
        move |line| match &screen {
            Some(screen) => drop(screen.println(plain(line))),
            None => message(line),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some((screen, _)) = self.bar {
            // A terminal that is gone needs no tidying.
            drop(screen.clear());
        }
    }
}

fn ended_text(record: &FinalistRecord) -> String {
    let FinalistRecord { trial, number, driving, .. } = record;
    match &record.state {
        FinalistState::Failed(reason) => format!("trial {trial}, training {number}: failed: {reason}"),
        FinalistState::Done(outcome) => {
            let error = units::percent_with_or_dash(record.error(), outcome.validation_stderr);
            format!("trial {trial}, training {number}: {} {error}", driving.title())
        }
    }
}

fn ending_notice(reason: RefineEnd, running: usize) -> Option<String> {
    let trainings = match running {
        0 => return None,
        1 => "1 running training".to_owned(),
        _ => format!("{running} running trainings"),
    };
    match reason {
        RefineEnd::Interrupted => Some(format!("stopping {trainings}; Ctrl-C again ends at once")),
        RefineEnd::Time => Some(format!("the time is up; stopping {trainings}")),
        RefineEnd::Done => None,
    }
}
