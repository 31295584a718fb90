//! Networks and data for this crate's tests.

use munas_data::{Dataset, PartSizes, RawData, Samples, SplitOptions, TestPart};
use munas_ir::{
    Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, TensorId, Window,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A graph under construction, with the last tensor at hand.
pub struct Net {
    builder: GraphBuilder,
    pub last: TensorId,
}

/// A convolution or depthwise convolution; change what differs.
#[derive(Clone, Copy)]
pub struct Conv(ConvAttributes);

impl Conv {
    /// Stride 1, no padding, ReLU.
    pub const fn new(rows: usize, columns: usize) -> Self {
        Self(ConvAttributes {
            kernel: Window::new(rows, columns),
            stride: Window::square(1),
            padding: Padding::Valid,
            batch_norm: false,
            activation: Activation::Relu,
        })
    }

    pub const fn batch_norm(self) -> Self {
        Self(ConvAttributes { batch_norm: true, ..self.0 })
    }

    pub const fn linear(self) -> Self {
        Self(ConvAttributes { activation: Activation::None, ..self.0 })
    }

    pub const fn relu6(self) -> Self {
        Self(ConvAttributes { activation: Activation::Relu6, ..self.0 })
    }

    pub const fn same(self) -> Self {
        Self(ConvAttributes { padding: Padding::Same, ..self.0 })
    }

    pub const fn stride(self, rows: usize, columns: usize) -> Self {
        Self(ConvAttributes { stride: Window::new(rows, columns), ..self.0 })
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
        self.push(Op::Conv2d { filters, attributes: conv.0 })
    }

    pub fn depthwise(self, conv: Conv) -> Self {
        self.push(Op::DepthwiseConv2d(conv.0))
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
