//! What a network does on each class.

use munas_run::Confusions;
use munas_train::Confusion;

use crate::table::{Align, Table};
use crate::units;

/// Classes that a row names as those it is taken for.
const NAMED: usize = 3;

/// One row per class: the share of its samples that is recognised in the validation and in the test part, how many those are in the
/// test part, and what the others are taken for.
pub fn classes_table(class_names: &[String], confusions: &Confusions) -> String {
    let Confusions { validation, test } = confusions;
    let mut table = Table::new(&[
        ("class", Align::Left),
        ("val. recall", Align::Right),
        ("test recall", Align::Right),
        ("test samples", Align::Right),
        ("taken for", Align::Left),
    ]);
    let recalls = validation.recalls().zip(test.recalls());
    for (class, (name, (of_validation, of_test))) in class_names.iter().zip(recalls).enumerate() {
        let samples: u64 = test.rows().nth(class).map_or(0, |row| row.iter().sum());
        table.row([
            name.clone(),
            units::percent_or_dash(of_validation),
            units::percent_or_dash(of_test),
            samples.to_string(),
            taken_for(class_names, test, class),
        ]);
    }
    table.render()
}

/// The classes that samples of `class` are wrongly taken for most often.
pub(crate) fn taken_for(class_names: &[String], confusion: &Confusion, class: usize) -> String {
    let row = confusion.rows().nth(class).unwrap_or_default();
    let mut wrong: Vec<(usize, u64)> = row
        .iter()
        .copied()
        .enumerate()
        .filter(|&(predicted, count)| predicted != class && count > 0)
        .collect();
    wrong.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let more = wrong.len().saturating_sub(NAMED);
    let mut named: Vec<String> = wrong
        .iter()
        .take(NAMED)
        .map(|&(predicted, count)| format!("{} ({count})", class_names[predicted]))
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_class_has_a_row() {
        let names = ["cat", "dog", "fox", "owl", "elk"].map(str::to_owned);
        let mut test = Confusion::new(5);
        for (class, predicted, count) in
            [(0, 0, 9), (0, 1, 1), (1, 0, 4), (1, 2, 2), (1, 3, 3), (1, 4, 1), (2, 2, 5)]
        {
            (0..count).for_each(|_| test.add(class, predicted));
        }
        let confusions = Confusions { validation: Confusion::new(5), test };
        expect![[r#"
            class  val. recall  test recall  test samples  taken for
            ────────────────────────────────────────────────────────
            cat              –      90.00 %            10  dog (1)
            dog              –       0.00 %            10  cat (4), owl (3), fox (2), 1 more
            fox              –     100.00 %             5
            owl              –            –             0
            elk              –            –             0
        "#]]
        .assert_eq(&classes_table(&names, &confusions));
    }
}
