//! Tells code, comments and literals of Rust source apart, just well enough to look for words in the right places.

/// What a character of a source file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything that is neither a comment nor the inside of a literal.
    Code,
    /// Line and block comments, documentation included.
    Comment,
    /// Strings and characters, with their quotes.
    Literal,
}

/// The source with everything but `wanted` blanked out. Lines stay where they are.
pub fn only(source: &str, wanted: Part) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (part, length) = next_token(rest);
        let (token, after) = rest.split_at(length);
        let shown = |c: char| if part == wanted || c == '\n' { c } else { ' ' };
        text.extend(token.chars().map(shown));
        rest = after;
    }
    text
}

/// The part that `rest` begins with, and its length in bytes (at least one character).
fn next_token(rest: &str) -> (Part, usize) {
    if rest.starts_with("//") {
        return (Part::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Part::Comment, block_comment_length(rest));
    }
    if let Some(length) = string_length(rest).or_else(|| character_length(rest)) {
        return (Part::Literal, length);
    }
    // An identifier is taken whole, so that its last letter does not look like the prefix of a string.
    let identifier = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let first = rest.chars().next().map_or(1, char::len_utf8);
    (Part::Code, identifier.max(first))
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a plain, byte, C or raw string at the start of `rest`.
fn string_length(rest: &str) -> Option<usize> {
    let after_prefix = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    if let Some(body) = after_prefix.strip_prefix('"') {
        return Some(rest.len() - body.len() + escaped_length(body, '"'));
    }
    let raw = after_prefix.strip_prefix('r')?;
    let quoted = raw.trim_start_matches('#');
    let body = quoted.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(raw.len() - quoted.len()));
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(rest.len() - body.len() + length)
}

/// The length of a character literal at the start of `rest`; a lifetime is none.
fn character_length(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'')?;
    let first = body.chars().next()?;
    let is_character = first == '\\' || body[first.len_utf8()..].starts_with('\'');
    is_character.then(|| rest.len() - body.len() + escaped_length(body, '\''))
}

/// The length of a literal's body with its closing quote, where a backslash hides the next character.
fn escaped_length(body: &str, quote: char) -> usize {
    let mut characters = body.char_indices();
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::{Part, only};

    #[track_caller]
    fn check(source: &str, code: &str, comment: &str, literal: &str) {
        for (part, expected) in [(Part::Code, code), (Part::Comment, comment), (Part::Literal, literal)] {
            let found = only(source, part);
            assert_eq!(found.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{part:?}");
            assert_eq!(found.lines().count(), source.lines().count());
        }
    }

    #[test]
    fn comments() {
        check("let a; // one \"two\"\nlet b;", "let a; let b;", "// one \"two\"", "");
        check("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */", "");
        check("a /* never closed", "a", "/* never closed", "");
    }

    #[test]
    fn strings() {
        check(r#"f("a \" // b", c)"#, "f( , c)", "", r#""a \" // b""#);
        check(r###"f(r#"a " b"#, c)"###, "f( , c)", "", r###"r#"a " b"#"###);
        check(r#"f(b"x", br"\", c"y")"#, "f( , , )", "", r#"b"x" br"\" c"y""#);
        check("\"two\nlines\" x", "x", "", "\"two lines\"");
    }

    #[test]
    fn an_identifier_before_a_string_is_no_prefix() {
        check("bar\"x\"", "bar", "", "\"x\"");
    }

    #[test]
    fn characters_and_lifetimes() {
        check("f('\"', '\\'', b'x', 'é')", "f( , , , )", "", "'\"' '\\'' b'x' 'é'");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}", "", "");
    }
}
