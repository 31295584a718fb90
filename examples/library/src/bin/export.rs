//! From a run to firmware: the best network of the front as .tflite and as C source.
//!
//! ```text
//! cargo run --release -p munas-examples --bin search RUN
//! cargo run --release -p munas-examples --bin export RUN FOLDER
//! ```

#![expect(clippy::print_stdout, reason = "examples print")]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use munas_export::c::{CSettings, generate};
use munas_export::input::{InputConversion, RawType};
use munas_export::tflite::{Interface, ModelMetadata, write_in_best_order};
use munas_run::{RunReader, front, model};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, folder] = &arguments[..] else { bail!("usage: export RUN FOLDER") };
    let reader = RunReader::open(Path::new(run))?;
    let best = front(&reader)?.into_iter().next().context("the front is empty")?;
    let saved = model(&reader, best.trial)?.context("its network was not kept")?;
    let (network, facts) = (saved.int8.context("it is not quantised")?, saved.data.context("no facts")?);
    // What becomes of a sensor's value before it is quantised.
    let raw = RawType::named(facts.element.name()).context("an element of another type")?;
    let conversion =
        InputConversion { raw, scale: facts.normalisation.scale, offset: facts.normalisation.offset };
    let interface = Interface { input: Some(conversion.clone()), classes: facts.class_names.clone() };
    let metadata = ModelMetadata {
        run: run.clone(),
        trial: best.trial.to_string(),
        description: "an example".to_owned(),
        interface,
    };
    let settings =
        CSettings { conversion: Some(&conversion), labels: &facts.class_names, ..CSettings::default() };
    let source = generate(&network, &settings)?;
    fs::create_dir_all(folder)?;
    fs::write(Path::new(folder).join("model.tflite"), write_in_best_order(&network, &metadata))?;
    for file in &source.files {
        fs::write(Path::new(folder).join(&file.name), &file.text)?;
    }
    println!("trial {}: {} files, an arena of {} B", best.trial, source.files.len() + 1, source.plan.size);
    Ok(())
}
