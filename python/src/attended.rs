//! Work that takes long: it is done on a thread of its own, while the calling thread passes on the news of it and looks for
//! Ctrl-C. Other threads of Python run meanwhile. When the call returns, the thread is gone.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use munas_app::UserResult;
use munas_run::StopFlag;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{exception, told};

/// How often to look for Ctrl-C.
const EVERY: Duration = Duration::from_millis(100);

/// News of the work.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Something to be said once.
    Note(String),
    /// Something that is not as it should be.
    Warning(String),
    /// How far it is: so much of so much where that is known, and in words.
    Progress {
        /// What is done.
        done: u64,
        /// Of how much.
        of: Option<u64>,
        /// In words.
        text: String,
    },
}

/// Does work while `listener`, if there is one, is called with each piece of news as a dictionary. A stop is requested where
/// a signal has raised an exception, or the listener; the work then ends in order, and the exception is raised.
pub fn attended<T: Send>(
    py: Python<'_>,
    listener: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&StopFlag, &Sender<News>) -> UserResult<T> + Send,
) -> PyResult<T> {
    let stop = StopFlag::default();
    let (sender, mut receiver) = channel();
    let result = thread::scope(|scope| {
        let worker = scope.spawn(|| work(&stop, &{ sender }));
        let mut raised = None;
        loop {
            let (back, news) = py.detach(move || wait(receiver));
            receiver = back;
            let heard = match news {
                Ok(news) => listener.map_or(Ok(()), |listener| tell(py, listener, news)),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = heard.and_then(|()| py.check_signals())
                && raised.is_none()
            {
                stop.request();
                raised = Some(error);
            }
        }
        let result = py.detach(|| worker.join()).unwrap_or_else(|panic| resume_unwind(panic));
        match (raised, &result) {
            (None, _) => Ok(result),
            (Some(error), Ok(_)) => Err(error),
            (Some(error), Err(problem)) => {
                // What went wrong while it ended is not lost.
                error.set_cause(py, Some(exception(py, problem)));
                Err(error)
            }
        }
    })?;
    told(py, result)
}

fn wait(receiver: Receiver<News>) -> (Receiver<News>, Result<News, RecvTimeoutError>) {
    let news = receiver.recv_timeout(EVERY);
    (receiver, news)
}

fn tell(py: Python<'_>, listener: &Bound<'_, PyAny>, news: News) -> PyResult<()> {
    let event = PyDict::new(py);
    match news {
        News::Note(text) => {
            event.set_item("kind", "note")?;
            event.set_item("text", text)?;
        }
        News::Warning(text) => {
            event.set_item("kind", "warning")?;
            event.set_item("text", text)?;
        }
        News::Progress { done, of, text } => {
            event.set_item("kind", "progress")?;
            event.set_item("done", done)?;
            event.set_item("of", of)?;
            event.set_item("text", text)?;
        }
    }
    listener.call1((event,)).map(drop)
}
