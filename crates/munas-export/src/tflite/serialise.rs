//! From a model to the bytes of its file.

use flatbuffers::{FlatBufferBuilder, Push, UnionWIPOffset, VOffsetT, WIPOffset};
use rustc_hash::FxHashMap;

use super::{
    model::{Model, Operator, OperatorKind, Options, Quantisation, Tensor, TensorIndex},
    schema::{
        BuiltinOperator, Field, IDENTIFIER, VERSION, buffer, metadata, model, operator, operator_code,
        options, quantization, subgraph, tensor,
    },
};

/// What the schema asks the content of buffers to be aligned to.
const ALIGNMENT: usize = 16;
/// Bytes before the first table: the reference to the root and the identifier.
const HEADER: usize = 8;
/// The largest number in the field that older files have for an operator's code.
const LARGEST_SMALL_CODE: i32 = 127;

impl Model<'_> {
    /// The file of this model; equal models have equal bytes.
    ///
    /// # Panics
    /// If the model has operators with attributes that are not among those in [`Options`], or more than 2 GiB.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let root = writer.model(self);
        writer.align(HEADER);
        writer.finish(root, IDENTIFIER)
    }
}

/// A part of the file that is written already.
pub(super) type Part = WIPOffset<UnionWIPOffset>;

/// The value of a field. Those that are the schema's default may be left out or not.
#[derive(Clone, Copy)]
pub(super) enum Value {
    I8(i8),
    I32(i32),
    U32(u32),
    Part(Part),
}

