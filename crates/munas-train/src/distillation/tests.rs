use std::sync::Arc;

use munas_data::{Dataset, NormaliseMode};
use munas_kernels::{LANES, blocks_for};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Distillation, DistillationLoss, Teacher};
use crate::testing::{Conv, Net, patterns};
use crate::{TrainError, TrainSettings, Trainer, never_stop};

const BATCH: usize = 19;

/// Random logits of teacher `[sample][unit]` and student `[block][unit][LANES]`.
fn logits(units: usize) -> (Vec<f32>, Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(units as u64);
    let mut draw = |len: usize| (0..len).map(|_| rng.random_range(-3.0..3.0)).collect::<Vec<f32>>();
    (draw(BATCH * units), draw(blocks_for(BATCH) * units * LANES))
}

fn probabilities(logits: &[f64], temperature: f64) -> Vec<f64> {
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit / temperature).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// α·T²·Σ H(p(t), p(s)) in double precision, straight from the definition.
fn expected_loss(loss: DistillationLoss, teacher: &[f32], student: &[f32]) -> f64 {
    let DistillationLoss { units, alpha, temperature } = loss;
    let (alpha, temperature) = (f64::from(alpha), f64::from(temperature));
    let mut sum = 0.0;
    for (sample, teacher) in teacher.chunks_exact(units).enumerate() {
        let first = sample / LANES * units * LANES + sample % LANES;
        let mut of_student: Vec<f64> =
            (0..units).map(|unit| f64::from(student[first + unit * LANES])).collect();
        let mut of_teacher: Vec<f64> = teacher.iter().map(|&logit| f64::from(logit)).collect();
        if units == 1 {
            of_student.insert(0, 0.0);
            of_teacher.insert(0, 0.0);
        }
        let (p, q) = (probabilities(&of_teacher, temperature), probabilities(&of_student, temperature));
        sum -= p.iter().zip(&q).map(|(p, q)| p * q.ln()).sum::<f64>();
    }
    alpha * temperature * temperature * sum
}

#[test]
fn loss_is_the_formula_and_gradient_its_derivative() {
    for (units, temperature) in [(5, 1.0), (5, 4.0), (2, 0.5), (1, 1.0), (1, 3.0)] {
        let loss = DistillationLoss { units, alpha: 0.3, temperature };
        let (teacher, mut student) = logits(units);
        let mut gradient = vec![0.25; student.len()];
        let found = loss.differentiate(&teacher, &student, &mut gradient);
        let expected = expected_loss(loss, &teacher, &student);
        assert!((found - expected).abs() < 1e-5 * expected, "{found}, not {expected}");
        for index in 0..student.len() {
            let value = student[index];
            let [below, above] = [-1e-2, 1e-2].map(|step| {
                student[index] = value + step;
                expected_loss(loss, &teacher, &student) / BATCH as f64
            });
            student[index] = value;
            // The gradient is added to what was there; empty lanes have no influence.
            let expected = 0.25 + (above - below) / 2e-2;
            let found = f64::from(gradient[index]);
            assert!((found - expected).abs() < 1e-6, "{units} units, {index}: {found}, not {expected}");
        }
    }
}

#[test]
fn extreme_logits_give_finite_losses() {
    let loss = DistillationLoss { units: 3, alpha: 1.0, temperature: 1.0 };
    let mut student = vec![0.0; 3 * LANES];
    student[0] = 2e4;
    let mut gradient = vec![0.0; student.len()];
    let sum = loss.differentiate(&[-1e4, 1e4, 0.0], &student, &mut gradient);
    assert_eq!((sum, gradient[0], gradient[LANES]), (2e4, 1.0, -1.0));
}

fn teacher(outputs: usize) -> Teacher {
    let (graph, dataset) = (teacher_graph(outputs), patterns(outputs.max(2), 8, 8, 1));
    let settings = TrainSettings { batch: 24, ..TrainSettings::default() };
    let mut trainer = Trainer::new(&graph, &dataset, &settings, 5).unwrap();
    for _ in 0..4 {
        trainer.epoch(&mut never_stop).unwrap();
    }
    let weights = trainer.weights();
    Teacher::new(graph, weights)
}

fn teacher_graph(outputs: usize) -> munas_ir::Graph {
    Net::new(8, 8, 2).conv(6, Conv::new(3, 3)).hidden(12).outputs(outputs)
}

fn settings(teacher: Teacher) -> TrainSettings {
    let distillation = Some(Distillation { teacher: Arc::new(teacher), alpha: 0.5, temperature: 2.0 });
    TrainSettings { epochs: 2, batch: 24, distillation, ..TrainSettings::default() }
}

