//! The only place of this crate that prints. Everything is a log, hence on stderr.

/// Writes one line.
#[expect(clippy::print_stderr, reason = "a command-line tool reports to its terminal")]
pub fn line(text: &str) {
    eprintln!("{text}");
}
