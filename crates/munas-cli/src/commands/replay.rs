//! `munas replay`: derives the proposals of a run again.

use munas_app::{UserError, UserResult};
use munas_run::{RunReader, replay};
use serde::Serialize;

use crate::args::ReplayArgs;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct ReplayJson<'a> {
    /// Proposals that were derived again and are as recorded.
    agreeing: u64,
    /// The first that is not.
    difference: Option<DifferenceJson<'a>>,
}

#[derive(Debug, Serialize)]
struct DifferenceJson<'a> {
    trial: u64,
    problem: &'a str,
}

/// Replays and prints the outcome.
pub fn run(args: &ReplayArgs, output: &mut Output) -> UserResult {
    let reader = RunReader::open(&args.dir)?;
    let replay = replay(&reader)?;
    let difference = replay.difference.as_ref();
    if args.format.json {
        let difference =
            difference.map(|found| DifferenceJson { trial: found.trial, problem: &found.problem });
        output.json(&ReplayJson { agreeing: replay.agreeing, difference })?;
    } else {
        output.line(format_args!("{} proposals derived again as recorded", replay.agreeing))?;
    }
    match difference {
        None => Ok(()),
        Some(found) => Err(UserError::failure(format_args!(
            "the journal does not lead to its proposals: {}",
            found.problem
        ))
        .at(format_args!("trial {} of {}", found.trial, args.dir.display()))
        .hint("the run was made with another version of munas, or its files were changed")),
    }
}
