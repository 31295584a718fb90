//! `munas data`: which datasets there are, what one holds, getting one, and packing one for many processes.

mod fetch;
mod pack;

use std::collections::BTreeMap;
use std::path::PathBuf;

use munas_app::UserResult;
use munas_app::experiment::{Base, check_source, draft};
use munas_data::{Dataset, catalogue};
use munas_report::{Align, Table};
use serde::Serialize;

use crate::args::{DataCommand, DatasetArgs, InfoArgs, ListArgs};
use crate::output::Output;
use crate::reading;

/// One named dataset.
#[derive(Debug, Serialize)]
struct EntryRecord {
    name: String,
    task: String,
    input: [usize; 3],
    classes: usize,
    binary_variant: bool,
    available: bool,
    path: Option<PathBuf>,
    fetchable: bool,
}

/// A loaded dataset.
#[derive(Debug, Serialize)]
pub(super) struct InfoRecord<'a> {
    name: &'a str,
    input: [usize; 3],
    element_type: String,
    train: usize,
    validation: usize,
    test: usize,
    classes: Vec<ClassRecord<'a>>,
    bytes: usize,
    refused: usize,
    rate: Option<u32>,
    groups: usize,
    /// Groups that the samples of each part are in.
    groups_of_parts: PartsRecord,
    reading: BTreeMap<&'a str, &'a str>,
    warnings: Vec<String>,
    fingerprint: &'a str,
}

#[derive(Debug, Serialize)]
struct PartsRecord {
    train: usize,
    validation: usize,
    test: usize,
}

#[derive(Debug, Serialize)]
struct ClassRecord<'a> {
    name: &'a str,
    train: usize,
    validation: usize,
    test: usize,
}

/// Carries out `munas data …`.
pub fn run(command: DataCommand, output: &mut Output) -> UserResult {
    match command {
        DataCommand::List(args) => list(&args, output),
        DataCommand::Info(args) => info(&args, output),
        DataCommand::Pack(args) => pack::run(&args, output),
        DataCommand::Fetch(args) => fetch::run(&args, output),
    }
}

/// The forms of a user's own data, and what they are.
const OWN_DATA: [(&str, &str); 7] = [
    ("images:DIR", "a folder per class with png, jpeg or bmp; train/, val/ and test/ folders are honoured"),
    ("csv:FILE", "a table of numbers and a label (a column called label, or the last), or csv:FILE#COLUMN"),
    ("audio:DIR", "a folder of WAV files per class, or train/, val/ and test/ folders of such"),
    ("", "in a class, files of one session, speaker or device may have a folder: they stay together"),
    ("npz:FILE", "arrays x_train, y_train and optionally x_val, y_val, x_test, y_test, or --arrays NAMES"),
    ("idx:DIR", "the files of MNIST's format"),
    (
        "packed:FILE",
        "what `munas data pack` wrote of any of them: samples and parts, shared by all processes",
    ),
];

fn list(args: &ListArgs, output: &mut Output) -> UserResult {
    let entries: Vec<EntryRecord> = catalogue(args.data_dir.as_deref())
        .into_iter()
        .map(|entry| EntryRecord {
            available: entry.generated || entry.found.is_some(),
            name: entry.name,
            task: entry.task,
            input: entry.input,
            classes: entry.classes,
            binary_variant: entry.binary,
            path: entry.found,
            fetchable: entry.fetchable,
        })
        .collect();
    if args.format.json {
        output.json(&entries)?;
        return Ok(());
    }
    let columns = ["name", "input", "classes", "here", "task"];
    let aligns = [Align::Left, Align::Right, Align::Right, Align::Left, Align::Left];
    let mut table = Table::new(&columns.into_iter().zip(aligns).collect::<Vec<_>>());
    for entry in &entries {
        let [height, width, channels] = entry.input;
        let here = match (entry.available, entry.fetchable) {
            (true, _) => "yes",
            (false, true) => "munas data fetch",
            (false, false) => "no",
        };
        let binary = if entry.binary_variant { " (also with -binary: two classes)" } else { "" };
        table.row([
            entry.name.clone(),
            format!("{height}x{width}x{channels}"),
            entry.classes.to_string(),
            here.to_owned(),
            format!("{}{binary}", entry.task),
        ]);
    }
    output.text(table.render())?;
    output.line("\nYour own data, wherever a dataset is asked for:")?;
    for (form, meaning) in OWN_DATA {
        output.line(format_args!("  {form:<12}{meaning}"))?;
    }
    output.line("Named datasets are looked for in --data-dir, $MUNAS_DATA and the user's cache.")?;
    Ok(())
}

