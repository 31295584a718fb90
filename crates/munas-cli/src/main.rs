//! The `munas` command line: arguments → effects. The only crate that prints.
//!
//! | module | holds |
//! |---|---|
//! | `args` | the command line as data, without effects |
//! | `usage` | parsing it, with wrong usage told like every other error |
//! | `commands` | one file per command |
//! | `experiment`, `architecture` | from arguments to experiments, data and networks |
//! | `exported` | the network of a trial in int8, with samples to run it on |
//! | `interface` | what that network takes and gives |
//! | `crew` | who trains for a search |
//! | `session` | a search from its beginning to the front, shared by search and resume |
//! | `live` | the display of a search that is going on |
//! | `shell` | paths in commands that the user may copy |
//! | `stop` | Ctrl-C |
//! | `records` | trials in their JSON form |
//! | `error` | errors with place and hint; exit status |
//! | `output` | results to standard output, messages to standard error; nothing from a file that a terminal would obey |
//!
//! Exit status: 0 success, 1 failure, 2 wrong usage or input; of a search that a signal ended in order, 128 and its number,
//! such as 130 after Ctrl-C. A search that a limit ends has succeeded; one whose trials all failed has not.

mod architecture;
mod args;
mod commands;
mod crew;
mod error;
mod experiment;
mod exported;
mod finals;
mod interface;
mod live;
mod memory;
mod output;
mod records;
mod session;
mod shell;
mod stop;
mod usage;
mod waiting;

use std::process::ExitCode;

use args::Args;
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
            output.error(&error.render());
            error.exit_code()
        }
    }
}
