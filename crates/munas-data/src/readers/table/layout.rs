//! What the first rows say about all: the dialect, the names, the label column and the features.

use super::header::{self, Header};
use super::label::{self, Reason, View};
use super::numbers::shortened;
use super::rows::{Dialect, sample};
use super::text::{MAX_ROW, Text};
use super::{LeftOut, TableOptions, dialect, group};
use crate::csv_settings::Delimiter;

/// Rows that are looked at.
const ROWS: usize = 200;
/// Most features of a table: those of an image of 256 × 256.
const MAX_FEATURES: usize = 65_536;

/// What is wrong with a table, and what may be done about it.
pub(super) type Problem = (String, Option<String>);

/// How a table is to be read.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    /// Whether a comma may be a decimal mark.
    pub(super) comma_allowed: bool,
    pub(super) header: Header,
    /// The line of the first row.
    pub(super) first_line: u64,
    pub(super) label: usize,
    pub(super) reason: Reason,
    /// The column that says which rows belong together, and why that one.
    pub(super) group: Option<usize>,
    pub(super) group_reason: Option<group::Reason>,
    /// The columns of the features.
    pub(super) features: Vec<usize>,
    /// The columns that are left out.
    pub(super) left_out: Vec<LeftOut>,
}

impl Layout {
    pub(super) fn find(text: &Text, options: TableOptions<'_>) -> Result<Self, Problem> {
        let (head, complete) = (&text.head[..], text.complete);
        let settings = options.settings;
        let Some(dialect) = dialect::find(head, complete, settings.delimiter) else {
            return Err(one_column(head, complete));
        };
        let comma_allowed = dialect::comma_allowed(dialect.delimiter, head);
        let rows = sample(head, complete, dialect, ROWS);
        let commented = |columns| dialect::header_in_comments(head, dialect, columns);
        let header = header::find(&rows, commented, settings.header, options.label, comma_allowed);
        let columns = header.columns;
        if columns < 2 {
            return Err(one_column(head, complete));
        }
        if columns > MAX_FEATURES + 1 {
            let problem = format!("{columns} columns; tables of up to {MAX_FEATURES} features are read");
            return Err((problem, None));
        }
        let Some(first_line) = rows.get(header.first).map(|row| row.line) else {
            return Err(if complete { ("no rows after the header".to_owned(), None) } else { endless_row() });
        };
        let fitting: Vec<&[String]> = rows[header.first..]
            .iter()
            .filter(|row| row.fields.len() >= columns)
            .map(|row| &row.fields[..columns])
            .collect();
        let view = View { names: header.names.as_deref(), columns, rows: &fitting, comma_allowed };
        let plain = |problem: String| (problem, None);
        let named = group::named(&view, options.groups);
        let asked = options.groups.asked().and_then(|asked| view.find(asked).ok());
        let aside: Vec<usize> = named.iter().copied().chain(asked).collect();
        let (label, reason) = label::find(&view, options.label, &aside).map_err(plain)?;
        let (group, groups) = group::find(&view, label, &named, options.groups)
            .map_err(|problem| (format!("data.groups: {problem}"), Some(NO_GROUPS.to_owned())))?;
        let (features, left_out) = features(&view, label, &settings.ignore, groups)?;
        check_numeric(&view, &features)?;
        let (group, group_reason) = group.unzip();
        Ok(Self {
            dialect,
            comma_allowed,
            first_line,
            label,
            reason,
            group,
            group_reason,
            features,
            left_out,
            header,
        })
    }

    /// The name of a column; none where the table has no names.
    pub(super) fn name(&self, column: usize) -> Option<&str> {
        self.header.names.as_ref().map(|names| names[column].as_str())
    }

    /// The number and, where there is one, the name of a column, for messages.
    pub(super) fn describe(&self, column: usize) -> String {
        let view = View {
            names: self.header.names.as_deref(),
            columns: self.header.columns,
            rows: &[],
            comma_allowed: false,
        };
        view.describe(column)
    }
}

