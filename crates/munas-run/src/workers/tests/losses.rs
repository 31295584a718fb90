//! What becomes of a job when its worker is lost: a link that the test speaks for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use munas_train::{Checkpoint, EpochReport};

use crate::executor::backend::{Backend, Ended, Job, Report, WorkerNews};
use crate::executor::evaluator::{Assignment, EvaluationError, Evaluator};
use crate::testing::Synthetic;
use crate::workers::link::{Link, LinkEvent, WorkerId};
use crate::workers::message::{FromWorker, Introduction, PROTOCOL, ToWorker};
use crate::workers::pool::{Patience, Pool};

/// What the test makes workers say, and what they are told.
#[derive(Default)]
struct Script {
    events: VecDeque<LinkEvent>,
    told: Vec<(WorkerId, ToWorker)>,
    killed: Vec<WorkerId>,
}

#[derive(Clone, Default)]
struct Scripted(Rc<RefCell<Script>>);

impl Link for Scripted {
    fn poll(&mut self, timeout: Duration) -> Option<LinkEvent> {
        let event = self.0.borrow_mut().events.pop_front();
        if event.is_none() {
            std::thread::sleep(timeout.min(Duration::from_millis(5)));
        }
        event
    }

    fn send(&mut self, worker: WorkerId, message: &ToWorker) {
        self.0.borrow_mut().told.push((worker, message.clone()));
    }

    fn kill(&mut self, worker: WorkerId) {
        self.0.borrow_mut().killed.push(worker);
    }

    fn is_local(&self) -> bool {
        false
    }
}

impl Scripted {
    fn says(&self, worker: WorkerId, message: &FromWorker) {
        let packet = message.to_packet();
        self.0.borrow_mut().events.push_back(LinkEvent::Said { worker, packet });
    }

    /// A worker comes to where it can be given jobs.
    fn joins(&self, worker: WorkerId) {
        self.0.borrow_mut().events.push_back(LinkEvent::Joined { worker, node: None });
        self.says(worker, &FromWorker::Hello(introduction(env!("CARGO_PKG_VERSION"))));
        self.says(worker, &FromWorker::Opened { fingerprint: "f00d".to_owned() });
    }

    fn leaves(&self, worker: WorkerId) {
        let reason = "node down".to_owned();
        self.0.borrow_mut().events.push_back(LinkEvent::Left { worker, reason });
    }

    /// The jobs that a worker was given: attempts and assignments.
    fn jobs(&self, worker: WorkerId) -> Vec<(u64, Assignment)> {
        let told = &self.0.borrow().told;
        told.iter()
            .filter_map(|(of, message)| match message {
                ToWorker::Work { attempt, job: Job::Train(assignment), .. } if *of == worker => {
                    Some((*attempt, assignment.clone()))
                }
                _ => None,
            })
            .collect()
    }
}

fn introduction(version: &str) -> Introduction {
    Introduction {
        protocol: PROTOCOL,
        version: version.to_owned(),
        instruction_set: "avx2".to_owned(),
        cores: 2,
        memory: None,
        host: "node".to_owned(),
        process: 1,
    }
}

fn assignment(trial: u64) -> Assignment {
    let task = Synthetic::new().task;
    let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(trial);
    let graph = munas_space::Space::named("mlp", "wide").unwrap().sample(&mut rng);
    let graph = graph.lower(task.input, task.classes());
    Assignment {
        trial,
        graph,
        epochs: 4,
        rungs: vec![4],
        seed: trial,
        fold: 0,
        sparsity: None,
        checkpoint: None,
    }
}

fn checkpoint(epoch: u32) -> Box<Checkpoint> {
    let facts = [("epoch".to_owned(), epoch.to_string())].into();
    Box::new(Checkpoint { facts, tensors: [("parameters".to_owned(), vec![0.5])].into() })
}

fn ended(trial: u64, attempt: u64) -> FromWorker {
    let evaluator = Synthetic::new();
    let result = evaluator.evaluate(&assignment(trial), &mut |_| std::ops::ControlFlow::Continue(()));
    let report = Report::Ended(Box::new(Ended {
        trial,
        result,
        elapsed: Duration::from_secs(1),
        assignment: Some(assignment(trial)),
        attempt: Some(attempt),
    }));
    FromWorker::Report { attempt, report }
}

