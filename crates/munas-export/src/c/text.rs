//! C text of numbers and tables.

use std::fmt::{Display, Write};

/// Columns that a line of a table is broken at.
const LINE: usize = 100;

/// `value` as a C constant of type `int32_t`. The smallest has no literal in C.
pub(super) fn int32(value: i32) -> String {
    if value == i32::MIN { "(-2147483647 - 1)".to_owned() } else { value.to_string() }
}

/// `value` as a C constant expression of type `float`.
pub(crate) fn float(value: f32) -> String {
    if value.is_nan() {
        "(0.0f / 0.0f)".to_owned()
    } else if value.is_infinite() {
        format!("({}1.0f / 0.0f)", if value > 0.0 { "" } else { "-" })
    } else {
        format!("{value:e}f")
    }
}

/// `text` on one line, without what would end a comment.
pub(super) fn comment(text: &str) -> String {
    text.replace("*/", "* /").replace(char::is_control, " ")
}

/// The elements of an initialiser, indented and broken into lines, without its braces.
pub(super) fn elements<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for value in values {
        let element = format!("{value},");
        if !line.is_empty() && line.len() + element.len() > LINE {
            push_line(&mut text, &line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&element);
    }
    push_line(&mut text, &line);
    text
}

fn push_line(text: &mut String, line: &str) {
    if !line.is_empty() {
        writeln!(text, "    {line}").expect("a string takes every write");
    }
}

#[cfg(test)]
mod tests {
    use super::{comment, elements, float, int32};

    #[test]
    fn numbers_are_c_constants() {
        assert_eq!(int32(-5), "-5");
        assert_eq!(int32(i32::MIN), "(-2147483647 - 1)");
        assert_eq!(float(0.5), "5e-1f");
        assert_eq!(float(1e-30), "1e-30f");
        assert_eq!(float(f32::NEG_INFINITY), "(-1.0f / 0.0f)");
    }

    #[test]
    fn a_comment_stays_one() {
        assert_eq!(comment("run */ 3\ntrial 4"), "run * / 3 trial 4");
    }

    #[test]
    fn tables_are_broken_into_lines() {
        let text = elements(100..160);
        assert!(
            text.lines().all(|line| line.len() <= 104 && line.starts_with("    ") && line.ends_with(','))
        );
        assert_eq!(text.split(',').count(), 61);
        assert_eq!(elements([7]), "    7,\n");
    }
}
