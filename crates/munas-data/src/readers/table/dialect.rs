//! Finds out what divides a table into columns: the delimiter under which its first rows have equally many fields, most of them
//! numbers.

use super::numbers::is_number;
use super::rows::{COMMENT, Dialect, SampleRow, sample};
use crate::csv_settings::Delimiter;

/// Rows that are looked at.
const ROWS: usize = 100;
/// Share of them that must have equally many fields: titles above a table and broken rows have others.
const LEAST_SHARE: f64 = 0.6;

/// Whether numbers may have a decimal comma in a table with such a delimiter. Quoted ones may in any.
pub(super) fn comma_allowed(delimiter: Delimiter, head: &[u8]) -> bool {
    delimiter != Delimiter::Character(b',') || head.contains(&b'"')
}

/// The dialect of a text that begins with `head`; `None` where no delimiter gives columns.
pub(super) fn find(head: &[u8], complete: bool, delimiter: Option<Delimiter>) -> Option<Dialect> {
    let delimiter = match delimiter {
        Some(delimiter) => delimiter,
        None => {
            let mut best: Option<(Fit, Delimiter)> = None;
            for delimiter in Delimiter::USUAL {
                let Some(fit) = Fit::of(head, complete, delimiter) else { continue };
                if best.is_none_or(|(best, _)| fit.is_better_than(best)) {
                    best = Some((fit, delimiter));
                }
            }
            best?.1
        }
    };
    let comments = Dialect { delimiter, comments: true };
    let rows = first_rows(head, complete, delimiter);
    Some(Dialect { delimiter, comments: !has_rows_like_comments(head, complete, comments, &rows) })
}

/// The number of fields that most rows have.
pub(super) fn usual_columns(rows: &[SampleRow]) -> usize {
    let mut lengths: Vec<usize> = rows.iter().map(|row| row.fields.len()).collect();
    lengths.sort_unstable();
    let runs = lengths.chunk_by(|first, second| first == second);
    runs.max_by_key(|run| (run.len(), run[0])).map_or(0, |run| run[0])
}

/// The first rows without comments, or with them where there is nothing else.
fn first_rows(head: &[u8], complete: bool, delimiter: Delimiter) -> Vec<SampleRow> {
    let rows = sample(head, complete, Dialect { delimiter, comments: true }, ROWS);
    if rows.is_empty() { sample(head, complete, Dialect { delimiter, comments: false }, ROWS) } else { rows }
}

/// How well a delimiter fits.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// Share of the fields that are numbers, less a penalty for fields that look divided.
    numeric: f64,
    /// Share of the rows that have the usual number of fields.
    share: f64,
}

impl Fit {
    fn of(head: &[u8], complete: bool, delimiter: Delimiter) -> Option<Self> {
        let rows = first_rows(head, complete, delimiter);
        let columns = usual_columns(&rows);
        let usual = rows.iter().filter(|row| row.fields.len() == columns).count();
        let share = usual as f64 / rows.len().max(1) as f64;
        if columns < 2 || share < LEAST_SHARE {
            return None;
        }
        let comma_allowed = comma_allowed(delimiter, head);
        let mut score = 0.0;
        for field in rows.iter().filter(|row| row.fields.len() == columns).flat_map(|row| &row.fields) {
            if is_number(field, comma_allowed) {
                score += 1.0;
            } else if field.contains([';', '\t', '|']) {
                score -= 0.5;
            }
        }
        Some(Self { numeric: score / (usual * columns) as f64, share })
    }

    fn is_better_than(self, other: Self) -> bool {
        const EQUAL: f64 = 1e-9;
        let difference = self.numeric - other.numeric;
        if difference.abs() > EQUAL { difference > 0.0 } else { self.share > other.share + EQUAL }
    }
}

