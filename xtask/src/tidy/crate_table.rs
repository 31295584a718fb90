//! The crate table of ARCHITECTURE.md against `cargo metadata`: the same crates, and the same arrows between them.
//!
//! A row is ``| `munas-cost` | what it holds | ir |``. The last column lists the crates that it depends on by their
//! short names, or – for none. Dependencies of tests only are not arrows. The binary may depend on `any` crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use crate::cargo;

const DOCUMENT: &str = "ARCHITECTURE.md";
const PREFIX: &str = "munas-";
/// The crate at the end of all arrows: its row may say `any`.
const BINARY: &str = "munas-cli";
const ANY: &str = "any";

/// Crate → crates of the workspace that it depends on.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// 1-based.
    line: usize,
    name: String,
    /// Full names; `None` for any crate.
    depends_on: Option<BTreeSet<String>>,
}

/// Compares the table of the document at the workspace's root with its manifests.
pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let path = root.join(DOCUMENT);
    let document = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let arrows = workspace_arrows(root)?;
    Ok(compare(&parse_table(&document), &arrows))
}

fn workspace_arrows(root: &Path) -> Result<Arrows, String> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("`cargo metadata` did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`cargo metadata` printed no JSON: {error}"))?;
    parse_metadata(&metadata).ok_or_else(|| "`cargo metadata` printed JSON of an unknown form".to_owned())
}

fn parse_metadata(metadata: &Value) -> Option<Arrows> {
    let packages = metadata["packages"].as_array()?;
    let members: BTreeSet<&str> =
        packages.iter().map(|package| package["name"].as_str()).collect::<Option<_>>()?;
    let mut arrows = Arrows::new();
    for package in packages {
        let counted = package["dependencies"].as_array()?.iter().filter(|one| one["kind"] != "dev");
        let names = counted.filter_map(|dependency| dependency["name"].as_str());
        let inside = names.filter(|name| members.contains(name)).map(str::to_owned).collect();
        arrows.insert(package["name"].as_str()?.to_owned(), inside);
    }
    Some(arrows)
}

/// The rows of the first table whose header reads crate | … | depends on.
fn parse_table(document: &str) -> Vec<Row> {
    let mut lines = document.lines().enumerate();
    let is_header = |cells: &[&str]| cells.first() == Some(&"crate") && cells.last() == Some(&"depends on");
    if !lines.any(|(_, text)| cells(text).is_some_and(|cells| is_header(&cells))) {
        return Vec::new();
    }
    let table = lines.map_while(|(index, text)| Some((index + 1, cells(text)?)));
    // The first of them is the rule under the header.
    table.skip(1).filter_map(|(line, cells)| parse_row(line, &cells)).collect()
}

