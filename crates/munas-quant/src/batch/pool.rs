//! Pooling in the lanes.

use munas_ir::{PoolKind, Windows};
use munas_kernels::{LANES, Vectorised};

use super::Lanes;
use crate::PoolLayer;
use crate::layer::rounded_mean;

/// The largest element or the mean of each window.
pub(super) struct Pool<'a> {
    pub kind: PoolKind,
    pub windows: Windows,
    pub layer: &'a PoolLayer,
    pub input: &'a [Lanes],
    pub output: &'a mut [Lanes],
}

impl Vectorised for Pool<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { kind, windows, layer, input, output } = self;
        let planes = input.chunks_exact(windows.input.pixels());
        for (plane, pooled) in planes.zip(output.chunks_exact_mut(windows.output.pixels())) {
            for (position, pooled) in windows.positions().zip(pooled) {
                *pooled = match kind {
                    PoolKind::Max => largest(&windows, layer, plane, position),
                    PoolKind::Avg => mean(&windows, layer, plane, position),
                };
            }
        }
    }
}

#[inline(always)]
fn largest(windows: &Windows, layer: &PoolLayer, plane: &[Lanes], (y, x): (usize, usize)) -> Lanes {
    let [low, high] = layer.clamp;
    let mut most = [low; LANES];
    windows.for_each_pixel(y, x, |pixel, _| {
        for lane in 0..LANES {
            most[lane] = most[lane].max(plane[pixel][lane]);
        }
    });
    most.map(|most| most.min(high))
}

#[inline(always)]
fn mean(windows: &Windows, layer: &PoolLayer, plane: &[Lanes], (y, x): (usize, usize)) -> Lanes {
    let mut sums = [0_i32; LANES];
    windows.for_each_pixel(y, x, |pixel, _| {
        for lane in 0..LANES {
            sums[lane] += i32::from(plane[pixel][lane]);
        }
    });
    sums.map(|sum| rounded_mean(sum, windows.kernel.area() as i32, layer.clamp))
}
