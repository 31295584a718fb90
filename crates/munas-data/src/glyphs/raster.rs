//! A small canvas of ink, 0 (none) to 1 (full), on which soft lines are drawn.

use super::strokes::Point;

/// Square canvas and pen.
#[derive(Debug)]
pub(super) struct Canvas {
    size: usize,
    ink: Vec<f32>,
    radius: f32,
    softness: f32,
    strength: f32,
}

impl Canvas {
    pub(super) fn new(size: usize) -> Self {
        Self { size, ink: vec![0.0; size * size], radius: 1.0, softness: 1.0, strength: 1.0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.ink.chunks_exact(self.size)
    }

    pub(super) fn clear(&mut self) {
        self.ink.fill(0.0);
    }

    /// Lines from here on are full within `radius` − `softness` of their middle and gone beyond `radius` + `softness`
    /// (pixels); `strength` is the ink in full parts.
    pub(super) fn pen(&mut self, radius: f32, softness: f32, strength: f32) {
        (self.radius, self.softness, self.strength) = (radius, softness, strength);
    }

    /// Draws a line. Where ink is already, the stronger stays, so that joints do not darken.
    pub(super) fn line(&mut self, from: Point, to: Point) {
        let reach = self.radius + self.softness;
        let rows = self.pixels_within(from[1].min(to[1]) - reach, from[1].max(to[1]) + reach);
        let columns = self.pixels_within(from[0].min(to[0]) - reach, from[0].max(to[0]) + reach);
        let direction = [to[0] - from[0], to[1] - from[1]];
        let squared_length = (direction[0] * direction[0] + direction[1] * direction[1]).max(1e-9);
        for y in rows {
            let row = &mut self.ink[y * self.size..(y + 1) * self.size];
            let offset_y = y as f32 - from[1];
            for x in columns.clone() {
                let offset_x = x as f32 - from[0];
                let along = (offset_x * direction[0] + offset_y * direction[1]) / squared_length;
                let along = along.clamp(0.0, 1.0);
                let (away_x, away_y) = (offset_x - along * direction[0], offset_y - along * direction[1]);
                let squared_distance = away_x * away_x + away_y * away_y;
                if squared_distance < reach * reach {
                    let edge = (reach - squared_distance.sqrt()) / (2.0 * self.softness);
                    row[x] = row[x].max(self.strength * edge.min(1.0));
                }
            }
        }
    }

    /// Indices of the pixels whose centres lie between two coordinates.
    fn pixels_within(&self, low: f32, high: f32) -> std::ops::Range<usize> {
        // Conversion saturates: everything left of the canvas becomes 0.
        low.ceil() as usize..((high + 1.0).floor() as usize).min(self.size)
    }
}
