//! `munas presets`: the experiments that come with munas.

use munas_app::UserResult;
use munas_report::{Align, Table, units};
use munas_run::presets::{PRESETS, Preset};
use munas_search::Objective;
use serde::Serialize;

use crate::args::Format;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct PresetJson {
    name: &'static str,
    description: &'static str,
    data: String,
    space: String,
    epochs: u32,
    trials: u64,
    max_error: Option<f64>,
    max_peak_memory: Option<u64>,
    max_model_size: Option<u64>,
    max_macs: Option<u64>,
    /// The experiment file.
    toml: &'static str,
}

impl PresetJson {
    fn of(preset: &Preset) -> UserResult<Self> {
        let experiment = preset.experiment(&[])?;
        let bounds = &experiment.bounds;
        let whole = |objective| bounds.get(objective).map(|bound| bound as u64);
        Ok(Self {
            name: preset.name,
            description: preset.description,
            space: experiment.space.kind().to_string(),
            epochs: experiment.train.epochs,
            trials: experiment.search.trials,
            max_error: bounds.get(Objective::Error),
            max_peak_memory: whole(Objective::PeakMemory),
            max_model_size: whole(Objective::ModelSize),
            max_macs: whole(Objective::Macs),
            data: experiment.data.source,
            toml: preset.toml,
        })
    }
}

/// Prints the presets.
pub fn run(format: Format, output: &mut Output) -> UserResult {
    let presets: Vec<PresetJson> = PRESETS.iter().map(PresetJson::of).collect::<UserResult<_>>()?;
    if format.json {
        output.json(&presets)?;
        return Ok(());
    }
    let columns =
        ["name", "data", "epochs", "trials", "error", "peak memory", "model size", "MACs", "description"];
    let align = |(index, title)| (title, if (2..8).contains(&index) { Align::Right } else { Align::Left });
    let mut table = Table::new(&columns.into_iter().enumerate().map(align).collect::<Vec<_>>());
    let bytes = |size: Option<u64>| size.map_or_else(|| "–".to_owned(), units::bytes);
    for preset in &presets {
        table.row([
            preset.name.to_owned(),
            preset.data.clone(),
            preset.epochs.to_string(),
            preset.trials.to_string(),
            units::percent_or_dash(preset.max_error),
            bytes(preset.max_peak_memory),
            bytes(preset.max_model_size),
            preset.max_macs.map_or_else(|| "–".to_owned(), units::count),
            preset.description.to_owned(),
        ]);
    }
    output.text(table.render())?;
    output
        .line("\n`munas search --preset NAME` runs one; --set and the other flags change single values.")?;
    output.line("NAME-tuned has its data and bounds, all hard, and the rest as for data of your own (docs/search.md);")?;
    output.line("NAME-no-pruning and NAME-bo leave pruning out and search by Bayesian optimisation,")?;
    output.line("NAME-bo-local and NAME-bo-mf by its variants (search.bayes_variant).")?;
    Ok(())
}
