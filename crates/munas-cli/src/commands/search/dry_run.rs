//! `munas search --dry-run`: what a search would do, without a run.

use munas_app::UserResult;
use munas_data::Dataset;
use munas_report::{memory_title, units};
use munas_run::experiment::FinalSettings;
use munas_run::{
    Draws, DrivingError, Experiment, Extent, Forecast, MeasuredTrial, MedianResources, forecast,
};
use munas_space::Space;
use serde::Serialize;

use crate::args::Format;
use crate::commands::data::{InfoRecord, describe};
use crate::output::Output;
use crate::session::bounds_text;

#[derive(Debug, Serialize)]
struct DryRunJson<'a> {
    data: InfoRecord<'a>,
    /// The text of an experiment file with every value; a search of it is this search.
    experiment: String,
    draws: DrawsJson,
    workers: usize,
    /// One trial of mean cost; null if no draw would be trained.
    trial: Option<TrialJson>,
    /// Trials that the search would make, and seconds that it would take; null where no trial could be measured.
    trials: Option<u64>,
    seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct DrawsJson {
    drawn: usize,
    within_hard_bounds: usize,
    within_all_bounds: usize,
    trained: usize,
    median_peak_memory: Option<u64>,
    median_model_size: Option<u64>,
    median_macs: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TrialJson {
    macs: u64,
    seconds: f64,
}

/// Prints what a search of the experiment would do.
pub fn run(experiment: &Experiment, dataset: &Dataset, format: Format, output: &mut Output) -> UserResult {
    let forecast = forecast(experiment, dataset)?;
    if format.json {
        return Ok(output.json(&record(experiment, dataset, &forecast))?);
    }
    output.facts(experiment_facts(experiment, dataset))?;
    output.facts(forecast_facts(experiment, &forecast))?;
    output.note("\nno run was made; the same command without --dry-run makes it");
    Ok(())
}

fn record<'a>(experiment: &Experiment, dataset: &'a Dataset, forecast: &Forecast) -> DryRunJson<'a> {
    let Forecast { draws, trial, workers, extent } = forecast;
    DryRunJson {
        data: describe(dataset),
        experiment: experiment.to_toml(),
        draws: DrawsJson {
            drawn: draws.drawn,
            within_hard_bounds: draws.within_hard,
            within_all_bounds: draws.within_all,
            trained: draws.trained,
            median_peak_memory: draws.median.map(|median| median.peak_memory),
            median_model_size: draws.median.map(|median| median.model_size),
            median_macs: draws.median.map(|median| median.macs),
        },
        workers: *workers,
        trial: trial.map(|MeasuredTrial { macs, seconds }| TrialJson { macs, seconds }),
        trials: extent.map(|extent| extent.trials),
        seconds: extent.map(|extent| extent.seconds),
    }
}

fn experiment_facts(experiment: &Experiment, dataset: &Dataset) -> Vec<(&'static str, String)> {
    let Experiment { train, search, memory, .. } = experiment;
    let augmentation: Vec<String> = train.augment.iter().map(ToString::to_string).collect();
    let augmentation = match augmentation.as_slice() {
        [] => "none".to_owned(),
        changes => format!("{}, in {} of the epochs", changes.join(", "), percent(train.augment_until)),
    };
    let mut facts = vec![
        ("data", data_text(dataset)),
        ("space", format!("{}, {}", experiment.space.kind(), bounds_name(&experiment.space))),
        ("bounds", bounds_text(experiment)),
        ("peak memory", format!("{}, input {} (memory.runtime, memory.input)", memory.runtime, memory.input)),
        (
            "training",
            format!(
                "{} epochs in batches of {}, {} at {} ({}), weight decay {:.2e}",
                train.epochs,
                train.batch,
                train.optimizer.name(),
                train.learning_rate,
                train.schedule,
                train.weight_decay
            ),
        ),
        ("augmentation", augmentation),
        (
            "samples",
            format!(
                "normalised by {}, {}, label smoothing {}",
                experiment.data.normalise,
                if train.class_weights { "classes weighed by their rarity" } else { "classes not weighed" },
                train.label_smoothing
            ),
        ),
    ];
    if let Some(pruning) = experiment.pruning {
        let range = format!("{} to {}", percent(pruning.min_sparsity), percent(pruning.max_sparsity));
        facts.push(("pruning", format!("{range}, epochs {} to {}", pruning.start, pruning.finish)));
    }
    let error = match search.error {
        DrivingError::Float => "float",
        DrivingError::Int8 => "int8",
    };
    facts.push((
        "algorithm",
        format!("{}, architectures drawn by {}, judged in {error}", search.algorithm, search.sampling),
    ));
    if let [rests @ .., whole] = &experiment.rungs()[..]
        && !rests.is_empty()
    {
        let ends: Vec<String> = rests.iter().map(u32::to_string).collect();
        facts.push((
            "rungs",
            format!("trials rest after {} of {whole} epochs, and the best third goes on", ends.join(", ")),
        ));
    }
    if let Some(text) = finalists_text(experiment) {
        facts.push(("finalists", text));
    }
    if let Some(macs) = search.max_training_cost {
        facts.push(("largest", format!("{} MACs (search.max_training_cost)", units::count(macs))));
    }
    facts
}

