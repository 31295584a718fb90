use std::collections::BTreeMap;

use munas_cost::MemoryModel;
use munas_ir::Shape;
use munas_run::{
    COMMON_OBJECTIVES, Confusions, DecisionRecord, Driving, DrivingError, Experiment, Finalist,
    FinalistOutcome, FinalistRecord, FinalistState, Metric, Outcome, ProposalRecord, Task, TrialRecord,
    TrialState,
};
use munas_search::{Candidate, Refusals, pareto};
use munas_space::{Architecture, Kind};
use munas_train::{Confusion, EpochReport};

use super::{RunView, detailed, html_report};
use crate::finalists_table;

const INPUT: Shape = Shape::new(16, 16, 1);

pub(super) fn experiment(bounds: &str) -> Experiment {
    let text =
        format!("name = \"<script>alert(1)</script>\"\n[data]\nsource = \"glyphs\"\n[bounds]\n{bounds}");
    Experiment::from_toml(&text, &[]).unwrap()
}

fn task() -> Task {
    let class_names = (0..10).map(|class| class.to_string()).collect();
    Task { dataset: "glyphs".into(), fingerprint: String::new(), input: INPUT, class_names }
}

/// A trial of an architecture that grows with its number, and whose error falls with it.
fn trial(number: u64, state: Option<TrialState>) -> TrialRecord {
    let filters = 2 + number % 40;
    let json = format!(
        r#"{{"blocks":[
            {{"branch":false,"layers":[{{"op":"conv","kernel":3,"filters":{filters},"stride":2,"pre_pool":false,
                "batch_norm":true,"relu":true}}]}},
            {{"branch":true,"layers":[{{"op":"pointwise","filters":4,"pre_pool":false,"batch_norm":false,
                "relu":true}}]}}],
        "pool":{{"kind":"avg","size":2}},"dense":[16]}}"#
    );
    let architecture = Architecture::from_json_text(Kind::Cnn2d, &json).unwrap();
    let error = 0.9 / filters as f64 + (number * 7 % 11) as f64 * 0.01;
    let outcome = Outcome {
        epochs: 3,
        validation_error: error,
        test_error: error + 0.01,
        last_test_error: error + 0.02,
        int8_error: None,
        balanced_error: None,
        balanced_test_error: None,
        macro_f1_error: None,
        macro_f1_test_error: None,
        int8_balanced_error: None,
        int8_macro_f1_error: None,
        folds: 1,
        validation_stderr: Some(0.012),
        best_epoch: 2,
        train_seconds: 1.5,
    };
    TrialRecord {
        driving: Driving { error: DrivingError::Float, metric: Metric::Error },
        memory: MemoryModel::PUBLISHED,
        trial: number,
        candidate: Candidate {
            resources: munas_cost::resources(&architecture.lower(INPUT, 10)),
            architecture,
            on_board: munas_cost::BoardFigures::default(),
            epochs: 3,
            sparsity: None,
        },
        proposal: ProposalRecord {
            algorithm: "aging".into(),
            decision: DecisionRecord { number, history_length: number - 1, pending: Vec::new() },
            refused: Refusals::default(),
        },
        seed: number,
        outcome: state.is_none().then_some(outcome),
        state: state.unwrap_or(TrialState::Done),
        pruned: None,
        arrival: Some(number),
        deaths: 0,
        started_ms: 0,
        finished_ms: Some(1),
    }
}

/// So many trials none of which dominates another, by error: the error falls as the model grows.
pub(super) fn tradeoff(count: u64) -> Vec<TrialRecord> {
    let member = |number: u64| {
        let mut record = trial(number, None);
        let size = 5 * number;
        record.candidate.resources.model_size = size;
        record.candidate.resources.macs = 3 * size;
        record.candidate.resources.peak_memory = 100 + size / 2;
        if let Some(outcome) = &mut record.outcome {
            outcome.validation_error = 1.0 / (2.0 + size as f64).ln();
        }
        record
    };
    (1..=count).rev().map(member).collect()
}

/// Of each trial: four samples of class 0 are taken for class 3, and one of each class for what it is.
fn confusions(front: &[TrialRecord]) -> BTreeMap<u64, Confusions> {
    let mut confusion = Confusion::new(10);
    (0..10).for_each(|class| confusion.add(class, class));
    (0..4).for_each(|_| confusion.add(0, 3));
    let of_one = Confusions { validation: confusion.clone(), test: confusion };
    front.iter().map(|trial| (trial.trial, of_one.clone())).collect()
}

fn page(experiment: &Experiment, trials: &[TrialRecord]) -> String {
    page_with(experiment, trials, &[])
}

