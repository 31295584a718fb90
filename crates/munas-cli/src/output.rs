//! Where results and messages go: results to standard output, everything else to standard error. Styles are written
//! only to a terminal, and not when `NO_COLOR` is set.
//!
//! Whatever is printed may hold names from files. Characters of them that a terminal would obey are shown as escapes, here
//! for all commands; the program's own styles are marks until then. JSON is written as it is: it has escapes of its own.

use std::fmt;
use std::io::{self, BufWriter, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Effects, Style};
use indicatif::ProgressStyle;
use munas_app::{Fault, UserError};
use munas_data::{Fact, Warning};
use munas_report::visible;
use serde::Serialize;

/// A style of the program: `{STRONG}bold{STRONG:#}` in a format string. It is one of the characters that Unicode leaves to
/// programs for such uses, and becomes the terminal's sequence in [`rendered`].
#[derive(Clone, Copy, Debug)]
pub struct Mark(char);

/// Style of headings and of what to do next.
pub const STRONG: Mark = Mark('\u{fdd0}');
/// Style of what is done.
pub const GOOD: Mark = Mark('\u{fdd1}');
/// Style of the word `error`.
const ERROR: Mark = Mark('\u{fdd2}');
/// Style of the word `hint`.
const HINT: Mark = Mark('\u{fdd3}');
/// Style of the word `warning`.
const WARNING: Mark = Mark('\u{fdd5}');
/// The end of every style.
const PLAIN: char = '\u{fdd4}';

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_char(f, if f.alternate() { PLAIN } else { self.0 })
    }
}

impl Mark {
    /// The style of a mark.
    fn style(mark: char) -> Option<Style> {
        Some(match mark {
            mark if mark == STRONG.0 => Style::new().effects(Effects::BOLD),
            mark if mark == GOOD.0 => AnsiColor::Green.on_default(),
            mark if mark == ERROR.0 => AnsiColor::Red.on_default().effects(Effects::BOLD),
            mark if mark == HINT.0 => AnsiColor::Cyan.on_default().effects(Effects::BOLD),
            mark if mark == WARNING.0 => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
            _ => return None,
        })
    }
}

/// A text as it goes to the terminal: lines and styles are kept, everything else that a terminal would obey is escaped.
fn rendered(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let mut rendered = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| c == '\n' || c == PLAIN || Mark::style(c).is_some()) {
        let last = part.chars().next_back();
        let style = last.and_then(Mark::style);
        let is_special = last == Some('\n') || last == Some(PLAIN) || style.is_some();
        let plain = if is_special { part.trim_end_matches(|c| Some(c) == last) } else { part };
        rendered.push_str(&visible(plain));
        match (style, last) {
            (Some(style), _) => rendered.push_str(&style.render().to_string()),
            (None, Some(PLAIN)) => rendered.push_str(&anstyle::Reset.render().to_string()),
            (None, Some('\n')) => rendered.push('\n'),
            _ => {}
        }
    }
    rendered
}

/// A text without styles, for where something else prints it.
pub fn plain(text: impl fmt::Display) -> String {
    anstream::adapter::strip_str(&rendered(text)).to_string()
}

/// What users read of an error, with its styles; empty if there is nothing to say.
///
/// ```text
/// error: unknown key `train.epoch`
///   in experiment.toml
/// hint: did you mean `train.epochs`?
/// ```
pub fn error_text(error: &UserError) -> String {
    if matches!(error.fault(), Fault::OutputClosed | Fault::Interrupted(_)) {
        return String::new();
    }
    let mut text = format!("{ERROR}error:{ERROR:#} {}\n", error.what());
    if let Some(place) = error.place() {
        text.push_str(&format!("  {}\n", visible(place)));
    }
    if let Some(hint) = error.help() {
        text.push_str(&format!("{HINT}hint:{HINT:#} {}\n", visible(hint)));
    }
    text
}

/// The program's two streams.
pub struct Output {
    stdout: AutoStream<io::Stdout>,
    stderr: AutoStream<io::Stderr>,
}

impl Output {
    /// The process's own streams.
    pub fn new() -> Self {
        Self { stdout: AutoStream::auto(io::stdout()), stderr: AutoStream::auto(io::stderr()) }
    }

