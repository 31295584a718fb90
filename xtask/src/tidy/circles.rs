//! Files of a crate that import each other, directly or over others: such a group can only be understood as one.
//!
//! An arrow runs from a file to the one that *defines* what it names, in `use` or in a path. What counts:
//!
//! - A name that a file hands on (`pub use x::Y`) belongs to the file that defines it: no arrow ends at the file between
//!   them, and none begins there unless its own code uses the name.
//! - `mod x;` is no arrow.
//! - A file that uses what is defined in a file above it (`foo/bar.rs` in `foo.rs`) is no arrow: a folder's own file holds
//!   what its parts share, and a module sees what is private above it. That file using its parts is one.
//! - Tests, and what is for them only, are left out.
//!
//! The files are read as tokens: a trait's methods, or those that another file implements for a type, draw no arrows.

mod arrows;
mod imports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::arrows::Arrows;
use super::Finding;
use super::sources::SourceFile;

/// The circles of every crate.
pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<&SourceFile>> = BTreeMap::new();
    for file in files {
        crates.entry(file.crate_name()).or_default().push(file);
    }
    crates.values().flat_map(|files| circles(files)).collect()
}

/// One finding for each group of files that all lead to each other, at the first of a shortest circle.
fn circles(files: &[&SourceFile]) -> Vec<Finding> {
    let arrows = arrows::of_crate(files);
    let reached: Vec<BTreeSet<usize>> = (0..files.len()).map(|file| reachable(&arrows, file)).collect();
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for file in (0..files.len()).filter(|file| reached[*file].contains(file)) {
        if told.contains(&file) {
            continue;
        }
        let group: Vec<usize> =
            reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
        told.extend(group.iter().copied());
        let round = group.iter().filter_map(|file| shortest_round(&arrows, *file)).min_by_key(Vec::len);
        let round = round.unwrap_or_default();
        let first = round.first().copied().unwrap_or(file);
        let message = describe(files, &arrows, &round, &group);
        findings.push(Finding { path: files[first].path().to_owned(), line: None, message });
    }
    findings
}

/// The files that lead on from `from`; with itself if it is part of a circle.
fn reachable(arrows: &Arrows, from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        open.extend(targets(arrows, at).filter(|target| found.insert(*target)));
    }
    found
}

fn targets(arrows: &Arrows, from: usize) -> impl Iterator<Item = usize> {
    arrows.range((from, 0)..(from + 1, 0)).map(|((_, target), _)| *target)
}

/// The files of a shortest way from `start` back to it, without the return.
fn shortest_round(arrows: &Arrows, start: usize) -> Option<Vec<usize>> {
    let mut came_from = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for target in targets(arrows, at) {
            if target == start {
                let mut round = vec![at];
                while let Some(before) = came_from.get(&round[round.len() - 1]) {
                    round.push(*before);
                }
                round.reverse();
                return Some(round);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(target) {
                entry.insert(at);
                open.push_back(target);
            }
        }
    }
    None
}

