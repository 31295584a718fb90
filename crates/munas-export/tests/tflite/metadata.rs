//! What files say besides the network: the conversion of the input and the names of the classes, for munas and for
//! common tools.

use std::io::{Cursor, Read};

use munas_export::{
    input::{InputConversion, RawType},
    tflite::{Interface, LABEL_FILE, Model, ModelMetadata, write_in_best_order},
};
use munas_ir::{Activation, Graph, GraphBuilder, Op, Shape, TensorId};
use munas_quant::QuantisedNetwork;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use zip::ZipArchive;

use crate::networks::{Ranges, case};

/// Metadata with all there can be, for a network.
pub fn example(network: &QuantisedNetwork) -> ModelMetadata {
    let channels = network.graph().input_shape().channels;
    let constants = |first: f32| (0..channels).map(|channel| first / (channel as f32 + 3.0)).collect();
    let input = InputConversion { raw: RawType::U8, scale: constants(0.02), offset: constants(-0.9) };
    let classes = (0..network.classes()).map(|class| format!("class {class}, größe \"{class}\"")).collect();
    ModelMetadata {
        run: "a run".into(),
        trial: "12".into(),
        description: "two words".into(),
        interface: Interface { input: Some(input), classes },
    }
}

/// Where the model ends and the archive with the labels begins.
pub fn end_of_model(file: &[u8]) -> usize {
    file.windows(4).position(|window| window == b"PK\x03\x04").unwrap()
}

fn dense(input: Shape, units: usize) -> Graph {
    let mut builder = GraphBuilder::new(input).unwrap();
    builder.push(Op::Dense { units, activation: Activation::None }, &[TensorId::INPUT]).unwrap();
    builder.finish().unwrap()
}

/// A network of one dense layer.
fn network(input: Shape, units: usize) -> QuantisedNetwork {
    case(&dense(input, units), Ranges::Calibrated, 0, &mut ChaCha8Rng::seed_from_u64(6)).network
}

fn labels_behind(file: &[u8]) -> String {
    let mut archive = ZipArchive::new(Cursor::new(file)).unwrap();
    assert_eq!(archive.len(), 1);
    let mut text = String::new();
    archive.by_name(LABEL_FILE).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_interface_reads_back() {
    let network = network(Shape::new(4, 4, 3), 5);
    let metadata = example(&network);
    let file = write_in_best_order(&network, &metadata);
    let model = Model::read(&file).unwrap();
    assert_eq!(model.interface(), Some(metadata.interface.clone()));
    assert_eq!(file, write_in_best_order(&network, &metadata), "equal networks have equal files");
    let labels = labels_behind(&file);
    assert_eq!(labels.lines().collect::<Vec<_>>(), metadata.interface.classes);
}

#[test]
fn a_file_without_an_interface_has_nothing_behind_the_model() {
    let network = network(Shape::new(4, 4, 3), 5);
    let file = write_in_best_order(&network, &ModelMetadata::default());
    assert_eq!(Model::read(&file).unwrap().interface(), None);
    assert!(ZipArchive::new(Cursor::new(&file)).is_err());
    assert!(!file.windows(15).any(|window| window == b"TFLITE_METADATA"));
}

#[test]
fn equal_channels_are_written_once() {
    let network = network(Shape::new(1, 1, 600), 1);
    let input =
        |scale: f32| InputConversion { raw: RawType::F32, scale: vec![scale; 600], offset: vec![0.5; 600] };
    let size = |input: InputConversion| {
        let interface = Interface { input: Some(input), classes: vec!["no".into(), "yes".into()] };
        let file = write_in_best_order(&network, &ModelMetadata { interface, ..ModelMetadata::default() });
        let read = Model::read(&file).unwrap().interface().unwrap().input.unwrap();
        assert_eq!((read.scale[0], read.channels()), (0.25, read.scale.len()));
        (read.channels(), file.len())
    };
    let (channels, small) = size(input(0.25));
    assert_eq!(channels, 1);
    let mut several = input(0.25);
    several.scale[599] = 0.75;
    let (channels, large) = size(several);
    assert_eq!(channels, 600);
    assert!(large > small + 4000);
}

/// A line break in a name would shift all names after it.
#[test]
fn every_class_has_one_line() {
    let network = network(Shape::new(2, 2, 1), 3);
    let classes: Vec<String> = ["two\nlines", "", "\ttab\r"].map(str::to_owned).to_vec();
    let interface = Interface { input: None, classes: classes.clone() };
    let file = write_in_best_order(&network, &ModelMetadata { interface, ..ModelMetadata::default() });
    assert_eq!(labels_behind(&file), "two lines\n\n tab \n");
    assert_eq!(Model::read(&file).unwrap().interface().unwrap().classes, classes);
}

proptest! {
    #[test]
    fn constants_keep_every_bit(scale in prop::num::f32::POSITIVE, offset in prop::num::f32::NORMAL) {
        let network = network(Shape::new(2, 2, 1), 2);
        let input = InputConversion { raw: RawType::I16, scale: vec![scale], offset: vec![offset] };
        let interface = Interface { input: Some(input.clone()), classes: Vec::new() };
        let file = write_in_best_order(&network, &ModelMetadata { interface, ..ModelMetadata::default() });
        let read = Model::read(&file).unwrap().interface().unwrap().input.unwrap();
        prop_assert_eq!(read.scale[0].to_bits(), input.scale[0].to_bits());
        prop_assert_eq!(read.offset[0].to_bits(), input.offset[0].to_bits());
    }
}
