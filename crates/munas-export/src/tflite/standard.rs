//! Metadata in the standard form of TensorFlow Lite, from which common tools take the normalisation and the names of
//! classes.
//!
//! Source: `metadata_schema.fbs` of TensorFlow Lite Support, version 1.0. Numbers of fields never change.

use munas_ir::Shape;
use munas_quant::QuantisedNetwork;

use super::{
    interface::{Interface, LABEL_FILE},
    schema::Field,
    serialise::{Part, Value, Writer},
};
use crate::input::{InputConversion, RawType};

/// The name of the entry.
pub(super) const NAME: &str = "TFLITE_METADATA";
/// What identifies the schema.
const IDENTIFIER: &str = "M001";
/// The first version of the schema that has all that is written.
const MIN_PARSER_VERSION: &str = "1.0.0";
/// Most channels whose normalisation is written: tools know images, and others can read the exact constants.
const MOST_CHANNELS: usize = 4;

/// Fields of `ModelMetadata`, the root.
mod model {
    use super::Field;
    pub const NAME: Field = 0;
    pub const DESCRIPTION: Field = 1;
    pub const SUBGRAPHS: Field = 3;
    pub const MIN_PARSER_VERSION: Field = 7;
}

/// Fields of `SubGraphMetadata`.
mod subgraph {
    use super::Field;
    pub const INPUTS: Field = 2;
    pub const OUTPUTS: Field = 3;
}

/// Fields of `TensorMetadata`.
mod tensor {
    use super::Field;
    pub const NAME: Field = 0;
    pub const DESCRIPTION: Field = 1;
    pub const CONTENT: Field = 3;
    pub const PROCESS_UNITS: Field = 4;
    pub const ASSOCIATED_FILES: Field = 6;
}

/// The fields of a union: which member it is, and the member.
const UNION: [Field; 2] = [0, 1];
/// Members of `ContentProperties`.
const FEATURES: i8 = 1;
const IMAGE: i8 = 2;
/// The member of `ProcessUnitOptions`, and its fields.
const NORMALISATION: i8 = 1;
const MEAN: Field = 0;
const DEVIATION: Field = 1;
/// The field of `ImageProperties`.
const COLOUR_SPACE: Field = 0;

/// Fields of `AssociatedFile`, and its types.
mod file {
    use super::Field;
    pub const NAME: Field = 0;
    pub const DESCRIPTION: Field = 1;
    pub const TYPE: Field = 2;
    /// A label for each element of the tensor.
    pub const AXIS_LABELS: i8 = 2;
    /// Labels of what the tensor's values stand for.
    pub const VALUE_LABELS: i8 = 3;
}

/// The content of the entry.
pub(super) fn metadata(network: &QuantisedNetwork, description: &str, interface: &Interface) -> Vec<u8> {
    let mut writer = Writer::new();
    let input = input(&mut writer, network.graph().input_shape(), interface.input.as_ref());
    let outputs = network.graph().shape(network.graph().output()).elements();
    let output = output(&mut writer, outputs, !interface.classes.is_empty());
    let tensors =
        [(subgraph::INPUTS, writer.vector(&[input])), (subgraph::OUTPUTS, writer.vector(&[output]))];
    let subgraph = writer.table(&tensors);
    let fields = [
        (model::NAME, writer.string("munas")),
        (model::DESCRIPTION, writer.string(description)),
        (model::SUBGRAPHS, writer.vector(&[subgraph])),
        (model::MIN_PARSER_VERSION, writer.string(MIN_PARSER_VERSION)),
    ];
    let root = writer.table(&fields);
    writer.finish(root, IDENTIFIER)
}

fn input(writer: &mut Writer, shape: Shape, conversion: Option<&InputConversion>) -> Part {
    let content = content(writer, shape, conversion);
    let description = match conversion {
        Some(conversion) => {
            format!(
                "raw values ({}), normalised, then quantised: metadata munas.interface",
                conversion.raw.name()
            )
        }
        None => "what the network was trained on, quantised".to_owned(),
    };
    let mut fields = vec![
        (tensor::NAME, writer.string("input")),
        (tensor::DESCRIPTION, writer.string(&description)),
        (tensor::CONTENT, Value::Part(content)),
    ];
    if let Some(conversion) = conversion.filter(|conversion| conversion.channels() <= MOST_CHANNELS) {
        let unit = normalisation(writer, conversion);
        fields.push((tensor::PROCESS_UNITS, writer.vector(&[unit])));
    }
    writer.table(&fields)
}

/// What a tensor is: bytes in rows and columns of one or three channels are taken for a picture.
fn content(writer: &mut Writer, shape: Shape, conversion: Option<&InputConversion>) -> Part {
    let is_bytes = conversion.is_some_and(|conversion| conversion.raw == RawType::U8);
    let is_plane = shape.height > 1 && shape.width > 1;
    let (member, properties) = match shape.channels {
        channels @ (1 | 3) if is_bytes && is_plane => {
            let [rgb, grey] = [1, 2];
            let space = if channels == 1 { grey } else { rgb };
            (IMAGE, writer.table(&[(COLOUR_SPACE, Value::I8(space))]))
        }
        _ => (FEATURES, writer.table(&[])),
    };
    writer.table(&[(UNION[0], Value::I8(member)), (UNION[1], Value::Part(properties))])
}

