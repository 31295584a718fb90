//! What a coordinator and a worker say to each other, protocol version 3: `docs/worker.md`.
//!
//! Numbers are JSON numbers of as many digits as it takes to read the same number again; see [`forms`].

mod forms;

use std::time::Duration;

use munas_ir::Graph;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::forms::{AssignmentForm, EpochForm, ResultForm};
use super::wire::Packet;
use crate::executor::backend::{Ended, Job, Report};
use crate::executor::evaluator::EvaluationError;
use crate::store::checkpoints;

/// The version of the protocol.
pub(crate) const PROTOCOL: u32 = 3;
/// The frame with a checkpoint.
const CHECKPOINT: &str = "checkpoint";
/// The frame with a network.
const MODEL: &str = "model";
/// The frame with the file of the network that others learn from.
const TEACHER: &str = "teacher";

/// What a worker is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToWorker {
    /// Who speaks.
    Hello { protocol: u32, version: String },
    /// What the search is.
    Open(Opening),
    /// An attempt at a job, with at least so much time between two checkpoints.
    Work { attempt: u64, job: Job, checkpoint_every: Duration },
    /// To end where the training can next rest.
    Pause { trial: u64, attempt: u64 },
    /// To end after the current batch.
    Stop { trial: u64, attempt: u64 },
}

/// What a search is, for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    /// The resolved experiment, as TOML.
    pub experiment: String,
    /// The fingerprint of its data.
    pub fingerprint: String,
    /// Where the packed data are; `None`: where the worker was told when it was started.
    pub data: Option<String>,
    /// Whether networks are trained anew, as the experiment says of finalists.
    pub finalists: bool,
    /// The file of the network that they learn from, which nodes do not have.
    #[serde(skip)]
    pub teacher: Option<Vec<u8>>,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FromWorker {
    /// Who it is.
    Hello(Introduction),
    /// Its data are those of this fingerprint.
    Opened { fingerprint: String },
    /// It cannot do what it was asked for, and ends.
    Refused { problem: String },
    /// Of an attempt. The assignment of an end is left out: the coordinator has it.
    Report { attempt: u64, report: Report },
    /// That it is there.
    Heartbeat,
}

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Introduction {
    /// Of the protocol.
    pub protocol: u32,
    /// Of munas.
    pub version: String,
    /// What its kernels use.
    pub instruction_set: String,
    /// Cores of its machine.
    pub cores: u64,
    /// Bytes of memory that its machine has.
    pub memory: Option<u64>,
    /// Name of its machine.
    pub host: String,
    /// Number of its process.
    pub process: u32,
}

/// A message is not one of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MessageError(String);

impl From<serde_json::Error> for MessageError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// The lines to a worker.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ToWorkerLine {
    Hello {
        protocol: u32,
        version: String,
    },
    Open(Opening),
    Start {
        attempt: u64,
        assignment: AssignmentForm,
        /// Seconds.
        checkpoint_every: f64,
    },
    Folds {
        attempt: u64,
        assignment: AssignmentForm,
        first: Box<ResultForm>,
        /// Seconds.
        elapsed: f64,
        up_to: Option<f64>,
    },
    Pause {
        trial: u64,
        attempt: u64,
    },
    Stop {
        trial: u64,
        attempt: u64,
    },
}

/// The lines from a worker.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FromWorkerLine {
    Hello(Introduction),
    Opened {
        fingerprint: String,
    },
    Refused {
        problem: String,
    },
    Epoch {
        trial: u64,
        attempt: u64,
        entry: EpochForm,
    },
    Checkpoint {
        trial: u64,
        attempt: u64,
    },
    Ended {
        trial: u64,
        attempt: u64,
        /// Seconds.
        elapsed: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Box<ResultForm>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stopped: bool,
    },
    Heartbeat {},
}

fn packet(line: &impl Serialize, frames: Vec<(String, Vec<u8>)>) -> Packet {
    let line = serde_json::to_value(line).ok().and_then(|line| match line {
        serde_json::Value::Object(line) => Some(line),
        _ => None,
    });
    Packet { line: line.expect("a line of text keys and plain values"), frames }
}

fn line_of<T: DeserializeOwned>(packet: &mut Packet) -> Result<T, MessageError> {
    Ok(serde_json::from_value(std::mem::take(&mut packet.line).into())?)
}

