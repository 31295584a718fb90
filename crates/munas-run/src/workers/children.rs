//! Workers that are children of this process.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::link::{Link, LinkEvent, WorkerId};
use super::message::ToWorker;
use super::wire;

/// A worker that dies sooner than this has not come to anything.
const SHORT_LIFE: Duration = Duration::from_secs(2);
/// How long such a one is not replaced at first; twice as long after each further one.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// What has closed its output is given so long to end by itself: its end comes a moment later.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// Bytes of a worker's last words for people that are kept.
const LAST_WORDS: usize = 2048;

/// A worker that has been started.
pub(crate) struct Started {
    /// What it listens to; it ends when this is dropped.
    pub input: Box<dyn Write + Send>,
    /// What it says.
    pub output: Box<dyn Read + Send>,
    /// The process.
    pub process: Box<dyn Process>,
}

/// A process that can be ended.
pub(crate) trait Process: Send {
    /// Ends it, whatever it does.
    fn kill(&mut self);

    /// Waits for its end, which it brings about where there is none in a moment, and says how it ended.
    fn wait(&mut self) -> String;
}

/// Starts a worker.
pub(crate) type Starter<'a> = Box<dyn FnMut() -> io::Result<Started> + 'a>;

/// A fixed number of workers; whichever ends is replaced.
pub(crate) struct Children<'a> {
    start: Starter<'a>,
    hands: BTreeMap<WorkerId, Hand>,
    next: WorkerId,
    /// When workers are to be started.
    vacancies: VecDeque<Instant>,
    /// Workers in a row that have not come to anything.
    failures: u32,
    sender: Sender<LinkEvent>,
    events: Receiver<LinkEvent>,
}

/// What there is of a running worker here.
struct Hand {
    words: Sender<Vec<u8>>,
    process: Arc<Mutex<Box<dyn Process>>>,
    began: Instant,
}

impl<'a> Children<'a> {
    /// So many workers, started like this.
    pub fn new(count: usize, start: Starter<'a>) -> Self {
        let (sender, events) = mpsc::channel();
        let vacancies = vec![Instant::now(); count].into();
        Self { start, hands: BTreeMap::new(), next: 1, vacancies, failures: 0, sender, events }
    }

    /// So many processes of a munas program.
    pub fn of_program(count: usize, program: &Path) -> Children<'static> {
        let program = program.to_owned();
        Children::new(
            count,
            Box::new(move || {
                let mut command = Command::new(&program);
                command.arg("worker");
                start_process(command)
            }),
        )
    }

    /// Starts workers where there are too few.
    fn fill(&mut self) {
        while self.vacancies.front().is_some_and(|at| *at <= Instant::now()) {
            self.vacancies.pop_front();
            let worker = self.next;
            self.next += 1;
            // The receiver is this link's own.
            let _ = self.sender.send(LinkEvent::Joined { worker, node: None });
            match (self.start)() {
                Ok(started) => {
                    let hand = accompany(worker, started, &self.sender);
                    self.hands.insert(worker, hand);
                }
                Err(error) => {
                    let reason = format!("cannot be started: {error}");
                    let _ = self.sender.send(LinkEvent::Left { worker, reason });
                }
            }
        }
    }

    /// Notes that a worker has gone, and when it is replaced.
    fn replace(&mut self, worker: WorkerId) {
        let hand = self.hands.remove(&worker);
        let is_short = hand.is_none_or(|hand| hand.began.elapsed() < SHORT_LIFE);
        self.failures = if is_short { self.failures + 1 } else { 0 };
        let delay = match self.failures {
            0 => Duration::ZERO,
            failures => FIRST_DELAY.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_DELAY),
        };
        self.vacancies.push_back(Instant::now() + delay);
    }
}

impl Link for Children<'_> {
    fn poll(&mut self, timeout: Duration) -> Option<LinkEvent> {
        self.fill();
        let next_start = self.vacancies.iter().min().map(|at| at.saturating_duration_since(Instant::now()));
        let event = self.events.recv_timeout(next_start.map_or(timeout, |due| due.min(timeout))).ok()?;
        if let LinkEvent::Left { worker, .. } = &event {
            self.replace(*worker);
        }
        Some(event)
    }

    fn send(&mut self, worker: WorkerId, message: &ToWorker) {
        if let Some(hand) = self.hands.get(&worker) {
            // One that does not listen any more has its end on the way.
            let _ = hand.words.send(message.to_packet().to_bytes());
        }
    }

    fn kill(&mut self, worker: WorkerId) {
        if let Some(hand) = self.hands.get(&worker) {
            hand.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Drop for Children<'_> {
    fn drop(&mut self) {
        for hand in self.hands.values() {
            hand.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
        // What they listen to is closed with the hands, by threads of their own.
        self.hands.clear();
    }
}

/// Speaks to a worker and listens to it, on threads of its own: one that is frozen holds nobody up.
fn accompany(worker: WorkerId, started: Started, sender: &Sender<LinkEvent>) -> Hand {
    let Started { input, output, process } = started;
    let words = wire::writer(input);
    let process = Arc::new(Mutex::new(process));
    let (held, sender) = (Arc::clone(&process), sender.clone());
    thread::spawn(move || {
        let said = wire::read(output, |packet| match sender.send(LinkEvent::Said { worker, packet }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        let mut process = held.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_err() {
            process.kill();
        }
        let ended = process.wait();
        let reason =
            said.map_or_else(|error| format!("what it says cannot be understood: {error}"), |()| ended);
        let _ = sender.send(LinkEvent::Left { worker, reason });
    });
    Hand { words, process, began: Instant::now() }
}

/// A process of the system, and its last words.
struct Worker {
    child: Child,
    last_words: Arc<Mutex<Vec<u8>>>,
    is_killed: bool,
}

/// Starts a process that speaks over its standard input and output.
fn start_process(mut command: Command) -> io::Result<Started> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A terminal's Ctrl-C is for the coordinator, which ends its workers in order.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let missing = || io::Error::other("a process without pipes");
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let errors = child.stderr.take().ok_or_else(missing)?;
    let last_words = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&last_words);
    thread::spawn(move || keep_last_words(errors, &kept));
    let process = Box::new(Worker { child, last_words, is_killed: false });
    Ok(Started { input: Box::new(input), output: Box::new(output), process })
}

fn keep_last_words(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut piece = [0; 512];
    while let Ok(count @ 1..) = errors.read(&mut piece) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&piece[..count]);
        let too_many = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..too_many);
    }
}

impl Process for Worker {
    fn kill(&mut self) {
        // What has ended already says how by itself.
        self.is_killed = self.is_killed || matches!(self.child.try_wait(), Ok(None));
        let _ = self.child.kill();
    }

    fn wait(&mut self) -> String {
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < LAST_MOMENT {
            thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        let ended = match self.child.wait() {
            Ok(_) if self.is_killed => "ended by the coordinator".to_owned(),
            Ok(status) => format!("ended with {status}"),
            Err(error) => format!("ended: {error}"),
        };
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        match words.trim() {
            "" => ended,
            words => format!("{ended}, after: {words}"),
        }
    }
}