/// The dataset of the arguments, with the settings and the split of a search with the same ones.
fn load(args: &DatasetArgs, output: &mut Output) -> UserResult<Dataset> {
    check_source(Some(&args.source))?;
    reading::load(&draft(Base::Defaults, &args.overrides())?, output)
}

fn info(args: &InfoArgs, output: &mut Output) -> UserResult {
    let dataset = load(&args.dataset, output)?;
    let record = describe(&dataset);
    if args.format.json {
        output.json(&record)?;
        return Ok(());
    }
    let [height, width, channels] = record.input;
    let mut facts = vec![
        ("name", record.name.to_owned()),
        ("input", format!("{height}x{width}x{channels}, {}", record.element_type)),
        ("in memory", munas_report::units::bytes(record.bytes as u64)),
        ("fingerprint", record.fingerprint.to_owned()),
    ];
    let of_source = dataset.facts.iter().filter(|fact| fact.about != GROUPS);
    facts.extend(of_source.map(|fact| (&*fact.about, fact.found.clone())));
    if record.refused > 0 {
        facts.push(("left out", format!("{} unreadable", record.refused)));
    }
    if let Some(rate) = record.rate {
        facts.push(("recordings", format!("{rate} Hz")));
    }
    if record.groups > 0 {
        facts.push((GROUPS, groups_text(&dataset, &record)));
    }
    output.facts(facts)?;
    output.line("")?;
    let columns = ["train", "validation", "test"].map(|title| (title, Align::Right));
    let mut table = Table::new(&[&[("class", Align::Left)], columns.as_slice()].concat());
    for class in &record.classes {
        table.row([
            class.name.to_owned(),
            class.train.to_string(),
            class.validation.to_string(),
            class.test.to_string(),
        ]);
    }
    let totals = [record.train, record.validation, record.test].map(|total| total.to_string());
    table.row(["all".to_owned()].into_iter().chain(totals));
    output.text(table.render())?;
    Ok(())
}

/// What the fact about groups is called.
const GROUPS: &str = "groups";

/// Where the groups are from, and how many each part has.
fn groups_text(dataset: &Dataset, record: &InfoRecord<'_>) -> String {
    let PartsRecord { train, validation, test } = record.groups_of_parts;
    let found = dataset.facts.iter().find(|fact| fact.about == GROUPS).map(|fact| fact.found.clone());
    let found = found.unwrap_or_else(|| record.groups.to_string());
    format!("{found}: {train} in training, {validation} in validation, {test} in test")
}

/// What there is to say of a dataset.
pub(super) fn describe(dataset: &Dataset) -> InfoRecord<'_> {
    let counts = [&dataset.train, &dataset.validation, &dataset.test]
        .map(|split| split.class_counts(dataset.classes()));
    let classes = dataset.class_names.iter().enumerate().map(|(class, name)| {
        let [train, validation, test] = [&counts[0], &counts[1], &counts[2]].map(|counts| counts[class]);
        ClassRecord { name, train, validation, test }
    });
    InfoRecord {
        name: &dataset.name,
        input: dataset.input,
        element_type: dataset.element_type().name().to_owned(),
        train: dataset.train.len(),
        validation: dataset.validation.len(),
        test: dataset.test.len(),
        classes: classes.collect(),
        bytes: dataset.sample_bytes(),
        refused: dataset.refused,
        rate: dataset.rate,
        groups: dataset.group_names.len(),
        groups_of_parts: PartsRecord {
            train: dataset.train.groups(),
            validation: dataset.validation.groups(),
            test: dataset.test.groups(),
        },
        reading: dataset.facts.iter().map(|fact| (&*fact.about, fact.found.as_str())).collect(),
        warnings: dataset.warnings.iter().map(ToString::to_string).collect(),
        fingerprint: &dataset.fingerprint,
    }
}
