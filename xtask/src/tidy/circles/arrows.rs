//! Which file of a crate takes which names from which other file.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{ModulePath, Names};
use crate::tidy::sources::SourceFile;
use crate::tidy::tokens::{code_of, product_tokens, test_modules};

/// A file that is a module of its crate.
struct Module {
    /// Index among the files.
    file: usize,
    path: ModulePath,
    names: Names,
    /// Its children that are for tests only.
    tests: Vec<ModulePath>,
}

/// From file to file, by their indices, with the names that the first takes from the second.
pub type Arrows = BTreeMap<(usize, usize), BTreeSet<String>>;

/// How many hands a name goes through at most.
const MOST_HANDS: usize = 8;

/// The arrows between the files of one crate; none to a file above.
pub fn of_crate(files: &[&SourceFile]) -> Arrows {
    let modules = modules(files);
    let mut arrows = Arrows::new();
    for module in &modules {
        let imports = module.names.imports.iter();
        let taken = imports.filter(|(name, import)| !import.is_handed_on || module.names.uses(name));
        let from_imports = taken.map(|(_, import)| &import.path);
        let from_globs = module.names.globs.iter().filter(|glob| !glob.is_handed_on).map(|glob| &glob.path);
        for path in from_imports.chain(from_globs).chain(&module.names.paths) {
            let Some((owner, name)) = owner(&modules, path, MOST_HANDS) else { continue };
            if !module.path.starts_with(&owner.path) {
                arrows.entry((module.file, owner.file)).or_default().insert(name.to_owned());
            }
        }
    }
    arrows
}

fn modules(files: &[&SourceFile]) -> Vec<Module> {
    let product = files.iter().enumerate().filter(|(_, file)| !file.is_outside_the_library());
    let module = |(index, file): (usize, &&SourceFile)| {
        let path = module_path(file)?;
        let code = code_of(file.text());
        let names = Names::of(&product_tokens(&code), &path);
        let below = |name: &str| [path.as_slice(), &[name.to_owned()]].concat();
        let tests = test_modules(&code).into_iter().map(below).collect();
        Some(Module { file: index, path, names, tests })
    };
    let mut modules: Vec<Module> = product.filter_map(module).collect();
    let tests: Vec<ModulePath> = modules.iter().flat_map(|module| module.tests.clone()).collect();
    modules.retain(|module| !tests.iter().any(|test| module.path.starts_with(test)));
    modules
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are `[a, b]`, the root is `[]`.
fn module_path(file: &SourceFile) -> Option<ModulePath> {
    let inside = file.path().iter().skip_while(|part| *part != "src").skip(1);
    let mut path: ModulePath = inside.map(|part| part.to_string_lossy().into_owned()).collect();
    let last = path.pop()?;
    let stem = last.strip_suffix(".rs")?;
    let is_root = path.is_empty() && matches!(stem, "lib" | "main");
    if !is_root && stem != "mod" {
        path.push(stem.to_owned());
    }
    Some(path)
}

/// The file that defines what a path names, and the name. What a file hands on is looked up where it comes from; a
/// module itself is nobody's.
fn owner<'m, 'p>(modules: &'m [Module], path: &'p [String], hands: usize) -> Option<(&'m Module, &'p str)> {
    let find = |wanted: &[String]| modules.iter().find(|module| module.path == wanted);
    let (depth, module) = (0..=path.len()).rev().find_map(|depth| Some((depth, find(&path[..depth])?)))?;
    // A function may have the name of its module.
    let (module, depth) =
        if depth == path.len() { (find(path.split_last()?.1)?, depth - 1) } else { (module, depth) };
    let name = &path[depth];
    let import = module.names.imports.get(name).filter(|_| hands > 0);
    let Some(import) = import else {
        let is_module = find(&path[..=depth]).is_some();
        return (!is_module).then_some((module, name));
    };
    let through: ModulePath = [import.path.as_slice(), &path[depth + 1..]].concat();
    owner(modules, &through, hands - 1).map(|(owner, _)| (owner, name.as_str()))
}
