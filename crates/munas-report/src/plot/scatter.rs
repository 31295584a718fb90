//! Two figures of every trial against each other, the Pareto front highlighted, bounds as dashed lines.

use maud::{Markup, html};

use super::{Axis, Frame, TOP, pixels, polyline_points, px, staircase};

/// How a point is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// On the Pareto front and within every bound.
    Front,
    /// On the Pareto front, beyond a bound.
    FrontOutside,
    /// Within every bound.
    Inside,
    /// Beyond a bound.
    Outside,
}

/// One trial.
#[derive(Clone, Debug)]
pub struct Point {
    /// Figure along the horizontal axis.
    pub x: f64,
    /// Figure along the vertical axis.
    pub y: f64,
    /// How it is drawn.
    pub mark: Mark,
    /// The tooltip. Points without one are drawn small, and once where they coincide.
    pub title: Option<String>,
    /// Where a click leads within the page.
    pub link: Option<String>,
}

/// Error against a resource.
#[derive(Clone, Debug)]
pub struct ScatterPlot {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The trials.
    pub points: Vec<Point>,
    /// The largest value wanted along x.
    pub x_bound: Option<f64>,
    /// The largest value wanted along y.
    pub y_bound: Option<f64>,
    /// Whether to draw the front of these two figures alone, as a staircase.
    pub staircase: bool,
}

impl ScatterPlot {
    /// The plot as SVG; `summary` says in words what it shows.
    pub fn draw(self, summary: &str) -> Markup {
        let frame = Frame { width: 560.0, height: 380.0, x: self.x, y: self.y, top: TOP };
        let of = |marks: &[Mark]| {
            let marked = self.points.iter().filter(|point| marks.contains(&point.mark));
            marked.collect::<Vec<&Point>>()
        };
        let front = of(&[Mark::Front, Mark::FrontOutside]);
        let marks = html! {
            (bounds(&frame, self.x_bound, self.y_bound))
            g .outside { (dots(&frame, &of(&[Mark::Outside]), 2.6)) }
            g .inside { (dots(&frame, &of(&[Mark::Inside]), 2.6)) }
            @if self.staircase { polyline .envelope points=(polyline_points(envelope(&frame, &front))) {} }
            g .front {
                (dots(&frame, &of(&[Mark::FrontOutside]), 5.0))
                (dots(&frame, &of(&[Mark::Front]), 5.0))
            }
        };
        frame.draw(summary, &marks)
    }
}

/// Points of one mark: those without a tooltip below the others, which have this radius.
fn dots(frame: &Frame, points: &[&Point], radius: f64) -> Markup {
    let place = |point: &Point| (frame.x_at(point.x), frame.y_at(point.y));
    let untitled = points.iter().filter(|point| point.title.is_none());
    let is_over = points.first().is_some_and(|point| point.mark == Mark::FrontOutside);
    html! {
        @for (x, y) in pixels(untitled.map(|point| place(point))) { circle .over[is_over] cx=(x) cy=(y) r="2.6" {} }
        @for point in points {
            @if let Some(title) = &point.title {
                @let (x, y) = place(point);
                @let dot = html! { circle .over[is_over] cx=(px(x)) cy=(px(y)) r=(radius) { title { (title) } } };
                @match &point.link {
                    Some(link) => a href=(link) { (dot) },
                    None => (dot),
                }
            }
        }
    }
}

