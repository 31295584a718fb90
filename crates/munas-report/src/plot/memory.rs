//! The memory of one inference: which tensors are alive while each operator runs, stacked, with the peak marked.

use maud::{Markup, html};

use super::{Axis, Frame, TOP, px};
use crate::scale::Scale;
use crate::units;

/// One tensor that is alive during a step.
#[derive(Clone, Debug)]
pub struct TensorBar {
    /// Index of the tensor in the graph; the same tensor keeps its colour over the steps.
    pub tensor: usize,
    /// Its name.
    pub name: String,
    /// Bytes that it takes during this step; 0 for an input that is not counted or an output held in place.
    pub bytes: u64,
}

/// One operator's step.
#[derive(Clone, Debug)]
pub struct MemoryStep {
    /// The number under the bar, as in the table of layers.
    pub label: String,
    /// What runs, for the tooltip.
    pub operator: String,
    /// The tensors alive.
    pub tensors: Vec<TensorBar>,
}

impl MemoryStep {
    /// Bytes in use during the step.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.bytes).sum()
    }
}

/// The timeline of one network.
#[derive(Clone, Debug)]
pub struct MemoryPlot {
    /// The steps, in the order of execution.
    pub steps: Vec<MemoryStep>,
    /// The limit on peak memory, in bytes.
    pub bound: Option<u64>,
}

/// Number of colours among which tensors alternate.
const COLOURS: usize = 8;

impl MemoryPlot {
    /// The plot as SVG; `summary` says in words what it shows.
    pub fn draw(&self, summary: &str) -> Markup {
        let peak = self.steps.iter().map(MemoryStep::bytes).max().unwrap_or(0);
        // A bound far above the bars would flatten them; the text beside the plot gives it anyway.
        let bound = self.bound.filter(|&bound| bound <= 2 * peak);
        let highest = bound.map_or(peak, |bound| bound.max(peak)).max(1);
        let frame = Frame {
            width: 560.0,
            height: 260.0,
            x: Axis {
                label: "operator".into(),
                scale: Scale::linear(0.0, self.steps.len() as f64),
                format: |_| String::new(),
            },
            y: Axis {
                label: "memory".into(),
                scale: Scale::linear(0.0, highest as f64 * 1.08),
                format: units::bytes_tick,
            },
            top: TOP,
        };
        let marks = html! {
            @for (position, step) in self.steps.iter().enumerate() { (bar(&frame, position, step, step.bytes() == peak)) }
            @if let Some(bound) = bound {
                @let y = px(frame.y_at(bound as f64));
                line .bound x1=(px(frame.left())) x2=(px(frame.right())) y1=(y) y2=(y) {
                    title { "bound: " (units::bytes(bound)) }
                }
            }
            (labels(&frame, &self.steps))
        };
        frame.draw(summary, &marks)
    }
}

fn bar(frame: &Frame, position: usize, step: &MemoryStep, is_peak: bool) -> Markup {
    let left = frame.x_at(position as f64);
    let width = frame.x_at(position as f64 + 1.0) - left;
    let mut below = 0;
    let segments: Vec<(&TensorBar, f64, f64)> = step
        .tensors
        .iter()
        .filter(|tensor| tensor.bytes > 0)
        .map(|tensor| {
            let bottom = frame.y_at(below as f64);
            below += tensor.bytes;
            (tensor, frame.y_at(below as f64), bottom)
        })
        .collect();
    html! {
        @for (tensor, top, bottom) in segments {
            rect class=(format!("tensor tensor-{}", tensor.tensor % COLOURS)) x=(px(left + width * 0.08)) y=(px(top))
                width=(px(width * 0.84)) height=(px((bottom - top).max(0.6))) {
                title { (step.operator) ": " (tensor.name) ", " (units::bytes(tensor.bytes)) " of " (units::bytes(step.bytes())) }
            }
        }
        @if is_peak {
            text .peak x=(px(left + width / 2.0)) y=(px(frame.y_at(below as f64) - 4.0)) text-anchor="middle" { "peak" }
        }
    }
}

/// Operator numbers under the bars, thinned out where they would touch.
fn labels(frame: &Frame, steps: &[MemoryStep]) -> Markup {
    let every = steps.len().div_ceil(24).max(1);
    html! {
        @for (position, step) in steps.iter().enumerate().step_by(every) {
            text .tick x=(px(frame.x_at(position as f64 + 0.5))) y=(px(frame.bottom() + 16.0)) text-anchor="middle" { (step.label) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(label: &str, sizes: &[u64]) -> MemoryStep {
        let tensor =
            |(tensor, &bytes): (usize, &u64)| TensorBar { tensor, name: format!("t{tensor}"), bytes };
        MemoryStep {
            label: label.into(),
            operator: "Conv2D".into(),
            tensors: sizes.iter().enumerate().map(tensor).collect(),
        }
    }

    #[test]
    fn the_largest_step_is_marked_and_empty_tensors_are_not_drawn() {
        let plot = MemoryPlot { steps: vec![step("1", &[0, 30]), step("2", &[30, 50])], bound: Some(100) };
        let svg = plot.draw("memory").into_string();
        assert_eq!(svg.matches(">peak<").count(), 1);
        assert_eq!(svg.matches("class=\"tensor ").count(), 3);
        assert_eq!(svg.matches("class=\"bound\"").count(), 1);
    }

    #[test]
    fn a_distant_bound_does_not_flatten_the_bars() {
        let plot = MemoryPlot { steps: vec![step("1", &[30])], bound: Some(1_000_000) };
        assert!(!plot.draw("memory").into_string().contains("class=\"bound\""));
    }
}
