//! Tiles of pixels to values at points and back.
//!
//! Values at points are `[point][channel][tile][LANES]`; the points of a tile are N × N, row by row. From one point to the next
//! is a cache line more than the data take: with a power of two between them they would evict each other.
#![expect(
    clippy::needless_range_loop,
    reason = "small arrays are indexed by constants, all loops are unrolled"
)]

use std::marker::PhantomData;
use std::ops::Range;

use super::super::tap_sum::Finish;
use super::matrices::ToPoints;
use crate::activation::{Activate, for_activation};
use crate::layout::LANES;
use crate::simd::{Kernel, Simd};

/// The lanes of a pixel, or of a value at a point.
type Lanes = [f32; LANES];

/// What is outside of a plane.
const ZEROS: Lanes = [0.0; LANES];

/// Planes `[block][channel][height][width]` that are cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Rows of zeros above a plane.
    pub(super) pad_top: usize,
    /// Columns of zeros left of it.
    pub(super) pad_left: usize,
}

impl Planes {
    /// The pixels of one plane, as a range of all.
    fn plane(self, block: usize, channel: usize) -> Range<usize> {
        let pixels = self.height * self.width;
        let first = (block * self.channels + channel) * pixels;
        first..first + pixels
    }

    /// The index in its plane of a pixel of a tile; `None` if it is outside.
    #[inline(always)]
    fn pixel(self, tile: Place, row: usize, column: usize) -> Option<usize> {
        // What is above or left of the plane wraps to a large number.
        let y = (tile.y + row).wrapping_sub(self.pad_top);
        let x = (tile.x + column).wrapping_sub(self.pad_left);
        (y < self.height && x < self.width).then(|| y * self.width + x)
    }
}

/// Where a tile lies: its block, and its first row and column, those of padding included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) y: usize,
    pub(super) x: usize,
}

/// Cache lines from one point to the next.
pub(super) fn point_stride(channels: usize, tiles: usize) -> usize {
    channels * tiles + 1
}

/// One part of the lanes.
#[inline(always)]
fn load<S: Simd>(simd: S, lanes: &Lanes, part: usize) -> S::Vector {
    assert!(part + S::WIDTH <= LANES, "part of the lanes");
    #[expect(unsafe_code, reason = "the contract of the pointer")]
    // SAFETY: as asserted, the register lies within the lanes.
    unsafe {
        simd.load(lanes.as_ptr().add(part))
    }
}

/// Writes one part of the lanes.
#[inline(always)]
fn store<S: Simd>(simd: S, vector: S::Vector, lanes: &mut Lanes, part: usize) {
    assert!(part + S::WIDTH <= LANES, "part of the lanes");
    #[expect(unsafe_code, reason = "the contract of the pointer")]
    // SAFETY: as asserted, the register lies within the lanes.
    unsafe {
        simd.store(vector, lanes.as_mut_ptr().add(part));
    }
}

/// Σ row[k] · values[k] over k = first, first + step, …
#[inline(always)]
fn weighted<S: Simd, const K: usize>(
    simd: S,
    row: &[f32; K],
    values: &[S::Vector; K],
    (first, step): (usize, usize),
) -> S::Vector {
    let mut sum = simd.splat(0.0);
    let mut k = first;
    while k < K {
        sum = add_weighted(simd, row[k], values[k], sum);
        k += step;
    }
    sum
}

/// The values at the points.
#[inline(always)]
fn to_points<T: ToPoints<K, N>, S: Simd, const K: usize, const N: usize>(
    simd: S,
    values: &[S::Vector; K],
) -> [S::Vector; N] {
    let mut points = [simd.splat(0.0); N];
    points[0] = weighted(simd, const { &T::MATRIX[0] }, values, (0, 1));
    let mut row = 1;
    while row < 1 + 2 * T::PAIRS {
        let even = weighted(simd, &T::MATRIX[row], values, (0, 2));
        let odd = weighted(simd, &T::MATRIX[row], values, (1, 2));
        points[row] = simd.add(even, odd);
        points[row + 1] = simd.fma(simd.splat(-1.0), odd, even);
        row += 2;
    }
    while row < N {
        points[row] = weighted(simd, &T::MATRIX[row], values, (0, 1));
        row += 1;
    }
    points
}

/// The way back, by the transpose of the matrix.
#[inline(always)]
fn from_points<T: ToPoints<K, N>, S: Simd, const K: usize, const N: usize>(
    simd: S,
    points: &[S::Vector; N],
) -> [S::Vector; K] {
    let mut values = [simd.splat(0.0); K];
    let mut row = 1;
    while row < 1 + 2 * T::PAIRS {
        let sum = simd.add(points[row], points[row + 1]);
        let difference = simd.fma(simd.splat(-1.0), points[row + 1], points[row]);
        for k in 0..K {
            let both = if k % 2 == 0 { sum } else { difference };
            values[k] = add_weighted(simd, T::MATRIX[row][k], both, values[k]);
        }
        row += 2;
    }
    while row < N {
        for k in 0..K {
            values[k] = add_weighted(simd, T::MATRIX[row][k], points[row], values[k]);
        }
        row += 1;
    }
    for k in 0..K {
        values[k] = add_weighted(simd, T::MATRIX[0][k], points[0], values[k]);
    }
    values
}

