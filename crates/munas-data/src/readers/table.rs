//! CSV tables: numeric features and one column of labels, by default the last. A first line without numbers in its
//! feature columns is a header.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::StringRecord;

use super::refusals::Refusals;
use crate::dataset::{MAX_CLASSES, PartSizes, RawData, TestPart};
use crate::error::DataError;
use crate::samples::{ElementType, Samples};

/// Reads a table. Every row is a sample of 1 × 1 × features, so that each feature is a channel and is normalised on
/// its own. Classes are the distinct labels, in numeric order if all are numbers and else by name.
pub(crate) fn read(
    path: &Path,
    name: &str,
    label: Option<&str>,
    skip_bad: bool,
) -> Result<RawData, DataError> {
    let malformed = |problem: String| DataError::malformed(path, problem);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| malformed(error.to_string()))?;
    let mut records = reader.records().enumerate().peekable();

    let layout = match records.peek() {
        None => return Err(malformed("the file is empty".to_owned())),
        Some((_, Err(error))) => return Err(malformed(error.to_string())),
        Some((_, Ok(first))) => Layout::of(first, label).map_err(malformed)?,
    };
    let mut table = Table { layout, values: Vec::new(), labels: Vec::new() };
    let mut refusals = Refusals::default();
    let mut rows = 0;
    for (index, record) in records.skip(usize::from(layout.header)) {
        rows += 1;
        let appended = record.map_err(|error| error.to_string()).and_then(|record| table.append(&record));
        if let Err(problem) = appended {
            refusals.add(|| format!("row {}: {problem}", index + 1));
        }
    }
    if rows == 0 {
        return Err(malformed("no rows after the header".to_owned()));
    }
    let refused = refusals.finish(path, rows, skip_bad)?;
    let class_names = class_names(&table.labels);
    if class_names.len() > MAX_CLASSES {
        return Err(malformed(format!(
            "{} distinct labels; is the label column the right one?",
            class_names.len()
        )));
    }
    let numbers: BTreeMap<&str, u32> = class_names.iter().map(String::as_str).zip(0..).collect();
    let labels: Vec<u32> = table.labels.iter().map(|label| numbers[label.as_str()]).collect();
    Ok(RawData {
        name: name.to_owned(),
        input: [1, 1, layout.columns - 1],
        class_names,
        samples: Samples::F32(table.values),
        parts: PartSizes { train: labels.len(), validation: None, test: TestPart::own_or_drawn(None) },
        labels,
        full_scale: ElementType::F32.full_scale(),
        refused,
        ..RawData::default()
    })
}

/// What the first line says about all.
#[derive(Debug, Clone, Copy)]
struct Layout {
    columns: usize,
    label_column: usize,
    header: bool,
}

impl Layout {
    fn of(first: &StringRecord, label: Option<&str>) -> Result<Self, String> {
        let columns = first.len();
        if columns < 2 {
            return Err("one column only; features and a label are needed".to_owned());
        }
        let named = label.map(|label| {
            first.iter().position(|field| field == label).ok_or_else(|| {
                format!("no column `{label}`; there are: {}", first.iter().collect::<Vec<_>>().join(", "))
            })
        });
        let label_column = named.unwrap_or(Ok(columns - 1))?;
        let numeric = first
            .iter()
            .enumerate()
            .any(|(column, field)| column != label_column && field.parse::<f32>().is_ok());
        Ok(Self { columns, label_column, header: label.is_some() || !numeric })
    }
}

struct Table {
    layout: Layout,
    values: Vec<f32>,
    labels: Vec<String>,
}

impl Table {
    fn append(&mut self, record: &StringRecord) -> Result<(), String> {
        let Layout { columns, label_column, .. } = self.layout;
        if record.len() != columns {
            return Err(format!("{} columns, expected {columns}", record.len()));
        }
        let label = &record[label_column];
        if label.is_empty() {
            return Err("no label".to_owned());
        }
        let start = self.values.len();
        for (column, field) in record.iter().enumerate().filter(|(column, _)| *column != label_column) {
            match field.parse::<f32>() {
                Ok(value) if value.is_finite() => self.values.push(value),
                _ => {
                    self.values.truncate(start);
                    return Err(format!("column {}: `{field}` is not a finite number", column + 1));
                }
            }
        }
        self.labels.push(label.to_owned());
        Ok(())
    }
}

fn class_names(labels: &[String]) -> Vec<String> {
    let distinct: BTreeSet<&String> = labels.iter().collect();
    let mut names: Vec<String> = distinct.into_iter().cloned().collect();
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        names.sort_by(|first, second| {
            let number = |name: &String| name.parse::<f64>().unwrap_or_default();
            number(first).total_cmp(&number(second))
        });
    }
    names
}
