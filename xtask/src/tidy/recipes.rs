//! Recipes (`docs/extending/*.md`): every path that they name exists.

use std::path::Path;

use super::Finding;

const FOLDER: &str = "docs/extending";
/// Paths in backticks that begin with one of these lie in the workspace.
const ROOTS: [&str; 3] = ["crates/", "docs/", "xtask/"];

/// Checks the recipes of the workspace.
pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let folder = root.join(FOLDER);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let name = path.strip_prefix(root).unwrap_or(&path);
        findings.extend(missing(name, &text, |named| root.join(named).exists()));
    }
    Ok(findings)
}

/// The paths of a recipe that do not exist.
fn missing(recipe: &Path, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        for path in quoted.filter(|text| ROOTS.iter().any(|root| text.starts_with(root)) && !exists(text)) {
            findings.push(Finding {
                path: recipe.to_owned(),
                line: Some(index + 1),
                message: format!("names `{path}`, which does not exist"),
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_backticks_have_to_exist() {
        let text = "Change `crates/a.rs` and `Objective::ALL`,\nthen `docs/b.md` (crates/c.rs).";
        let found = missing(Path::new("docs/extending/x.md"), text, |path| path == "crates/a.rs");
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["docs/extending/x.md:2: names `docs/b.md`, which does not exist"]);
    }
}
