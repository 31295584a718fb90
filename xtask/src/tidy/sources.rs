//! Lengths of source files, and words that must not stand in them.

use std::path::{Path, PathBuf};

use super::Finding;
use super::lexer::{Part, only};

/// No file is longer.
const MOST_LINES: usize = 800;
/// Files above this are listed: candidates for a split.
const MANY_LINES: usize = 500;

/// A Rust file of the workspace.
pub struct SourceFile {
    /// Relative to the workspace.
    path: PathBuf,
    text: String,
}

/// A word that is forbidden in one part of some files.
struct Rule {
    word: &'static str,
    part: Part,
    applies: fn(&SourceFile, Place) -> bool,
    message: &'static str,
}

/// Where a line stands in its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Product,
    /// In a module of unit tests.
    Test,
}

const PRINTING: &str = "prints: only munas-cli does";
const UNFINISHED: &str = "marks unfinished work";

const RULES: &[Rule] = &[
    Rule {
        word: "unsafe",
        part: Part::Code,
        applies: |file, _| file.crate_name() != "munas-kernels",
        message: "unsafe outside munas-kernels",
    },
    Rule { word: "println!", part: Part::Code, applies: must_not_print, message: PRINTING },
    Rule { word: "print!", part: Part::Code, applies: must_not_print, message: PRINTING },
    Rule { word: "eprintln!", part: Part::Code, applies: must_not_print, message: PRINTING },
    Rule { word: "eprint!", part: Part::Code, applies: must_not_print, message: PRINTING },
    Rule { word: "todo!", part: Part::Code, applies: always, message: UNFINISHED },
    Rule { word: "unimplemented!", part: Part::Code, applies: always, message: UNFINISHED },
    Rule { word: "TODO", part: Part::Comment, applies: always, message: UNFINISHED },
    Rule { word: "FIXME", part: Part::Comment, applies: always, message: UNFINISHED },
    Rule {
        word: "#[ignore",
        part: Part::Code,
        applies: always,
        message: "an ignored test: a slow one is enabled by an environment variable",
    },
    Rule { word: "#[allow(", part: Part::Code, applies: always, message: "use #[expect(…, reason = …)]" },
    Rule {
        word: "#![allow(", part: Part::Code, applies: always, message: "use #![expect(…, reason = …)]"
    },
];

fn always(_: &SourceFile, _: Place) -> bool {
    true
}

fn must_not_print(file: &SourceFile, place: Place) -> bool {
    let printing_crate = matches!(file.crate_name(), "munas-cli" | "xtask");
    place == Place::Product && !printing_crate && !file.is_outside_the_library()
}

impl SourceFile {
    /// A file at a path relative to the workspace.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Relative to the workspace.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the crate's folder.
    pub fn crate_name(&self) -> &str {
        let mut folders = self.path.iter().filter_map(|part| part.to_str());
        match folders.next() {
            Some("crates") => folders.next().unwrap_or_default(),
            first => first.unwrap_or_default(),
        }
    }

    /// Whether this is a test (or what tests share), a benchmark, an example or a build script.
    pub fn is_outside_the_library(&self) -> bool {
        let names = ["tests", "benches", "examples", "tests.rs", "testing.rs", "build.rs"];
        self.path.iter().any(|part| names.iter().any(|name| part == *name))
    }

    fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// The index of the first line of the inline module of unit tests, which ends a file.
    fn tests_begin(&self, code: &str) -> usize {
        let lines: Vec<&str> = code.lines().collect();
        let opens = |pair: &[&str]| {
            pair[0].trim() == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        };
        lines.windows(2).position(opens).unwrap_or(lines.len())
    }
}

/// All Rust files of the workspace's crates, in the order of their paths.
pub fn read(root: &Path) -> Result<Vec<SourceFile>, String> {
    let mut paths = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let file = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(SourceFile::new(path.strip_prefix(root).unwrap_or(&path), text))
    };
    paths.into_iter().map(file).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// How long the files are, and which are candidates for a split.
pub fn length_summary(files: &[SourceFile]) -> String {
    let mut lengths: Vec<usize> = files.iter().map(SourceFile::line_count).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    let total: usize = lengths.iter().sum();
    let mut summary = format!("tidy: {} files, {total} lines, median {median} lines", files.len());
    for file in files.iter().filter(|file| file.line_count() > MANY_LINES) {
        summary += &format!("\ntidy: {} has {} lines", file.path.display(), file.line_count());
    }
    summary
}

