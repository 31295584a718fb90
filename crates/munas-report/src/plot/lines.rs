//! One or more series over a common horizontal axis: training curves, the progress of a search.

use maud::{Markup, html};

use super::{Axis, Frame, MOST_TITLES, TOP, TOP_WITH_LEGEND, pixels, polyline_points, px, staircase};

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Straight from point to point.
    Straight,
    /// Each value holds until the next point.
    Steps,
    /// Points alone.
    Dots,
}

/// One series.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub shape: Shape,
    /// Its points, in the order of x.
    pub points: Vec<(f64, f64)>,
}

/// A plot of series; the n-th takes the n-th colour of the theme.
#[derive(Clone, Debug)]
pub struct LinePlot {
    /// Width in pixels of the view box.
    pub width: f64,
    /// Height in pixels of the view box.
    pub height: f64,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The series.
    pub lines: Vec<Line>,
}

impl LinePlot {
    /// The plot as SVG; `summary` says in words what it shows.
    pub fn draw(self, summary: &str) -> Markup {
        let top = if self.lines.len() > 1 { TOP_WITH_LEGEND } else { TOP };
        let frame = Frame { width: self.width, height: self.height, x: self.x, y: self.y, top };
        let marks = html! {
            @for (index, line) in self.lines.iter().enumerate() {
                g class=(format!("series-{index}")) { (series(&frame, line)) }
            }
            @if self.lines.len() > 1 { (legend(&frame, &self.lines)) }
        };
        frame.draw(summary, &marks)
    }
}

fn series(frame: &Frame, line: &Line) -> Markup {
    let placed: Vec<(f64, f64)> = line.points.iter().map(|&(x, y)| (frame.x_at(x), frame.y_at(y))).collect();
    let path = match line.shape {
        Shape::Straight => placed.clone(),
        Shape::Steps => staircase(&placed),
        Shape::Dots => Vec::new(),
    };
    html! {
        @if path.len() > 1 { polyline .line points=(polyline_points(path)) {} }
        @if line.shape == Shape::Dots && placed.len() > MOST_TITLES {
            @for (x, y) in pixels(placed.iter().copied()) { circle .vertex cx=(x) cy=(y) r="2.2" {} }
        } @else if line.shape != Shape::Steps || placed.len() == 1 {
            @for (&(x, y), &(x_value, y_value)) in placed.iter().zip(&line.points) {
                circle .vertex cx=(px(x)) cy=(px(y)) r="2.2" {
                    title { (line.name) ", " (frame.x.label) " " ((frame.x.format)(x_value)) ": " ((frame.y.format)(y_value)) }
                }
            }
        }
    }
}

/// Width of an average letter of the legend.
const LETTER: f64 = 6.8;

/// Names of the series, in a row above the rectangle.
fn legend(frame: &Frame, lines: &[Line]) -> Markup {
    let y = px(frame.top - 12.0);
    let mut right = frame.right();
    let entries: Vec<(usize, &Line, f64)> = (0..lines.len())
        .rev()
        .map(|index| {
            let entry = (index, &lines[index], right);
            right -= lines[index].name.chars().count() as f64 * LETTER + 44.0;
            entry
        })
        .collect();
    html! {
        @for (index, line, right) in entries {
            @let left = right - line.name.chars().count() as f64 * LETTER;
            g class=(format!("series-{index}")) {
                @if line.shape == Shape::Dots {
                    circle .vertex cx=(px(left - 12.0)) cy=(y) r="3" {}
                } @else {
                    line .line x1=(px(left - 26.0)) x2=(px(left - 6.0)) y1=(y) y2=(y) {}
                }
                text .legend x=(px(left)) y=(px(frame.top - 8.0)) { (line.name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scale;

    #[test]
    fn steps_hold_and_a_legend_appears_from_two_series_on() {
        let axis =
            || Axis { label: "x".into(), scale: Scale::linear(0.0, 4.0), format: |value| format!("{value}") };
        let line = |shape| Line { name: "loss".into(), shape, points: vec![(0.0, 4.0), (2.0, 1.0)] };
        let draw = |lines| {
            LinePlot { width: 400.0, height: 200.0, x: axis(), y: axis(), lines }.draw("a").into_string()
        };
        let steps = draw(vec![line(Shape::Steps)]);
        assert!(!steps.contains("legend"));
        let points = steps.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(points.split(' ').count(), 3);
        assert!(draw(vec![line(Shape::Straight), line(Shape::Dots)]).contains("class=\"legend\""));
    }
}