fn seconds(seconds: f64) -> Result<Duration, MessageError> {
    Duration::try_from_secs_f64(seconds).map_err(|_| MessageError(format!("{seconds} is no duration")))
}

fn graph_of(text: &str) -> Result<Graph, MessageError> {
    Graph::from_json(text).map_err(|error| MessageError(format!("graph: {error}")))
}

fn checkpoint_frame(checkpoint: &munas_train::Checkpoint) -> (String, Vec<u8>) {
    let bytes = checkpoints::to_bytes(checkpoint).expect("tensors of a checkpoint have names and lengths");
    (CHECKPOINT.to_owned(), bytes)
}

/// The checkpoint of a message, if it has one.
fn checkpoint_of(packet: &mut Packet) -> Result<Option<munas_train::Checkpoint>, MessageError> {
    let Some(bytes) = packet.take(CHECKPOINT) else { return Ok(None) };
    let checkpoint = checkpoints::from_bytes(&bytes);
    checkpoint.map(Some).ok_or_else(|| MessageError("a damaged checkpoint".to_owned()))
}

impl ToWorker {
    /// The message as it is sent.
    pub fn to_packet(&self) -> Packet {
        let line = match self {
            Self::Hello { protocol, version } => {
                ToWorkerLine::Hello { protocol: *protocol, version: version.clone() }
            }
            Self::Pause { trial, attempt } => ToWorkerLine::Pause { trial: *trial, attempt: *attempt },
            Self::Stop { trial, attempt } => ToWorkerLine::Stop { trial: *trial, attempt: *attempt },
            Self::Open(opening) => {
                let frames =
                    opening.teacher.iter().map(|bytes| (TEACHER.to_owned(), bytes.clone())).collect();
                return packet(&ToWorkerLine::Open(opening.clone()), frames);
            }
            Self::Work { attempt, job: Job::Train(assignment), checkpoint_every } => {
                let frames = assignment.checkpoint.iter().map(checkpoint_frame).collect();
                let checkpoint_every = checkpoint_every.as_secs_f64();
                let (attempt, assignment) = (*attempt, AssignmentForm::of(assignment));
                return packet(&ToWorkerLine::Start { attempt, assignment, checkpoint_every }, frames);
            }
            Self::Work { attempt, job: Job::JudgeFolds { assignment, first, elapsed, up_to }, .. } => {
                let (first, model) = ResultForm::of(first, &assignment.graph);
                let frames = model.into_iter().map(|bytes| (MODEL.to_owned(), bytes)).collect();
                let (first, elapsed) = (Box::new(first), elapsed.as_secs_f64());
                let (attempt, assignment, up_to) = (*attempt, AssignmentForm::of(assignment), *up_to);
                return packet(&ToWorkerLine::Folds { attempt, assignment, first, elapsed, up_to }, frames);
            }
        };
        packet(&line, Vec::new())
    }

    /// The message that was sent.
    ///
    /// # Errors
    /// [`MessageError`] if it is none of this protocol.
    pub fn from_packet(mut packet: Packet) -> Result<Self, MessageError> {
        Ok(match line_of(&mut packet)? {
            ToWorkerLine::Hello { protocol, version } => Self::Hello { protocol, version },
            ToWorkerLine::Open(opening) => Self::Open(Opening { teacher: packet.take(TEACHER), ..opening }),
            ToWorkerLine::Start { attempt, assignment, checkpoint_every } => {
                let job = Job::Train(assignment.assignment(checkpoint_of(&mut packet)?)?);
                Self::Work { attempt, job, checkpoint_every: seconds(checkpoint_every)? }
            }
            ToWorkerLine::Folds { attempt, assignment, first, elapsed, up_to } => {
                let assignment = assignment.assignment(None)?;
                let first = Box::new(first.evaluated(&assignment.graph, packet.take(MODEL))?);
                let job = Job::JudgeFolds { assignment, first, elapsed: seconds(elapsed)?, up_to };
                Self::Work { attempt, job, checkpoint_every: Duration::ZERO }
            }
            ToWorkerLine::Pause { trial, attempt } => Self::Pause { trial, attempt },
            ToWorkerLine::Stop { trial, attempt } => Self::Stop { trial, attempt },
        })
    }
}

