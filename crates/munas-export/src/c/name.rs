//! The name of a network in C: of its files, and before all that they define.

use std::fmt;
use std::str::FromStr;

/// Headers of C that a file of the same name would hide.
const HEADERS: [&str; 31] = [
    "assert",
    "complex",
    "ctype",
    "errno",
    "fenv",
    "float",
    "inttypes",
    "iso646",
    "limits",
    "locale",
    "math",
    "memory",
    "setjmp",
    "signal",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbool",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "stdnoreturn",
    "string",
    "strings",
    "tgmath",
    "threads",
    "time",
    "uchar",
    "wchar",
    "wctype",
];
/// Ends of the names of the files beside the source.
const ENDS: [&str; 2] = ["_test", "_vectors"];
/// What compilers are sure to tell names apart by, less what is put behind the name.
const MOST_CHARACTERS: usize = 31;

/// The name of a network in C. The default is `model` for files and `munas` for what they define; any other stands
/// for both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CName(Option<String>);

/// The text is no name of a network in C.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CNameError {
    /// Not an identifier.
    #[error(
        "`{0}` is not an identifier of C: letters, digits and _, a letter first, no more than {MOST_CHARACTERS}"
    )]
    NotAnIdentifier(String),
    /// Its header would be taken for one of C's.
    #[error("`{0}.h` is a header of C")]
    Header(String),
    /// Its files could be those of another network.
    #[error("`{0}` ends like the files beside a network's source: _test and _vectors")]
    End(String),
}

impl CName {
    /// The default: `model` for files, `munas` for what they define.
    pub const MODEL: Self = Self(None);

    /// The name before `.h`, `.c` and the ends of other files.
    pub fn file(&self) -> &str {
        self.0.as_deref().unwrap_or("model")
    }

    /// What stands before the names of functions, variables and types.
    pub fn prefix(&self) -> &str {
        self.0.as_deref().unwrap_or("munas")
    }

    /// What stands before the names of macros.
    pub fn macro_prefix(&self) -> String {
        self.prefix().to_uppercase()
    }

    /// A text that is written for the default name, for this one.
    pub(crate) fn rename(&self, text: &str) -> String {
        let Some(name) = &self.0 else { return text.to_owned() };
        let upper = name.to_uppercase();
        // In one pass: the name may contain what is replaced.
        let replaced =
            [("munas_", name, "_"), ("MUNAS_", &upper, "_"), ("model_", name, "_"), ("model.", name, ".")];
        let mut renamed = String::with_capacity(text.len());
        let mut copied = 0;
        for (at, _) in text.match_indices(['m', 'M']) {
            let Some((from, to, end)) = replaced.iter().find(|(from, ..)| text[at..].starts_with(from))
            else {
                continue;
            };
            renamed.push_str(&text[copied..at]);
            renamed.push_str(to);
            renamed.push_str(end);
            copied = at + from.len();
        }
        renamed + &text[copied..]
    }

    /// For macros that a user may define, those of this name: they take what is defined for all networks.
    pub(crate) fn inherit(&self, macros: &[&str]) -> String {
        let own = self.macro_prefix();
        if own == CName::MODEL.macro_prefix() {
            return String::new();
        }
        let inherit = macros.iter().map(|name| {
            format!(
                "#if !defined({own}_{name}) && defined(MUNAS_{name})\n#define {own}_{name} MUNAS_{name}\n#endif\n"
            )
        });
        let all: String = inherit.collect();
        format!(
            "/* What is defined for all networks holds for this one, unless it has a definition of its own. */\n{all}\n"
        )
    }
}

impl FromStr for CName {
    type Err = CNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_identifier = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
            && text.len() <= MOST_CHARACTERS;
        let lower = text.to_ascii_lowercase();
        if !is_identifier {
            Err(CNameError::NotAnIdentifier(text.to_owned()))
        } else if HEADERS.contains(&&*lower) {
            Err(CNameError::Header(text.to_owned()))
        } else if ENDS.iter().any(|end| lower.ends_with(end)) {
            Err(CNameError::End(text.to_owned()))
        } else {
            Ok(Self(Some(text.to_owned())))
        }
    }
}

impl fmt::Display for CName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for text in ["gesture", "Gesture_2", "a", "int", "model", "munas"] {
            let name: CName = text.parse().unwrap();
            assert_eq!((name.file(), name.prefix()), (text, text));
        }
        for text in ["", "2nd", "_x", "two words", "größe", "a-b", "a.b", "../a", "a\n", &"a".repeat(32)] {
            assert!(matches!(text.parse::<CName>(), Err(CNameError::NotAnIdentifier(_))), "{text}");
        }
        for text in ["stdint", "Math", "string"] {
            assert!(matches!(text.parse::<CName>(), Err(CNameError::Header(_))), "{text}");
        }
        for text in ["a_test", "a_Vectors"] {
            assert!(matches!(text.parse::<CName>(), Err(CNameError::End(_))), "{text}");
        }
    }

    #[test]
    fn everything_is_renamed() {
        let text = "#include \"model.h\"\n/* model_test.c */\nstatic int munas_add(int a) { return MUNAS_SIZE + a; }\n";
        let name: CName = "Pose".parse().unwrap();
        assert_eq!(
            name.rename(text),
            "#include \"Pose.h\"\n/* Pose_test.c */\nstatic int Pose_add(int a) { return POSE_SIZE + a; }\n"
        );
        assert_eq!(CName::MODEL.rename(text), text);
        let name: CName = "model_munas".parse().unwrap();
        assert_eq!(name.rename("model.h munas_x MUNAS_X m"), "model_munas.h model_munas_x MODEL_MUNAS_X m");
    }
}