/// `a circle of files: imports X from b.rs, which imports Y from a.rs`, and what else belongs to the group.
fn describe(files: &[&SourceFile], arrows: &Arrows, round: &[usize], group: &[usize]) -> String {
    let path = |file: usize| files[file].path().display();
    let next = |at: usize| round[(at + 1) % round.len()];
    let step = |at: usize| {
        let taken = &arrows[&(round[at], next(at))];
        let names: Vec<&str> = taken.iter().map(String::as_str).collect();
        format!("imports {} from {}", names.join(", "), path(next(at)))
    };
    let steps: Vec<String> = (0..round.len()).map(step).collect();
    let others: Vec<String> =
        group.iter().filter(|file| !round.contains(file)).map(|file| path(*file).to_string()).collect();
    let mut message = format!("is in a circle of files: {}", steps.join(", which "));
    if !others.is_empty() {
        message += &format!("; in circles with them: {}", others.join(", "));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::circles;
    use crate::tidy::sources::SourceFile;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| SourceFile::new(format!("crates/c/src/{path}"), *text);
        let files: Vec<SourceFile> = files.iter().map(file).collect();
        let files: Vec<&SourceFile> = files.iter().collect();
        let short = |finding: &crate::tidy::Finding| finding.to_string().replace("crates/c/src/", "");
        circles(&files).iter().map(short).collect()
    }

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(found(files), expected);
    }

    #[test]
    fn two_files_that_import_each_other() {
        let a = ("a.rs", "use crate::b::{Y, Z};");
        check(
            &[("lib.rs", "mod a; mod b;"), a, ("b.rs", "use super::a::X;")],
            &["a.rs: is in a circle of files: imports Y, Z from b.rs, which imports X from a.rs"],
        );
        check(
            &[("lib.rs", "mod a; mod b;"), a, ("b.rs", "fn f() { crate::a::g() }")],
            &["a.rs: is in a circle of files: imports Y, Z from b.rs, which imports g from a.rs"],
        );
        check(&[("lib.rs", "mod a; mod b;"), a, ("b.rs", "use crate::c::X;")], &[]);
    }

    #[test]
    fn the_shortest_way_round_is_told_with_the_rest_of_the_group() {
        let files = [
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::{a::A, d::D};"),
            ("d.rs", "use crate::c::E;"),
            ("e.rs", "use crate::a::A;"),
        ];
        check(
            &files,
            &["c.rs: is in a circle of files: imports D from d.rs, which imports E from c.rs; \
             in circles with them: a.rs, b.rs"],
        );
    }

    #[test]
    fn what_is_handed_on_belongs_to_the_file_that_defines_it() {
        let root = ("lib.rs", "mod a; mod b; pub use a::X; pub use b::Y;");
        check(
            &[root, ("a.rs", "use crate::Y;"), ("b.rs", "use crate::X;")],
            &["a.rs: is in a circle of files: imports Y from b.rs, which imports X from a.rs"],
        );
        check(&[root, ("a.rs", "use crate::Y;"), ("b.rs", "")], &[]);
    }

    #[test]
    fn a_folder_and_its_parts_may_share_what_its_own_file_defines() {
        let part = ("a/part.rs", "use super::Shared;");
        check(&[("a.rs", "mod part; use part::f; struct Shared;"), part], &[]);
        check(&[("a/mod.rs", "mod part; use part::f; struct Shared;"), part], &[]);
    }

    #[test]
    fn a_circle_through_a_part_is_found() {
        let files = [
            ("a.rs", "mod part; use part::f;"),
            ("a/part.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A;"),
        ];
        check(
            &files,
            &["a.rs: is in a circle of files: imports f from a/part.rs, which imports B from b.rs, which \
                         imports A from a.rs"],
        );
        let handing_on = ("a.rs", "mod part; pub use part::f;");
        check(&[handing_on, files[1], files[2]], &[]);
    }

    #[test]
    fn a_function_may_have_the_name_of_its_module() {
        let root = ("lib.rs", "mod a; mod b; pub use a::a;");
        check(
            &[root, ("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a;")],
            &["a.rs: is in a circle of files: imports B from b.rs, which imports a from a.rs"],
        );
    }

    #[test]
    fn tests_are_left_out() {
        let a = ("a.rs", "use crate::b::Y;");
        let in_b = "#[cfg(test)]\nmod tests { use crate::a::X; }";
        check(&[a, ("b.rs", in_b)], &[]);
        check(&[a, ("b.rs", "#[cfg(test)]\nmod checks;"), ("b/checks.rs", "use crate::a::X;")], &[]);
        check(&[a, ("b.rs", ""), ("b/tests.rs", "use crate::a::X;")], &[]);
        let of_tests = ("lib.rs", "mod a; #[cfg(test)]\nmod b;");
        check(&[of_tests, a, ("b.rs", "use crate::a::X;")], &[]);
    }
}
