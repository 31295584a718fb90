//! What one sees of a search while it goes on: on a terminal a bar for the trials and one per worker, else a line per
//! trial. All of it goes to standard error.

mod bars;
mod finalists;
mod lines;

use std::io::IsTerminal;

use munas_app::{Tally, Workers};
use munas_run::{EndReason, Event, Experiment, Limits, Status, WorkerInfo, WorkerNews};

use bars::Bars;
pub use finalists::FinalistsLive;

use crate::output::message;

/// The display of a search.
pub struct Live {
    tally: Tally,
    screen: Screen,
}

enum Screen {
    Bars(Bars),
    Lines,
}

impl Live {
    /// A display for a session that begins at `status`.
    pub fn new(experiment: &Experiment, limits: &Limits, status: &Status) -> Self {
        let tally = Tally::new(experiment, limits, status);
        let is_terminal = std::io::stderr().is_terminal();
        let screen = if is_terminal { Screen::Bars(Bars::new(&tally)) } else { Screen::Lines };
        Self { tally, screen }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>) {
        self.tally.count(event);
        match &mut self.screen {
            Screen::Bars(bars) => bars.show(event, &self.tally),
            Screen::Lines => lines::show(event, &self.tally),
        }
    }

    /// A way to say something between two events.
    pub fn voice(&self) -> impl Fn(&str) + Send + 'static {
        let bars = match &self.screen {
            Screen::Bars(bars) => Some(bars.voice()),
            Screen::Lines => None,
        };
        move |line| match &bars {
            Some(bars) => bars(line),
            None => message(line),
        }
    }

    /// Takes the bars away.
    pub fn finish(self) {
        if let Screen::Bars(bars) = self.screen {
            bars.clear();
        }
    }
}

/// What to say when running trials are being stopped; nothing where the end of the search comes at once.
fn ending_notice(reason: EndReason, running: usize) -> Option<String> {
    let trials = match running {
        0 => return None,
        1 => "1 running trial".to_owned(),
        _ => format!("{running} running trials"),
    };
    match reason {
        EndReason::Interrupted => Some(format!("stopping {trials}; Ctrl-C again ends at once")),
        EndReason::Time => Some(format!("the time is up; stopping {trials}")),
        EndReason::Target { trial } => Some(format!("trial {trial} reached the target; stopping {trials}")),
        EndReason::Trials | EndReason::Exhausted => None,
    }
}

/// What to say of those that train.
fn worker_notice(news: &WorkerNews, crew: &Workers) -> Option<String> {
    let name = |worker: &WorkerInfo| format!("process {} on {}", worker.process, worker.node);
    match news {
        WorkerNews::Joined(worker) => {
            let WorkerInfo { node, instruction_set, .. } = worker;
            Some(format!("a worker on {node} ({instruction_set}) has joined: {crew}"))
        }
        WorkerNews::Left { worker, reason } => {
            Some(format!("the worker in {} is lost: {reason}; {crew} left", name(worker)))
        }
        WorkerNews::GivenUp { trial, goes_on: true, .. } => Some(format!("trial {trial} goes on elsewhere")),
        WorkerNews::Note(text) => Some(text.clone()),
        WorkerNews::Began { .. } | WorkerNews::GivenUp { .. } | WorkerNews::Refused { .. } => None,
    }
}
