//! Finds out which column of a table holds the labels.

use super::numbers::is_number;

/// Names of label columns, whatever their case, best first.
const LABEL_NAMES: &[&str] = &[
    "label",
    "labels",
    "class",
    "classlabel",
    "classes",
    "target",
    "targets",
    "category",
    "categories",
    "y",
];

/// Why a column was taken for the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was asked for.
    Given,
    /// Its name says so.
    Name,
    /// It is the only one with texts.
    OnlyText,
    /// The last column looks measured, and the first like numbers of classes.
    LastLooksMeasured,
    /// It is the last one.
    Last,
}

/// The columns of a table and its first rows.
pub(super) struct View<'a> {
    pub(super) names: Option<&'a [String]>,
    pub(super) columns: usize,
    /// Rows of so many fields.
    pub(super) rows: &'a [&'a [String]],
    pub(super) comma_allowed: bool,
}

impl View<'_> {
    /// The fields of a column that are not empty.
    pub(super) fn fields(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row[column].as_str()).filter(|field| !field.is_empty())
    }

    pub(super) fn is_number(&self, field: &str) -> bool {
        is_number(field, self.comma_allowed)
    }

    /// Whether a column has fields, none of which is a number.
    pub(super) fn is_text(&self, column: usize) -> bool {
        self.fields(column).next().is_some() && !self.fields(column).any(|field| self.is_number(field))
    }

    /// The number and, where there is one, the name of a column, for messages.
    pub(super) fn describe(&self, column: usize) -> String {
        match self.names.map(|names| names[column].as_str()) {
            Some("") | None => format!("column {}", column + 1),
            Some(name) => format!("column {} (`{name}`)", column + 1),
        }
    }

    /// The column that a name, or a number from 1, means.
    pub(super) fn find(&self, wanted: &str) -> Result<usize, String> {
        let names = self.names.unwrap_or_default();
        let matching = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| same(name)).map(|(column, _)| column).collect()
        };
        let mut found = matching(&|name| name == wanted);
        if found.is_empty() {
            found = matching(&|name| plain(name) == plain(wanted));
        }
        match found[..] {
            [column] => return Ok(column),
            [first, second, ..] => {
                return Err(format!(
                    "columns {} and {} are both called `{wanted}`; a number in place of the name tells them apart",
                    first + 1,
                    second + 1
                ));
            }
            [] => {}
        }
        if let Ok(number) = wanted.parse::<usize>()
            && (1..=self.columns).contains(&number)
        {
            return Ok(number - 1);
        }
        Err(match self.names {
            Some(names) => format!("no column `{wanted}`; there are: {}", listed(names)),
            None => format!(
                "no column `{wanted}`: the first row holds no names, and there are columns 1 to {}",
                self.columns
            ),
        })
    }
}

/// Names for a message: not all of a wide table.
fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(&format!(", … ({} in all)", names.len()));
    }
    text
}

/// A name without case, blanks and signs.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn rank(name: &str) -> Option<usize> {
    let plain = plain(name);
    LABEL_NAMES.iter().position(|known| *known == plain)
}

/// Whether a field is a usual name of a label column. `y` alone proves nothing: it is also an axis.
pub(super) fn has_label_name(field: &str) -> bool {
    rank(field).is_some() && plain(field) != "y"
}

/// The label column, and why it is taken for it. Columns `aside` hold groups by their names, and labels only if no other column
/// looks like labels.
pub(super) fn find(
    view: &View<'_>,
    wanted: Option<&str>,
    aside: &[usize],
) -> Result<(usize, Reason), String> {
    if let Some(wanted) = wanted {
        return Ok((view.find(wanted)?, Reason::Given));
    }
    if let Some(names) = view.names
        && let Some(column) = by_name(names)
    {
        return Ok((column, Reason::Name));
    }
    let others: Vec<usize> = (0..view.columns).filter(|column| !aside.contains(column)).collect();
    if !aside.is_empty()
        && let Some((column, reason)) = by_content(view, &others)
        && (view.is_text(column) || looks_like_classes(view, column))
    {
        return Ok((column, reason));
    }
    let all: Vec<usize> = (0..view.columns).collect();
    by_content(view, &all).ok_or_else(|| "no columns".to_owned())
}

/// The one of these columns that is taken for the labels by what it holds.
fn by_content(view: &View<'_>, columns: &[usize]) -> Option<(usize, Reason)> {
    let (&last, before) = columns.split_last()?;
    if !view.is_text(last) {
        let mut texts = before.iter().filter(|&&column| view.is_text(column));
        if let (Some(&only), None) = (texts.next(), texts.next()) {
            return Some((only, Reason::OnlyText));
        }
        if looks_measured(view, last) && looks_like_classes(view, columns[0]) {
            return Some((columns[0], Reason::LastLooksMeasured));
        }
    }
    Some((last, Reason::Last))
}

fn by_name(names: &[String]) -> Option<usize> {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let is_axis = |column: usize| {
        let inside = column > 0 && column + 1 < names.len();
        plain[column] == "y"
            && (inside || ["x", "z"].iter().all(|axis| plain.iter().any(|name| name == axis)))
    };
    let candidates = (0..names.len()).filter(|&column| !is_axis(column));
    let ranked = candidates.filter_map(|column| Some((rank(&names[column])?, column)));
    ranked.min_by_key(|&(rank, column)| (rank, std::cmp::Reverse(column))).map(|(_, column)| column)
}