    /// Prints a part of the results, which may be several lines.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn text(&mut self, text: impl fmt::Display) -> io::Result<()> {
        write!(self.stdout, "{}", rendered(text))
    }

    /// Prints a line of the results.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn line(&mut self, line: impl fmt::Display) -> io::Result<()> {
        self.text(format_args!("{line}\n"))
    }

    /// Prints names with what is to say about them, one per line and in two columns.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn facts<'a, T: fmt::Display>(
        &mut self,
        facts: impl IntoIterator<Item = (&'a str, T)>,
    ) -> io::Result<()> {
        facts
            .into_iter()
            .try_for_each(|(name, fact)| self.line(format_args!("{name:<14}{}", visible(&fact.to_string()))))
    }

    /// Prints the results as one JSON document.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        let mut stdout = BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut stdout, document)?;
        writeln!(stdout)?;
        stdout.flush()
    }

    /// Prints the program's own text about itself, with the styles that it has.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn help(&mut self, help: impl fmt::Display) -> io::Result<()> {
        write!(self.stdout, "{help}")
    }

    /// Prints a message beside the results. A message that cannot be written is lost: the results matter more.
    pub fn note(&mut self, message: impl fmt::Display) {
        drop(write!(self.stderr, "{}", rendered(format_args!("{message}\n"))));
    }

    /// Prints warnings about data, each with its hint.
    pub fn warnings(&mut self, warnings: &[Warning]) {
        for warning in warnings {
            self.note(format_args!("{WARNING}warning:{WARNING:#} {warning}"));
            if let Some(hint) = &warning.hint {
                self.note(format_args!("{HINT}hint:{HINT:#} {hint}"));
            }
        }
    }

    /// Prints how data were understood, in one line.
    pub fn understood(&mut self, facts: &[Fact]) {
        let facts: Vec<String> =
            facts.iter().map(|Fact { about, found, .. }| format!("{about} {found}")).collect();
        if !facts.is_empty() {
            self.note(format_args!("data: {}", visible(&facts.join("; "))));
        }
    }

    /// Prints an error.
    pub fn error(&mut self, error: &UserError) {
        drop(write!(self.stderr, "{}", rendered(error_text(error))));
    }
}

/// Prints a message beside the results, from where no [`Output`] is at hand.
pub fn message(message: impl fmt::Display) {
    drop(write!(AutoStream::auto(io::stderr()), "{}", rendered(format_args!("{message}\n"))));
}

/// The style of a progress bar; `template` in indicatif's form.
///
/// # Panics
/// If the template is not of that form: it is a constant of this program.
pub fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::expect;

    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_helps() {
        let error = UserError::input("unknown key `train.epoch`")
            .in_file(Path::new("experiment.toml"))
            .hint("did you mean `train.epochs`?");
        expect![[r#"
            error: unknown key `train.epoch`
              in experiment.toml
            hint: did you mean `train.epochs`?
        "#]]
        .assert_eq(&plain(error_text(&error)));
        assert_eq!(plain(error_text(&UserError::failure("disk full"))), "error: disk full\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let error = UserError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error_text(&error), "");
    }

    #[test]
    fn only_the_programs_own_styles_reach_the_terminal() {
        let name = "\x1b[31m\x1b]0;title\x07evil\r";
        assert_eq!(
            rendered(format_args!("{STRONG}run{STRONG:#}  {name}\n{GOOD}done{GOOD:#}: 3\n\n")),
            "\x1b[1mrun\x1b[0m  \\u{1b}[31m\\u{1b}]0;title\\u{7}evil\\r\n\x1b[32mdone\x1b[0m: 3\n\n"
        );
        assert_eq!(
            plain(format_args!("{ERROR}error:{ERROR:#} {name}")),
            r"error: \u{1b}[31m\u{1b}]0;title\u{7}evil\r"
        );
        assert_eq!(rendered("a\n\n\nb"), "a\n\n\nb");
        assert_eq!(
            rendered(format_args!("{STRONG}{STRONG}x{STRONG:#}{STRONG:#}")),
            "\x1b[1m\x1b[1mx\x1b[0m\x1b[0m"
        );
    }
}
