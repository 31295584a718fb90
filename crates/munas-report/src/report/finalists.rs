//! The networks that were trained anew.

use maud::{Markup, html};
use munas_run::Finalist;
use munas_search::Objective;

use super::{RunView, anchor};
use crate::finalists::{finalist_cells, finalist_heads, finalists_note, on_board, outline_of};

/// A table of them; nothing where there are none.
pub(super) fn section(view: &RunView<'_>) -> Markup {
    let on_board = on_board(view.finalists);
    html! {
        @if !view.finalists.is_empty() {
            h2 { "Finalists" }
            p .muted { (finalists_note(view.driving())) }
            div .card.scroll.below {
                table .front {
                    thead {
                        tr {
                            @for head in finalist_heads(&on_board, view.terms()) { th { (head) } }
                            th .word { "within bounds" } th .word { "network" }
                        }
                    }
                    tbody { @for finalist in view.finalists { (row(view, finalist, &on_board)) } }
                }
            }
        }
    }
}

fn row(view: &RunView<'_>, finalist: &Finalist, on_board: &[Objective]) -> Markup {
    let inside = finalist.in_bounds(view.bounds());
    let is_detailed = view.curves.contains_key(&finalist.trial);
    let cells = finalist_cells(finalist, on_board);
    html! {
        tr {
            @for (column, cell) in cells.iter().enumerate() {
                td {
                    @if column == 0 && is_detailed { a href=(format!("#{}", anchor(finalist.trial))) { (cell) } }
                    @else { (cell) }
                }
            }
            td .met[inside] { @if inside { "yes" } @else { "no" } }
            td { (outline_of(finalist, view.trials)) }
        }
    }
}
