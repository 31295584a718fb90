use std::fs;

use tempfile::tempdir;

use munas_data::ElementType;
use munas_ir::{LayerWeights, Quantisation, Shape};
use munas_space::Space;
use safetensors::tensor::TensorView;

use super::*;
use crate::testing::weights;

fn model(json: &str) -> SavedModel {
    let kind = "cnn2d".parse().unwrap();
    let architecture = Architecture::from_json_text(kind, json).unwrap();
    let graph = architecture.lower(Shape::new(8, 8, 2), 3);
    SavedModel { trial: 7, architecture, weights: weights(&graph), graph, int8: None, data: None }
}

/// A convolution with batch norm, a depthwise one without, a branch (with an Add), a pool and dense layers.
const MIXED: &str = r#"{
    "blocks": [
        {"branch": false, "layers": [
            {"op": "conv", "kernel": 3, "filters": 4, "stride": 1, "padding": "valid", "batch_norm": true, "relu": true, "pre_pool": false}]},
        {"branch": true, "layers": [
            {"op": "depthwise", "kernel": 3, "stride": 1, "padding": "valid", "batch_norm": false, "relu": true, "pre_pool": false}]}],
    "pool": {"kind": "max", "size": 2},
    "dense": [5]
}"#;

#[test]
fn a_model_reads_back() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let model = model(MIXED);
    model.save(&path).unwrap();
    assert_eq!(SavedModel::load(&path).unwrap(), model);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no unfinished file is left");
    let bytes = fs::read(&path).unwrap();
    model.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "equal models are equal files");
}

#[test]
fn any_network_of_the_space_reads_back() {
    use rand::SeedableRng;
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let space = Space::named("cnn2d", "wide").unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    for trial in 0..10 {
        let architecture = space.sample(&mut rng);
        let graph = architecture.lower(Shape::new(12, 10, 1), 2);
        let model =
            SavedModel { trial, architecture, weights: weights(&graph), graph, int8: None, data: None };
        model.save(&path).unwrap();
        assert_eq!(SavedModel::load(&path).unwrap(), model);
    }
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    model(MIXED).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() - 4], &whole[..100], &[], b"no model at all"] {
        fs::write(&path, damaged).unwrap();
        let error = SavedModel::load(&path).unwrap_err();
        assert!(error.to_string().contains("model.safetensors"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(SavedModel::load(&path).is_err());
}

/// The int8 form of a model.
fn int8(model: &SavedModel) -> QuantisedNetwork {
    let ranges: Vec<[f32; 2]> = (0..model.graph.shapes().len()).map(|index| [-1.5, index as f32]).collect();
    let quantisation = Quantisation::new(&model.graph, &model.weights, &ranges);
    QuantisedNetwork::new(&model.graph, &model.weights, &quantisation)
}

fn data() -> DataFacts {
    DataFacts {
        fingerprint: "f00d".to_owned(),
        class_names: ["a", "\"b\"", "c"].map(str::to_owned).to_vec(),
        element: ElementType::I16,
        normalisation: Normalisation { scale: vec![0.1, f32::MIN_POSITIVE], offset: vec![-1.0 / 3.0, 0.0] },
    }
}

#[test]
fn what_it_was_trained_on_reads_back_bit_for_bit() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let model = SavedModel { data: Some(data()), ..model(MIXED) };
    model.save(&path).unwrap();
    assert_eq!(SavedModel::load(&path).unwrap(), model);
    let three_channels = Normalisation { scale: vec![1.0; 3], offset: vec![0.0; 3] };
    let wrong = DataFacts { normalisation: three_channels, ..data() };
    SavedModel { data: Some(wrong), ..model }.save(&path).unwrap();
    let problem = SavedModel::load(&path).unwrap_err().problem;
    assert!(problem.contains("channels of the input"), "{problem}");
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let mut model = SavedModel { data: Some(data()), ..model(MIXED) };
    model.int8 = Some(int8(&model));
    model.save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    // The header in full: it is where a flipped bit could make something else of the file. Of the tensors, every
    // seventh bit.
    let header = 8 + usize::try_from(u64::from_le_bytes(*whole.first_chunk().unwrap())).unwrap();
    let bits = (0..8 * header).chain((8 * header..8 * whole.len()).step_by(7));
    for bit in bits {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(SavedModel::from_bytes(&flipped).is_err(), "bit {bit} of {}", 8 * whole.len());
    }
    // In a weight, the checksum is what finds it.
    let mut flipped = whole;
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&path, flipped).unwrap();
    let problem = SavedModel::load(&path).unwrap_err().problem;
    assert!(problem.contains("damaged"), "{problem}");
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let model = model(MIXED);
    let infected = |value: f32, infect: fn(&mut LayerWeights, f32)| {
        let layers = model.graph.ops().map(|(op, _)| model.weights.layer(op).cloned());
        let mut layers: Vec<Option<LayerWeights>> = layers.collect();
        infect(layers.iter_mut().flatten().next().unwrap(), value);
        let weights = Weights::new(&model.graph, layers).unwrap();
        SavedModel { weights, ..model.clone() }.save(&path).unwrap();
        SavedModel::load(&path).unwrap_err().problem
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let problem = infected(value, |layer, value| *layer.kernel.last_mut().unwrap() = value);
        assert!(problem.contains("op0.kernel has a value that is not finite"), "{problem}");
        let problem = infected(value, |layer, value| layer.bias[0] = value);
        assert!(problem.contains("op0.bias has a value that is not finite"), "{problem}");
        let problem = infected(value, |layer, value| layer.batch_norm.as_mut().unwrap().gamma[1] = value);
        assert!(problem.contains("gamma has a value that is not finite"), "{problem}");
    }
    let problem = infected(-1.0, |layer, value| layer.batch_norm.as_mut().unwrap().variance[1] = value);
    assert!(problem.contains("variance has a value below 0"), "{problem}");
}

