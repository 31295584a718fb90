//! What a network does on each class: recalls, and which classes are taken for which.

use maud::{Markup, html};
use munas_run::Confusions;

use crate::classes::taken_for;
use crate::units;

/// Matrices of more classes are too large to be read: only what a class is taken for most often is named.
const MOST_CLASSES: usize = 30;

/// A foldable part: a row per class, with the confusion matrix of the test part.
pub(super) fn section(class_names: &[String], confusions: &Confusions) -> Markup {
    let Confusions { validation, test } = confusions;
    let recalls: Vec<_> = validation.recalls().zip(test.recalls()).collect();
    let is_small = class_names.len() <= MOST_CLASSES;
    html! {
        details .below {
            summary { "Classes: recall, and the confusion matrix of the test part" }
            div .scroll {
                table {
                    thead {
                        tr {
                            th .word { "class" } th { "val. recall" } th { "test recall" }
                            @if is_small { @for name in class_names { th { "as " (name) } } }
                            @else { th .word { "taken for" } }
                        }
                    }
                    tbody {
                        @for (class, (name, (of_validation, of_test))) in class_names.iter().zip(recalls).enumerate() {
                            tr {
                                th .word { (name) }
                                td { (units::percent_or_dash(of_validation)) } td { (units::percent_or_dash(of_test)) }
                                @if is_small {
                                    @for (predicted, &count) in test.rows().nth(class).unwrap_or_default().iter().enumerate() {
                                        @let shown = (count > 0).then_some(count);
                                        @if class == predicted { td .met { @if let Some(count) = shown { (count) } } }
                                        @else { td { @if let Some(count) = shown { (count) } } }
                                    }
                                } @else { td .word { (taken_for(class_names, test, class)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
