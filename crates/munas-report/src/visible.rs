//! Text from files as a terminal may show it.
//!
//! Names of classes, tensors, folders and data come from files of anybody's making. A terminal obeys what some of their
//! characters say: move, overwrite, change colour or title, write from right to left. They are shown as escapes instead.

use std::borrow::Cow;

/// The text with every character that is not to be seen written as `\u{1b}`, `\n`, and the like.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
            hidden if is_hidden(hidden) => shown.extend(hidden.escape_unicode()),
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character does something else than to appear in its place.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Marks and embeddings that turn the direction of what follows.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Separators of lines and paragraphs, the byte order mark, tags, and what is no character at all.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{fdd0}'..='\u{fdef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_terminal_would_obey_is_escaped() {
        for (text, expected) in [
            ("plain", "plain"),
            ("Größe, 尺寸, 👩\u{200d}🔧", "Größe, 尺寸, 👩\u{200d}🔧"),
            (r"C:\data", r"C:\data"),
            ("\x1b[31mred\x1b[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("\x1b]0;title\x07", r"\u{1b}]0;title\u{7}"),
            ("a\r\nb\tc", r"a\r\nb\tc"),
            ("\u{9b}2J\x7f\0", r"\u{9b}2J\u{7f}\u{0}"),
            ("cat\u{202e}gpj.exe", r"cat\u{202e}gpj.exe"),
            ("\u{fdd0}\u{2028}", r"\u{fdd0}\u{2028}"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }
}
