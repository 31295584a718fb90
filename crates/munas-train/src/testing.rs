//! Networks and data for this crate's tests.

use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{Activation, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A graph under construction, with the last tensor at hand.
pub struct Net {
    builder: GraphBuilder,
    pub last: TensorId,
}

/// A convolution or depthwise convolution; change what differs.
#[derive(Clone, Copy)]
pub struct Conv {
    pub kernel: Window,
    pub stride: Window,
    pub padding: Padding,
    pub batch_norm: bool,
    pub activation: Activation,
}

impl Conv {
    /// Stride 1, no padding, ReLU.
    pub const fn new(rows: usize, columns: usize) -> Self {
        Self {
            kernel: Window::new(rows, columns),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: false,
            activation: Activation::Relu,
        }
    }

    pub const fn batch_norm(self) -> Self {
        Self { batch_norm: true, ..self }
    }

    pub const fn linear(self) -> Self {
        Self { activation: Activation::None, ..self }
    }

    pub const fn relu6(self) -> Self {
        Self { activation: Activation::Relu6, ..self }
    }

    pub const fn same(self) -> Self {
        Self { padding: Padding::Same, ..self }
    }

    pub const fn stride(self, rows: usize, columns: usize) -> Self {
        Self { stride: Window::new(rows, columns), ..self }
    }
}

impl Net {
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        let builder = GraphBuilder::new(Shape::new(height, width, channels)).unwrap();
        Self { builder, last: TensorId::INPUT }
    }

    /// Goes on from another tensor.
    pub fn from(mut self, tensor: TensorId) -> Self {
        self.last = tensor;
        self
    }

    fn push(mut self, op: Op) -> Self {
        self.last = self.builder.push(op, &[self.last]).unwrap();
        self
    }

    pub fn conv(self, filters: usize, conv: Conv) -> Self {
        let Conv { kernel, stride, padding, batch_norm, activation } = conv;
        self.push(Op::Conv2d { filters, kernel, stride, padding, batch_norm, activation })
    }

    pub fn depthwise(self, conv: Conv) -> Self {
        let Conv { kernel, stride, padding, batch_norm, activation } = conv;
        self.push(Op::DepthwiseConv2d { kernel, stride, padding, batch_norm, activation })
    }

    pub fn pool(self, kind: PoolKind, rows: usize, columns: usize) -> Self {
        self.push(Op::Pool { kind, window: Window::new(rows, columns) })
    }

    pub fn add(mut self, tensors: &[TensorId]) -> Self {
        self.last = self.builder.push(Op::Add, tensors).unwrap();
        self
    }

    pub fn hidden(self, units: usize) -> Self {
        self.push(Op::Dense { units, activation: Activation::Relu })
    }

    pub fn outputs(self, units: usize) -> Graph {
        self.push(Op::Dense { units, activation: Activation::None }).finish()
    }

    pub fn finish(self) -> Graph {
        self.builder.finish().unwrap()
    }
}

const TRAIN: usize = 70;
const VALIDATION: usize = 30;
const TEST: usize = 20;

/// 70 training, 30 validation and 20 test samples: noisy pictures of `height`×`width`×2 pixels whose class is the position of a bright stripe.
pub fn patterns(classes: usize, height: usize, width: usize, seed: u64) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels: Vec<u32> = (0..TRAIN + VALIDATION + TEST).map(|sample| (sample % classes) as u32).collect();
    let mut samples = Vec::new();
    for label in &labels {
        for y in 0..height {
            for _ in 0..width * 2 {
                let bright = if y * classes / height == *label as usize { 110 } else { 0 };
                samples.push(bright + rng.random_range(0..120_u8));
            }
        }
    }
    let raw = RawData {
        name: "patterns".into(),
        input: [height, width, 2],
        class_names: (0..classes).map(|class| class.to_string()).collect(),
        samples: Samples::U8(samples),
        labels,
        parts: PartSizes { train: TRAIN, validation: Some(VALIDATION), test: TestPart::Own(TEST) },
        full_scale: 255.0,
        ..RawData::default()
    };
    raw.into_dataset(&SplitOptions { validation: 0.0, ..SplitOptions::default() }).unwrap()
}