#[test]
fn known_logits_are_those_computed_on_the_fly() {
    for outputs in [4, 1] {
        let graph = Net::new(8, 8, 2).conv(3, Conv::new(3, 3)).outputs(outputs);
        let dataset = patterns(outputs.max(2), 8, 8, 1);
        let known = settings(teacher(outputs));
        // Draws random numbers and changes nothing.
        let on_the_fly = TrainSettings { augment: vec!["shift:0".parse().unwrap()], ..known.clone() };
        let plain = TrainSettings { distillation: None, ..known.clone() };
        let losses = [known, on_the_fly, plain].map(|settings| {
            let mut trainer = Trainer::new(&graph, &dataset, &settings, 3).unwrap();
            [trainer.epoch(&mut never_stop).unwrap(), trainer.epoch(&mut never_stop).unwrap()]
        });
        assert_eq!(losses[0], losses[1]);
        assert_ne!(losses[0], losses[2]);
    }
}

#[test]
fn logits_are_those_of_the_part_that_is_trained_on() {
    let dataset = patterns(4, 8, 8, 1);
    let (teacher, units) = (teacher(4), 4);
    let logits = |dataset: &Dataset| teacher.known_logits(dataset, NormaliseMode::Unit, 16);
    let whole = logits(&dataset);
    // A fold: other samples of the same data, at other positions.
    let positions: Vec<u32> = (0..dataset.train.len() as u32).rev().step_by(2).collect();
    let fold = Dataset { train: dataset.train.select(&positions), ..dataset.clone() };
    let of_fold = logits(&fold);
    let expected: Vec<f32> =
        positions.iter().flat_map(|&position| whole[position as usize * units..][..units].to_vec()).collect();
    assert_eq!(*of_fold, expected);
    assert_eq!(logits(&dataset), whole);
}

#[test]
fn a_student_comes_close_to_its_teacher() {
    // α is so large that labels do not count.
    let dataset = patterns(4, 8, 8, 1);
    let teacher = teacher(4);
    let (graph, weights) = (teacher.graph.clone(), teacher.weights.clone());
    let mut settings = settings(teacher);
    settings.distillation.as_mut().unwrap().alpha = 1e3;
    settings.learning_rate = 1e-4;
    let step = |from: &munas_ir::Weights| {
        let mut trainer = Trainer::new(&graph, &dataset, &settings, 3).unwrap();
        trainer.set_weights(from);
        let positions: Vec<u32> = (0..24).collect();
        (0..30).map(|_| trainer.step(&positions).unwrap().loss).collect::<Vec<f64>>()
    };
    let other = Trainer::new(&graph, &dataset, &settings, 9).unwrap().weights();
    let (learning, perfect) = (step(&other), step(&weights));
    // H(p, q) is smallest, though not 0, where q = p.
    assert!(learning.iter().all(|&loss| loss > perfect[0]), "{learning:?} against {}", perfect[0]);
    assert!(learning[29] - perfect[0] < 0.5 * (learning[0] - perfect[0]), "{learning:?}");
    assert!((perfect[29] - perfect[0]).abs() < 1e-3 * perfect[0], "{perfect:?}");
}

#[test]
fn a_teacher_of_another_task_is_refused() {
    let dataset = patterns(4, 8, 8, 1);
    let graph = Net::new(8, 8, 2).outputs(4);
    for (other, part) in [(teacher_graph(3), "output"), (Net::new(8, 7, 2).outputs(4), "input")] {
        let plain = TrainSettings::default();
        let classes = other.shape(other.output()).channels;
        let own = patterns(classes, 8, other.input_shape().width, 1);
        let weights = Trainer::new(&other, &own, &plain, 0).unwrap().weights();
        let settings = settings(Teacher::new(other, weights));
        let error = Trainer::new(&graph, &dataset, &settings, 0).err();
        assert!(matches!(error, Some(TrainError::Teacher { part: found, .. }) if found == part), "{error:?}");
    }
    for (alpha, temperature) in [(0.0, 1.0), (f64::NAN, 1.0), (0.3, 0.0), (0.3, f64::INFINITY)] {
        let mut settings = settings(teacher(4));
        let distillation = settings.distillation.as_mut().unwrap();
        (distillation.alpha, distillation.temperature) = (alpha, temperature);
        let error = Trainer::new(&graph, &dataset, &settings, 0).err();
        assert!(matches!(error, Some(TrainError::Setting { .. })), "{error:?}");
    }
}
