//! The host executor equals TFLM's reference kernels in every tensor of the networks in golden/networks.json, which
//! golden/make.py wrote.

use munas_ir::{Graph, LayerWeights, Quantisation, TensorQuantisation, Weights};
use munas_quant::{Executor, QuantisedNetwork};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    graph: serde_json::Value,
    tensors: Vec<(f32, i8)>,
    layers: Vec<Option<Layer>>,
    /// All tensors of each sample, the input first.
    samples: Vec<Vec<Vec<i8>>>,
}

#[derive(Deserialize)]
struct Layer {
    scales: Vec<f32>,
    weights: Vec<i8>,
    bias: Vec<i32>,
}

impl Case {
    /// The network whose integers are those of the case.
    fn network(&self) -> QuantisedNetwork {
        let graph = Graph::from_json(&self.graph.to_string()).expect("the golden graphs are valid");
        let tensors: Vec<_> = self
            .tensors
            .iter()
            .map(|&(scale, zero_point)| TensorQuantisation { scale, zero_point })
            .collect();
        let scales = self.layers.iter().map(|layer| layer.as_ref().map(|layer| layer.scales.clone()));
        let quantisation = Quantisation::from_parts(&graph, tensors, scales.collect());
        let layers = graph.ops().zip(&self.layers).map(|((op, node), layer)| {
            let layer = layer.as_ref()?;
            let is_depthwise = node.op.kind_name() == "DWConv2D";
            let (outputs, weights) = (layer.bias.len(), layer.weights.len());
            let channel = |index| if is_depthwise { index % outputs } else { index / (weights / outputs) };
            let scale = |channel: usize| layer.scales[channel % layer.scales.len()];
            let input_scale = quantisation.tensor(graph.node(op).inputs[0]).scale;
            let kernel = layer.weights.iter().enumerate();
            let bias = layer.bias.iter().enumerate();
            Some(LayerWeights {
                kernel: kernel.map(|(index, &weight)| f32::from(weight) * scale(channel(index))).collect(),
                bias: bias
                    .map(|(channel, &bias)| {
                        (f64::from(bias) * f64::from(input_scale) * f64::from(scale(channel))) as f32
                    })
                    .collect(),
                batch_norm: None,
            })
        });
        let weights =
            Weights::new(&graph, layers.collect()).expect("the golden weights belong to their graph");
        let network = QuantisedNetwork::new(&graph, &weights, &quantisation);
        for ((op, _), layer) in graph.ops().zip(&self.layers) {
            let Some(layer) = layer else { continue };
            let integers = network.layer(op).linear().expect("operators with weights are linear");
            assert_eq!(integers.weights, layer.weights, "{}: weights of operator {}", self.name, op.index());
            assert_eq!(integers.bias, layer.bias, "{}: biases of operator {}", self.name, op.index());
        }
        network
    }
}

#[test]
fn every_tensor_equals_that_of_the_reference_kernels() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/networks.json")).unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let network = case.network();
        let mut executor = Executor::new(&network);
        for (sample, expected) in case.samples.iter().enumerate() {
            executor.run(&expected[0]);
            for (tensor, (found, expected)) in executor.tensors().iter().zip(expected).enumerate() {
                assert_eq!(found, expected, "{}: tensor {tensor} of sample {sample}", case.name);
            }
            assert_eq!(network.run(&expected[0]), *expected, "{}: all at once", case.name);
        }
    }
}