fn page_with(experiment: &Experiment, trials: &[TrialRecord], finalists: &[Finalist]) -> String {
    let done: Vec<&TrialRecord> = trials.iter().filter(|trial| trial.outcome().is_some()).collect();
    let points: Vec<[f64; 4]> =
        done.iter().filter_map(|trial| trial.point(&COMMON_OBJECTIVES)?.try_into().ok()).collect();
    let front: Vec<TrialRecord> =
        pareto::front(&points).into_iter().map(|index| done[index].clone()).collect();
    let report = |epoch: u32| EpochReport {
        epoch,
        learning_rate: 0.01,
        train_loss: 1.0 / f64::from(epoch),
        train_error: 0.5 / f64::from(epoch),
        validation_loss: 1.1 / f64::from(epoch),
        validation_error: 0.6 / f64::from(epoch),
    };
    let curves: BTreeMap<u64, Vec<EpochReport>> = detailed(&front, &experiment.bounds)
        .into_iter()
        .map(|trial| (trial, (1..=3).map(report).collect()))
        .collect();
    let confusions = confusions(&front);
    html_report(&RunView {
        experiment,
        task: &task(),
        trials,
        front: &front,
        finalists,
        curves: &curves,
        confusions: &confusions,
    })
}

#[test]
fn names_are_escaped_and_nothing_comes_from_outside() {
    let trials: Vec<TrialRecord> = (1..=30).map(|number| trial(number, None)).collect();
    let page = page(&experiment("error = 0.2\npeak_memory = 2000"), &trials);
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert"));
    assert_eq!(page.matches("<script>").count(), 1);
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The policy allows style sheets, and no style attribute is used that a stricter one would refuse.
    assert!(!page.contains("style=\""));
}

#[test]
fn networks_of_the_front_have_their_classes_and_standard_errors() {
    let trials: Vec<TrialRecord> = (1..=3).map(|number| trial(number, None)).collect();
    let page = page(&experiment(""), &trials);
    assert!(page.contains("val. error ± s.e."), "the head says what ± is");
    assert!(page.contains("± 1.20 %"));
    // Of class 0, one of five is recognised, and four are taken for class 3.
    let row = "<td>20.00 %</td><td>20.00 %</td><td class=\"met\">1</td><td></td><td></td><td>4</td>";
    assert!(page.contains(row), "{}", &page[page.find("val. recall").unwrap()..][..900]);
    let mut balanced = experiment("");
    balanced.search.metric = Metric::Balanced;
    assert!(self::page(&balanced, &trials).contains("Balanced validation error and peak memory"));
}

/// Trainings of a trial's network with these test errors in int8.
fn finalist(trial: &TrialRecord, tests: &[f64]) -> Finalist {
    let record = |(number, &test): (u32, &f64)| FinalistRecord {
        trial: trial.trial,
        number,
        seed: 1,
        epochs: 9,
        teacher: None,
        resources: trial.candidate.resources,
        on_board: munas_cost::BoardFigures::default(),
        pruned: None,
        driving: trial.driving,
        state: FinalistState::Done(FinalistOutcome {
            validation_error: test - 0.01,
            int8_error: Some(test),
            test_error: test,
            int8_test_error: Some(test),
            validation_stderr: None,
            folds: 1,
            best_epoch: 9,
            train_seconds: 1.0,
        }),
        finished_ms: 0,
    };
    Finalist { trial: trial.trial, trainings: (1..).zip(tests).map(record).collect() }
}

#[test]
fn finalists_have_mean_and_deviation_over_their_seeds() {
    let trials: Vec<TrialRecord> = (1..=3).map(|number| trial(number, None)).collect();
    let finalists = [finalist(&trials[2], &[0.10, 0.12, 0.14]), finalist(&trials[0], &[0.2])];
    let experiment = experiment("error = 0.12");
    let table = finalists_table(&finalists, &trials, &experiment.bounds, experiment.terms());
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[0].contains("val. error ± s.d.") && rows[0].contains("test error in int8 ± s.d."),
        "{table}"
    );
    assert!(rows[2].contains(" 3     11.00 ± 2.00 %") && rows[2].contains("12.00 ± 2.00 %"), "{table}");
    assert!(rows[2].contains("yes") && rows[3].contains(" 1            19.00 %"), "{table}");
    let page = page_with(&experiment, &trials, &finalists);
    assert!(page.contains("<h2>Finalists</h2>") && page.contains("<td>12.00 ± 2.00 %</td>"));
    assert!(page.contains("± is the standard deviation over the seeds"));
    assert!(!self::page(&experiment, &trials).contains("Finalists"));
}