/// Writes a file from its end to its start.
pub(super) struct Writer {
    builder: FlatBufferBuilder<'static>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { builder: FlatBufferBuilder::new() }
    }

    /// The bytes of the file with this root.
    pub(super) fn finish(mut self, root: Part, identifier: &str) -> Vec<u8> {
        self.builder.finish(root, Some(identifier));
        self.builder.finished_data().to_vec()
    }

    fn model(&mut self, written: &Model<'_>) -> Part {
        let mut codes: Vec<BuiltinOperator> = written.operators.iter().map(builtin).collect();
        codes.sort_unstable();
        codes.dedup();
        // Buffer 0 is empty by convention; activations have it.
        let mut buffers = vec![self.table(&[])];
        let mut buffer_of = |writer: &mut Self, data: &[u8]| match data {
            [] => 0,
            data => {
                let content = writer.aligned_bytes(data);
                buffers.push(writer.table(&[(buffer::DATA, Value::Part(content))]));
                (buffers.len() - 1) as u32
            }
        };
        let mut metadata = Vec::with_capacity(written.metadata.len());
        for (name, data) in &written.metadata {
            let index = buffer_of(self, data);
            let name = self.string(name);
            metadata.push(self.table(&[(metadata::NAME, name), (metadata::BUFFER, Value::U32(index))]));
        }
        let mut tensors = Vec::with_capacity(written.tensors.len());
        for tensor in &written.tensors {
            let index = buffer_of(self, &tensor.data);
            tensors.push(self.tensor(tensor, index));
        }
        let main = self.subgraph(written, &tensors, &codes);
        let codes: Vec<Part> = codes.into_iter().map(|code| self.operator_code(code)).collect();
        let fields = [
            (model::VERSION, Value::U32(VERSION)),
            (model::OPERATOR_CODES, self.vector(&codes)),
            (model::SUBGRAPHS, self.vector(&[main])),
            (model::DESCRIPTION, self.string(&written.description)),
            (model::BUFFERS, self.vector(&buffers)),
            (model::METADATA, self.vector(&metadata)),
        ];
        self.table(&fields)
    }

    fn subgraph(&mut self, written: &Model<'_>, tensors: &[Part], codes: &[BuiltinOperator]) -> Part {
        let positions: FxHashMap<BuiltinOperator, usize> =
            codes.iter().enumerate().map(|(position, code)| (*code, position)).collect();
        let operators: Vec<Part> = written
            .operators
            .iter()
            .map(|operator| self.operator(operator, positions[&builtin(operator)]))
            .collect();
        let fields = [
            (subgraph::TENSORS, self.vector(tensors)),
            (subgraph::INPUTS, self.indices(written.inputs.iter().copied().map(Some))),
            (subgraph::OUTPUTS, self.indices(written.outputs.iter().copied().map(Some))),
            (subgraph::OPERATORS, self.vector(&operators)),
            (subgraph::NAME, self.string("main")),
        ];
        self.table(&fields)
    }

    fn tensor(&mut self, written: &Tensor<'_>, buffer: u32) -> Part {
        let mut fields = vec![
            (tensor::SHAPE, self.vector(&written.shape)),
            (tensor::ELEMENT_TYPE, Value::I8(written.element_type.0)),
            (tensor::BUFFER, Value::U32(buffer)),
            (tensor::NAME, self.string(&written.name)),
            (tensor::IS_VARIABLE, Value::I8(written.is_variable.into())),
        ];
        if !written.shape_signature.is_empty() {
            fields.push((tensor::SHAPE_SIGNATURE, self.vector(&written.shape_signature)));
        }
        let Quantisation { scales, zero_points, dimension } = &written.quantisation;
        if !scales.is_empty() {
            let parameters = [
                (quantization::SCALE, self.vector(scales)),
                (quantization::ZERO_POINT, self.vector(zero_points)),
                (quantization::DIMENSION, Value::I32(*dimension)),
            ];
            fields.push((tensor::QUANTIZATION, Value::Part(self.table(&parameters))));
        }
        self.table(&fields)
    }

    fn operator_code(&mut self, code: BuiltinOperator) -> Part {
        self.table(&[
            (operator_code::SMALL_CODE, Value::I8(code.0.min(LARGEST_SMALL_CODE) as i8)),
            (operator_code::VERSION, Value::I32(code.int8_version())),
            (operator_code::CODE, Value::I32(code.0)),
        ])
    }

    fn operator(&mut self, written: &Operator, code: usize) -> Part {
        let (kind, table) = self.options(builtin(written), &written.options);
        let fields = [
            (operator::CODE, Value::U32(code as u32)),
            (operator::INPUTS, self.indices(written.inputs.iter().copied())),
            (operator::OUTPUTS, self.indices(written.outputs.iter().copied().map(Some))),
            (operator::OPTIONS_TYPE, Value::I8(kind)),
            (operator::OPTIONS, Value::Part(table)),
        ];
        self.table(&fields)
    }

    fn options(&mut self, code: BuiltinOperator, written: &Options) -> (i8, Part) {
        let layout = options::layout(code).expect("only operators whose options are known are written");
        let mut fields = Vec::new();
        fields.extend(layout.activation.map(|field| (field, Value::I8(written.activation))));
        if let (Some(layout), Some(window)) = (layout.window, written.window) {
            let mut pair = |at: Option<[Field; 2]>, values: [i32; 2]| {
                fields.extend(at.into_iter().flatten().zip(values.map(Value::I32)));
            };
            pair(Some(options::STRIDE), window.stride);
            pair(layout.size, window.size);
            pair(layout.dilation, window.dilation);
            let multiplier =
                layout.depth_multiplier.map(|field| (field, Value::I32(window.depth_multiplier)));
            fields.extend(multiplier);
            fields.push((options::PADDING, Value::I8(window.padding)));
        }
        (layout.kind, self.table(&fields))
    }

    pub(super) fn table(&mut self, fields: &[(Field, Value)]) -> Part {
        let start = self.builder.start_table();
        for &(field, value) in fields {
            // The entries of a vtable come after its own size and the table's.
            let slot: VOffsetT = 2 * (field + 2);
            match value {
                Value::I8(number) => self.builder.push_slot_always(slot, number),
                Value::I32(number) => self.builder.push_slot_always(slot, number),
                Value::U32(number) => self.builder.push_slot_always(slot, number),
                Value::Part(part) => self.builder.push_slot_always(slot, part),
            }
        }
        self.builder.end_table(start).as_union_value()
    }

    pub(super) fn vector<T: Push<Output: 'static>>(&mut self, elements: &[T]) -> Value {
        Value::Part(self.builder.create_vector(elements).as_union_value())
    }

    fn indices(&mut self, tensors: impl Iterator<Item = Option<TensorIndex>>) -> Value {
        let numbers: Vec<i32> =
            tensors.map(|tensor| tensor.map_or(-1, |tensor| tensor.index() as i32)).collect();
        self.vector(&numbers)
    }

    pub(super) fn string(&mut self, text: &str) -> Value {
        Value::Part(self.builder.create_string(text).as_union_value())
    }

    fn aligned_bytes(&mut self, bytes: &[u8]) -> Part {
        self.align(bytes.len());
        self.builder.create_vector(bytes).as_union_value()
    }

    /// Adds zeros until the place so many bytes further towards the start is aligned, counted from the end of the
    /// file, whose length is a multiple of the alignment.
    fn align(&mut self, ahead: usize) {
        while !(self.builder.unfinished_data().len() + ahead).is_multiple_of(ALIGNMENT) {
            self.builder.push(0_u8);
        }
    }
}

/// The code of an operator; those that are written are of the schema.
fn builtin(operator: &Operator) -> BuiltinOperator {
    match operator.kind {
        OperatorKind::Builtin(code) => code,
        OperatorKind::Custom(_) => BuiltinOperator::CUSTOM,
    }
}
