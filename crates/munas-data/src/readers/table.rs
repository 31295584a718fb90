//! Tables of text: numeric features and a column of labels.
//!
//! What people call CSV has no one form, so that it is found out from the first rows:
//!
//! | module | finds out |
//! |---|---|
//! | `text` | compression and encoding; whether it is text at all |
//! | `dialect` | delimiter, comments |
//! | `header` | names of the columns, titles above them, units below |
//! | `label`, `group` | which column holds the labels, and which says what belongs together |
//! | `layout` | all of these together, and which columns are features |
//! | `index` | columns that only number the rows |
//! | `account` | what is said about all this |
//! | `rows`, `numbers` | the rows, their fields, decimal marks |

mod account;
mod dialect;
mod group;
mod header;
mod index;
mod label;
mod layout;
mod numbers;
mod rows;
mod text;

use std::path::Path;

use self::index::Numbering;
use self::layout::Layout;
use self::numbers::{DecimalMark, Numbers};
use self::rows::{Row, Rows};
use self::text::Text;
use super::group_names::GroupNames;
use super::labels::Labels;
use super::refusals::Refusals;
use crate::budget::Budget;
use crate::csv_settings::{CsvSettings, IndexColumn};
use crate::error::DataError;
use crate::group_choice::GroupChoice;
use crate::raw_data::{PartSizes, RawData, TestPart};
use crate::samples::{ElementType, Samples};

/// What a row takes besides its values: its label while it is read, and its place in a part with the label there.
const BYTES_OF_ROW: usize = 16;

/// A column that is neither the label nor a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LeftOut {
    column: usize,
    why: &'static str,
}

/// How a table is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableOptions<'a> {
    /// Name, or number from 1, of the column of labels.
    pub(crate) label: Option<&'a str>,
    /// The column of groups.
    pub(crate) groups: &'a GroupChoice,
    /// What is not to be found out.
    pub(crate) settings: &'a CsvSettings,
    /// Leave out rows that cannot be read.
    pub(crate) skip_bad: bool,
    pub(crate) budget: Budget,
}

/// Reads a table. Every row is a sample of 1 × 1 × features, so that each feature is a channel and is normalised on
/// its own. Classes are the distinct labels; see [`Labels`].
pub(crate) fn read(path: &Path, name: &str, options: TableOptions<'_>) -> Result<RawData, DataError> {
    let text = Text::open(path)?;
    let layout = Layout::find(&text, options).map_err(|(problem, hint)| match hint {
        Some(hint) => DataError::advised(path, problem, hint),
        None => DataError::malformed(path, problem),
    })?;
    let mut table = Table::new(&layout, options.settings.index);
    let mut encoding = Encoding { utf16: text.utf16, first_in_8_bits: None };
    let (reader, allowance) = text.into_reader();
    let mut rows = Rows::new(reader, layout.dialect, allowance);
    let mut refusals = Refusals::default();
    let mut count = 0_usize;
    while let Some(row) = rows.next().map_err(|problem| DataError::malformed(path, problem))? {
        if encoding.first_in_8_bits.is_none() && !row.is_utf8() {
            encoding.first_in_8_bits = Some(row.line());
        }
        if row.line() < layout.first_line {
            continue;
        }
        count += 1;
        let features = table.features.len();
        let bytes = (table.values.len() + features) * size_of::<f32>() + count * BYTES_OF_ROW;
        options.budget.check(path, format_args!("{count} rows of {features} features"), bytes as u64)?;
        match table.append(row, count as u64) {
            Ok(()) => {}
            Err(RowError::Row(problem)) => refusals.add(|| format!("row {}: {problem}", row.line())),
            Err(RowError::Table(problem)) => return Err(DataError::malformed(path, problem)),
        }
    }
    let refused = refusals.finish(path, count, options.skip_bad)?;
    table.drop_indices();
    Ok(RawData { refused, ..table.finish(name, &encoding) })
}

/// In which characters the text is written.
struct Encoding {
    utf16: bool,
    /// The first row that is not in UTF-8.
    first_in_8_bits: Option<u64>,
}

/// What is wrong with a row, or with the table at that row.
enum RowError {
    Row(String),
    Table(String),
}

struct Table<'a> {
    layout: &'a Layout,
    /// Columns of the values, without those of an index in the end.
    features: Vec<usize>,
    values: Vec<f32>,
    labels: Labels,
    /// The values of the column of groups.
    groups: GroupNames,
    numbers: Numbers,
    numberings: Vec<Numbering>,
    /// Columns that were found to number the rows.
    indices: Vec<usize>,
    /// The first value that lost digits: line and column.
    imprecise: Option<(u64, usize)>,
}

