//! Finds columns that number the rows instead of describing them: a network learns the order of the file from them.

/// Names of columns that hold an index, whatever their case. pandas writes none, or `Unnamed: 0`.
const INDEX_NAMES: &[&str] = &["", "index", "idx", "id", "row", "rowid", "#"];

/// What is known of the numbers of a column, row by row.
#[derive(Debug)]
pub(super) struct Numbering {
    /// Position among the features.
    pub(super) feature: usize,
    /// Whether its name is that of an index, so that other orders than counting prove it too.
    named: bool,
    /// Number and row before.
    previous: Option<(f32, u64)>,
    /// Numbers rise as rows do.
    counts: bool,
    /// As `counts`, but it may begin again, as in files that were put together.
    counts_in_pieces: bool,
    /// All numbers, to tell whether one comes twice; only of named columns.
    numbers: Vec<u32>,
    whole: bool,
}

/// Fewest rows in which counting is no accident.
const LEAST_ROWS: usize = 5;

impl Numbering {
    /// What to watch of a feature with this name (none: the table names no columns); `None` where the name stands for a feature.
    pub(super) fn of(feature: usize, name: Option<&str>) -> Option<Self> {
        let named = match name {
            None => false,
            Some(name) => {
                let name = name.to_lowercase();
                if !INDEX_NAMES.contains(&name.as_str()) && !name.starts_with("unnamed: ") {
                    return None;
                }
                true
            }
        };
        let (numbers, previous) = (Vec::new(), None);
        Some(Self { feature, named, previous, counts: true, counts_in_pieces: true, numbers, whole: true })
    }

    /// Whether nothing that is still to come can make it an index.
    pub(super) fn is_settled(&self) -> bool {
        if self.named { !self.whole } else { !self.counts }
    }

    /// Takes note of the number in a row. Rows between may have been left out.
    pub(super) fn see(&mut self, number: f32, row: u64) {
        let follows = self.previous.is_none_or(|(before, at)| number - before == (row - at) as f32);
        let begins = number == 0.0 || number == 1.0;
        self.counts &= follows;
        self.counts_in_pieces &= follows || begins;
        // A float counts no further than this.
        self.whole &= number.fract() == 0.0 && (0.0..16_777_216.0).contains(&number);
        self.previous = Some((number, row));
        if self.named && self.whole {
            self.numbers.push(number as u32);
        } else {
            self.numbers = Vec::new();
        }
    }

    /// Whether the column, of so many rows, is an index.
    pub(super) fn proves_index(mut self, rows: usize) -> bool {
        if rows < LEAST_ROWS || !self.whole {
            return false;
        }
        if self.counts || (self.named && self.counts_in_pieces) {
            return true;
        }
        self.numbers.sort_unstable();
        self.numbers.dedup();
        self.named && self.numbers.len() == rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_index(name: Option<&str>, numbers: &[f32]) -> bool {
        let Some(mut numbering) = Numbering::of(0, name) else { return false };
        (0..).zip(numbers).for_each(|(row, &number)| numbering.see(number, row));
        numbering.proves_index(numbers.len())
    }

    #[test]
    fn counting_columns_are_an_index_unless_they_have_a_name_of_their_own() {
        let counting = [7.0, 8.0, 9.0, 10.0, 11.0];
        assert!(is_index(None, &counting));
        assert!(is_index(Some("Unnamed: 0"), &counting));
        assert!(!is_index(Some("height"), &counting));
        assert!(!is_index(None, &counting[..3]));
        assert!(!is_index(None, &[0.0, 1.0, 2.0, 3.0, 5.0]));
        assert!(!is_index(None, &[0.5, 1.5, 2.5, 3.5, 4.5]));
    }

    #[test]
    fn rows_that_are_left_out_do_not_hide_an_index() {
        let mut numbering = Numbering::of(0, None).unwrap();
        [0, 1, 2, 5, 6, 9].into_iter().for_each(|row| numbering.see(row as f32, row));
        assert!(numbering.proves_index(6));
    }

    #[test]
    fn shuffled_and_joined_columns_are_an_index_by_their_name() {
        let shuffled = [3.0, 0.0, 9.0, 4.0, 1.0];
        assert!(is_index(Some(""), &shuffled) && is_index(Some("ID"), &shuffled));
        assert!(!is_index(None, &shuffled));
        let joined = [0.0, 1.0, 2.0, 0.0, 1.0, 0.0];
        assert!(is_index(Some("index"), &joined));
        assert!(!is_index(Some("id"), &[3.0, 3.0, 4.0, 4.0, 9.0]));
        assert!(!is_index(Some(""), &[0.1, 0.2, 0.3, 0.4, 0.5]));
    }
}
