//! A terminal that follows a session: the displays of its parts, one after the other.

use munas_app::session::{Audience, WhileLocked};
use munas_run::{Event, Experiment, FinalistEvent, Limits, RefinePlan, Status};

use crate::finals::plan_text;
use crate::live::{FinalistsLive, Live};
use crate::output::message;
use crate::stop::Interruption;
use crate::waiting::waiting;

/// What is shown of a session.
pub struct Terminal<'a> {
    interruption: &'a Interruption,
    search: Option<Live>,
    finalists: Option<FinalistsLive>,
}

impl<'a> Terminal<'a> {
    /// Nothing is shown yet.
    pub fn new(interruption: &'a Interruption) -> Self {
        Self { interruption, search: None, finalists: None }
    }
}

impl Audience for Terminal<'_> {
    fn search_begins(&mut self, experiment: &Experiment, limits: &Limits, status: &Status) {
        self.search = Some(Live::new(experiment, limits, status));
    }

    fn hears(&mut self, event: &Event<'_>) {
        if let Some(live) = &mut self.search {
            live.show(event);
        }
    }

    fn search_ends(&mut self) {
        if let Some(live) = self.search.take() {
            live.finish();
        }
    }

    fn finalists_begin(&mut self, plan: &RefinePlan) {
        message(plan_text(plan));
        self.finalists = Some(FinalistsLive::new(plan));
    }

    fn hears_of_finalist(&mut self, event: &FinalistEvent<'_>) {
        if let Some(live) = &mut self.finalists {
            live.show(event);
        }
    }

    fn finalists_end(&mut self) {
        if let Some(live) = self.finalists.take() {
            live.finish();
        }
    }

    fn note(&mut self, text: &str) {
        message(text);
    }

    fn while_locked(&self) -> WhileLocked {
        let interruption = self.interruption.clone();
        match (&self.search, &self.finalists) {
            (Some(live), _) => Box::new(waiting(interruption, live.voice())),
            (None, Some(live)) => Box::new(waiting(interruption, live.voice())),
            (None, None) => Box::new(waiting(interruption, |text: &str| message(text))),
        }
    }
}
