//! What is said about a table that was read: how it was understood, and what its user should know.

use super::label::{self, Reason};
use super::numbers::DecimalMark;
use super::{Encoding, LeftOut, Table};
use crate::raw_data::Fact;
use crate::warning::Warning;

impl Table<'_> {
    pub(super) fn warnings(&self, encoding: &Encoding) -> Vec<Warning> {
        let layout = self.layout;
        let mut warnings = Vec::new();
        for &column in &self.indices {
            let what = format!("{} only numbers the rows and is left out", layout.describe(column));
            warnings.push(Warning::new(what).hint("`--set data.csv.index=keep` makes it a feature"));
        }
        let label = layout.describe(layout.label);
        let why = match layout.reason {
            Reason::OnlyText => Some("the only one that holds texts"),
            Reason::LastLooksMeasured => Some("as the last one looks measured"),
            Reason::Given | Reason::Name | Reason::Last => None,
        };
        if let Some(why) = why {
            let what = format!("the labels are taken from {label}, {why}");
            warnings.push(Warning::new(what).hint("`csv:FILE#COLUMN` names the column of the labels"));
        }
        let others =
            self.features.iter().filter(|&&column| layout.name(column).is_some_and(label::has_label_name));
        for &column in others {
            let column = layout.describe(column);
            let what = format!(
                "the labels are taken from {label}; {column} is a feature, though it is named as labels are"
            );
            warnings.push(Warning::new(what).hint("`csv:FILE#COLUMN` names the column of the labels; `--set 'data.csv.ignore=[\"COLUMN\"]'` leaves one out"));
        }
        if layout.header.titles > 0 {
            warnings.push(Warning::new(format!(
                "the first rows ({}) are none of the table's and are passed over",
                layout.header.titles
            )));
        }
        if let Some(line) = encoding.first_in_8_bits {
            let what = format!("row {line} is not in UTF-8; such rows are read as Windows-1252 (Latin-1)");
            warnings.push(Warning::new(what).hint("save the file as UTF-8 if names look wrong"));
        }
        if let Some((line, column)) = self.imprecise {
            warnings.push(Warning::new(format!(
                "row {line}, {}: whole numbers beyond 16,777,216 lose their last digits (values are kept as 32-bit floats)",
                layout.describe(column)
            )));
        }
        warnings
    }

    pub(super) fn facts(&self, encoding: &Encoding) -> Vec<Fact> {
        const LISTED: usize = 12;
        let layout = self.layout;
        let mut form = vec![format!("delimiter `{}`", layout.dialect.delimiter)];
        if self.numbers.mark() == Some(DecimalMark::Comma) {
            form.push("decimal comma".to_owned());
        }
        if encoding.utf16 {
            form.push("UTF-16".to_owned());
        }
        form.push(match (layout.header.line, &layout.header.names) {
            (Some(line), _) => format!("header in row {line}"),
            (None, Some(_)) => "header in a comment".to_owned(),
            (None, None) => "no header".to_owned(),
        });
        if layout.header.units {
            form.push("units below it".to_owned());
        }
        let name = |&column: &usize| match layout.name(column) {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => (column + 1).to_string(),
        };
        let mut features: Vec<String> = self.features.iter().take(LISTED).map(name).collect();
        if self.features.len() > LISTED {
            features.push("…".to_owned());
        }
        let mut facts = vec![
            Fact::new("table", form.join(", ")),
            Fact::new("label", layout.describe(layout.label)),
            Fact::new("features", format!("{}: {}", self.features.len(), features.join(", "))),
        ];
        let indices = self.indices.iter().map(|&column| LeftOut { column, why: "numbers the rows" });
        let left_out: Vec<String> = layout
            .left_out
            .iter()
            .copied()
            .chain(indices)
            .take(LISTED)
            .map(|LeftOut { column, why }| format!("{} ({why})", layout.describe(column)))
            .collect();
        if !left_out.is_empty() {
            facts.push(Fact::new("unused", left_out.join(", ")));
        }
        facts
    }
}
