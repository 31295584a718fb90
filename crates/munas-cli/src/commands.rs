//! One file per command.

mod bench;
mod boards;
mod cost;
#[cfg(feature = "dashboard")]
mod dashboard;
mod data;
mod export;
mod front;
mod presets;
mod refine;
mod replay;
mod report;
mod resume;
mod search;
mod show;
mod status;
mod train;
mod verify;
mod worker;

use munas_app::UserResult;

use crate::args::Command;
use crate::output::Output;

/// Carries out a command.
///
/// # Errors
/// What the user has to be told.
pub fn run(command: Command, output: &mut Output) -> UserResult {
    match command {
        Command::Search(args) => search::run(&args, output),
        Command::Resume(args) => resume::run(&args, output),
        Command::Refine(args) => refine::run(&args, output),
        Command::Replay(args) => replay::run(&args, output),
        Command::Status(args) => status::run(&args, output),
        Command::Front(args) => front::run(&args, output),
        Command::Show(args) => show::run(&args, output),
        Command::Report(args) => report::run(&args, output),
        #[cfg(feature = "dashboard")]
        Command::Dashboard(args) => dashboard::run(&args, output),
        Command::Cost(args) => cost::run(&args, output),
        Command::Train(args) => train::run(&args, output),
        Command::Data(args) => data::run(args.command, output),
        Command::Presets(args) => presets::run(args.format, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::Export(args) => export::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Worker(args) => worker::run(&args),
        Command::Boards(args) => boards::run(args.format, output),
    }
}
