//! The experiment files under `examples/` are experiments that this version runs.

use std::fs;
use std::path::Path;

use munas_run::Experiment;

#[test]
fn every_example_resolves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut examples = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        Experiment::from_toml(&text, &[]).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        examples += 1;
    }
    assert!(examples > 0, "there are examples");
}