/// real = (raw − mean) / deviation.
fn normalisation(writer: &mut Writer, conversion: &InputConversion) -> Part {
    let InputConversion { scale, offset, .. } = conversion;
    let means: Vec<f32> = scale.iter().zip(offset).map(|(scale, offset)| 0.0 - offset / scale).collect();
    let deviations: Vec<f32> = scale.iter().map(|scale| 1.0 / scale).collect();
    let fields = [(MEAN, writer.vector(&means)), (DEVIATION, writer.vector(&deviations))];
    let options = writer.table(&fields);
    writer.table(&[(UNION[0], Value::I8(NORMALISATION)), (UNION[1], Value::Part(options))])
}

fn output(writer: &mut Writer, outputs: usize, has_labels: bool) -> Part {
    let content = content(writer, Shape::flat(outputs), None);
    let (description, kind) = match outputs {
        1 => ("the logit of class 1: above the zero point it is class 1, else class 0", file::VALUE_LABELS),
        _ => ("a logit for each class; the largest is that of the answer", file::AXIS_LABELS),
    };
    let mut fields = vec![
        (tensor::NAME, writer.string("scores")),
        (tensor::DESCRIPTION, writer.string(description)),
        (tensor::CONTENT, Value::Part(content)),
    ];
    if has_labels {
        let of_file = [
            (file::NAME, writer.string(LABEL_FILE)),
            (file::DESCRIPTION, writer.string("names of the classes, in order")),
            (file::TYPE, Value::I8(kind)),
        ];
        let labels = writer.table(&of_file);
        fields.push((tensor::ASSOCIATED_FILES, writer.vector(&[labels])));
    }
    writer.table(&fields)
}

#[cfg(test)]
mod tests {
    use munas_ir::{Activation, GraphBuilder, LayerWeights, Op, Quantisation, Weights};

    use super::*;
    use crate::tflite::table::{FlatFile, Table};

    /// A dense layer on an image of three channels.
    fn network(units: usize) -> QuantisedNetwork {
        let mut builder = GraphBuilder::new(Shape::new(4, 4, 3)).unwrap();
        builder
            .push(Op::Dense { units, activation: Activation::None }, &[munas_ir::TensorId::INPUT])
            .unwrap();
        let graph = builder.finish().unwrap();
        let layer = LayerWeights { kernel: vec![0.5; 48 * units], bias: vec![0.0; units], batch_norm: None };
        let weights = Weights::new(&graph, vec![Some(layer)]).unwrap();
        let quantisation = Quantisation::new(&graph, &weights, &[[0.0, 1.0], [-1.0, 1.0]]);
        QuantisedNetwork::new(&graph, &weights, &quantisation)
    }

    fn only<'f, 'a>(table: Table<'f, 'a>, field: Field) -> Table<'f, 'a> {
        let mut tables = table.tables(field).unwrap();
        assert_eq!(tables.len(), 1);
        tables.next().unwrap().unwrap()
    }

    /// Looks at what is written for a network of so many outputs.
    fn check(units: usize, label_type: i8) {
        let conversion =
            InputConversion { raw: RawType::U8, scale: vec![0.02, 0.04, 0.05], offset: vec![-2.0, 0.0, 1.0] };
        let interface = Interface { input: Some(conversion), classes: vec!["a".into(); units.max(2)] };
        let bytes = metadata(&network(units), "where it is from", &interface);
        let file = FlatFile::new(&bytes);
        assert!(file.has_identifier(b"M001"));
        let root = file.root().unwrap();
        assert_eq!(root.string(model::DESCRIPTION).unwrap(), "where it is from");
        assert_eq!(root.string(model::MIN_PARSER_VERSION).unwrap(), "1.0.0");
        let subgraph = only(root, model::SUBGRAPHS);
        let input = only(subgraph, subgraph::INPUTS);
        let content = input.table(tensor::CONTENT).unwrap().unwrap();
        assert_eq!(content.i8(UNION[0], 0).unwrap(), IMAGE);
        let unit = only(input, tensor::PROCESS_UNITS);
        assert_eq!(unit.i8(UNION[0], 0).unwrap(), NORMALISATION);
        let options = unit.table(UNION[1]).unwrap().unwrap();
        assert_eq!(options.numbers(MEAN, f32::from_le_bytes).unwrap(), [100.0, 0.0, -20.0]);
        assert_eq!(options.numbers(DEVIATION, f32::from_le_bytes).unwrap(), [50.0, 25.0, 20.0]);
        let labels = only(only(subgraph, subgraph::OUTPUTS), tensor::ASSOCIATED_FILES);
        assert_eq!(labels.string(file::NAME).unwrap(), LABEL_FILE);
        assert_eq!(labels.i8(file::TYPE, 0).unwrap(), label_type);
    }

    #[test]
    fn tools_find_normalisation_and_labels() {
        check(7, file::AXIS_LABELS);
        check(1, file::VALUE_LABELS);
    }
}