#[test]
fn what_the_energy_rests_on_is_said() {
    let basis = |board: &str| {
        let text = format!("data.source = 'glyphs'\nboard = {{ {board} }}");
        let page = page(&Experiment::from_toml(&text, &[]).unwrap(), &[trial(1, None)]);
        page.split_once("<dt>Energy</dt><dd>").map(|(_, rest)| rest.split('<').next().unwrap().to_owned())
    };
    let typical = basis("name = 'stm32f446re'").unwrap();
    assert_eq!(typical, "of one inference: time × power of the data sheet");
    let without = basis("name = 'stm32f446re', rate = 2").unwrap();
    assert!(without.starts_with("of one inference, without the sleep until the next"), "{without}");
    let published = basis("name = 'nrf52840', rate = 2").unwrap();
    assert!(
        published.starts_with("of one inference and the sleep until the next: published figures: nRF52840"),
        "{published}"
    );
    assert_eq!(basis("name = 'rp2040'"), None);
}

#[test]
fn every_link_leads_to_a_part_of_the_page() {
    let trials: Vec<TrialRecord> = (1..=60).map(|number| trial(number, None)).collect();
    let page = page(&experiment("model_size = 3000"), &trials);
    let targets: Vec<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(targets.len() > 4);
    for target in targets {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn a_run_without_results_still_has_a_page() {
    let none = page(&experiment(""), &[]);
    assert!(none.contains("No trial is done yet") && none.contains("No bounds were set"));
    let failed = [trial(1, Some(TrialState::Failed("diverged".into()))), trial(2, Some(TrialState::Running))];
    let failed = page(&experiment(""), &failed);
    assert!(failed.contains("1 failed, 1 running"));
    assert!(failed.contains("No trial has a result: 1 failed, the first (trial 1) with: diverged."));
}

#[test]
fn one_result_is_enough_for_every_plot() {
    let page = page(&experiment("error = 0.5\nmacs = 100"), &[trial(1, None)]);
    assert!(page.contains("id=\"trial-1\""));
    assert!(!page.contains("NaN") && !page.contains(">inf"));
}

#[test]
fn a_front_of_thousands_makes_a_page_of_reasonable_size() {
    let front = tradeoff(10_000);
    let page = page(&experiment("error = 0.4\nmodel_size = 20000"), &front);
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("class=\"model card\"").count(), 200);
    assert!(page.contains("Details of 200 of the 10000 networks"));
    assert!(page.contains("Estimated from 20000 points"));
    for trial in [1, 5_000, 10_000] {
        assert!(page.contains(&format!(">{trial}</")), "trial {trial} is in the table");
    }
    if let Ok(path) = std::env::var("MUNAS_LARGE_REPORT_PAGE") {
        // For a look at the page.
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn thousands_of_trials_make_a_page_of_reasonable_size() {
    let trials: Vec<TrialRecord> = (1..=2_000).map(|number| trial(number, None)).collect();
    let page = page(&experiment("error = 0.1\npeak_memory = 2000\nmodel_size = 2000"), &trials);
    assert!(page.len() < 4_500_000, "{} bytes", page.len());
    assert!(page.matches("<circle").count() >= 4 * 2_000);
    if let Ok(path) = std::env::var("MUNAS_REPORT_PAGE") {
        // For a look at the page.
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn both_figures_of_memory_are_shown_and_explained() {
    let trials: Vec<TrialRecord> = (1..=3).map(|number| trial(number, None)).collect();
    let layers = page(&experiment("peak_memory = 100000"), &trials);
    assert!(layers.contains("This search bounds the peak memory; with input"));
    let streamed = page(
        &Experiment::from_toml(
            "data.source = 'glyphs'\nmemory.runtime = 'streamed'\nbounds.peak_memory = 700",
            &[],
        )
        .unwrap(),
        &trials,
    );
    assert!(streamed.contains("This search bounds the streamed peak memory with input; with input"));
    assert!(streamed.contains("streamed (in rows), with the input, which comes row by row"));
    assert!(streamed.contains("<th>streamed peak</th>"));
    for page in [layers, streamed] {
        let networks = page.matches(">Memory while each operator runs, layer by layer</h3>").count();
        assert_eq!((networks > 0, page.matches(">Memory in rows (streamed)</h3>").count()), (true, networks));
        assert!(page.contains("with the input (the rows of it that are kept"));
        // The rings of the first part, the sums of the pooling, and its peak.
        let rows = page.split("Bytes of the rows alive in each part").nth(1).unwrap();
        let rows = rows.split("</figure>").next().unwrap();
        assert!(rows.contains("input 3 of 16 rows, 48 B of"), "{rows}");
        assert!(rows.contains(": sums, ") && rows.matches(">peak<").count() == 1, "{rows}");
    }
}