/// Whether lines that begin as comments do are rows, such as those of a first column with colours (`#ff0000`): they have the
/// fields of the others, and as many numbers.
fn has_rows_like_comments(head: &[u8], complete: bool, dialect: Dialect, rows: &[SampleRow]) -> bool {
    if !head.contains(&COMMENT) {
        return false;
    }
    let columns = usual_columns(rows);
    let comma_allowed = comma_allowed(dialect.delimiter, head);
    let numbers = |row: &SampleRow| row.fields.iter().filter(|field| is_number(field, comma_allowed)).count();
    let usual = rows.iter().filter(|row| row.fields.len() == columns).map(numbers).max().unwrap_or(0);
    let with_all = sample(head, complete, Dialect { comments: false, ..dialect }, ROWS);
    with_all.iter().any(|row| {
        let begins = row.fields[0].as_bytes().first() == Some(&COMMENT);
        begins && row.fields.len() == columns && usual > 0 && numbers(row) == usual
    })
}

/// The names of the columns in the last comment above the first row, as `numpy.savetxt` writes them.
pub(super) fn header_in_comments(head: &[u8], dialect: Dialect, columns: usize) -> Option<Vec<String>> {
    let lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let last = lines
        .take_while(|line| line.is_empty() || line[0] == COMMENT)
        .filter(|line| !line.is_empty())
        .last()?;
    let text = last.strip_prefix(&[COMMENT])?;
    let row = sample(text, true, dialect, 1).pop()?;
    let comma_allowed = comma_allowed(dialect.delimiter, head);
    let names = row.fields;
    (names.len() == columns && !names.iter().any(|name| is_number(name, comma_allowed))).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, delimiter: &str) {
        let found = find(text.as_bytes(), true, None).map(|dialect| dialect.delimiter.to_string());
        assert_eq!(found.as_deref(), Some(delimiter), "{text}");
    }

    #[test]
    fn delimiters_are_found() {
        check("a,b,label\n1,2,x\n3,4,y\n", ",");
        check("a;b;label\n1,5;2,5;x\n3;4,1;y\n", ";");
        check("1,5;2,5;x\n3,1;4,1;y\n", ";");
        check("1,5;a\n2,5;b\n", ";");
        check("1,5\t2,5\twalk slowly\n3,0\t4,1\tsit\n", "tab");
        check("1|2|a,b\n3|4|c,d\n", "|");
        check("  1.0  2.5   1\n -3.0 4.0    2\n", "space");
        check("1, 2, walk\n3, 4, sit\n", ",");
        check("2024-01-01 10:00,1,a;b\n2024-01-01 10:01,2,c;d\n", ",");
        check("\"x;1\",2,3\n\"y;2\",4,5\n", ",");
        check("name,text\na b,c d\ne f,g h\n", ",");
    }

    #[test]
    fn titles_and_broken_rows_do_not_confuse() {
        check("Device: 7; rate: 50\n\na;b;label\n1;2;x\n3;4;y\n5;6;x\n7;8\n9;1;y\n", ";");
        assert_eq!(find(b"1\n2\n3\n", true, None), None);
        assert_eq!(find(b"one, two\nthree\n\nfour\n", true, None), None);
    }

    #[test]
    fn the_last_line_need_not_be_whole() {
        let rows = sample(
            b"1,2\n3,4\n5",
            false,
            Dialect { delimiter: Delimiter::Character(b','), comments: true },
            9,
        );
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn comments_are_told_from_rows() {
        let comments = |text: &str| find(text.as_bytes(), true, None).map(|dialect| dialect.comments);
        assert_eq!(comments("# made by hand, today, here\n1,2,x\n#1,2,x\n3,4,y\n"), Some(true));
        assert_eq!(comments("#ff0000,1,2\n#00ff00,3,4\n"), Some(false));
        assert_eq!(comments("red,1,2\n#00ff00,3,4\n"), Some(false));
        let dialect = Dialect { delimiter: Delimiter::Character(b','), comments: true };
        let names = |text: &str| header_in_comments(text.as_bytes(), dialect, 2);
        assert_eq!(names("# saved\n# a,label\n1,2\n"), Some(vec!["a".to_owned(), "label".to_owned()]));
        assert_eq!(names("# saved\n1,2\n# a,label\n"), None);
    }
}