fn cells(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

fn parse_row(line: usize, cells: &[&str]) -> Option<Row> {
    let (name, depends_on) = (cells.first()?, cells.last()?);
    let name = name.trim_matches('`').to_owned();
    let listed = depends_on.split(',').map(|short| short.trim().trim_matches('`'));
    let listed: Vec<&str> = listed.filter(|short| !matches!(*short, "" | "–" | "-")).collect();
    let is_any = name == BINARY && listed == [ANY];
    let depends_on = (!is_any).then(|| listed.into_iter().map(full_name).collect());
    Some(Row { line, name, depends_on })
}

fn full_name(short: &str) -> String {
    if short.starts_with(PREFIX) { short.to_owned() } else { format!("{PREFIX}{short}") }
}

fn compare(table: &[Row], arrows: &Arrows) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |line: Option<usize>, message: String| {
        findings.push(Finding { path: PathBuf::from(DOCUMENT), line, message });
    };
    if table.is_empty() {
        report(None, "has no table with the columns crate | holds | depends on".to_owned());
        return findings;
    }
    for row in table {
        let Row { line, name, depends_on } = row;
        let Some(manifest) = arrows.get(name) else {
            report(Some(*line), format!("`{name}` is in the table, but not in the workspace"));
            continue;
        };
        let Some(listed) = depends_on else { continue };
        for target in manifest.difference(listed) {
            report(Some(*line), format!("`{name}` depends on `{target}`, the table does not say so"));
        }
        for target in listed.difference(manifest) {
            report(
                Some(*line),
                format!("the table lets `{name}` depend on `{target}`, its manifest does not"),
            );
        }
    }
    for name in arrows.keys().filter(|name| !table.iter().any(|row| row.name == **name)) {
        report(None, format!("`{name}` is in the workspace, but not in the crate table"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Arrows, compare, parse_metadata, parse_table};

    const DOCUMENT: &str = "\
# The house

| symbol | meaning |
|---|---|
| x | another table |

| crate | holds | depends on |
|---|---|---|
| `munas-ir` | graph | – |
| `munas-cost` | prices | ir |
| `munas-search` | algorithms | ir, cost |
| `munas-cli` | binary | any |
| `xtask` | checks | – |

| crate | not | this one |
";

    fn arrows(search: &[&str]) -> Arrows {
        let dependency = |name: &str, kind: Option<&str>| json!({"name": name, "kind": kind});
        let search = search.iter().map(|name| dependency(name, None)).chain([dependency("rand", None)]);
        let metadata = json!({"packages": [
            {"name": "munas-ir", "dependencies": [dependency("serde", None)]},
            {"name": "munas-cost", "dependencies": [dependency("munas-ir", None), dependency("munas-cli", Some("dev"))]},
            {"name": "munas-search", "dependencies": search.collect::<Vec<_>>()},
            {"name": "munas-cli", "dependencies": [dependency("munas-search", Some("build"))]},
            {"name": "xtask", "dependencies": []},
        ]});
        parse_metadata(&metadata).unwrap()
    }

    fn messages(document: &str, arrows: &Arrows) -> Vec<String> {
        compare(&parse_table(document), arrows).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metadata_counts_no_tests_and_nothing_from_outside() {
        let arrows = arrows(&["munas-ir"]);
        let of = |name: &str| arrows[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(of("munas-ir"), [""; 0]);
        assert_eq!(of("munas-cost"), ["munas-ir"]);
        assert_eq!(of("munas-search"), ["munas-ir"]);
        assert_eq!(of("munas-cli"), ["munas-search"]);
    }

    #[test]
    fn metadata_of_another_form_is_refused() {
        assert_eq!(parse_metadata(&json!({"packages": [{"name": 3}]})), None);
        assert_eq!(parse_metadata(&json!([])), None);
    }

    #[test]
    fn table_is_found_among_others() {
        let rows = parse_table(DOCUMENT);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["munas-ir", "munas-cost", "munas-search", "munas-cli", "xtask"]);
        assert_eq!(rows[0].line, 9);
        assert_eq!(rows[3].depends_on, None);
        let search: Vec<String> = rows[2].depends_on.clone().unwrap().into_iter().collect();
        assert_eq!(search, ["munas-cost", "munas-ir"]);
    }

    #[test]
    fn agreement_finds_nothing() {
        assert_eq!(messages(DOCUMENT, &arrows(&["munas-ir", "munas-cost"])), [""; 0]);
    }

    #[test]
    fn arrows_that_differ_are_named() {
        assert_eq!(
            messages(DOCUMENT, &arrows(&["munas-ir", "munas-cli"])),
            [
                "ARCHITECTURE.md:11: `munas-search` depends on `munas-cli`, the table does not say so",
                "ARCHITECTURE.md:11: the table lets `munas-search` depend on `munas-cost`, its manifest does not",
            ]
        );
    }

    #[test]
    fn missing_crates_are_named() {
        let document = DOCUMENT.replace("| `xtask` | checks | – |", "| `munas-quant` | int8 | any |");
        assert_eq!(
            messages(&document, &arrows(&["munas-ir", "munas-cost"])),
            [
                "ARCHITECTURE.md:13: `munas-quant` is in the table, but not in the workspace",
                "ARCHITECTURE.md: `xtask` is in the workspace, but not in the crate table",
            ]
        );
    }

    #[test]
    fn only_the_binary_may_depend_on_any() {
        let document = DOCUMENT.replace("| ir, cost |", "| any |");
        let found = messages(&document, &arrows(&[]));
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md:11: the table lets `munas-search` depend on `munas-any`, its manifest does not"
            ]
        );
    }

    #[test]
    fn document_without_a_table_is_one_finding() {
        let found = messages("# no table\n", &arrows(&[]));
        assert_eq!(found, ["ARCHITECTURE.md: has no table with the columns crate | holds | depends on"]);
    }
}
