//! What is said of the training of finalists, at the end of a search and by itself.

use munas_app::{UserResult, quoted};
use munas_report::{finalists_note, finalists_table, units};
use munas_run::{RefineEnd, RefinePlan, RefineSummary, RunReader, finalists};
use munas_search::Bounds;

use crate::output::{Output, STRONG};

/// What is about to be trained, in one line.
pub fn plan_text(plan: &RefinePlan) -> String {
    let count = plan.trials.len();
    let networks = if count == 1 { "1 network".to_owned() } else { format!("{count} networks") };
    let learn = match &plan.teacher {
        Some(teacher) => format!(", learning from trial {} too", teacher.trial),
        None => String::new(),
    };
    format!(
        "{STRONG}finalists{STRONG:#} {networks} of the front, {} trainings of {} epochs each{learn}; {} to do\n",
        plan.seeds, plan.epochs, plan.trainings
    )
}

/// The table of the finalists within these limits, if there are any, after what stands above it.
///
/// # Errors
/// If the journal cannot be read, or standard output not be written.
pub fn print_table(reader: &RunReader, limits: &Bounds, output: &mut Output) -> UserResult {
    let mut found = finalists(reader)?;
    found.retain(|finalist| limits == &Bounds::default() || finalist.in_bounds(limits));
    if found.is_empty() {
        return Ok(());
    }
    let experiment = reader.experiment();
    output.line(format_args!("\n{STRONG}Finalists{STRONG:#}"))?;
    output.line(finalists_note(experiment.search.driving()))?;
    let trials = reader.trials_of(found.iter().map(|finalist| finalist.trial))?;
    output.text(finalists_table(&found, &trials, &experiment.bounds, experiment.terms()))?;
    Ok(())
}

/// How the session ended.
pub fn print_end(reader: &RunReader, summary: &RefineSummary, output: &mut Output) {
    let ended = match summary.reason {
        RefineEnd::Done => "all finalists are trained",
        RefineEnd::Time => "the time is up",
        RefineEnd::Interrupted => "interrupted",
    };
    let failed = if summary.failed > 0 { format!(", {} failed", summary.failed) } else { String::new() };
    output.note(format_args!(
        "\n{ended}: {} trainings in {}{failed}",
        summary.done,
        units::duration(summary.elapsed.as_secs_f64()),
    ));
    if summary.left > 0 {
        let (left, dir) = (summary.left, quoted(reader.dir()));
        let (trainings, them) = if left == 1 { ("training is", "it") } else { ("trainings are", "them") };
        output.note(format_args!("{left} {trainings} left: `munas refine {dir}` goes on with {them}"));
    }
}