impl FromWorker {
    /// The message as it is sent.
    pub fn to_packet(&self) -> Packet {
        let line = match self {
            Self::Hello(introduction) => FromWorkerLine::Hello(introduction.clone()),
            Self::Opened { fingerprint } => FromWorkerLine::Opened { fingerprint: fingerprint.clone() },
            Self::Refused { problem } => FromWorkerLine::Refused { problem: problem.clone() },
            Self::Heartbeat => FromWorkerLine::Heartbeat {},
            Self::Report { attempt, report } => return report_packet(*attempt, report),
        };
        packet(&line, Vec::new())
    }

    /// The message that was sent; the networks of results belong to what `graph` gives for a trial.
    ///
    /// # Errors
    /// [`MessageError`] if it is none of this protocol.
    pub fn from_packet(
        mut packet: Packet,
        graph: impl Fn(u64) -> Option<Graph>,
    ) -> Result<Self, MessageError> {
        let message = match line_of(&mut packet)? {
            FromWorkerLine::Hello(introduction) => Self::Hello(introduction),
            FromWorkerLine::Opened { fingerprint } => Self::Opened { fingerprint },
            FromWorkerLine::Refused { problem } => Self::Refused { problem },
            FromWorkerLine::Heartbeat {} => Self::Heartbeat,
            FromWorkerLine::Epoch { trial, attempt, entry } => {
                Self::Report { attempt, report: Report::Epoch { trial, report: entry.into() } }
            }
            FromWorkerLine::Checkpoint { trial, attempt } => {
                let checkpoint = checkpoint_of(&mut packet)?;
                let checkpoint = checkpoint.ok_or_else(|| MessageError("no checkpoint".to_owned()))?;
                let checkpoint = Box::new(checkpoint);
                Self::Report { attempt, report: Report::Checkpoint { trial, checkpoint } }
            }
            FromWorkerLine::Ended { trial, attempt, elapsed, result, failed, stopped } => {
                let result = match (result, failed, stopped) {
                    (Some(form), None, false) => {
                        let graph = graph(trial)
                            .ok_or_else(|| MessageError(format!("trial {trial} was given to nobody")))?;
                        Ok(form.evaluated(&graph, packet.take(MODEL))?)
                    }
                    (None, Some(reason), false) => Err(EvaluationError::Failed(reason)),
                    (None, None, true) => Err(EvaluationError::Stopped),
                    _ => return Err(MessageError("an end that is not one of three".to_owned())),
                };
                let elapsed = seconds(elapsed)?;
                let ended = Ended { trial, result, elapsed, assignment: None, attempt: Some(attempt) };
                Self::Report { attempt, report: Report::Ended(Box::new(ended)) }
            }
        };
        Ok(message)
    }
}

fn report_packet(attempt: u64, report: &Report) -> Packet {
    match report {
        Report::Epoch { trial, report } => {
            let line = FromWorkerLine::Epoch { trial: *trial, attempt, entry: EpochForm::from(report) };
            packet(&line, Vec::new())
        }
        Report::Checkpoint { trial, checkpoint } => {
            let line = FromWorkerLine::Checkpoint { trial: *trial, attempt };
            packet(&line, vec![checkpoint_frame(checkpoint)])
        }
        Report::Ended(ended) => {
            let Ended { trial, result, elapsed, assignment, .. } = &**ended;
            let (mut frames, mut form, mut failed) = (Vec::new(), None, None);
            match (result, assignment) {
                (Ok(evaluated), Some(assignment)) => {
                    let (of_result, model) = ResultForm::of(evaluated, &assignment.graph);
                    form = Some(Box::new(of_result));
                    frames.extend(model.map(|bytes| (MODEL.to_owned(), bytes)));
                }
                (Ok(_), None) => failed = Some("a result without an assignment".to_owned()),
                (Err(EvaluationError::Failed(reason) | EvaluationError::Lost(reason)), _) => {
                    failed = Some(reason.clone());
                }
                (Err(EvaluationError::Stopped), _) => {}
            }
            let stopped = matches!(result, Err(EvaluationError::Stopped));
            let elapsed = elapsed.as_secs_f64();
            let line =
                FromWorkerLine::Ended { trial: *trial, attempt, elapsed, result: form, failed, stopped };
            packet(&line, frames)
        }
        Report::Worker(_) | Report::Broken { .. } => unreachable!("a worker says nothing of workers"),
    }
}