#[test]
fn biases_that_would_overflow_are_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let mut model = model(MIXED);
    let network = int8(&model);
    let layers = network.graph().ops().map(|(op, _)| network.layer(op).linear());
    let biases = layers.map(|layer| Some(vec![i32::MAX - 1; layer?.bias.len()])).collect();
    model.int8 = Some(network.with_biases(biases));
    model.save(&path).unwrap();
    let problem = SavedModel::load(&path).unwrap_err().problem;
    assert!(problem.contains("op0.int8_bias has a value that is too large"), "{problem}");
}

/// The file that the first version wrote for this model: no checksum, nothing about the data.
#[test]
fn a_model_of_the_first_version_opens() {
    let model = model(MIXED);
    let facts = Facts {
        trial: model.trial,
        space: "cnn2d".to_owned(),
        architecture: model.architecture.to_json(),
        graph: model.graph.to_json(),
        data: None,
        checksum: None,
    };
    let facts = serde_json::to_string(&facts).unwrap();
    assert!(!facts.contains("checksum") && !facts.contains("data"), "{facts}");
    let tensors = tensors::of_weights(&model.graph, &model.weights);
    let views: Vec<_> = tensors.iter().map(|tensor| tensor.view().unwrap()).collect();
    let bytes = serialize(views, Some(HashMap::from([(METADATA.to_owned(), facts)]))).unwrap();
    assert_eq!(SavedModel::from_bytes(&bytes).unwrap(), model);
}

#[test]
fn the_int8_form_reads_back_with_biases_of_its_own() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let mut model = model(MIXED);
    let network = int8(&model);
    let layers = network.graph().ops().map(|(op, _)| network.layer(op).linear());
    let biases = layers.map(|layer| Some(layer?.bias.iter().map(|bias| bias + 3).collect())).collect();
    model.int8 = Some(network.with_biases(biases));
    model.save(&path).unwrap();
    assert_eq!(SavedModel::load(&path).unwrap(), model);
}

#[test]
fn weights_that_do_not_fit_the_graph_are_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let mut model = model(MIXED);
    model.graph = model.architecture.lower(Shape::new(8, 8, 3), 3);
    let bytes = serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap();
    fs::write(&path, bytes).unwrap();
    assert!(SavedModel::load(&path).unwrap_err().problem.contains("no `munas`"));
    // The graph of another input than that of the weights, as in a file whose metadata were edited.
    let facts = Facts {
        trial: 7,
        space: "cnn2d".to_owned(),
        architecture: model.architecture.to_json(),
        graph: model.graph.to_json(),
        data: None,
        checksum: None,
    };
    let metadata = HashMap::from([(METADATA.to_owned(), serde_json::to_string(&facts).unwrap())]);
    fs::write(&path, serialize(Vec::<(&str, TensorView<'_>)>::new(), Some(metadata)).unwrap()).unwrap();
    let problem = SavedModel::load(&path).unwrap_err().problem;
    assert!(problem.contains("kernel has 0 values"), "{problem}");
}

#[test]
fn a_teacher_of_another_task_is_an_error_that_names_its_file() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    // Reads 8×8×2 samples of three classes; the glyphs are another task.
    model(MIXED).save(&path).unwrap();
    let text = format!(
        "train.distillation.teacher = '{}'\ndata = {{ source = 'glyphs', subset = 50 }}",
        path.display()
    );
    let experiment = crate::Experiment::from_toml(&text, &[]).unwrap();
    let dataset = experiment.load_data().unwrap();
    let error = experiment.train_settings(&dataset).unwrap_err();
    assert_eq!(error.path, path);
    assert!(error.problem.starts_with("the teacher's input is 8"), "{error}");
}
