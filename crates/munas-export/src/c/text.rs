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

/// `text` on one line of a comment: without what would end the comment or begin another, or turn the direction of
/// writing.
pub(super) fn comment(text: &str) -> String {
    let is_invisible = |character: char| {
        let is_mark = matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        character.is_control() || is_mark
    };
    text.replace(is_invisible, " ").replace("*/", "* /").replace("/*", "/ *")
}

/// `text` as a C string literal: what is not plain ASCII byte by byte in octal, question marks so that they make no
/// trigraph.
pub(super) fn string(text: &str) -> String {
    let mut literal = "\"".to_owned();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | b'?' => literal.extend(['\\', char::from(byte)]),
            b' '..=b'~' => literal.push(char::from(byte)),
            _ => write!(literal, "\\{byte:03o}").expect("a string takes every write"),
        }
    }
    literal + "\""
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
    use super::{comment, elements, float, int32, string};

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
        assert_eq!(comment("/*/ /** */*"), "/ * / / ** * / *");
        assert_eq!(comment("a\u{202e}b größe"), "a b größe");
    }

    #[test]
    fn strings_are_literals() {
        assert_eq!(string("a \"b\"\\"), r#""a \"b\"\\""#);
        assert_eq!(string("??/\n1é"), r#""\?\?/\0121\303\251""#);
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
