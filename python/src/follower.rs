//! What Python is told of a session.

use std::ops::ControlFlow;
use std::sync::mpsc::Sender;

use munas_app::Tally;
use munas_app::session::{Audience, WhileLocked};
use munas_report::trial_figures;
use munas_run::experiment::ENDLESS_TRIALS;
use munas_run::{
    Event, Experiment, FinalistEvent, FinalistRecord, FinalistState, Limits, RefinePlan, Status, StopFlag,
    TrialState,
};

use crate::attended::News;

/// Follows a session and sends the news of it.
pub struct Follower<'a> {
    news: &'a Sender<News>,
    stop: &'a StopFlag,
    tally: Option<Tally>,
    finalists: Finalists,
}

/// How far the training of finalists is.
#[derive(Default)]
struct Finalists {
    trainings: u64,
    ended: u64,
}

impl<'a> Follower<'a> {
    /// Nothing has begun.
    pub fn new(news: &'a Sender<News>, stop: &'a StopFlag) -> Self {
        Self { news, stop, tally: None, finalists: Finalists::default() }
    }

    fn send(&self, news: News) {
        // Nobody listens any more where the session is being stopped.
        drop(self.news.send(news));
    }

    fn send_progress(&self, what: &str) {
        let Some(tally) = &self.tally else { return };
        let text = format!("{} trials · {}{what}", tally.progress(), tally.line());
        let of = Some(tally.limit).filter(|limit| *limit != ENDLESS_TRIALS);
        self.send(News::Progress { done: tally.ended, of, text });
    }

    fn send_finalists(&self) {
        let Finalists { trainings, ended } = self.finalists;
        let text = format!("finalists: {ended}/{trainings} trainings");
        self.send(News::Progress { done: ended, of: Some(trainings), text });
    }
}

impl Audience for Follower<'_> {
    fn search_begins(&mut self, experiment: &Experiment, limits: &Limits, status: &Status) {
        self.tally = Some(Tally::new(experiment, limits, status));
        self.send_progress("");
    }

    fn hears(&mut self, event: &Event<'_>) {
        let Some(tally) = &mut self.tally else { return };
        tally.count(event);
        match event {
            Event::TrialFinished { record, on_front, .. } => {
                if let TrialState::Failed(reason) = &record.state {
                    self.send(News::Note(format!("trial {} failed: {reason}", record.trial)));
                } else if *on_front {
                    self.send(News::Note(format!("trial {}: {}", record.trial, trial_figures(record))));
                }
                self.send_progress("");
            }
            Event::CheckpointLost { error, .. } => {
                if let Some(warning) = tally.checkpoint_warning(error) {
                    self.send(News::Warning(warning));
                }
            }
            Event::TrialStarted { .. } | Event::Epoch { .. } | Event::Worker(_) | Event::Ending { .. } => {}
        }
    }

    fn search_ends(&mut self) {}

    fn finalists_begin(&mut self, plan: &RefinePlan) {
        self.finalists = Finalists { trainings: plan.trainings as u64, ended: 0 };
        self.send_finalists();
    }

    fn hears_of_finalist(&mut self, event: &FinalistEvent<'_>) {
        match event {
            FinalistEvent::Ended { record } => {
                self.finalists.ended += 1;
                if let FinalistState::Failed(reason) = &record.state {
                    let FinalistRecord { trial, number, .. } = record;
                    self.send(News::Note(format!("trial {trial}, training {number}: failed: {reason}")));
                }
                self.send_finalists();
            }
            FinalistEvent::CheckpointLost { error } => self.send(News::Warning(error.to_string())),
            FinalistEvent::Started { .. }
            | FinalistEvent::Epoch { .. }
            | FinalistEvent::Stopped { .. }
            | FinalistEvent::Worker(_)
            | FinalistEvent::Ending { .. } => {}
        }
    }

    fn finalists_end(&mut self) {}

    fn note(&mut self, text: &str) {
        self.send(News::Note(text.to_owned()));
    }

    fn while_locked(&self) -> WhileLocked {
        let stop = self.stop.clone();
        Box::new(
            move |_| if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) },
        )
    }
}
