//! Arms that catch every operator or activation that is not named.
//!
//! A match that names variants of `Op` or `Activation` must name all of them, so that the compiler finds every place
//! that a new one concerns. `_`, a name alone and a tuple of such are arms that catch the rest; with a guard, too.

use super::Finding;
use super::sources::SourceFile;
use super::tokens::{Token, code_of, group_length, product_tokens, starts_with};

/// The enums whose matches name every variant.
const ENUMS: [&str; 2] = ["Op", "Activation"];

/// What is wrong with one file.
pub fn check(file: &SourceFile) -> Vec<Finding> {
    if file.is_outside_the_library() {
        return Vec::new();
    }
    let code = code_of(file.text());
    let tokens = product_tokens(&code);
    let mut findings = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].text == "match") {
        let Some(arms) = arms_of_match(&tokens[at + 1..]) else { continue };
        let own_enum = enum_of_impl(&tokens[..at]);
        let Some(name) = arms.iter().find_map(|arm| named_enum(arm, own_enum)) else { continue };
        for arm in arms.iter().filter(|arm| catches_all(arm)) {
            let message =
                format!("a match on `{name}` has an arm that catches every other variant: name them");
            findings.push(Finding { path: file.path().to_owned(), line: Some(arm[0].line), message });
        }
    }
    findings
}

/// The enum of the list whose implementation `before` ends in: there it is also called `Self`.
fn enum_of_impl(before: &[Token]) -> Option<&'static str> {
    let at = before.iter().rposition(|token| token.text == "impl")?;
    let opens = at + before[at..].iter().position(|token| token.text == "{")?;
    let closed = opens + group_length(&before[opens..]) < before.len();
    let name = before[opens - 1].text;
    ENUMS.into_iter().find(|known| *known == name && !closed)
}

/// The patterns of the arms of a match, without guards; `tokens` begin after the keyword.
fn arms_of_match<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<Vec<&'t [Token<'a>]>> {
    let opens = find_outside_brackets(tokens, |token| token.text == "{")?;
    let mut rest = &tokens[opens + 1..opens + group_length(&tokens[opens..])];
    let mut arms = Vec::new();
    while let Some(arrow) = find_outside_brackets(rest, |token| token.text == "=>") {
        let whole = &rest[..arrow];
        let end = find_outside_brackets(whole, |token| token.text == "if").unwrap_or(arrow);
        if end > 0 {
            arms.push(&whole[..end]);
        }
        rest = &rest[arrow + 1..];
        let body = if starts_with(rest, &["{"]) {
            group_length(rest)
        } else {
            find_outside_brackets(rest, |token| token.text == ",").unwrap_or(rest.len())
        };
        rest = &rest[body.min(rest.len())..];
        if starts_with(rest, &[","]) {
            rest = &rest[1..];
        }
    }
    Some(arms)
}

/// The first token that `wanted` accepts and that stands in no brackets that open before it.
fn find_outside_brackets(tokens: &[Token], wanted: impl Fn(&Token) -> bool) -> Option<usize> {
    let mut at = 0;
    while at < tokens.len() {
        if wanted(&tokens[at]) {
            return Some(at);
        }
        at += match tokens[at].text {
            "(" | "[" | "{" => group_length(&tokens[at..]),
            _ => 1,
        };
    }
    None
}

fn named_enum(pattern: &[Token], own_enum: Option<&'static str>) -> Option<&'static str> {
    let owner = |pair: &[Token]| {
        let (name, then) = (pair[0].text, pair[1].text);
        let of_self = own_enum.filter(|_| name == "Self");
        ENUMS.into_iter().find(|known| *known == name).or(of_self).filter(|_| then == "::")
    };
    pattern.windows(2).find_map(owner)
}

/// `_`, a name, or a tuple of these and of `..`.
fn catches_all(pattern: &[Token]) -> bool {
    let is_binding = |text: &str| text.starts_with(|c: char| c.is_lowercase() || c == '_');
    let follows_path = pattern.iter().any(|token| token.text == "::");
    let catches = |token: &Token| matches!(token.text, "(" | ")" | "," | "." | "&") || is_binding(token.text);
    let is_literal = pattern.iter().any(|token| matches!(token.text, "true" | "false"));
    !follows_path && !is_literal && pattern.iter().all(catches)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::sources::SourceFile;

    fn lines_of(source: &str) -> Vec<usize> {
        let file = SourceFile::new("crates/munas-space/src/a.rs", source);
        check(&file).iter().map(|finding| finding.line.unwrap()).collect()
    }

    #[test]
    fn an_underscore_after_an_operator_is_found() {
        let source = "fn f(op: &Op) -> u8 {\n match op {\n  Op::Add(a) if a > 1 => { 1 }\n  _ => 2,\n }\n}";
        assert_eq!(lines_of(source), [4]);
        let message = check(&SourceFile::new("crates/munas-space/src/a.rs", source))[0].to_string();
        assert!(message.starts_with("crates/munas-space/src/a.rs:4: a match on `Op`"), "{message}");
    }

    #[test]
    fn other_names_of_a_wildcard_are_found() {
        for arm in ["other", "_ if x", "(_, _)", "(..)", "(op, _)", "ref other", "&_"] {
            let found = lines_of(&format!("fn f() {{ match x {{ Activation::Relu => 1,\n {arm} => 2 }} }}"));
            assert_eq!(found, [2], "{arm}");
        }
    }

    #[test]
    fn matches_that_name_everything_are_none() {
        let named = "match x { Op::Add | munas_ir::Op::Mul => f(a, |_| 1), Op::Pool { size, .. } => { 2 } }";
        assert_eq!(lines_of(named), [0; 0]);
        assert_eq!(
            lines_of("match (a, b) { (Op::Add, _) => 1, (Op::Mul, Some(_)) => 2, (_, None) => 3 }"),
            [0; 0]
        );
        assert_eq!(lines_of("match (Op::Add, b) { (_, true) => 1, (_, false) => 2 }"), [0; 0]);
    }

    #[test]
    fn matches_on_other_things_are_none() {
        assert_eq!(lines_of("match x { Some(1) => Op::Add, _ => Op::Mul }"), [0; 0]);
        assert_eq!(lines_of("match x { Kind::Op => 1, _ => 2 }"), [0; 0]);
        assert_eq!(
            lines_of("#[cfg(test)]\nmod tests { fn f() { match x { Op::Add => 1, _ => 2 } } }"),
            [0; 0]
        );
    }

    #[test]
    fn inner_matches_are_judged_by_themselves() {
        let source = "match x {\n Op::Add => match y {\n  Some(1) => 1,\n  _ => 2,\n },\n Op::Mul => 3,\n}";
        assert_eq!(lines_of(source), [0; 0]);
        let source = "match x {\n Some(op) => match op {\n  Op::Add => 1,\n  _ => 2,\n },\n _ => 3,\n}";
        assert_eq!(lines_of(source), [4]);
    }

    #[test]
    fn the_enum_itself_says_self() {
        let body = "{ fn f(self) { match self { Self::A => 1, _ => 2 } } }";
        assert_eq!(lines_of(&format!("impl Op {body}")), [1]);
        assert_eq!(lines_of(&format!("impl fmt::Display for Activation {body}")), [1]);
        assert_eq!(lines_of(&format!("impl Kind {body}")), [0; 0]);
        assert_eq!(lines_of(&format!("impl Op {{ fn g() {{}} }} impl Kind {body}")), [0; 0]);
    }
}
