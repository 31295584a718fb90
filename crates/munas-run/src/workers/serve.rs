//! The worker: trains what it is told, one trial at a time, and knows nothing of who else does.

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use munas_data::machine_memory;

use super::link::HEARTBEAT;
use super::message::{FromWorker, Introduction, Opening, PROTOCOL, ToWorker};
use super::wire;
use crate::executor::backend::{Backend, Job, Report};
use crate::executor::evaluator::Evaluator;
use crate::executor::threads::Threads;

/// Makes the evaluator of a search; what is wrong, in words.
pub(crate) type Opener<'a> = dyn Fn(&Opening) -> Result<Box<dyn Evaluator + 'a>, String> + 'a;

/// How soon a worker that trains hears what it is told.
const TICK: Duration = Duration::from_millis(50);

/// What has come in from the coordinator.
enum Incoming {
    Message(Box<ToWorker>),
    Garbled(String),
    End,
}

/// Serves a coordinator until its messages end. `at_end` is called the moment they do, on another thread than this, whatever is being trained.
///
/// # Errors
/// Why the worker refused to do what it was asked for, after it has said so.
pub(crate) fn serve(
    input: impl Read + Send + 'static,
    output: impl Write + Send,
    open: &Opener<'_>,
    at_end: impl FnOnce() + Send + 'static,
) -> Result<(), String> {
    let (sender, incoming) = mpsc::channel();
    thread::spawn(move || {
        let end = match read(input, &sender) {
            // What was said is answered before the worker ends.
            Err(problem) => Incoming::Garbled(problem),
            Ok(()) => {
                at_end();
                Incoming::End
            }
        };
        // A receiver that is gone has ended already.
        let _ = sender.send(end);
    });
    let voice = Voice(Mutex::new(Box::new(output)));
    let (stop_beating, beats) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let voice = &voice;
        scope.spawn(move || {
            // Nothing is ever sent: the wait ends early when the sender is dropped.
            while beats.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout)
                && voice.say(&FromWorker::Heartbeat).is_continue()
            {}
        });
        let ended = converse(&incoming, voice, open);
        if let Err(problem) = &ended {
            let _ = voice.say(&FromWorker::Refused { problem: problem.clone() });
        }
        drop(stop_beating);
        ended
    })
}

/// Passes on what comes in, until nothing more does or it cannot be understood: what is wrong.
fn read(input: impl Read, sender: &Sender<Incoming>) -> Result<(), String> {
    let mut misunderstood = None;
    let read = wire::read(input, |packet| match ToWorker::from_packet(packet) {
        Ok(message) => match sender.send(Incoming::Message(Box::new(message))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        },
        Err(error) => {
            misunderstood = Some(error.to_string());
            ControlFlow::Break(())
        }
    });
    match misunderstood {
        Some(problem) => Err(problem),
        None => read.map_err(|error| error.to_string()),
    }
}

/// What the worker says, whole messages from whichever thread.
struct Voice<'a>(Mutex<Box<dyn Write + Send + 'a>>);

impl Voice<'_> {
    /// Whether somebody listens.
    fn say(&self, message: &FromWorker) -> ControlFlow<()> {
        let bytes = message.to_packet().to_bytes();
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match output.write_all(&bytes).and_then(|()| output.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// From the greeting to the end.
fn converse(incoming: &Receiver<Incoming>, voice: &Voice<'_>, open: &Opener<'_>) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    match next(incoming)? {
        Some(ToWorker::Hello { protocol: PROTOCOL, version: theirs }) if theirs == version => {}
        Some(ToWorker::Hello { protocol, version: theirs }) => {
            return Err(format!(
                "this worker is munas {version} with protocol {PROTOCOL}, the coordinator munas {theirs} with protocol {protocol}"
            ));
        }
        Some(_) => return Err("the first message must be hello".to_owned()),
        None => return Ok(()),
    }
    if voice.say(&FromWorker::Hello(introduction())).is_break() {
        return Ok(());
    }
    let opening = match next(incoming)? {
        Some(ToWorker::Open(opening)) => opening,
        Some(_) => return Err("the second message must be open".to_owned()),
        None => return Ok(()),
    };
    let evaluator = open(&opening)?;
    let fingerprint = evaluator.task().fingerprint.clone();
    if fingerprint != opening.fingerprint {
        let expected = opening.fingerprint;
        return Err(format!("the data have fingerprint {fingerprint}, not {expected}"));
    }
    if voice.say(&FromWorker::Opened { fingerprint }).is_break() {
        return Ok(());
    }
    train(incoming, voice, &*evaluator)
}

/// The next message; `None` when there is none any more.
fn next(incoming: &Receiver<Incoming>) -> Result<Option<ToWorker>, String> {
    match incoming.recv() {
        Ok(Incoming::Message(message)) => Ok(Some(*message)),
        Ok(Incoming::Garbled(problem)) => Err(problem),
        Ok(Incoming::End) | Err(_) => Ok(None),
    }
}

/// Does one job after the other.
fn train(incoming: &Receiver<Incoming>, voice: &Voice<'_>, evaluator: &dyn Evaluator) -> Result<(), String> {
    loop {
        match next(incoming)? {
            Some(ToWorker::Work { attempt, job, checkpoint_every }) => {
                let goes_on = thread::scope(|scope| {
                    let mut threads = Threads::new(scope, evaluator, checkpoint_every);
                    work(incoming, voice, &mut threads, (attempt, job))
                })?;
                if goes_on.is_break() {
                    return Ok(());
                }
            }
            // Of a job that has ended.
            Some(ToWorker::Pause { .. } | ToWorker::Stop { .. }) => {}
            Some(ToWorker::Hello { .. } | ToWorker::Open(_)) => {
                return Err("hello and open come once".to_owned());
            }
            None => return Ok(()),
        }
    }
}

/// Does a job, and says whether another may come.
fn work(
    incoming: &Receiver<Incoming>,
    voice: &Voice<'_>,
    threads: &mut Threads<'_, '_>,
    (attempt, job): (u64, Job),
) -> Result<ControlFlow<()>, String> {
    let trial = job.trial();
    threads.start(job).map_err(|error| format!("cannot start a thread: {error}"))?;
    loop {
        for message in incoming.try_iter() {
            match message {
                Incoming::Message(message) => match *message {
                    ToWorker::Stop { attempt: of, .. } if of == attempt => threads.stop(trial),
                    ToWorker::Pause { attempt: of, .. } if of == attempt => threads.pause(trial),
                    ToWorker::Stop { .. } | ToWorker::Pause { .. } => {}
                    _ => {
                        return Err(format!(
                            "trial {trial} is being trained: a worker does one job at a time"
                        ));
                    }
                },
                Incoming::Garbled(problem) => return Err(problem),
                Incoming::End => return Ok(ControlFlow::Break(())),
            }
        }
        let Some(report) = threads.poll(TICK) else { continue };
        let has_ended = matches!(report, Report::Ended(_));
        let heard = voice.say(&FromWorker::Report { attempt, report });
        if has_ended || heard.is_break() {
            return Ok(heard);
        }
    }
}

fn introduction() -> Introduction {
    Introduction {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instruction_set: munas_train::instruction_set().to_owned(),
        cores: thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        memory: machine_memory(),
        host: host_name(),
        process: std::process::id(),
    }
}

/// The name of this machine.
#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}