/// What helps where the column of groups is not found.
const NO_GROUPS: &str = "`--groups none` does without groups";

/// The columns that are features, and those that are left out; the latter begin with some that are known to be none.
fn features(
    view: &View<'_>,
    label: usize,
    ignore: &[String],
    mut left_out: Vec<LeftOut>,
) -> Result<(Vec<usize>, Vec<LeftOut>), Problem> {
    for wanted in ignore {
        let column = view.find(wanted).map_err(|problem| (format!("data.csv.ignore: {problem}"), None))?;
        if column == label {
            return Err((format!("data.csv.ignore: {} holds the labels", view.describe(column)), None));
        }
        left_out.push(LeftOut { column, why: "as asked for" });
    }
    let is_empty = |column: usize| {
        let unnamed = view.names.is_none_or(|names| names[column].is_empty());
        unnamed && view.fields(column).next().is_none()
    };
    left_out.extend(
        (0..view.columns)
            .filter(|&column| column != label && is_empty(column))
            .map(|column| LeftOut { column, why: "empty" }),
    );
    left_out.sort_by_key(|left| left.column);
    left_out.dedup_by_key(|left| left.column);
    let is_feature = |column: &usize| {
        *column != label && left_out.binary_search_by_key(column, |left| left.column).is_err()
    };
    let features: Vec<usize> = (0..view.columns).filter(is_feature).collect();
    if features.is_empty() {
        return Err(("no column of features is left beside that of the labels".to_owned(), None));
    }
    Ok((features, left_out))
}

/// Refuses columns of texts at once, instead of every row for itself.
fn check_numeric(view: &View<'_>, features: &[usize]) -> Result<(), Problem> {
    const LISTED: usize = 5;
    let texts: Vec<usize> = features.iter().copied().filter(|&column| view.is_text(column)).collect();
    if texts.is_empty() {
        return Ok(());
    }
    let example = |column: usize| shortened(view.fields(column).next().unwrap_or_default());
    let mut described: Vec<String> = texts
        .iter()
        .take(LISTED)
        .map(|&column| format!("{} holds texts such as `{}`", view.describe(column), example(column)))
        .collect();
    if texts.len() > LISTED {
        described.push(format!("{} others do", texts.len() - LISTED));
    }
    let problem = format!("features must be numbers: {}", described.join(", "));
    if texts.len() == features.len() && view.rows.len() < 2 {
        return Err((problem, None));
    }
    let names: Vec<String> = texts
        .iter()
        .take(LISTED)
        .map(|&column| match view.names.map(|names| names[column].as_str()) {
            Some(name) if !name.is_empty() => format!("\"{name}\""),
            _ => format!("\"{}\"", column + 1),
        })
        .collect();
    let hint = format!(
        "`--set 'data.csv.ignore=[{}]'` leaves them out; `csv:FILE#COLUMN` names another column of labels",
        names.join(", ")
    );
    Err((problem, Some(hint)))
}

/// What is said of a row that does not end in what was looked at.
fn endless_row() -> Problem {
    let mebibytes = MAX_ROW >> 20;
    let problem = format!(
        "a row does not end within {mebibytes} MiB: has it so many columns, or a quotation mark that is never closed?"
    );
    (problem, None)
}

/// What is said of a text without columns.
fn one_column(head: &[u8], complete: bool) -> Problem {
    let dialect = Dialect { delimiter: Delimiter::Character(b','), comments: true };
    let first = sample(head, complete, dialect, 1).pop().map(|row| row.fields.join(","));
    let Some(first) = first else {
        return if complete { ("the file is empty".to_owned(), None) } else { endless_row() };
    };
    let problem =
        format!("one column only, in rows such as `{}`; features and a label are needed", shortened(&first));
    (
        problem,
        Some("`--delimiter` says what is between the columns, if it is none of , ; | tab space".to_owned()),
    )
}
