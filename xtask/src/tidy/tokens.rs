//! The tokens of the product part of a source file: words, `::`, `=>` and single characters.

use super::lexer::{Part, only};

/// A piece of code and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    /// 1-based.
    pub line: usize,
}

impl Token<'_> {
    /// Whether this is an identifier, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_character)
    }
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The source without comments and literals.
pub fn code_of(source: &str) -> String {
    only(source, Part::Code)
}

/// The tokens of `code`, which has no comments and literals, without the items under `#[cfg(test)]`.
pub fn product_tokens(code: &str) -> Vec<Token<'_>> {
    without_test_items(&all_tokens(code))
}

fn all_tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, mut rest) in code.lines().enumerate() {
        rest = rest.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word_character(first) {
                rest.find(|c| !is_word_character(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") || rest.starts_with("=>") {
                2
            } else {
                first.len_utf8()
            };
            let (text, after) = rest.split_at(length);
            tokens.push(Token { text, line: index + 1 });
            rest = after.trim_start();
        }
    }
    tokens
}

const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

fn without_test_items<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if starts_with(&tokens[at..], &TEST_ATTRIBUTE) {
            at += TEST_ATTRIBUTE.len();
            at += item_length(&tokens[at..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The modules in files of their own that `code` declares under `#[cfg(test)]`.
pub fn test_modules(code: &str) -> Vec<&str> {
    let tokens = all_tokens(code);
    let after = |at: usize| tokens.get(at + TEST_ATTRIBUTE.len()..).unwrap_or_default();
    let attributes = (0..tokens.len()).filter(|at| starts_with(&tokens[*at..], &TEST_ATTRIBUTE));
    let declared = attributes.map(|at| {
        let item = after(at);
        let begin = item.iter().position(|token| token.text == "mod").unwrap_or(item.len());
        &item[begin..]
    });
    let in_file = |item: &&[Token]| item.len() > 2 && item[2].text == ";";
    declared.filter(in_file).map(|item| item[1].text).collect()
}

/// Whether `tokens` begin with these texts.
pub fn starts_with(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// An item ends at its semicolon or with its block.
fn item_length(tokens: &[Token]) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "{" => return at + group_length(&tokens[at..]),
            "(" | "[" => at += group_length(&tokens[at..]),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The number of tokens from an opening bracket to its partner, both included.
pub fn group_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::{code_of, product_tokens};

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let code = code_of(source);
        let texts: Vec<&str> = product_tokens(&code).iter().map(|token| token.text).collect();
        assert_eq!(texts.join(" "), expected);
    }

    #[test]
    fn words_arrows_and_brackets() {
        check("match a::b { _ => 1.5, }", "match a :: b { _ => 1 . 5 , }");
        check("f(\"=>\") // ::\n;", "f ( ) ;");
    }

    #[test]
    fn lines_are_counted_from_one() {
        let lines: Vec<usize> = product_tokens("a\n\n  b c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 3]);
    }

    #[test]
    fn items_of_tests_are_left_out() {
        check("a; #[cfg(test)] mod tests { fn f() { g(); } } b", "a ; b");
        check("#[cfg(test)]\nmod tests;\nmod b;", "mod b ;");
        check("#[cfg(test)]\n#[track_caller]\nfn f(a: [u8; 3]) -> u8 { 1 }\nfn g() {}", "fn g ( ) { }");
    }
}