/// What is wrong with one file.
pub fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |line: Option<usize>, message: String| {
        findings.push(Finding { path: file.path.clone(), line, message });
    };
    if file.line_count() > MOST_LINES {
        report(None, format!("{} lines, a file has at most {MOST_LINES}", file.line_count()));
    }
    let code = only(&file.text, Part::Code);
    let comments = only(&file.text, Part::Comment);
    let tests_begin = file.tests_begin(&code);
    for (index, (code, comment)) in code.lines().zip(comments.lines()).enumerate() {
        let place = if index < tests_begin { Place::Product } else { Place::Test };
        for rule in RULES {
            let text = if rule.part == Part::Code { code } else { comment };
            if contains_word(text, rule.word) && (rule.applies)(file, place) {
                report(Some(index + 1), format!("`{}` {}", rule.word, rule.message));
            }
        }
    }
    findings
}

/// Whether `word` stands in `text` and is not a part of a longer identifier.
fn contains_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    let ends_open = word.ends_with(is_letter);
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].ends_with(is_letter) && word.starts_with(is_letter);
        let after = ends_open && text[at + word.len()..].starts_with(is_letter);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check, contains_word, length_summary};

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(path, text)
    }

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&file(path, text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn words_are_whole() {
        assert!(contains_word("a unsafe {", "unsafe"));
        assert!(!contains_word("expect(unsafe_code)", "unsafe"));
        assert!(!contains_word("not_unsafe", "unsafe"));
        assert!(!contains_word("eprintln!()", "println!"));
        assert!(contains_word("x_unsafe unsafe", "unsafe"));
    }

    #[test]
    fn unsafe_belongs_to_the_kernels() {
        let text = "fn f() { unsafe { g() } }\n";
        assert_eq!(findings("crates/munas-kernels/src/lib.rs", text), [""; 0]);
        assert_eq!(
            findings("crates/munas-ir/src/lib.rs", text),
            ["crates/munas-ir/src/lib.rs:1: `unsafe` unsafe outside munas-kernels"]
        );
        assert_eq!(findings("crates/munas-ir/src/lib.rs", "// unsafe\nlet x = \"unsafe\";\n"), [""; 0]);
    }

    #[test]
    fn libraries_do_not_print() {
        let text = "fn f() { println!(); }\n";
        for path in [
            "crates/munas-cli/src/main.rs",
            "xtask/src/main.rs",
            "crates/munas-ir/examples/a.rs",
            "crates/munas-ir/tests/a.rs",
            "crates/munas-ir/benches/a.rs",
            "crates/munas-ir/src/graph/tests.rs",
            "crates/munas-ir/src/testing.rs",
        ] {
            assert_eq!(findings(path, text), [""; 0]);
        }
        assert_eq!(findings("crates/munas-ir/src/graph.rs", text).len(), 1);
        let in_tests = format!("fn g() {{}}\n#[cfg(test)]\nmod tests {{\n{text}}}\n");
        assert_eq!(findings("crates/munas-ir/src/graph.rs", &in_tests), [""; 0]);
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_comments() {
        let text = "// FIXME later\nfn f() { todo!() }\n/* a\nTODO */\nlet s = \"FIXME\";\n";
        let lines = ["1: `FIXME`", "2: `todo!`", "4: `TODO`"];
        let expected = lines.map(|line| format!("crates/munas-ir/src/a.rs:{line} marks unfinished work"));
        assert_eq!(findings("crates/munas-ir/src/a.rs", text), expected);
    }

    #[test]
    fn attributes_that_hide_are_found() {
        let text = "#[test]\n#[ignore]\nfn f() {}\n#[allow(dead_code)]\nfn g() {}\n#[expect(x)]\nfn h() {}\n";
        let found = findings("crates/munas-ir/src/a.rs", text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/munas-ir/src/a.rs:2: `#[ignore`"));
        assert!(found[1].starts_with("crates/munas-ir/src/a.rs:4: `#[allow(`"));
    }

    #[test]
    fn long_files_are_listed_and_too_long_ones_found() {
        let of = |lines: usize| file("xtask/src/a.rs", &"\n".repeat(lines));
        assert_eq!(length_summary(&[of(10), of(20), of(500)]), "tidy: 3 files, 530 lines, median 20 lines");
        let summary = length_summary(&[of(501)]);
        assert!(summary.ends_with("\ntidy: xtask/src/a.rs has 501 lines"), "{summary}");
        assert!(check(&of(800)).is_empty());
        assert_eq!(check(&of(801))[0].to_string(), "xtask/src/a.rs: 801 lines, a file has at most 800");
    }
}
