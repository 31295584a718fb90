//! Outlines of the digits as strokes, and their flattening into line segments.
//!
//! Coordinates: x to the right in about −0.6..=0.6, y downwards in −1..=1, origin in the middle of the digit. Angles
//! in half turns (units of π), clockwise on screen: 0 right, 0.5 bottom, 1 left, 1.5 top.

use std::f32::consts::PI;

/// A point, x to the right and y downwards.
pub(super) type Point = [f32; 2];

/// A part of a stroke; it starts where the previous one ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    /// A straight line to a point (or, first in a stroke, its start).
    To(Point),
    /// Part of an ellipse, from and to in half turns.
    Arc { centre: Point, radii: Point, from: f32, to: f32 },
}

use Piece::{Arc, To};

/// Pieces drawn without lifting the pen.
pub(super) type Stroke = &'static [Piece];

/// Lines per half turn of an arc.
const LINES_PER_HALF_TURN: f32 = 7.0;

const fn ring(centre: Point, radii: Point) -> Piece {
    Arc { centre, radii, from: -1.0, to: 1.0 }
}

/// The ways in which each digit is written; each way is a list of strokes.
pub(super) const DIGITS: [&[&[Stroke]]; 10] = [
    &[&[&[ring([0.0, 0.0], [0.58, 1.0])]], &[&[ring([0.0, 0.0], [0.72, 0.95])]]],
    &[
        &[&[To([0.0, -1.0]), To([0.0, 1.0])]],
        &[&[To([-0.38, -0.55]), To([0.05, -1.0]), To([0.05, 1.0])]],
        &[&[To([-0.35, -0.6]), To([0.0, -1.0]), To([0.0, 1.0])], &[To([-0.42, 1.0]), To([0.42, 1.0])]],
    ],
    &[
        &[&[
            Arc { centre: [0.0, -0.48], radii: [0.55, 0.52], from: 1.0, to: 2.15 },
            To([-0.55, 1.0]),
            To([0.6, 1.0]),
        ]],
        &[&[
            Arc { centre: [0.0, -0.45], radii: [0.5, 0.55], from: 1.05, to: 2.3 },
            To([-0.3, 0.75]),
            Arc { centre: [-0.38, 0.82], radii: [0.17, 0.17], from: 0.4, to: 2.0 },
            To([0.6, 0.95]),
        ]],
    ],
    &[
        &[&[
            Arc { centre: [-0.05, -0.5], radii: [0.53, 0.5], from: 1.15, to: 2.5 },
            Arc { centre: [-0.05, 0.5], radii: [0.6, 0.5], from: 1.5, to: 2.85 },
        ]],
        &[&[
            To([-0.5, -1.0]),
            To([0.5, -1.0]),
            To([-0.05, -0.2]),
            Arc { centre: [-0.05, 0.4], radii: [0.6, 0.6], from: 1.5, to: 2.85 },
        ]],
    ],
    &[
        &[&[To([0.3, 1.0]), To([0.3, -1.0]), To([-0.6, 0.4]), To([0.62, 0.4])]],
        &[&[To([-0.42, -1.0]), To([-0.55, 0.1]), To([0.6, 0.1])], &[To([0.35, -0.6]), To([0.28, 1.0])]],
    ],
    &[
        &[&[
            To([0.5, -1.0]),
            To([-0.4, -1.0]),
            To([-0.46, -0.1]),
            Arc { centre: [-0.02, 0.38], radii: [0.58, 0.62], from: 1.25, to: 2.8 },
        ]],
        &[&[
            To([0.55, -0.95]),
            To([-0.3, -1.0]),
            To([-0.42, -0.2]),
            To([0.0, -0.25]),
            Arc { centre: [-0.05, 0.37], radii: [0.6, 0.62], from: 1.55, to: 2.75 },
        ]],
    ],
    &[
        &[&[
            Arc { centre: [0.35, 0.4], radii: [0.9, 1.4], from: 1.45, to: 1.0 },
            ring([0.0, 0.42], [0.55, 0.58]),
        ]],
        &[&[To([0.25, -1.0]), To([-0.45, 0.2]), ring([0.02, 0.45], [0.55, 0.52])]],
    ],
    &[
        &[&[To([-0.55, -1.0]), To([0.55, -1.0]), To([-0.1, 1.0])]],
        &[&[To([-0.55, -0.95]), To([0.55, -0.95]), To([-0.15, 1.0])], &[To([-0.28, 0.05]), To([0.45, 0.05])]],
    ],
    &[
        &[&[ring([0.0, -0.5], [0.47, 0.48])], &[ring([0.0, 0.5], [0.57, 0.52])]],
        &[&[ring([0.0, -0.45], [0.5, 0.5])], &[ring([0.0, 0.52], [0.48, 0.47])]],
    ],
    &[
        &[&[
            ring([0.0, -0.42], [0.55, 0.58]),
            Arc { centre: [-0.35, -0.4], radii: [0.9, 1.4], from: 0.0, to: 0.45 },
        ]],
        &[&[ring([0.0, -0.45], [0.52, 0.52])], &[To([0.52, -0.6]), To([0.42, 1.0])]],
    ],
];

/// Calls `segment` with both ends of every line of the strokes, in drawing order.
pub(super) fn flatten(strokes: &[Stroke], mut segment: impl FnMut(Point, Point)) {
    for stroke in strokes {
        let mut pen: Option<Point> = None;
        let mut move_to = |point: Point| {
            if let Some(start) = pen.replace(point) {
                segment(start, point);
            }
        };
        for piece in *stroke {
            match *piece {
                To(point) => move_to(point),
                Arc { centre, radii, from, to } => {
                    let lines = ((to - from).abs() * LINES_PER_HALF_TURN).ceil();
                    for line in 0..=lines as usize {
                        let angle = PI * (from + (to - from) * line as f32 / lines);
                        move_to([centre[0] + radii[0] * angle.cos(), centre[1] + radii[1] * angle.sin()]);
                    }
                }
            }
        }
    }
}
