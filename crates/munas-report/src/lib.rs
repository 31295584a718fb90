//! Tables, plots and the HTML report of a run.
//!
//! | item | does |
//! |---|---|
//! | [`html_report`], [`detailed`] | a run as one self-contained HTML page |
//! | [`trial_html`], [`progress_html`], [`STYLE`] | sections of it, for pages that show some |
//! | [`finalists_table`], [`front_table`], [`nothing_usable`], [`curve_table`], [`attempts_table`], [`classes_table`], [`trial_figures`], [`epochs_cell`] | the same facts as text |
//! | [`Network`] | one network: layers, memory timeline, as text and as a plot; [`RowsView`]: its memory in rows |
//! | [`plot`] | scatter, line and memory plots as inline SVG |
//! | [`Table`] | aligned text |
//! | [`visible`](fn@visible) | names from files without what a terminal would obey |
//! | [`units`] | bytes, counts, shares and durations as people read them |
//!
//! Everything here is a function from records to text. Deliberately absent: files, the journal, the terminal.

mod classes;
mod finalists;
mod network;
mod objective;
mod page;
pub mod plot;
mod report;
mod scale;
mod table;
mod text;
pub mod units;
mod visible;

pub use classes::classes_table;
pub use finalists::{finalist_errors, finalists_note, finalists_table};
pub use network::{Network, RowsView, outline, shown_input, trial_outline};
pub use objective::{
    error_cells, error_heads, further_objectives, memory_title, objective_cell, objective_text,
    objective_title,
};
pub use report::{RunView, STYLE, detailed, html_report, progress_html, trial_html};
pub use scale::{Scale, Spacing};
pub use table::{Align, Table};
pub use text::{attempts_table, curve_table, epochs_cell, front_table, nothing_usable, trial_figures};
pub use visible::visible;
