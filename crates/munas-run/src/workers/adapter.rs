//! Workers that a scheduler starts wherever it has cores, through its adapter: a child that passes on what is said, unread.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::link::{Link, LinkEvent, WorkerId};
use super::message::ToWorker;
use super::wire::{self, BYTES, Decoder, Packet};

/// The adapter for Ray, in Python; it needs Ray and nothing of munas.
const RAY: &str = include_str!("../../../../python/munas/ray.py");
/// The way out where the adapter is lost.
const GO_ON: &str = "`munas resume` goes on with the run, on any backend";
/// How long the adapter has to end its workers and itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long an adapter that has connected may say nothing at all. It says every few seconds that it is alive.
const SILENCE: Duration = Duration::from_secs(60);
/// A coordinator that did not listen for so long cannot say that the adapter was silent.
const DEAF: Duration = Duration::from_secs(10);

/// What an adapter is asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Begin {
    /// Of munas.
    pub version: String,
    /// Of the cluster; `None`: the one that is there, or one of this machine.
    pub address: Option<String>,
    pub cpus_per_worker: f64,
    pub most_workers: Option<usize>,
    /// The program that workers run.
    pub binary: String,
    /// The packed data.
    pub data: String,
    /// Their fingerprint.
    pub fingerprint: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToAdapter<'a> {
    Begin(&'a Begin),
    Send { worker: WorkerId },
    Kill { worker: WorkerId },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromAdapter {
    Ready { engine: String },
    Joined { worker: WorkerId, node: String },
    From { worker: WorkerId },
    Left { worker: WorkerId, reason: String },
    Alive,
    Note { text: String },
    Failed { problem: String, hint: Option<String> },
}

/// The workers behind an adapter.
pub(crate) struct Adapter {
    child: Child,
    words: Option<Sender<Vec<u8>>>,
    /// What it tells; `None`: that it is alive.
    events: Receiver<Option<LinkEvent>>,
    /// When it was heard last, once it has said that it is alive.
    heard: Option<Instant>,
    /// When it was listened to last.
    listened: Instant,
    silence: Duration,
}

impl Adapter {
    /// Starts the adapter for Ray with this Python.
    ///
    /// # Errors
    /// If the Python cannot be started.
    pub fn ray(python: &Path, begin: &Begin) -> io::Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", RAY]);
        Self::start(command, begin)
    }

    fn start(mut command: Command, begin: &Begin) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A terminal's Ctrl-C is for the coordinator, which ends its workers in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a process without pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let words = wire::writer(input);
        let (sender, events) = mpsc::channel();
        thread::spawn(move || Listener { sender, workers: BTreeMap::new() }.listen(output));
        let (heard, listened, silence) = (None, Instant::now(), SILENCE);
        let adapter = Self { child, words: Some(words), events, heard, listened, silence };
        adapter.say(&ToAdapter::Begin(begin), None);
        Ok(adapter)
    }

    fn silent(&self) -> LinkEvent {
        let seconds = self.silence.as_secs();
        let problem = format!("the adapter between munas and its workers has said nothing for {seconds} s");
        LinkEvent::Broken { problem, hint: Some(GO_ON.to_owned()) }
    }

    fn say(&self, message: &ToAdapter<'_>, bytes: Option<Vec<u8>>) {
        let Ok(serde_json::Value::Object(line)) = serde_json::to_value(message) else { return };
        let frames = bytes.map(|bytes| (BYTES.to_owned(), bytes)).into_iter().collect();
        if let Some(words) = &self.words {
            // An adapter that does not listen any more has its end on the way.
            let _ = words.send(Packet { line, frames }.to_bytes());
        }
    }
}

impl Link for Adapter {
    fn poll(&mut self, timeout: Duration) -> Option<LinkEvent> {
        let told = self.events.recv_timeout(timeout).ok();
        let was_deaf = self.listened.elapsed() > timeout + DEAF;
        self.listened = Instant::now();
        let counts = self.heard.is_some() || told == Some(None);
        if counts && (told.is_some() || was_deaf) {
            self.heard = Some(self.listened);
        }
        match told {
            Some(event) => event,
            None => self.heard.take_if(|heard| heard.elapsed() > self.silence).map(|_| self.silent()),
        }
    }

    fn send(&mut self, worker: WorkerId, message: &ToWorker) {
        self.say(&ToAdapter::Send { worker }, Some(message.to_packet().to_bytes()));
    }

