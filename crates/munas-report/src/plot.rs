//! Plots as inline SVG. Colours come from the page's style sheet, so that a plot follows its light or dark theme;
//! every mark carries its figures as a `<title>`, which browsers show as a tooltip without any script.
//!
//! Lengths are in pixels of the plot's own view box; the page scales it.

mod lines;
mod memory;
mod scatter;

pub use lines::{Line, LinePlot, Shape};
pub use memory::{MemoryPlot, MemoryStep, TensorBar};
pub use scatter::{Mark, Point, ScatterPlot};

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::scale::Scale;

/// A plot's axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is drawn along it.
    pub label: String,
    /// Which values it spans.
    pub scale: Scale,
    /// How its ticks are written.
    pub format: fn(f64) -> String,
}

/// The rectangle of a plot with its two axes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub width: f64,
    pub height: f64,
    pub x: Axis,
    pub y: Axis,
    /// Height of the strip above the rectangle.
    pub top: f64,
}

const LEFT: f64 = 80.0;
const RIGHT: f64 = 16.0;
/// The strip above a plot without a legend, and with one.
const TOP: f64 = 14.0;
const TOP_WITH_LEGEND: f64 = 30.0;
const BOTTOM: f64 = 46.0;

/// Plots of more points than this have no tooltips but where a point asks for one.
pub(crate) const MOST_TITLES: usize = 2_000;

/// Points without a tooltip that lie in the same pixel are drawn once.
pub(crate) fn pixels(points: impl IntoIterator<Item = (f64, f64)>) -> BTreeSet<(i64, i64)> {
    points.into_iter().map(|(x, y)| (x.round() as i64, y.round() as i64)).collect()
}

/// Coordinates are written with one decimal.
pub(crate) fn px(value: f64) -> String {
    format!("{value:.1}")
}

impl Frame {
    /// Horizontal position of a value.
    pub(crate) fn x_at(&self, value: f64) -> f64 {
        LEFT + self.x.scale.fraction(value) * (self.width - LEFT - RIGHT)
    }

    /// Vertical position of a value; large values are at the top.
    pub(crate) fn y_at(&self, value: f64) -> f64 {
        self.bottom() - self.y.scale.fraction(value) * (self.bottom() - self.top)
    }

    pub(crate) const fn left(&self) -> f64 {
        LEFT
    }

    pub(crate) const fn right(&self) -> f64 {
        self.width - RIGHT
    }

    pub(crate) const fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    /// The plot: grid and axes, with `marks` drawn above them. `summary` says in words what the plot shows.
    pub(crate) fn draw(&self, summary: &str, marks: &Markup) -> Markup {
        html! {
            svg viewBox=(format!("0 0 {} {}", self.width, self.height)) role="img" aria-label=(summary) {
                (self.grid())
                (marks)
                rect .axis x=(px(LEFT)) y=(px(self.top)) width=(px(self.right() - LEFT)) height=(px(self.bottom() - self.top)) {}
                text .label x=(px(f64::midpoint(LEFT, self.right()))) y=(px(self.height - 8.0)) text-anchor="middle" {
                    (self.x.label)
                }
                text .label transform=(format!("translate(14 {}) rotate(-90)", px(f64::midpoint(self.top, self.bottom()))))
                    text-anchor="middle" { (self.y.label) }
            }
        }
    }

    fn grid(&self) -> Markup {
        let x_ticks = self.x.scale.ticks(((self.right() - LEFT) / 80.0) as usize);
        let y_ticks = self.y.scale.ticks(((self.bottom() - self.top) / 36.0) as usize);
        html! {
            @for tick in x_ticks {
                @let x = px(self.x_at(tick));
                line .grid x1=(x) x2=(x) y1=(px(self.top)) y2=(px(self.bottom())) {}
                text .tick x=(x) y=(px(self.bottom() + 16.0)) text-anchor="middle" { ((self.x.format)(tick)) }
            }
            @for tick in y_ticks {
                @let y = self.y_at(tick);
                line .grid x1=(px(LEFT)) x2=(px(self.right())) y1=(px(y)) y2=(px(y)) {}
                text .tick x=(px(LEFT - 6.0)) y=(px(y + 4.0)) text-anchor="end" { ((self.y.format)(tick)) }
            }
        }
    }
}

/// The `points` attribute of a polyline.
pub(crate) fn polyline_points(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let points = points.into_iter().map(|(x, y)| format!("{},{}", px(x), px(y)));
    points.collect::<Vec<_>>().join(" ")
}

/// The corners that turn points into a staircase: each value holds until the next point.
pub(crate) fn staircase(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = points.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    corners.chain(points.last().copied()).collect()
}