/// weight · value + sum.
#[inline(always)]
fn add_weighted<S: Simd>(simd: S, weight: f32, value: S::Vector, sum: S::Vector) -> S::Vector {
    if weight == 0.0 {
        sum
    } else if weight == 1.0 {
        simd.add(value, sum)
    } else {
        simd.fma(simd.splat(weight), value, sum)
    }
}

/// K × K pixels of each tile and channel to N × N points.
pub(super) struct PixelsToPoints<'a, T, const K: usize, const N: usize> {
    pub(super) matrix: PhantomData<T>,
    pub(super) planes: Planes,
    pub(super) pixels: &'a [f32],
    pub(super) tiles: &'a [Place],
    pub(super) points: &'a mut [f32],
}

impl<T: ToPoints<K, N>, const K: usize, const N: usize> Kernel for PixelsToPoints<'_, T, K, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { planes, tiles, .. } = self;
        let (pixels, points) = (self.pixels.as_chunks::<LANES>().0, self.points.as_chunks_mut::<LANES>().0);
        let stride = point_stride(planes.channels, tiles.len());
        for (index, &place) in tiles.iter().enumerate() {
            for channel in 0..planes.channels {
                let plane = &pixels[planes.plane(place.block, channel)];
                let target = &mut points[channel * tiles.len() + index..];
                for part in (0..LANES).step_by(S::WIDTH) {
                    let mut columns = [[simd.splat(0.0); N]; K];
                    for x in 0..K {
                        let mut column = [simd.splat(0.0); K];
                        for y in 0..K {
                            let pixel = planes.pixel(place, y, x).map_or(&ZEROS, |pixel| &plane[pixel]);
                            column[y] = load(simd, pixel, part);
                        }
                        columns[x] = to_points::<T, S, K, N>(simd, &column);
                    }
                    for i in 0..N {
                        let mut row = [simd.splat(0.0); K];
                        for x in 0..K {
                            row[x] = columns[x][i];
                        }
                        let values = to_points::<T, S, K, N>(simd, &row);
                        for j in 0..N {
                            store(simd, values[j], &mut target[(i * N + j) * stride], part);
                        }
                    }
                }
            }
        }
    }
}

/// Products at N × N points to K × K pixels of each tile and channel.
pub(super) struct PointsToPixels<'a, T, const K: usize, const N: usize> {
    pub(super) matrix: PhantomData<T>,
    pub(super) planes: Planes,
    pub(super) points: &'a [f32],
    pub(super) tiles: &'a [Place],
    /// One value per channel; empty: zeros.
    pub(super) bias: &'a [f32],
    pub(super) finish: Finish,
    pub(super) pixels: &'a mut [f32],
}

impl<T: ToPoints<K, N>, const K: usize, const N: usize> Kernel for PointsToPixels<'_, T, K, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { planes, tiles, bias, finish, .. } = self;
        let (points, pixels) = (self.points.as_chunks::<LANES>().0, self.pixels.as_chunks_mut::<LANES>().0);
        let stride = point_stride(planes.channels, tiles.len());
        let zero = simd.splat(0.0);
        for (index, &place) in tiles.iter().enumerate() {
            for channel in 0..planes.channels {
                let plane = &mut pixels[planes.plane(place.block, channel)];
                let source = &points[channel * tiles.len() + index..];
                let bias = simd.splat(bias.get(channel).copied().unwrap_or(0.0));
                for part in (0..LANES).step_by(S::WIDTH) {
                    let mut columns = [[zero; K]; N];
                    for j in 0..N {
                        let mut column = [zero; N];
                        for i in 0..N {
                            column[i] = load(simd, &source[(i * N + j) * stride], part);
                        }
                        columns[j] = from_points::<T, S, K, N>(simd, &column);
                    }
                    for y in 0..K {
                        let mut row = [zero; N];
                        for j in 0..N {
                            row[j] = columns[j][y];
                        }
                        let values = from_points::<T, S, K, N>(simd, &row);
                        for x in 0..K {
                            let Some(pixel) = planes.pixel(place, y, x) else { continue };
                            let pixel = &mut plane[pixel];
                            let sum = simd.add(values[x], bias);
                            let value = match finish {
                                Finish::Store(activation) => {
                                    for_activation!(activation, A => A::of_vector(simd, sum))
                                }
                                Finish::Add => simd.add(load(simd, pixel, part), sum),
                            };
                            store(simd, value, pixel, part);
                        }
                    }
                }
            }
        }
    }
}