/// What the last part of the time is for.
fn finalists_text(experiment: &Experiment) -> Option<String> {
    let FinalSettings { share, networks, seeds, longer, .. } = experiment.finalists;
    experiment.search.time.filter(|_| share > 0.0).map(|_| {
        format!(
            "in the last {} of the time the best networks are trained anew, {networks} or as many as there is time for, {seeds} times each with at least {longer} times the epochs",
            percent(share)
        )
    })
}

fn data_text(dataset: &Dataset) -> String {
    let [height, width, channels] = dataset.input;
    let [train, validation, test] =
        [&dataset.train, &dataset.validation, &dataset.test].map(|part| part.len());
    let (name, classes) = (&dataset.name, dataset.classes());
    format!(
        "{name}: {train} training, {validation} validation and {test} test samples of {height}x{width}x{channels}, \
         {classes} classes"
    )
}

fn forecast_facts(experiment: &Experiment, forecast: &Forecast) -> Vec<(&'static str, String)> {
    let mut facts = vec![("draws", draws_text(experiment, &forecast.draws))];
    if let Some(MedianResources { peak_memory, model_size, macs }) = forecast.draws.median {
        let text = format!(
            "{} {}, {} model size, {} MACs",
            units::bytes(peak_memory),
            memory_title(experiment.memory),
            units::bytes(model_size),
            units::count(macs)
        );
        facts.push(("median", text));
    }
    let Some((trial, extent)) = forecast.trial.zip(forecast.extent) else {
        facts.push(("a trial", "not measured: nothing that was drawn can be trained".to_owned()));
        return facts;
    };
    let seconds = units::duration(trial.seconds);
    facts.push(("a trial", format!("about {seconds} on one core, at {} MACs", units::count(trial.macs))));
    facts.push(("the search", extent_text(extent, forecast.workers)));
    facts
}

fn draws_text(experiment: &Experiment, draws: &Draws) -> String {
    let bounds = &experiment.bounds;
    let Draws { drawn, within_hard, within_all, trained, .. } = draws;
    let mut text = format!("of {drawn} random networks");
    if !bounds.hard.is_empty() {
        text.push_str(&format!(", {within_hard} are within the hard bounds"));
    }
    text.push_str(&format!(", {within_all} within all; {trained} would be trained"));
    text
}

fn extent_text(extent: Extent, workers: usize) -> String {
    let Extent { trials, seconds } = extent;
    let with = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
    format!("about {trials} trials in {} with {with}", units::duration(seconds))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The name of a space's bounds, if they have one.
fn bounds_name(space: &Space) -> &'static str {
    let kind = space.kind();
    let is_this = |name: &&&str| Space::named(&kind.to_string(), name).as_ref() == Ok(space);
    Space::bound_names(kind).iter().find(is_this).copied().unwrap_or("bounds of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_known_by_their_name() {
        for (kind, name) in [("cnn2d", "wide"), ("cnn1d", "munas-2020-1d"), ("mlp", "wide")] {
            assert_eq!(bounds_name(&Space::named(kind, name).unwrap()), name);
        }
    }

    #[test]
    fn what_the_time_buys_is_one_sentence() {
        let extent = Extent { trials: 300, seconds: 600.0 };
        assert_eq!(extent_text(extent, 2), "about 300 trials in 10 min 00 s with 2 workers");
        assert_eq!(extent_text(extent, 1), "about 300 trials in 10 min 00 s with 1 worker");
    }
}
