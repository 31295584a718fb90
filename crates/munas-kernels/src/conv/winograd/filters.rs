//! Filters to values at points, and their gradients back.
#![expect(
    clippy::needless_range_loop,
    reason = "small arrays are indexed by constants, all loops are unrolled"
)]

use super::matrices::{Filters, ToPoints};
use crate::layout::LANES;
use crate::simd::{Kernel, Simd, multiply_add};

/// One value of each of the filters that are worked on together.
type Lanes = [f32; LANES];

const ZEROS: Lanes = [0.0; LANES];

/// The filters of a pass as a matrix of `rows` × `columns` filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterOrder {
    pub(super) rows: usize,
    pub(super) row_stride: usize,
    pub(super) columns: usize,
    pub(super) column_stride: usize,
}

impl FilterOrder {
    pub(super) fn filters(&self) -> usize {
        self.rows * self.columns
    }

    /// The offset of a filter.
    #[inline(always)]
    fn offset(&self, filter: usize) -> usize {
        filter / self.columns * self.row_stride + filter % self.columns * self.column_stride
    }
}

/// R × R taps to N × N points `[point][row][column]`, 16 filters at a time.
pub(super) struct FiltersToPoints<'a, const R: usize, const N: usize> {
    pub(super) order: FilterOrder,
    pub(super) weights: &'a [f32],
    pub(super) points: &'a mut [f32],
}

impl<const R: usize, const N: usize> Kernel for FiltersToPoints<'_, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let matrix = const { &<Filters as ToPoints<R, N>>::MATRIX };
        let filters = self.order.filters();
        for first in (0..filters).step_by(LANES) {
            let len = LANES.min(filters - first);
            let mut taps = [[ZEROS; R]; R];
            for lane in 0..len {
                let filter = &self.weights[self.order.offset(first + lane)..][..R * R];
                for tap in 0..R * R {
                    taps[tap / R][tap % R][lane] = filter[tap];
                }
            }
            for i in 0..N {
                let mut row = [ZEROS; R];
                for y in 0..R {
                    for x in 0..R {
                        add_scaled::<S>(&mut row[x], matrix[i][y], &taps[y][x]);
                    }
                }
                for j in 0..N {
                    let mut value = ZEROS;
                    for x in 0..R {
                        add_scaled::<S>(&mut value, matrix[j][x], &row[x]);
                    }
                    self.points[(i * N + j) * filters + first..][..len].copy_from_slice(&value[..len]);
                }
            }
        }
    }
}

/// Gradients at N × N points `[point][row][column]` to those of the R × R taps, 16 filters at a time.
pub(super) struct PointsToFilters<'a, const R: usize, const N: usize> {
    pub(super) filters: usize,
    pub(super) points: &'a [f32],
    pub(super) weights: &'a mut [f32],
}

impl<const R: usize, const N: usize> Kernel for PointsToFilters<'_, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let matrix = const { &<Filters as ToPoints<R, N>>::MATRIX };
        for first in (0..self.filters).step_by(LANES) {
            let len = LANES.min(self.filters - first);
            let mut taps = [[ZEROS; R]; R];
            for i in 0..N {
                let mut row = [ZEROS; R];
                for j in 0..N {
                    let mut value = ZEROS;
                    let point = (i * N + j) * self.filters + first;
                    value[..len].copy_from_slice(&self.points[point..][..len]);
                    for x in 0..R {
                        add_scaled::<S>(&mut row[x], matrix[j][x], &value);
                    }
                }
                for y in 0..R {
                    for x in 0..R {
                        add_scaled::<S>(&mut taps[y][x], matrix[i][y], &row[x]);
                    }
                }
            }
            for lane in 0..len {
                let filter = &mut self.weights[(first + lane) * R * R..][..R * R];
                for tap in 0..R * R {
                    filter[tap] = taps[tap / R][tap % R][lane];
                }
            }
        }
    }
}

/// sums += weight · values.
#[inline(always)]
fn add_scaled<S: Simd>(sums: &mut Lanes, weight: f32, values: &Lanes) {
    if weight != 0.0 {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<S>(weight, values[lane], sums[lane]);
        }
    }
}