impl<'a> Table<'a> {
    fn new(layout: &'a Layout, index: IndexColumn) -> Self {
        let features = layout.features.clone();
        let watch = |(position, &column): (usize, &usize)| Numbering::of(position, layout.name(column));
        let numberings = match index {
            IndexColumn::LeaveOut => features.iter().enumerate().filter_map(watch).collect(),
            IndexColumn::Keep => Vec::new(),
        };
        Self {
            layout,
            features,
            values: Vec::new(),
            labels: Labels::default(),
            groups: GroupNames::default(),
            numbers: Numbers::new(layout.comma_allowed),
            numberings,
            indices: Vec::new(),
            imprecise: None,
        }
    }

    /// Appends a row, the `number`th of the table.
    fn append(&mut self, row: Row<'_>, number: u64) -> Result<(), RowError> {
        let columns = self.layout.header.columns;
        if !row.fits(columns) {
            return Err(RowError::Row(format!("{} columns, expected {columns}", row.len())));
        }
        let label = row.field(self.layout.label);
        if label.is_empty() || label.eq_ignore_ascii_case("nan") {
            return Err(RowError::Row(format!("no label in {}", self.layout.describe(self.layout.label))));
        }
        let start = self.values.len();
        self.values
            .try_reserve(self.features.len())
            .map_err(|_| RowError::Table(format!("no memory for {} values", start + self.features.len())))?;
        for &column in &self.features {
            let field = row.field(column);
            match self.numbers.read(&field) {
                Ok(value) => self.values.push(value),
                Err(problem) => {
                    self.values.truncate(start);
                    return Err(RowError::Row(format!("{}: {problem}", self.layout.describe(column))));
                }
            }
            if self.imprecise.is_none() && loses_digits(&field) {
                self.imprecise = Some((row.line(), column));
            }
        }
        for numbering in &mut self.numberings {
            numbering.see(self.values[start + numbering.feature], number);
        }
        self.numberings.retain(|numbering| !numbering.is_settled());
        let comma = self.numbers.mark() == Some(DecimalMark::Comma);
        let point = comma.then(|| label.replace(',', ".")).filter(|label| label.parse::<f64>().is_ok());
        let too_many = |what: &str, column: usize| {
            let column = self.layout.describe(column);
            RowError::Table(format!("too many distinct {what} in {column}; is it the right one?"))
        };
        if let Some(column) = self.layout.group {
            self.groups.push_text(&row.field(column)).map_err(|_| too_many("groups", column))?;
        }
        let label = point.as_deref().unwrap_or(&label);
        self.labels.push_text(label).map_err(|_| too_many("labels", self.layout.label))
    }

    /// Takes the columns out that only number the rows; one column stays whatever it holds.
    fn drop_indices(&mut self) {
        let rows = self.labels.len();
        let mut positions: Vec<usize> = std::mem::take(&mut self.numberings)
            .into_iter()
            .filter_map(|numbering| Some(numbering.feature).filter(|_| numbering.proves_index(rows)))
            .collect();
        positions.truncate(self.features.len() - 1);
        if positions.is_empty() {
            return;
        }
        let width = self.features.len();
        let mut place = 0;
        self.values.retain(|_| {
            let kept = positions.binary_search(&(place % width)).is_err();
            place += 1;
            kept
        });
        self.indices = positions.iter().map(|&position| self.features[position]).collect();
        self.features.retain(|column| !self.indices.contains(column));
    }

    fn finish(mut self, name: &str, encoding: &Encoding) -> RawData {
        let groups = std::mem::take(&mut self.groups).finish();
        let verdict = self.layout.group.map(|column| group::Verdict::of(column, &groups));
        let mut warnings = self.warnings(encoding);
        warnings.extend(verdict.and_then(|verdict| self.group_warning(verdict)));
        let mut facts = self.facts(encoding);
        facts.extend(verdict.and_then(|verdict| self.group_fact(verdict)));
        let groups = verdict.is_some_and(|verdict| self.uses_groups(verdict)).then_some(groups);
        let (labels, class_names) = self.labels.finish();
        RawData {
            name: name.to_owned(),
            input: [1, 1, self.features.len()],
            class_names,
            samples: Samples::F32(self.values),
            parts: PartSizes { train: labels.len(), validation: None, test: TestPart::own_or_drawn(None) },
            labels,
            groups,
            full_scale: ElementType::F32.full_scale(),
            warnings,
            facts,
            ..RawData::default()
        }
    }
}

/// Whether a whole number has more digits than a 32-bit float keeps.
fn loses_digits(field: &str) -> bool {
    field.len() > 7 && field.parse::<i64>().is_ok_and(|whole| whole as f32 as i64 != whole)
}
