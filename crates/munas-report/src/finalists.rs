//! Networks that were trained anew, in a table.

use munas_cost::Resources;
use munas_run::{Driving, Finalist, FinalistOutcome, Spread, Terms, TrialRecord};
use munas_search::{Bounds, Objective, ObjectiveValues};

use crate::objective::memory_head;
use crate::table::{Align, Table};
use crate::{objective_text, objective_title, trial_outline, units};

/// Objectives that a board gives a network values of.
const ON_BOARD: [Objective; 3] = [Objective::Latency, Objective::Energy, Objective::Flash];

/// Finalists in the order in which they are given, with what their kept network takes. `trials` are all those of the run.
pub fn finalists_table(
    finalists: &[Finalist],
    trials: &[TrialRecord],
    bounds: &Bounds,
    terms: Terms,
) -> String {
    let on_board = on_board(finalists);
    let heads = finalist_heads(&on_board, terms);
    let words = [("in bounds", Align::Left), ("network", Align::Left)];
    let columns = heads.iter().map(|head| (head.as_str(), Align::Right)).chain(words);
    let mut table = Table::new(&columns.collect::<Vec<_>>());
    for finalist in finalists {
        let inside = if finalist.in_bounds(bounds) { "yes" } else { "no" };
        let words = [inside.to_owned(), outline_of(finalist, trials)];
        table.row(finalist_cells(finalist, &on_board).into_iter().chain(words));
    }
    table.render()
}

/// What the figures of the table are.
pub fn finalists_note(driving: Driving) -> String {
    format!(
        "Trained anew, longer and with several seeds each; best first by the mean {} of validation. ± is the standard deviation over \
         the seeds: that of one training, not the standard error.",
        driving.title()
    )
}

/// The objectives of boards that some of the networks have a value of.
pub(crate) fn on_board(finalists: &[Finalist]) -> Vec<Objective> {
    let is_known = |objective: &Objective| {
        finalists.iter().any(|finalist| values(finalist).is_some_and(|values| values[*objective].is_some()))
    };
    ON_BOARD.into_iter().filter(is_known).collect()
}

/// Heads of the columns of figures.
pub(crate) fn finalist_heads(on_board: &[Objective], terms: Terms) -> Vec<String> {
    let metric = terms.driving.metric.title();
    let errors = [format!("val. {} ± s.d.", terms.driving.title()), format!("test {metric} in int8 ± s.d.")];
    let counts = ["trial", "seeds"].map(str::to_owned);
    let resources = [memory_head(terms.memory), "model size", "MACs"].map(str::to_owned);
    let of_board = on_board.iter().map(|&objective| objective_title(objective, terms).to_owned());
    counts.into_iter().chain(errors).chain(resources).chain(of_board).collect()
}

/// The figures of a finalist under those heads.
pub(crate) fn finalist_cells(finalist: &Finalist, on_board: &[Objective]) -> Vec<String> {
    let mut cells = vec![finalist.trial.to_string(), finalist.done().count().to_string()];
    cells.extend(finalist_errors(finalist));
    let best = finalist.best();
    let resource = |text: &dyn Fn(&Resources) -> String| {
        best.map_or_else(|| "–".to_owned(), |best| text(&best.resources))
    };
    cells.push(resource(&|resources| units::bytes(resources.bounded_peak())));
    cells.push(resource(&|resources| units::bytes(resources.model_size)));
    cells.push(resource(&|resources| units::count(resources.macs)));
    cells.extend(on_board.iter().map(|&objective| {
        let value = values(finalist).and_then(|values| values[objective]);
        value.map_or_else(|| "–".to_owned(), |value| objective_text(objective, value))
    }));
    cells
}

/// The validation error that drives the search, and the test error in int8 (in floats where that was not measured): mean and standard
/// deviation.
pub fn finalist_errors(finalist: &Finalist) -> [String; 2] {
    let test = finalist.spread(|outcome: &FinalistOutcome| outcome.int8_test_error);
    [finalist.error(), test].map(spread_text)
}

fn spread_text(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || units::percent_or_dash(None),
        |Spread { mean, deviation }| units::percent_with(mean, deviation),
    )
}

/// The network of a finalist in a few words; nothing if its trial is not among these.
pub(crate) fn outline_of(finalist: &Finalist, trials: &[TrialRecord]) -> String {
    let trial = trials.iter().find(|trial| trial.trial == finalist.trial);
    trial.map(trial_outline).unwrap_or_default()
}

fn values(finalist: &Finalist) -> Option<ObjectiveValues> {
    let best = finalist.best()?;
    Some(ObjectiveValues::of_network(None, &best.resources, &best.on_board))
}