/// Whether a column holds many different numbers, not all of them whole.
fn looks_measured(view: &View<'_>, column: usize) -> bool {
    let fields: Vec<&str> = view.fields(column).collect();
    let is_whole = |field: &&str| field.parse::<f64>().is_ok_and(|number| number.fract() == 0.0);
    fields.iter().all(|field| view.is_number(field))
        && !fields.iter().all(is_whole)
        && (distinct(&fields) > 10 || distinct(&fields) * 3 > fields.len())
}

/// Whether a column holds few different whole numbers.
fn looks_like_classes(view: &View<'_>, column: usize) -> bool {
    let fields: Vec<&str> = view.fields(column).collect();
    let is_whole = |field: &&str| field.parse::<f64>().is_ok_and(|number| number.fract() == 0.0);
    fields.len() >= 6 && fields.iter().all(is_whole) && distinct(&fields) * 3 <= fields.len()
}

fn distinct(fields: &[&str]) -> usize {
    fields.iter().collect::<std::collections::HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::super::group;
    use super::*;
    use crate::group_choice::GroupChoice;

    /// The label column of a table with names in its first line, and the reason.
    fn found(text: &str, wanted: Option<&str>) -> Result<(usize, Reason), String> {
        let rows: Vec<Vec<String>> =
            text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        let (names, rows) = rows.split_first().unwrap();
        let rows: Vec<&[String]> = rows.iter().map(Vec::as_slice).collect();
        let named = names.iter().any(|name| !name.is_empty());
        let view =
            View { names: named.then_some(names), columns: names.len(), rows: &rows, comma_allowed: false };
        find(&view, wanted, &group::named(&view, &GroupChoice::Auto))
    }

    #[test]
    fn columns_are_found_by_name() {
        let by_name = |names: &str| found(&format!("{names}\n1,2,3,4\n"), None).unwrap();
        assert_eq!(by_name("Label,a,b,c"), (0, Reason::Name));
        assert_eq!(by_name("a,CLASS,b,c"), (1, Reason::Name));
        assert_eq!(by_name("target,a,b,class"), (3, Reason::Name));
        assert_eq!(by_name("a,b,label,label"), (3, Reason::Name));
        assert_eq!(by_name("y,a,b,c"), (0, Reason::Name));
        assert_eq!(by_name("x,y,z,kind"), (3, Reason::Last));
        assert_eq!(by_name("x,z,t,y"), (3, Reason::Last));
        assert_eq!(by_name("class_label,x,y,z"), (0, Reason::Name));
    }

    #[test]
    fn columns_are_found_by_what_they_hold() {
        assert_eq!(found(",,\nwalk,1,2.5\nsit,3,4.5\n", None), Ok((0, Reason::OnlyText)));
        assert_eq!(found("a,b,c\nx,1,walk\ny,3,sit\n", None), Ok((2, Reason::Last)));
        let measured: String = (0..12).map(|row| format!("{},{row},{}.25\n", row % 2, row * 7)).collect();
        assert_eq!(found(&format!(",,\n{measured}"), None), Ok((0, Reason::LastLooksMeasured)));
        let whole: String = (0..12).map(|row| format!("{},{row},{}\n", row % 2, row % 3)).collect();
        assert_eq!(found(&format!(",,\n{whole}"), None), Ok((2, Reason::Last)));
    }

    #[test]
    fn columns_of_groups_are_labels_only_where_nothing_else_is() {
        assert_eq!(
            found("subject,a,kind\nx,1.5,1\ny,2.5,2\ny,3.5,1\nz,1.5,1\nz,2.5,2\nx,3.5,2\n", None),
            Ok((2, Reason::Last))
        );
        assert_eq!(found("a,activity,user\n1,walk,3\n2,sit,4\n", None), Ok((1, Reason::Last)));
        let whole: String = (0..12).map(|row| format!("{}.5,{},{row}\n", row * 7, row % 2)).collect();
        assert_eq!(found(&format!("a,kind,subject\n{whole}"), None), Ok((1, Reason::Last)));
        let speakers: String = (0..12).map(|row| format!("{row}.25,{}.5,s{}\n", row * 7, row % 3)).collect();
        assert_eq!(found(&format!("a,b,speaker\n{speakers}"), None), Ok((2, Reason::Last)));
        assert_eq!(found("subject,label,a\nx,1,2\n", None), Ok((1, Reason::Name)));
    }

    #[test]
    fn columns_are_found_as_asked_for() {
        let table = "a,b,kind\n1,2,3\n";
        assert_eq!(found(table, Some("b")), Ok((1, Reason::Given)));
        assert_eq!(found(table, Some("Kind")), Ok((2, Reason::Given)));
        assert_eq!(found(table, Some("1")), Ok((0, Reason::Given)));
        assert!(found(table, Some("4")).unwrap_err().contains("there are: a, b, kind"));
        assert!(
            found("a,a,b\n1,2,3\n", Some("a")).unwrap_err().contains("columns 1 and 2 are both called `a`")
        );
        assert_eq!(found("3,2,1\n1,2,3\n", Some("3")), Ok((0, Reason::Given)));
        assert!(found(",,\n1,2,3\n", Some("kind")).unwrap_err().contains("the first row holds no names"));
    }
}
