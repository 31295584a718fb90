//! Every message reads back as it was, to the bit.

use std::time::Duration;

use munas_train::{Checkpoint, Confusion, EpochReport};

use crate::executor::backend::{Ended, Job, Report};
use crate::executor::evaluator::{Assignment, Evaluated, EvaluationError, Evaluator};
use crate::testing::Synthetic;
use crate::trial::Confusions;
use crate::workers::message::{FromWorker, Introduction, Opening, PROTOCOL, ToWorker};
use crate::workers::wire::Decoder;

fn assignment() -> Assignment {
    let task = Synthetic::new().task;
    let space = munas_space::Space::named("mlp", "wide").unwrap();
    let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(3);
    Assignment {
        trial: 7,
        graph: space.sample(&mut rng).lower(task.input, task.classes()),
        epochs: 27,
        rungs: vec![1, 3],
        seed: u64::MAX >> 1,
        fold: 4,
        sparsity: Some(0.1 + 0.2),
        checkpoint: Some(Checkpoint {
            facts: [("seconds".to_owned(), "1.5".to_owned())].into(),
            tensors: [("parameters".to_owned(), vec![1.5, f32::NAN.copysign(1.0), -0.0])].into(),
        }),
    }
}

fn evaluated() -> Evaluated {
    let synthetic = Synthetic { folds: 3, ..Synthetic::new() };
    let evaluated = synthetic.evaluate(&assignment(), &mut |_| std::ops::ControlFlow::Continue(()));
    let confusion = Confusion::from_rows(&[vec![3, 1], vec![0, 2]]).unwrap();
    Evaluated {
        validation_stderr: Some(0.1 + 0.7),
        confusion: Some(Confusions { validation: confusion.clone(), test: confusion }),
        ..evaluated.unwrap()
    }
}

fn read_back(bytes: &[u8]) -> crate::workers::wire::Packet {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let packet = decoder.next().unwrap().expect("a whole message");
    assert_eq!(decoder.next().unwrap(), None);
    packet
}

#[test]
fn what_a_worker_is_told_reads_back() {
    let Assignment { checkpoint, .. } = assignment();
    let has_nan = checkpoint.unwrap().tensors["parameters"][1].is_nan();
    assert!(has_nan, "a diverging training has a checkpoint too");
    let finite = Assignment { checkpoint: None, ..assignment() };
    let messages = [
        ToWorker::Hello { protocol: PROTOCOL, version: "1.2.3".to_owned() },
        ToWorker::Open(Opening {
            experiment: "seed = 1\n".to_owned(),
            fingerprint: "f00d".to_owned(),
            data: Some("a b".to_owned()),
            finalists: true,
            teacher: Some(vec![0, 10, 255]),
        }),
        ToWorker::Work {
            attempt: 3,
            job: Job::Train(finite.clone()),
            checkpoint_every: Duration::from_secs(20),
        },
        ToWorker::Work {
            attempt: 4,
            job: Job::JudgeFolds {
                assignment: finite,
                first: Box::new(evaluated()),
                elapsed: Duration::from_millis(1),
                up_to: Some(0.125),
            },
            checkpoint_every: Duration::ZERO,
        },
        ToWorker::Pause { trial: 7, attempt: 3 },
        ToWorker::Stop { trial: 7, attempt: 3 },
    ];
    for message in messages {
        let packet = read_back(&message.to_packet().to_bytes());
        assert_eq!(ToWorker::from_packet(packet).unwrap(), message);
    }
    let job = Job::Train(assignment());
    let message = ToWorker::Work { attempt: 3, job, checkpoint_every: Duration::ZERO };
    let ToWorker::Work { job: Job::Train(read), .. } =
        ToWorker::from_packet(read_back(&message.to_packet().to_bytes())).unwrap()
    else {
        panic!("another message");
    };
    let bits = |assignment: &Assignment| {
        let checkpoint = assignment.checkpoint.clone().unwrap();
        (
            checkpoint.facts,
            checkpoint.tensors["parameters"].iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(bits(&read), bits(&assignment()));
}

#[test]
fn what_a_worker_says_reads_back() {
    let ended = |result| {
        let elapsed = Duration::from_secs_f64(0.1);
        Report::Ended(Box::new(Ended {
            trial: 7,
            result,
            elapsed,
            assignment: Some(assignment()),
            attempt: Some(5),
        }))
    };
    let report = EpochReport {
        epoch: 2,
        learning_rate: 0.1 + 0.2,
        train_loss: f64::INFINITY,
        train_error: 1.0 / 3.0,
        validation_loss: f64::NEG_INFINITY,
        validation_error: f64::MIN_POSITIVE,
    };
    let of = |report| FromWorker::Report { attempt: 5, report };
    let messages = [
        FromWorker::Hello(Introduction {
            protocol: PROTOCOL,
            version: "1.2.3".to_owned(),
            instruction_set: "avx2".to_owned(),
            cores: 4,
            memory: None,
            host: "node \"1\"".to_owned(),
            process: 12,
        }),
        FromWorker::Opened { fingerprint: "f00d".to_owned() },
        FromWorker::Refused { problem: "no\nway".to_owned() },
        FromWorker::Heartbeat,
        of(Report::Epoch { trial: 7, report }),
        of(Report::Checkpoint {
            trial: 7,
            checkpoint: Box::new(Checkpoint {
                facts: [("a".to_owned(), "b".to_owned())].into(),
                tensors: [("t".to_owned(), vec![1.0, f32::MIN_POSITIVE])].into(),
            }),
        }),
        of(ended(Ok(evaluated()))),
        of(ended(Err(EvaluationError::Stopped))),
        of(ended(Err(EvaluationError::Failed("diverged".to_owned())))),
    ];
    for message in messages {
        let packet = read_back(&message.to_packet().to_bytes());
        let read = FromWorker::from_packet(packet, |trial| (trial == 7).then(|| assignment().graph)).unwrap();
        // An assignment is not sent.
        let expected = match message {
            FromWorker::Report { attempt, report: Report::Ended(ended) } => FromWorker::Report {
                attempt,
                report: Report::Ended(Box::new(Ended { assignment: None, ..*ended })),
            },
            other => other,
        };
        assert_eq!(read, expected);
    }
}

#[test]
fn what_is_not_listed_is_refused() {
    for line in [
        r#"{"type":"pause","trial":1}"#,
        r#"{"type":"pause","trial":1,"attempt":1,"why":"so"}"#,
        r#"{"type":"dance"}"#,
        r#"{"type":"start","attempt":1,"assignment":{"trial":1,"graph":"{}","epochs":1,"rungs":[1],"seed":1,"sparsity":null},"checkpoint_every":1.0}"#,
        r#"{"type":"start","attempt":1,"assignment":{},"checkpoint_every":-1}"#,
        "{}",
    ] {
        let packet = read_back(format!("{line}\n").as_bytes());
        assert!(ToWorker::from_packet(packet).is_err(), "{line}");
    }
    for line in [
        r#"{"type":"ended","trial":1,"attempt":1,"elapsed":1.0}"#,
        r#"{"type":"ended","trial":1,"attempt":1,"elapsed":1.0,"stopped":true,"failed":"x"}"#,
        r#"{"type":"checkpoint","trial":1,"attempt":1}"#,
        r#"{"type":"heartbeat","at":1}"#,
    ] {
        let packet = read_back(format!("{line}\n").as_bytes());
        assert!(FromWorker::from_packet(packet, |_| None).is_err(), "{line}");
    }
}
