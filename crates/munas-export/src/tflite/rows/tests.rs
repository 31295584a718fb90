//! Operators as other converters write them.

use munas_cost::{MemoryModel, Runtime, peak_memory};
use munas_ir::{Activation, ConvAttributes, Graph, GraphBuilder, Op, Padding, PoolKind, Shape, Window};

use super::*;
use crate::tflite::model::{Model, Options, Quantisation, Tensor};
use crate::tflite::schema::ElementType;

/// A model of one chain, operator by operator.
struct Chain {
    model: Model<'static>,
    last: TensorIndex,
}

impl Chain {
    fn new(shape: &[i32]) -> Self {
        let model = Model {
            description: String::new(),
            tensors: Vec::new(),
            operators: Vec::new(),
            inputs: vec![TensorIndex::new(0)],
            outputs: Vec::new(),
            metadata: Vec::new(),
        };
        let mut chain = Self { model, last: TensorIndex::new(0) };
        chain.tensor(shape, ElementType::INT8, Vec::new());
        chain
    }

    fn tensor(&mut self, shape: &[i32], element_type: ElementType, data: Vec<u8>) -> TensorIndex {
        self.model.tensors.push(Tensor {
            name: String::new(),
            shape: shape.to_vec(),
            shape_signature: Vec::new(),
            element_type,
            data: data.into(),
            is_variable: false,
            quantisation: Quantisation::default(),
        });
        TensorIndex::new(self.model.tensors.len() - 1)
    }

    fn weights(&mut self, shape: &[i32]) -> TensorIndex {
        let elements = shape.iter().product::<i32>();
        self.tensor(shape, ElementType::INT8, vec![0; elements as usize])
    }

    fn numbers(&mut self, shape: &[i32], numbers: &[i32]) -> TensorIndex {
        let data = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(shape, ElementType::INT32, data)
    }

    fn push(
        &mut self,
        code: Code,
        constant: Option<TensorIndex>,
        window: Option<WindowOptions>,
        output: &[i32],
    ) {
        let output = self.tensor(output, ElementType::INT8, Vec::new());
        self.model.operators.push(Operator {
            kind: OperatorKind::Builtin(code),
            inputs: [Some(self.last), constant].into_iter().filter(Option::is_some).collect(),
            outputs: vec![output],
            options: Options { activation: 0, window },
        });
        self.last = output;
        self.model.outputs = vec![output];
    }

    fn streamed(&self) -> StreamedMemory {
        streamed(&SizedModel::new(&self.model).unwrap()).unwrap()
    }
}

fn window(size: [i32; 2], stride: i32, padding: i8) -> Option<WindowOptions> {
    Some(WindowOptions { size, stride: [stride; 2], dilation: [1; 2], depth_multiplier: 0, padding })
}

/// What a graph takes, as munas would write it.
fn of_graph(graph: &Graph) -> [u64; 2] {
    [NetworkInput::External, NetworkInput::Rows]
        .map(|input| peak_memory(graph, MemoryModel { runtime: Runtime::Streamed, input }))
}

fn figures(streamed: StreamedMemory) -> [u64; 2] {
    [streamed.peak_memory, streamed.peak_memory_with_input]
}

