//! What a file imports and names: paths that begin at the crate, above or at the file itself, or at an import.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::tokens::{Token, group_length, starts_with};

/// The segments of a path from the root of the crate.
pub type ModulePath = Vec<String>;

/// A path of `use`, or the one that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub path: ModulePath,
    /// `pub`, to whomever: the file hands the name on.
    pub is_handed_on: bool,
}

/// The imports and paths of one file.
#[derive(Debug, Default)]
pub struct Names {
    /// By the name that they have here.
    pub imports: BTreeMap<String, Import>,
    /// What `use …::*` takes.
    pub globs: Vec<Import>,
    /// Paths that the code outside of `use` names.
    pub paths: Vec<ModulePath>,
    /// Words of the code outside of `use`, without the names of modules where these are declared.
    words: BTreeSet<String>,
}

impl Names {
    /// Reads the tokens of the file that is `module`.
    pub fn of(tokens: &[Token], module: &[String]) -> Self {
        let mut names = Self::default();
        let code = names.take_imports(tokens, module);
        names.words = words(&code);
        let mut inner = InlineModules::default();
        let mut at = 0;
        while at < code.len() {
            inner.pass(&code[at..]);
            let goes_on = at > 0 && matches!(code[at - 1].text, "::" | ".");
            let length = if goes_on { 1 } else { path_length(&code[at..]) };
            let segments: Vec<&str> =
                code[at..at + length].iter().step_by(2).map(|token| token.text).collect();
            if segments.len() > 1 {
                names.paths.push(names.absolute(&segments, module, &inner.names));
            }
            // One token at a time, so that every bracket is seen.
            at += length.max(1);
        }
        names
    }

    /// Whether the code outside of `use` has this word.
    pub fn uses(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Moves the imports from `tokens` to `self`; returns the rest.
    fn take_imports<'a>(&mut self, tokens: &[Token<'a>], module: &[String]) -> Vec<Token<'a>> {
        let mut rest = Vec::with_capacity(tokens.len());
        let mut inner = InlineModules::default();
        let mut at = 0;
        while at < tokens.len() {
            inner.pass(&tokens[at..]);
            // `use<'a>` says what an opaque type holds.
            if tokens[at].text != "use" || starts_with(&tokens[at + 1..], &["<"]) {
                rest.push(tokens[at]);
                at += 1;
                continue;
            }
            let end = tokens[at..].iter().position(|token| token.text == ";").unwrap_or(tokens.len() - at);
            let is_handed_on = take_visibility(&mut rest);
            let mut leaves = Vec::new();
            read_tree(&tokens[at + 1..at + end], &[], &mut leaves);
            for (segments, name) in leaves {
                let path = self.absolute(&segments, module, &inner.names);
                let import = Import { path, is_handed_on };
                if name == "*" {
                    self.globs.push(import);
                } else {
                    self.imports.insert(name.to_owned(), import);
                }
            }
            at += end + 1;
        }
        rest
    }

    /// The path from the crate's root. One that begins with a name is looked up among the imports; else it is taken
    /// for a child of the module, which may turn out not to exist.
    fn absolute(&self, segments: &[&str], module: &[String], inner: &[String]) -> ModulePath {
        let mut path: ModulePath = [module, inner].concat();
        let mut rest = segments;
        match segments[0] {
            "crate" => (path, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let ["super", after @ ..] = rest {
                    path.pop();
                    rest = after;
                }
            }
            name => {
                if let Some(import) = self.imports.get(name) {
                    (path, rest) = (import.path.clone(), &rest[1..]);
                }
            }
        }
        path.extend(rest.iter().map(|segment| (*segment).to_owned()));
        path
    }
}

fn words(code: &[Token]) -> BTreeSet<String> {
    let is_declared = |at: usize| at > 0 && code[at - 1].text == "mod";
    let counted = code.iter().enumerate().filter(|(at, token)| token.is_word() && !is_declared(*at));
    counted.map(|(_, token)| token.text.to_owned()).collect()
}

/// Drops the visibility that `tokens` end with, if any.
fn take_visibility(tokens: &mut Vec<Token>) -> bool {
    let ends_with_bracket = tokens.last().is_some_and(|token| token.text == ")");
    let at = if ends_with_bracket {
        tokens.iter().rposition(|token| token.text == "(").and_then(|at| at.checked_sub(1))
    } else {
        tokens.len().checked_sub(1)
    };
    let Some(at) = at.filter(|at| tokens[*at].text == "pub") else { return false };
    tokens.truncate(at);
    true
}