/// A pool over a scripted link, and what it reports while there is something to report.
fn with_pool(test: impl FnOnce(&Scripted, &mut Pool<'_>)) {
    let (evaluator, link) = (Synthetic::new(), Scripted::default());
    let opening = super::opening(&evaluator);
    let patience = Patience {
        silence: Duration::from_millis(1500),
        stop: Duration::from_millis(700),
        deaf: Duration::from_secs(1),
        start: Duration::ZERO,
    };
    let pool = Pool::new(Box::new(link.clone()), &evaluator, opening, Duration::ZERO);
    test(&link, &mut pool.with_patience(patience));
}

fn reports(pool: &mut Pool<'_>, wait: Duration) -> Vec<Report> {
    let (begin, mut all) = (Instant::now(), Vec::new());
    while begin.elapsed() < wait {
        all.extend(pool.poll(Duration::from_millis(10)));
    }
    all
}

const SOON: Duration = Duration::from_millis(60);

#[test]
fn a_trial_goes_on_from_its_last_checkpoint_elsewhere() {
    with_pool(|link, pool| {
        link.joins(1);
        pool.start(Job::Train(assignment(9))).unwrap();
        assert_eq!(pool.workers(), Some(1), "there will be one");
        reports(pool, SOON);
        assert_eq!(link.jobs(1), [(1, assignment(9))]);
        let epoch = EpochReport {
            epoch: 1,
            learning_rate: 0.1,
            train_loss: 1.0,
            train_error: 0.5,
            validation_loss: 1.0,
            validation_error: 0.5,
        };
        link.says(1, &FromWorker::Report { attempt: 1, report: Report::Epoch { trial: 9, report: epoch } });
        let report = Report::Checkpoint { trial: 9, checkpoint: checkpoint(1) };
        link.says(1, &FromWorker::Report { attempt: 1, report });
        link.joins(2);
        reports(pool, SOON);
        assert_eq!(pool.workers(), Some(2));
        link.leaves(1);
        let told = reports(pool, SOON);
        let given_up = |report: &Report| matches!(report, Report::Worker(WorkerNews::GivenUp { trial: 9, attempt: 1, reason, goes_on: true }) if reason == "node down");
        assert!(told.iter().any(given_up), "{told:?}");
        assert_eq!(link.jobs(2), [(2, Assignment { checkpoint: Some(*checkpoint(1)), ..assignment(9) })]);
        link.says(2, &ended(9, 2));
        let told = reports(pool, SOON);
        let [Report::Ended(end)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((end.trial, end.attempt, end.result.is_ok()), (9, Some(2), true));
        assert_eq!(end.assignment, Some(assignment(9)));
    });
}

#[test]
fn what_comes_of_an_attempt_that_was_given_up_is_refused() {
    with_pool(|link, pool| {
        link.joins(1);
        pool.start(Job::Train(assignment(9))).unwrap();
        reports(pool, SOON);
        // Frozen: not a word for longer than the pool waits.
        let told = reports(pool, Duration::from_millis(2300));
        assert!(told.iter().any(|report| matches!(report, Report::Worker(WorkerNews::GivenUp { .. }))));
        assert_eq!(link.0.borrow().killed, [1]);
        // It thaws before the kill arrives.
        link.says(1, &ended(9, 1));
        let told = reports(pool, SOON);
        assert_eq!(told, [Report::Worker(WorkerNews::Refused { trial: 9, attempt: 1 })]);
        link.leaves(1);
        link.joins(2);
        reports(pool, SOON);
        link.says(2, &ended(9, 2));
        assert!(matches!(reports(pool, SOON)[..], [Report::Ended(_)]));
    });
}

#[test]
fn a_coordinator_that_was_stopped_gives_nobody_up() {
    with_pool(|link, pool| {
        link.joins(1);
        pool.start(Job::Train(assignment(9))).unwrap();
        reports(pool, SOON);
        std::thread::sleep(Duration::from_millis(1700));
        reports(pool, SOON);
        assert!(link.0.borrow().killed.is_empty(), "nobody listened");
        reports(pool, Duration::from_millis(2200));
        assert_eq!(link.0.borrow().killed, [1], "not a word since");
    });
}

#[test]
fn heartbeats_keep_a_worker() {
    with_pool(|link, pool| {
        link.joins(1);
        pool.start(Job::Train(assignment(9))).unwrap();
        for _ in 0..10 {
            link.says(1, &FromWorker::Heartbeat);
            reports(pool, Duration::from_millis(300));
        }
        assert!(link.0.borrow().killed.is_empty());
    });
}

#[test]
fn three_losses_fail_a_trial_through_no_fault_of_its_network() {
    with_pool(|link, pool| {
        pool.start(Job::Train(assignment(9))).unwrap();
        let mut told = Vec::new();
        for worker in 1..=3 {
            link.joins(worker);
            reports(pool, SOON);
            link.leaves(worker);
            told = reports(pool, SOON);
        }
        let end = told.iter().find_map(|report| match report {
            Report::Ended(end) => Some(end.result.clone()),
            _ => None,
        });
        let Some(Err(EvaluationError::Lost(reason))) = end else { panic!("{told:?}") };
        assert!(reason.contains("3 times") && reason.contains("node down"), "{reason}");
    });
}

#[test]
fn a_worker_that_does_not_stop_is_killed_and_what_waits_stops_at_once() {
    with_pool(|link, pool| {
        link.joins(1);
        pool.start(Job::Train(assignment(9))).unwrap();
        pool.start(Job::Train(assignment(10))).unwrap();
        reports(pool, SOON);
        pool.stop(9);
        pool.stop(10);
        let ends = |told: &[Report]| -> Vec<u64> {
            told.iter()
                .filter_map(|report| match report {
                    Report::Ended(end) => {
                        assert_eq!(end.result, Err(EvaluationError::Stopped));
                        Some(end.trial)
                    }
                    _ => None,
                })
                .collect()
        };
        assert_eq!(ends(&reports(pool, SOON)), [10]);
        let worker_is_told = |script: &Script| {
            script.told.iter().any(|(_, told)| matches!(told, ToWorker::Stop { trial: 9, attempt: 1 }))
        };
        assert!(worker_is_told(&link.0.borrow()));
        link.says(1, &FromWorker::Heartbeat);
        assert_eq!(
            ends(&reports(pool, Duration::from_millis(1400))),
            [9],
            "it answers heartbeats, but does not stop"
        );
        assert_eq!(link.0.borrow().killed, [1]);
    });
}

#[test]
fn workers_of_another_version_and_with_other_data_are_not_used() {
    with_pool(|link, pool| {
        pool.start(Job::Train(assignment(9))).unwrap();
        link.0.borrow_mut().events.push_back(LinkEvent::Joined { worker: 1, node: None });
        link.says(1, &FromWorker::Hello(introduction("0.0.0-other")));
        link.0.borrow_mut().events.push_back(LinkEvent::Joined { worker: 2, node: None });
        link.says(2, &FromWorker::Hello(introduction(env!("CARGO_PKG_VERSION"))));
        link.says(2, &FromWorker::Opened { fingerprint: "other".to_owned() });
        let told = reports(pool, SOON);
        assert_eq!(link.0.borrow().killed, [1, 2]);
        assert!(link.jobs(1).is_empty() && link.jobs(2).is_empty());
        assert!(!told.iter().any(|report| matches!(report, Report::Broken { .. })), "others may come");
        link.0.borrow_mut().events.push_back(LinkEvent::Joined { worker: 3, node: Some("three".to_owned()) });
        link.says(3, &FromWorker::Refused { problem: "no room".to_owned() });
        let told = reports(pool, SOON);
        let Some(Report::Broken { problem, .. }) = told.last() else { panic!("{told:?}") };
        assert!(problem.contains("no room"), "{problem}");
    });
}
