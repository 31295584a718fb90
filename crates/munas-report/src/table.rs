//! Tables as text: aligned columns under a rule, no frame, so that they also read well in a log.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, presets::NOTHING};

use crate::visible;

/// Which edge the cells of a column share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table under construction.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        inner.set_header(columns.iter().map(|(title, _)| *title));
        for (column, (_, align)) in inner.column_iter_mut().zip(columns) {
            let alignment = match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            };
            column.set_padding((0, 2)).set_constraint(ColumnConstraint::ContentWidth);
            column.set_cell_alignment(alignment);
        }
        Self { inner }
    }

    /// Appends a row; one cell per column. Cells are a line each: what is not to be seen in them is escaped.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        let cells = cells.into_iter().map(|cell| visible(&cell.into()).into_owned());
        self.inner.add_row(cells.collect::<Vec<String>>());
        self
    }

    /// The lines of the table, header and rule first, without trailing blanks; each ends with a newline.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (index, line) in self.inner.lines().enumerate() {
            let line = line.trim_end();
            text.push_str(line);
            text.push('\n');
            if index == 0 {
                text.push_str(&"─".repeat(line.chars().count()));
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn numbers_are_aligned_right() {
        let mut table = Table::new(&[("trial", Align::Right), ("name", Align::Left), ("size", Align::Right)]);
        table.row(["7", "Conv2D 3x3", "812 B"]).row(["112", "Dense", "15.4 KB"]);
        expect![[r#"
            trial  name           size
            ──────────────────────────
                7  Conv2D 3x3    812 B
              112  Dense       15.4 KB
        "#]]
        .assert_eq(&table.render());
    }

    #[test]
    fn cells_are_one_line_each_and_columns_as_wide_as_they_show() {
        let mut table = Table::new(&[("class", Align::Left), ("size", Align::Right)]);
        table.row(["on", "7"]).row(["\x1b[8mo\nff", "12"]);
        expect![[r#"
            class           size
            ────────────────────
            on                 7
            \u{1b}[8mo\nff    12
        "#]]
        .assert_eq(&table.render());
    }
}
