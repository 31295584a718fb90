//! Pooling in the lanes.

use munas_kernels::{LANES, Vectorised};

use super::Lanes;
use crate::PoolLayer;
use crate::geometry::Windows;
use crate::layer::rounded_mean;

/// The largest element of each window.
pub(super) struct MaxPool<'a> {
    pub windows: Windows,
    pub layer: &'a PoolLayer,
    pub input: &'a [Lanes],
    pub output: &'a mut [Lanes],
}

impl Vectorised for MaxPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [low, high] = self.layer.clamp;
        let Windows { input, output, .. } = self.windows;
        let planes =
            self.input.chunks_exact(input.pixels()).zip(self.output.chunks_exact_mut(output.pixels()));
        for (plane, most) in planes {
            for ((y, x), most) in self.windows.positions().zip(most) {
                *most = [low; LANES];
                self.windows.for_each_pixel(y, x, |pixel, _| {
                    for lane in 0..LANES {
                        most[lane] = most[lane].max(plane[pixel][lane]);
                    }
                });
                for most in most.iter_mut() {
                    *most = (*most).min(high);
                }
            }
        }
    }
}

/// The mean of each window.
pub(super) struct AveragePool<'a> {
    pub windows: Windows,
    pub layer: &'a PoolLayer,
    pub input: &'a [Lanes],
    pub output: &'a mut [Lanes],
}

impl Vectorised for AveragePool<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Windows { input, output, kernel, .. } = self.windows;
        let planes =
            self.input.chunks_exact(input.pixels()).zip(self.output.chunks_exact_mut(output.pixels()));
        for (plane, means) in planes {
            for ((y, x), means) in self.windows.positions().zip(means) {
                let mut sums = [0_i32; LANES];
                self.windows.for_each_pixel(y, x, |pixel, _| {
                    for lane in 0..LANES {
                        sums[lane] += i32::from(plane[pixel][lane]);
                    }
                });
                for lane in 0..LANES {
                    means[lane] = rounded_mean(sums[lane], kernel.area() as i32, self.layer.clamp);
                }
            }
        }
    }
}
