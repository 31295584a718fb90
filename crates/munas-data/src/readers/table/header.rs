//! Finds out where the rows of a table begin, and whether they are headed by names.

use super::dialect::usual_columns;
use super::label::has_label_name;
use super::numbers::is_number;
use super::rows::SampleRow;
use crate::csv_settings::HeaderRow;

/// Where the rows begin and what the columns are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Number of columns.
    pub(super) columns: usize,
    /// Their names, empty for those without.
    pub(super) names: Option<Vec<String>>,
    /// Line of the names; none where they are in a comment.
    pub(super) line: Option<u64>,
    /// Rows above the names (or the first row) that are none of the table's.
    pub(super) titles: usize,
    /// Whether a row of units under the names was passed.
    pub(super) units: bool,
    /// Position in the sample of the first row.
    pub(super) first: usize,
}

/// Looks at the first rows. `label` is the name of the label column, where one was given; `commented` are the names in a
/// comment above.
pub(super) fn find(
    sample: &[SampleRow],
    commented: impl FnOnce(usize) -> Option<Vec<String>>,
    setting: HeaderRow,
    label: Option<&str>,
    comma_allowed: bool,
) -> Header {
    let number = |field: &String| is_number(field, comma_allowed);
    let mut columns = usual_columns(sample);
    // A delimiter at the end of every row makes no column.
    while columns > 1 && sample.iter().all(|row| row.fields.get(columns - 1).is_none_or(String::is_empty)) {
        columns -= 1;
    }
    let fits =
        |row: &SampleRow| row.fields.len() >= columns && row.fields[columns..].iter().all(String::is_empty);
    // R leaves out the name of the column of row names, people that of the label.
    let lacks_one = |row: &SampleRow| row.fields.len() + 1 == columns && !row.fields.iter().any(number);
    let is_title = |row: &SampleRow| {
        let numbers = row.fields.iter().filter(|field| number(field)).count();
        // `sep=;` is how a table tells Excel its delimiter.
        let for_excel = row.fields[0].starts_with("sep=") && row.fields[1..].iter().all(String::is_empty);
        for_excel || (row.fields.len() < columns && numbers * 2 <= row.fields.len())
    };
    let mut titles = sample.iter().take_while(|row| is_title(row)).count();
    if titles > 0 && lacks_one(&sample[titles - 1]) && setting != HeaderRow::No {
        titles -= 1;
    }
    let candidate = sample.get(titles);
    let rest = sample.get(titles + 1..).unwrap_or_default();
    let fitting: Vec<&[String]> =
        rest.iter().filter(|row| fits(row)).map(|row| &row.fields[..columns]).collect();
    let is_header = |row: &SampleRow| match setting {
        HeaderRow::Yes => true,
        HeaderRow::No => false,
        HeaderRow::Auto => {
            lacks_one(row)
                || (fits(row) && looks_like_names(&row.fields[..columns], &fitting, label, comma_allowed))
        }
    };
    let Some(head) = candidate.filter(|row| is_header(row)) else {
        let names = if setting == HeaderRow::No { None } else { commented(columns) };
        return Header { columns, names, line: None, titles, units: false, first: titles };
    };
    // A name may have lines in it, which would tear messages apart.
    let one_line = |name: &String| name.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut names: Vec<String> = head.fields.iter().map(one_line).collect();
    if lacks_one(head) && names_rows(&fitting, comma_allowed) {
        names.insert(0, String::new());
    }
    names.resize(columns, String::new());
    let units =
        setting == HeaderRow::Auto && rest.first().is_some_and(fits) && has_units(&fitting, comma_allowed);
    let first = titles + 1 + usize::from(units);
    Header { columns, names: Some(names), line: Some(head.line), titles, units, first }
}

/// Whether the first column names the rows: with texts, or by counting them.
fn names_rows(rows: &[&[String]], comma_allowed: bool) -> bool {
    let numbers: Option<Vec<f64>> = rows.iter().map(|row| row[0].parse().ok()).collect();
    match numbers {
        Some(numbers) => numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0),
        None => !rows.iter().any(|row| is_number(&row[0], comma_allowed)),
    }
}

/// Whether the first of these rows holds units: texts, and one of them in a column that else has numbers.
fn has_units(rows: &[&[String]], comma_allowed: bool) -> bool {
    let number = |field: &String| is_number(field, comma_allowed);
    let Some((first, rest)) = rows.split_first() else { return false };
    let over_numbers = |column: usize| !rest.is_empty() && rest.iter().all(|row| number(&row[column]));
    !first.iter().any(number)
        && (0..first.len()).any(|column| !first[column].is_empty() && over_numbers(column))
}

