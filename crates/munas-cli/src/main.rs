//! The `munas` command line: arguments → effects. The only crate that prints. What it does has its place in `munas-app`, which
//! others do the same with.
//!
//! | module | holds |
//! |---|---|
//! | `args` | the command line as data, without effects |
//! | `usage` | parsing it, with wrong usage told like every other error |
//! | `commands` | one file per command |
//! | `crew` | who trains for a search |
//! | `reading` | what is said of data that are read |
//! | `session` | what is said of a search from its beginning to the front, shared by search and resume |
//! | `terminal`, `live` | the display of a search that is going on |
//! | `stop` | Ctrl-C |
//! | `exit` | the exit status |
//! | `output` | results to standard output, messages to standard error; nothing from a file that a terminal would obey |
//!
//! Exit status: 0 success, 1 failure, 2 wrong usage or input; of a search that a signal ended in order, 128 and its number,
//! such as 130 after Ctrl-C. A search that a limit ends has succeeded; one whose trials all failed has not.

mod args;
mod commands;
mod crew;
mod exit;
mod finals;
mod live;
mod output;
mod reading;
mod session;
mod stop;
mod terminal;
mod usage;
mod waiting;

use std::process::ExitCode;

use args::Args;
use exit::exit_code;
use output::Output;

fn main() -> ExitCode {
    let mut output = Output::new();
    let args = match usage::parse::<Args>(std::env::args_os()) {
        Ok(args) => args,
        Err(outcome) => return outcome.print(&mut output),
    };
    match commands::run(args.command, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            exit_code(&error)
        }
    }
}
