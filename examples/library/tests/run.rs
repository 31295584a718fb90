//! The example programs, run as a reader would.

use std::fs;
use std::process::Command;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn a_network_is_priced() {
    let said = run(env!("CARGO_BIN_EXE_price"), &[]);
    assert!(said.contains("peak memory") && said.contains("atmega328p"), "{said}");
}

#[test]
fn a_network_is_trained() {
    let said = run(env!("CARGO_BIN_EXE_train"), &[]);
    assert!(said.contains("epoch 5") && said.contains("in int8"), "{said}");
}

#[test]
fn a_search_leads_to_firmware() {
    let dir = tempfile::tempdir().unwrap();
    let [run_dir, firmware] =
        ["run", "firmware"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let said = run(env!("CARGO_BIN_EXE_search"), &[&run_dir]);
    assert!(said.contains("trials, ended by"), "{said}");
    let said = run(env!("CARGO_BIN_EXE_export"), &[&run_dir, &firmware]);
    assert!(said.contains("an arena of"), "{said}");
    let model = fs::read(dir.path().join("firmware/model.tflite")).unwrap();
    assert_eq!(&model[4..8], b"TFL3");
    let said = run(env!("CARGO_BIN_EXE_price"), &[&format!("{firmware}/model.tflite")]);
    assert!(said.contains("peak_memory"), "{said}");
}