/// The wanted region, tinted, and its edges. An edge that lies beyond the axis is not drawn.
fn bounds(frame: &Frame, x_bound: Option<f64>, y_bound: Option<f64>) -> Markup {
    if x_bound.is_none() && y_bound.is_none() {
        return html! {};
    }
    let right = x_bound.map_or(frame.right(), |bound| frame.x_at(bound));
    let top = y_bound.map_or(frame.top, |bound| frame.y_at(bound));
    let on = |axis: &Axis, bound: Option<f64>| {
        bound.filter(|&bound| bound >= axis.scale.min() && bound <= axis.scale.max())
    };
    html! {
        rect .wanted x=(px(frame.left())) y=(px(top)) width=(px(right - frame.left())) height=(px(frame.bottom() - top)) {}
        @if let Some(bound) = on(&frame.x, x_bound) {
            line .bound x1=(px(right)) x2=(px(right)) y1=(px(frame.top)) y2=(px(frame.bottom())) {
                title { "bound: " ((frame.x.format)(bound)) }
            }
        }
        @if let Some(bound) = on(&frame.y, y_bound) {
            line .bound x1=(px(frame.left())) x2=(px(frame.right())) y1=(px(top)) y2=(px(top)) {
                title { "bound: " ((frame.y.format)(bound)) }
            }
        }
    }
}

/// The lower left staircase of points: the front of these two figures alone.
fn envelope(frame: &Frame, points: &[&Point]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut lowest = f64::INFINITY;
    sorted.retain(|&(_, y)| {
        let improves = y < lowest;
        lowest = lowest.min(y);
        improves
    });
    let placed: Vec<(f64, f64)> = sorted.into_iter().map(|(x, y)| (frame.x_at(x), frame.y_at(y))).collect();
    staircase(&placed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scale;

    fn plot(points: Vec<Point>) -> String {
        let axis = |label: &str| Axis {
            label: label.into(),
            scale: Scale::linear(0.0, 10.0),
            format: |value| format!("{value}"),
        };
        let plot = ScatterPlot {
            x: axis("size"),
            y: axis("error"),
            points,
            x_bound: Some(5.0),
            y_bound: Some(50.0),
            staircase: true,
        };
        plot.draw("error against size").into_string()
    }

    #[test]
    fn text_is_escaped_and_marks_are_grouped() {
        let point = |mark, link: Option<&str>| Point {
            x: 2.0,
            y: 3.0,
            mark,
            title: Some("<b>&\"".into()),
            link: link.map(str::to_owned),
        };
        let svg = plot(vec![point(Mark::Front, Some("#trial-1")), point(Mark::Outside, None)]);
        assert!(svg.contains("<a href=\"#trial-1\"><circle"));
        assert!(svg.contains("&lt;b&gt;&amp;&quot;") && !svg.contains("<b>"));
        assert_eq!(svg.matches("<circle").count(), 2);
    }

    #[test]
    fn points_without_a_tooltip_are_drawn_once_per_pixel() {
        let point = |x| Point { x, y: 3.0, mark: Mark::Inside, title: None, link: None };
        let svg = plot(vec![point(2.0), point(2.0), point(2.000_1), point(4.0)]);
        assert_eq!((svg.matches("<circle").count(), svg.matches("<title").count()), (2, 1));
    }

    #[test]
    fn only_bounds_on_the_axis_are_drawn_as_lines() {
        let svg = plot(Vec::new());
        assert_eq!(svg.matches("class=\"bound\"").count(), 1);
        assert_eq!(svg.matches("class=\"wanted\"").count(), 1);
    }

    #[test]
    fn the_envelope_leaves_dominated_points_out() {
        let frame = Frame {
            width: 100.0,
            height: 100.0,
            x: Axis { label: String::new(), scale: Scale::linear(0.0, 10.0), format: |_| String::new() },
            y: Axis { label: String::new(), scale: Scale::linear(0.0, 10.0), format: |_| String::new() },
            top: TOP,
        };
        let at = |x, y| Point { x, y, mark: Mark::Front, title: None, link: None };
        let points = [at(1.0, 9.0), at(5.0, 9.5), at(4.0, 2.0)];
        let corners = envelope(&frame, &points.iter().collect::<Vec<_>>());
        let expected = [(1.0, 9.0), (4.0, 9.0), (4.0, 2.0)].map(|(x, y)| (frame.x_at(x), frame.y_at(y)));
        assert_eq!(corners, expected);
    }
}
