//! What the firmware writes to the emulator's console (`harness/measure.c`).
//!
//! ```text
//! overhead 20            counter ticks of a call that does nothing
//! ticks 645              for each sample: ticks of the call,
//! input 8005             where the sample is a raw one, the input that was made of it,
//! output 0b0105          and its outputs as hexadecimal bytes, on as many lines as it takes,
//! class 2                and the class that they stand for, where the network has a function for that
//! stack 20               bytes of stack of one call
//! end
//! ```
//!
//! Where operators are traced, a sample begins with these lines for each of them, and there is no stack:
//!
//! ```text
//! operator 3             its index
//! elapsed 1200           ticks since the last operator's end
//! tensor 0b01            its output
//! ```
//!
//! Other lines are the emulator's and are skipped. simavr colours the lines and writes a full stop for the line's end.

use super::VerifyError;

/// The console's content, in counter ticks.
#[derive(Debug, PartialEq)]
pub(super) struct Console {
    pub overhead: u64,
    pub samples: Vec<ConsoleSample>,
    pub stack: u64,
}

/// One sample on the console.
#[derive(Debug, PartialEq)]
pub(super) struct ConsoleSample {
    pub ticks: u64,
    /// Empty where the sample was an input.
    pub input: Vec<i8>,
    pub output: Vec<i8>,
    pub class: Option<usize>,
    /// The operators in the order of execution, where they were traced.
    pub operators: Vec<ConsoleOperator>,
}

/// One operator on the console.
#[derive(Debug, PartialEq)]
pub(super) struct ConsoleOperator {
    pub index: usize,
    pub ticks: u64,
    pub output: Vec<i8>,
}

/// Reads the console's text.
pub(super) fn read(text: &str) -> Result<Console, VerifyError> {
    let mut console = Console { overhead: 0, samples: Vec::new(), stack: 0 };
    let mut operators: Vec<ConsoleOperator> = Vec::new();
    let mut ended = false;
    for line in text.lines() {
        let line = plain(line);
        let broken = || VerifyError::Console { line: line.clone() };
        let number = |value: &str| value.parse().map_err(|_| broken());
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("overhead", value) => console.overhead = number(value)?,
            ("ticks", value) => {
                let operators = std::mem::take(&mut operators);
                let ticks = number(value)?;
                let (input, output) = (Vec::new(), Vec::new());
                console.samples.push(ConsoleSample { ticks, input, output, class: None, operators });
            }
            ("input", value) => {
                let sample = console.samples.last_mut().ok_or_else(broken)?;
                sample.input.extend(bytes(value).ok_or_else(broken)?);
            }
            ("output", value) => {
                let sample = console.samples.last_mut().ok_or_else(broken)?;
                sample.output.extend(bytes(value).ok_or_else(broken)?);
            }
            ("class", value) => {
                let class = value.parse().map_err(|_| broken())?;
                console.samples.last_mut().ok_or_else(broken)?.class = Some(class);
            }
            ("operator", value) => {
                let index = value.parse().map_err(|_| broken())?;
                operators.push(ConsoleOperator { index, ticks: 0, output: Vec::new() });
            }
            ("elapsed", value) => operators.last_mut().ok_or_else(broken)?.ticks = number(value)?,
            ("tensor", value) => {
                let operator = operators.last_mut().ok_or_else(broken)?;
                operator.output.extend(bytes(value).ok_or_else(broken)?);
            }
            ("stack", value) => console.stack = number(value)?,
            ("status", value) => return Err(VerifyError::Status(number(value)?)),
            ("fault", _) => return Err(VerifyError::Fault),
            ("end", "") => ended = true,
            _ => {}
        }
    }
    if ended { Ok(console) } else { Err(VerifyError::Cut { console: text.to_owned() }) }
}

/// A line without terminal colours and without the full stop that stands for its end.
fn plain(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or("");
    let rest = pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, text)| text));
    let text: String = std::iter::once(first).chain(rest).collect();
    text.trim_end_matches('.').to_owned()
}

/// Bytes from pairs of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<i8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let text = str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok().map(u8::cast_signed)
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_on_several_lines_belong_to_the_last_ticks() {
        let text = "qemu: hello\noverhead 20\nticks 645\ninput 8005\noutput 0b01\noutput 05\nclass 1\nticks 7\noutput 80ff7f\n\
                    class 2\nstack 20\nend\n";
        let samples = vec![
            ConsoleSample {
                ticks: 645,
                input: vec![-128, 5],
                output: vec![11, 1, 5],
                class: Some(1),
                operators: vec![],
            },
            ConsoleSample {
                ticks: 7,
                input: vec![],
                output: vec![-128, -1, 127],
                class: Some(2),
                operators: vec![],
            },
        ];
        assert_eq!(read(text).unwrap(), Console { overhead: 20, samples, stack: 20 });
    }

    #[test]
    fn traced_operators_belong_to_the_sample_after_them() {
        let text = "overhead 2\noperator 1\nelapsed 30\ntensor 01\ntensor 02\noperator 0\nelapsed 9\ntensor ff\n\
                    ticks 50\noutput ff\nend\n";
        let operators = vec![
            ConsoleOperator { index: 1, ticks: 30, output: vec![1, 2] },
            ConsoleOperator { index: 0, ticks: 9, output: vec![-1] },
        ];
        let samples =
            vec![ConsoleSample { ticks: 50, input: vec![], output: vec![-1], class: None, operators }];
        assert_eq!(read(text).unwrap(), Console { overhead: 2, samples, stack: 0 });
    }

    #[test]
    fn lines_of_simavr_are_read() {
        let text = "Loaded 1708 .text at address 0x0\n\u{1b}[32moverhead 319.\n\u{1b}[0m\u{1b}[32mticks 3821.\n\
                    \u{1b}[0m\u{1b}[32moutput 0b.\n\u{1b}[0m\u{1b}[32mstack 68.\n\u{1b}[0m\u{1b}[32mend.\n\u{1b}[0m";
        let samples = vec![ConsoleSample {
            ticks: 3821,
            input: vec![],
            output: vec![11],
            class: None,
            operators: vec![],
        }];
        assert_eq!(read(text).unwrap(), Console { overhead: 319, samples, stack: 68 });
    }

    #[test]
    fn what_went_wrong_is_told() {
        assert!(matches!(read("overhead 3\nfault\n"), Err(VerifyError::Fault)));
        assert!(matches!(read("overhead 3\nticks 4\nstatus 2\n"), Err(VerifyError::Status(2))));
        assert!(matches!(read("overhead 3\nticks 4\n"), Err(VerifyError::Cut { .. })));
        for line in ["ticks x", "output 00", "overhead -1"] {
            assert!(matches!(read(line), Err(VerifyError::Console { .. })), "{line}");
        }
        assert!(matches!(read("ticks 1\noutput 0\nend"), Err(VerifyError::Console { .. })));
        assert!(matches!(read("ticks 1\noutput 0g\nend"), Err(VerifyError::Console { .. })));
    }
}