/// The leaves of a tree of `use`, each with the name that it has in the file.
fn read_tree<'a>(tokens: &[Token<'a>], prefix: &[&'a str], leaves: &mut Vec<(Vec<&'a str>, &'a str)>) {
    let mut segments = prefix.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text {
            "::" => {}
            "{" => {
                let inside = &tokens[at + 1..at + group_length(&tokens[at..]) - 1];
                for branch in branches(inside) {
                    read_tree(branch, &segments, leaves);
                }
                return;
            }
            "*" => return leaves.push((segments, "*")),
            "as" => {
                let name = tokens.get(at + 1).map_or("_", |token| token.text);
                return leaves.push((segments, name));
            }
            "self" if !segments.is_empty() => {}
            text => segments.push(text),
        }
        at += 1;
    }
    if let Some(name) = segments.last().copied() {
        leaves.push((segments, name));
    }
}

/// Splits at the commas outside of braces; what a last comma is followed by is no branch.
fn branches<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let (mut found, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        if tokens[at].text == "," {
            found.push(&tokens[begin..at]);
            begin = at + 1;
        }
        at += if tokens[at].text == "{" { group_length(&tokens[at..]) } else { 1 };
    }
    found.push(&tokens[begin..]);
    found.retain(|branch| !branch.is_empty());
    found
}

/// The number of tokens of the path that `tokens` begin with: words between `::`.
fn path_length(tokens: &[Token]) -> usize {
    if !tokens[0].is_word() {
        return 1;
    }
    let mut length = 1;
    while tokens.len() > length + 1 && tokens[length].text == "::" && tokens[length + 1].is_word() {
        length += 2;
    }
    length
}

/// The modules in braces that a token stands in.
#[derive(Default)]
struct InlineModules {
    names: Vec<String>,
    /// The depth of braces outside of each of them.
    depths: Vec<usize>,
    depth: usize,
}

impl InlineModules {
    /// Goes past the first of `tokens`.
    fn pass(&mut self, tokens: &[Token]) {
        if starts_with(tokens, &["mod"]) && tokens.get(2).is_some_and(|token| token.text == "{") {
            self.names.push(tokens[1].text.to_owned());
            self.depths.push(self.depth);
        }
        match tokens[0].text {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.depths.last() == Some(&self.depth) {
                    self.depths.pop();
                    self.names.pop();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use crate::tidy::tokens::product_tokens;

    fn names(code: &str) -> Names {
        Names::of(&product_tokens(code), &["a".to_owned(), "b".to_owned()])
    }

    #[track_caller]
    fn check_imports(code: &str, expected: &[&str]) {
        let names = names(code);
        let line = |(name, import): (&String, &super::Import)| {
            let sign = if import.is_handed_on { " +" } else { "" };
            format!("{name} = {}{sign}", import.path.join("/"))
        };
        let globs = names.globs.iter().map(|glob| format!("* = {}", glob.path.join("/")));
        let found: Vec<String> = names.imports.iter().map(line).chain(globs).collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn trees_of_imports() {
        check_imports("use crate::c::D;", &["D = c/D"]);
        check_imports("use super::{c::{self, D}, e::F as G};", &["D = a/c/D", "G = a/e/F", "c = a/c"]);
        check_imports("use super::super::c::*;", &["* = c"]);
        check_imports("use crate::c::{D, E,};", &["D = c/D", "E = c/E"]);
        check_imports("use self::c::d; use e::f;", &["d = a/b/c/d", "f = a/b/e/f"]);
    }

    #[test]
    fn visible_imports_are_handed_on() {
        check_imports(
            "pub use c::D; pub(super) use c::E; pub(in crate::a) use c::F; use c::G;",
            &["D = a/b/c/D +", "E = a/b/c/E +", "F = a/b/c/F +", "G = a/b/c/G"],
        );
    }

    #[test]
    fn modules_in_braces_are_places_of_their_own() {
        check_imports("mod inner { use super::X; fn f() {} } use super::Y;", &["X = a/b/X", "Y = a/Y"]);
    }

    #[test]
    fn what_an_opaque_type_holds_is_no_import() {
        check_imports("fn f<'a>() -> impl Sized + use<'a> {} use super::Y;", &["Y = a/Y"]);
    }

    #[test]
    fn paths_begin_at_the_crate_above_here_or_at_an_import() {
        let code = "use crate::x; fn f() { crate::c::g(); super::h(); x::y(z::<u8>(), a.b, E::F); }";
        let paths: Vec<String> = names(code).paths.iter().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["c/g", "a/h", "x/y", "a/b/E/F"]);
    }

    #[test]
    fn a_declared_module_is_no_used_word() {
        assert!(!names("mod c; pub use c::c;").uses("c"));
        assert!(names("mod c; pub use c::c; fn f() { c() }").uses("c"));
    }
}