/// Whether the first row of a table holds names, judged by itself and the rows that follow.
fn looks_like_names(first: &[String], rest: &[&[String]], label: Option<&str>, comma_allowed: bool) -> bool {
    let occurs_below = |column: usize| rest.iter().any(|row| row[column] == first[column]);
    let number = |field: &&String| is_number(field, comma_allowed);
    if first.iter().any(|field| label == Some(field.as_str()) && !number(&field)) {
        return true;
    }
    let names_the_label = |(column, field): (usize, &String)| has_label_name(field) && !occurs_below(column);
    if first.iter().enumerate().any(names_the_label) {
        return true;
    }
    let numbers: Vec<f64> =
        first.iter().filter(number).filter_map(|field| field.replace(',', ".").parse().ok()).collect();
    if numbers.is_empty() {
        // Texts over texts only: rows whose features are missing are still rows.
        return true;
    }
    // Names that are numbers count up, as positions (0, 1, 2) or as wavelengths (400, 410, 420) do.
    let texts = (0..first.len()).filter(|&column| !first[column].is_empty() && !number(&&first[column]));
    let mut texts = texts.peekable();
    let from_zero = (0..).zip(&numbers).all(|(position, &number)| number == f64::from(position));
    if texts.peek().is_none() {
        return numbers.len() >= 3 && from_zero && !rest.is_empty();
    }
    let counts_up = evenly_spaced(&numbers)
        && (numbers.len() >= 3 || numbers[..] == [0.0, 1.0] || numbers[..] == [1.0, 2.0]);
    counts_up && !rest.is_empty() && texts.all(|column| !occurs_below(column))
}

/// Whether whole numbers rise by one and the same step.
fn evenly_spaced(numbers: &[f64]) -> bool {
    let [first, second, ..] = numbers else { return false };
    let step = second - first;
    step > 0.0
        && numbers.iter().all(|number| number.fract() == 0.0)
        && numbers.windows(2).all(|pair| pair[1] - pair[0] == step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<SampleRow> {
        let fields = |line: &str| line.split(',').map(str::to_owned).collect();
        (1..).zip(text.lines()).map(|(line, text)| SampleRow { line, fields: fields(text) }).collect()
    }

    fn header(text: &str) -> Header {
        find(&rows(text), |_| None, HeaderRow::Auto, None, false)
    }

    #[track_caller]
    fn names(text: &str) -> Option<String> {
        header(text).names.map(|names| names.join(","))
    }

    #[test]
    fn headers_are_found() {
        for head in [
            "0,1,2,3,label",
            "ax,ay,az,gx,gesture",
            "label,a,b,c,d",
            "0,1,2,3,kind",
            "a,b,c,d,7",
            ",0,1,2,label",
        ] {
            let text = format!("{head}\n5.5,2,3,4,9\n6.5,2,3,4,8\n");
            // A name that is a number among texts is as good as none: the row stays one of names only if it says so.
            let expected = (head != "a,b,c,d,7").then(|| head.to_owned());
            assert_eq!(names(&text), expected, "{head}");
        }
        assert_eq!(names("0,1,2,3\n5.5,1,2,0\n6.5,1,2,1\n").as_deref(), Some("0,1,2,3"));
        assert_eq!(
            names("400,410,420,species\n.1,.2,.3,elm\n.2,.2,.3,oak\n").as_deref(),
            Some("400,410,420,species")
        );
    }

    #[test]
    fn rows_are_no_headers() {
        assert_eq!(names("1,2,3,walk\n2,3,5,sit\n4,4,4,walk\n"), None);
        assert_eq!(names("1.5,2.5,walk\n2,3,sit\n"), None);
        assert_eq!(names("1,2,10\n3,4,9\n"), None);
        assert_eq!(names("7,3,target\n1,2,target\n"), None);
        assert_eq!(find(&rows("a,b\nc,d\n"), |_| None, HeaderRow::No, None, false).names, None);
    }

    #[test]
    fn titles_units_and_row_names_are_passed() {
        let found = header("Device,7\nRate\nax,ay,label\nm/s2,m/s2,-\n1,2,a\n3,4,b\n5,6,b\n");
        assert_eq!((found.titles, found.units, found.first, found.line), (2, true, 4, Some(3)));
        assert_eq!(header("sep=,\nax,label\n1,a\n2,b\n").line, Some(2));
        let found = header("ax,label\n1,0.5,a\n2,0.7,b\n3,0.1,b\n");
        assert_eq!(
            (found.names, found.titles),
            (Some(vec![String::new(), "ax".to_owned(), "label".to_owned()]), 0)
        );
        assert_eq!(names("ax,ay\n1.5,0.5,a\n2.5,0.7,b\n3.1,0.1,b\n").as_deref(), Some("ax,ay,"));
        assert!(!header("ax,ay,label\n,,a\n2.5,0.7,b\n3.1,0.1,b\n").units, "a row without values");
    }

    #[test]
    fn delimiters_at_the_ends_of_rows_make_no_column() {
        assert_eq!(header("a,label,\n1,x,\n2,y,\n").columns, 2);
        assert_eq!(header("a,label\n1,x,\n2,y,\n").columns, 2);
        assert_eq!(header("a,label\n1,\n2,\n").columns, 2);
    }

    #[test]
    fn names_in_a_comment_are_taken_where_there_are_no_others() {
        let commented = |columns| (columns == 2).then(|| vec!["a".to_owned(), "kind".to_owned()]);
        let found = find(&rows("1,x\n2,y\n"), commented, HeaderRow::Auto, None, false);
        assert_eq!((found.names.unwrap()[1].as_str(), found.first), ("kind", 0));
    }
}