    fn kill(&mut self, worker: WorkerId) {
        self.say(&ToAdapter::Kill { worker }, None);
    }

    fn is_local(&self) -> bool {
        false
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        // The end of what it hears is its order to end.
        self.words = None;
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begin.elapsed() < FAREWELL {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What makes events of what an adapter says.
struct Listener {
    sender: Sender<Option<LinkEvent>>,
    /// What has come in of each; `None` of those that cannot be understood any more.
    workers: BTreeMap<WorkerId, Option<Decoder>>,
}

impl Listener {
    fn listen(mut self, output: impl Read) {
        let mut misunderstood = None;
        let read = wire::read(output, |mut packet| {
            let bytes = packet.take(BYTES).unwrap_or_default();
            match serde_json::from_value(packet.line.into()) {
                Ok(message) => self.tell(message, &bytes),
                Err(error) => {
                    misunderstood = Some(error.to_string());
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let problem = read.err().map(|error| error.to_string()).or(misunderstood);
        let problem = problem.unwrap_or_else(|| "it has ended".to_owned());
        let problem = format!("the adapter between munas and its workers is lost: {problem}");
        let _ = self.sender.send(Some(LinkEvent::Broken { problem, hint: Some(GO_ON.to_owned()) }));
    }

    fn tell(&mut self, message: FromAdapter, bytes: &[u8]) {
        let event = match message {
            FromAdapter::Alive => {
                let _ = self.sender.send(None);
                return;
            }
            FromAdapter::Ready { engine } => LinkEvent::Note(format!("connected to {engine}")),
            FromAdapter::Note { text } => LinkEvent::Note(text),
            FromAdapter::Failed { problem, hint } => LinkEvent::Broken { problem, hint },
            FromAdapter::Joined { worker, node } => {
                self.workers.insert(worker, Some(Decoder::default()));
                LinkEvent::Joined { worker, node: Some(node) }
            }
            FromAdapter::Left { worker, reason } => match self.workers.remove(&worker) {
                // Its end has been told.
                Some(None) => return,
                _ => LinkEvent::Left { worker, reason },
            },
            FromAdapter::From { worker } => return self.decode(worker, bytes),
        };
        // A receiver that is gone has ended the search.
        let _ = self.sender.send(Some(event));
    }

    /// Passes on the messages that have come in whole from a worker.
    fn decode(&mut self, worker: WorkerId, bytes: &[u8]) {
        let Some(Some(decoder)) = self.workers.get_mut(&worker) else { return };
        decoder.push(bytes);
        loop {
            let event = match decoder.next() {
                Ok(None) => return,
                Ok(Some(packet)) => LinkEvent::Said { worker, packet },
                Err(error) => {
                    let reason = format!("what it says cannot be understood: {error}");
                    // What comes after cannot be understood either.
                    self.workers.insert(worker, None);
                    let _ = self.sender.send(Some(LinkEvent::Left { worker, reason }));
                    return;
                }
            };
            let _ = self.sender.send(Some(event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first that an adapter tells which runs this script and may be silent for a second.
    fn told_by(script: &str) -> LinkEvent {
        let begin = Begin {
            version: String::new(),
            address: None,
            cpus_per_worker: 1.0,
            most_workers: None,
            binary: String::new(),
            data: String::new(),
            fingerprint: String::new(),
        };
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut adapter = Adapter::start(command, &begin).unwrap();
        adapter.silence = Duration::from_secs(1);
        let mut polls = std::iter::repeat_with(|| adapter.poll(Duration::from_millis(50)));
        polls.find_map(|event| event).expect("it is asked until it tells something")
    }

    #[test]
    fn an_adapter_that_is_frozen_is_noticed() {
        let told = told_by(r#"echo '{"type": "alive"}'; exec sleep 60"#);
        let LinkEvent::Broken { problem, hint: Some(hint) } = &told else { panic!("{told:?}") };
        assert!(
            problem.contains("has said nothing for 1 s") && hint.contains("munas resume"),
            "{problem} {hint}"
        );
    }

    #[test]
    fn one_that_speaks_is_not_and_one_that_connects_may_take_its_time() {
        let alive = r#"sleep 0.3; echo '{"type": "alive"}'; "#.repeat(6);
        for before in [alive.as_str(), "sleep 2; "] {
            let told =
                told_by(&format!(r#"{before} echo '{{"type": "note", "text": "here"}}'; cat > /dev/null"#));
            assert_eq!(told, LinkEvent::Note("here".to_owned()));
        }
    }
}
