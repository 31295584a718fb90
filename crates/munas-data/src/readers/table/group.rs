//! The column that says which rows belong together.

use super::label::View;
use super::{LeftOut, Table};
use crate::group_choice::GroupChoice;
use crate::groups::Groups;
use crate::raw_data::Fact;
use crate::readers::group_names;
use crate::warning::Warning;

/// Fewer groups than this are not taken for groups by themselves: with three, one is for each part.
const LEAST_GROUPS: usize = 4;

/// Why the column of groups is that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It was asked for.
    Given,
    /// Its name says so.
    Name,
}

/// The columns whose names are those of groups, best first, if they are to be looked for. Measurements are none.
pub(super) fn named(view: &View<'_>, choice: &GroupChoice) -> Vec<usize> {
    let Some(names) = view.names.filter(|_| choice.is_auto()) else { return Vec::new() };
    let is_fraction =
        |field: &str| field.replace(',', ".").parse::<f64>().is_ok_and(|number| number.fract() != 0.0);
    let mut named: Vec<(usize, usize)> = names
        .iter()
        .enumerate()
        .filter_map(|(column, name)| Some((group_names::rank(name)?, column)))
        .filter(|&(_, column)| !view.fields(column).any(is_fraction))
        .collect();
    named.sort_unstable();
    named.into_iter().map(|(_, column)| column).collect()
}

/// The column of groups, if there is one.
pub(super) type Found = Option<(usize, Reason)>;

/// The column of groups among those with such names, or the one that was asked for; and the others, which are no features either.
pub(super) fn find(
    view: &View<'_>,
    label: usize,
    named: &[usize],
    choice: &GroupChoice,
) -> Result<(Found, Vec<LeftOut>), String> {
    if let Some(asked) = choice.asked() {
        let column = view.find(asked)?;
        if column == label {
            return Err(format!("{} holds the labels", view.describe(column)));
        }
        return Ok((Some((column, Reason::Given)), vec![LeftOut { column, why: "groups" }]));
    }
    let columns: Vec<usize> = named.iter().copied().filter(|&column| column != label).collect();
    let left_out = columns.iter().map(|&column| LeftOut { column, why: "named as groups are" });
    Ok((columns.first().map(|&column| (column, Reason::Name)), left_out.collect()))
}

/// What the values of the column of groups are worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    column: usize,
    different: usize,
    /// Whether one value is in two rows, and another in a third.
    tells_apart: bool,
}

impl Verdict {
    pub(super) fn of(column: usize, groups: &Groups) -> Self {
        Self { column, different: groups.names.len(), tells_apart: groups.are_some(2) }
    }
}

impl Table<'_> {
    /// Whether rows are kept together by the column.
    pub(super) fn uses_groups(&self, verdict: Verdict) -> bool {
        let least = if self.layout.group_reason == Some(Reason::Given) { 2 } else { LEAST_GROUPS };
        verdict.tells_apart && verdict.different >= least
    }

    pub(super) fn group_fact(&self, verdict: Verdict) -> Option<Fact> {
        let column = self.layout.describe(verdict.column);
        self.uses_groups(verdict)
            .then(|| Fact::new("groups", format!("{column}, {} different", verdict.different)))
    }

    pub(super) fn group_warning(&self, verdict: Verdict) -> Option<Warning> {
        if self.layout.group_reason == Some(Reason::Given) {
            return None;
        }
        let column = self.layout.describe(verdict.column);
        let different = verdict.different;
        let (what, hint) = if self.uses_groups(verdict) {
            let what = format!(
                "{column} says which rows belong together ({different} groups): no group is in two parts, and the column is no feature"
            );
            (what, "`--groups none` makes it a feature like others, `--groups COLUMN` names another")
        } else if verdict.tells_apart {
            let what = format!(
                "{column} is named as groups are, but has {different} values only: it is left out, and rows are not kept together"
            );
            (
                what,
                "`--groups COLUMN` keeps the rows of a value together all the same, `--groups none` makes it a feature",
            )
        } else {
            (
                format!(
                    "{column} is named as groups are, but no two rows belong together by it; it is left out"
                ),
                "`--groups none` makes it a feature",
            )
        };
        Some(Warning::new(what).hint(hint))
    }
}