/// A series: a convolution over time, the mean over it, a dense layer.
#[test]
fn series_stream_along_the_width_and_a_mean_is_sums() {
    let mut builder = GraphBuilder::new(Shape::new(40, 1, 3)).unwrap();
    let attributes = ConvAttributes {
        kernel: Window::new(3, 1),
        stride: Window::square(1),
        padding: Padding::Valid,
        batch_norm: false,
        activation: Activation::Relu,
    };
    let wide = builder.push(Op::Conv2d { filters: 16, attributes }, &[TensorId::INPUT]).unwrap();
    let mean = Op::Pool { kind: PoolKind::Avg, window: Window::new(38, 1) };
    let mean = builder.push(mean, &[wide]).unwrap();
    builder.push(Op::Dense { units: 4, activation: Activation::None }, &[mean]).unwrap();
    let expected = of_graph(&builder.finish().unwrap());
    // A row of the convolution, the sums and the means; with three rows of the input.
    assert_eq!(expected, [16 + 4 * 16 + 16, 3 * 3 + 16 + 4 * 16 + 16]);

    for keeps_dimensions in [true, false] {
        let mut chain = Chain::new(&[1, 120]);
        // Flat at first, as some converters have their inputs.
        chain.push(Code::RESHAPE, None, None, &[1, 40, 3]);
        chain.push(Code::EXPAND_DIMS, None, None, &[1, 1, 40, 3]);
        let kernel = chain.weights(&[16, 1, 3, 3]);
        chain.push(Code::CONV_2D, Some(kernel), window([0, 0], 1, 1), &[1, 1, 38, 16]);
        chain.push(Code::RESHAPE, None, None, &[1, 38, 16]);
        let axes = chain.numbers(&[1], &[-2]);
        let mean: &[i32] = if keeps_dimensions { &[1, 1, 16] } else { &[1, 16] };
        chain.push(Code::MEAN, Some(axes), None, mean);
        let kernel = chain.weights(&[4, 16]);
        chain.push(Code::FULLY_CONNECTED, Some(kernel), None, &[1, 4]);
        assert_eq!(figures(chain.streamed()), expected);
    }
}

/// Padding as an operator of its own in front of a strided convolution is a row of its own; a mean over one axis of two, a softmax and a
/// transpose are no work in rows.
#[test]
fn pads_are_rows_and_what_is_none_runs_in_full() {
    let padded = |axes: &[i32], mean: &[i32]| {
        let mut chain = Chain::new(&[1, 20, 20, 1]);
        let paddings = chain.numbers(&[4, 2], &[0, 0, 0, 1, 0, 1, 0, 0]);
        chain.push(Code::PAD, Some(paddings), None, &[1, 21, 21, 1]);
        let kernel = chain.weights(&[8, 3, 3, 1]);
        chain.push(Code::CONV_2D, Some(kernel), window([0, 0], 2, 1), &[1, 10, 10, 8]);
        let axes = chain.numbers(&[axes.len() as i32], axes);
        chain.push(Code::MEAN, Some(axes), None, mean);
        chain.push(Code::SOFTMAX, None, None, mean);
        chain.streamed()
    };
    let in_rows = padded(&[1, 2], &[1, 8]);
    // A row that comes, three of the padded picture, one of the convolution, the sums and the means.
    assert_eq!(in_rows.peak_memory_with_input, 20 + 3 * 21 + 10 * 8 + 4 * 8 + 8);
    assert_eq!(in_rows.in_rows, 3);
    let in_full = padded(&[2], &[1, 10, 8]);
    assert_eq!(in_full.peak_memory_with_input, 20 + 3 * 21 + 800, "the output of the convolution, whole");
}

/// Poolings that overlap read rows more than once; a reshape that moves rows ends a part; a scale of a whole tensor is not a row's.
#[test]
fn what_reads_rows_again_keeps_them() {
    let pooled = |kernel: i32, made: i32| {
        let mut chain = Chain::new(&[1, 21, 10, 4]);
        chain.push(Code::AVERAGE_POOL_2D, None, window([kernel, 1], 2, 1), &[1, made, 5, 4]);
        chain.streamed().peak_memory_with_input
    };
    assert_eq!(pooled(2, 10), 40 + 4 * 20 + 200, "a row, its sums, the output");
    assert_eq!(pooled(3, 10), 3 * 40 + 200, "three rows that are read again");
    let reshaped = |shape: &[i32]| {
        let mut chain = Chain::new(&[1, 8, 4, 4]);
        chain.push(Code::RELU, None, None, &[1, 8, 4, 4]);
        chain.push(Code::RESHAPE, None, None, shape);
        chain.push(Code::RELU, None, None, shape);
        chain.streamed().in_rows
    };
    assert_eq!([reshaped(&[1, 8, 2, 8]), reshaped(&[1, 4, 8, 4])], [2, 0]);
}
