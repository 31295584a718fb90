//! Networks as tensors of a safetensors file, and back.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};

use munas_data::Normalisation;
use munas_ir::{BatchNorm, Graph, LayerWeights, OpId, Quantisation, TensorQuantisation, Weights};
use munas_quant::QuantisedNetwork;

/// A tensor to write.
pub(super) struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn f32(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::F32, shape, bytes }
    }

    /// The form that the library writes.
    pub fn view(&self) -> Result<(&str, TensorView<'_>), SafeTensorError> {
        Ok((&self.name, TensorView::new(self.dtype, self.shape.clone(), &self.bytes)?))
    }
}

fn of_op(op: OpId, part: &str) -> String {
    format!("op{}.{part}", op.index())
}

/// The tensors of weights.
pub(super) fn of_weights(graph: &Graph, weights: &Weights) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for (op, _) in graph.ops() {
        let (Some(dims), Some(layer)) = (graph.weight_dims(op), weights.layer(op)) else { continue };
        tensors.push(Tensor::f32(of_op(op, "kernel"), dims.kernel.to_vec(), &layer.kernel));
        let mut per_output = vec![("bias", &layer.bias)];
        if let Some(BatchNorm { gamma, beta, mean, variance }) = &layer.batch_norm {
            per_output.extend([
                ("batch_norm.gamma", gamma),
                ("batch_norm.beta", beta),
                ("batch_norm.mean", mean),
                ("batch_norm.variance", variance),
            ]);
        }
        for (part, values) in per_output {
            tensors.push(Tensor::f32(of_op(op, part), vec![dims.outputs], values));
        }
    }
    tensors
}

/// The tensors of what an int8 network has besides the weights.
pub(super) fn of_int8(network: &QuantisedNetwork) -> Vec<Tensor> {
    let quantisation = network.quantisation();
    let parameters = quantisation.tensors();
    let scales: Vec<f32> = parameters.iter().map(|tensor| tensor.scale).collect();
    let mut tensors = vec![
        Tensor::f32("int8.scale".to_owned(), vec![scales.len()], &scales),
        Tensor {
            name: "int8.zero_point".to_owned(),
            dtype: Dtype::I8,
            shape: vec![scales.len()],
            bytes: parameters.iter().flat_map(|tensor| tensor.zero_point.to_le_bytes()).collect(),
        },
    ];
    for (op, _) in network.graph().ops() {
        let (Some(scales), Some(layer)) = (quantisation.kernel(op), network.layer(op).linear()) else {
            continue;
        };
        tensors.push(Tensor::f32(of_op(op, "int8_scale"), vec![scales.len()], scales));
        tensors.push(Tensor {
            name: of_op(op, "int8_bias"),
            dtype: Dtype::I32,
            shape: vec![layer.bias.len()],
            bytes: layer.bias.iter().flat_map(|bias| bias.to_le_bytes()).collect(),
        });
    }
    tensors
}

const SCALE: &str = "normalisation.scale";
const OFFSET: &str = "normalisation.offset";

/// The tensors of a normalisation.
pub(super) fn of_normalisation(normalisation: &Normalisation) -> [Tensor; 2] {
    let Normalisation { scale, offset } = normalisation;
    [(SCALE, scale), (OFFSET, offset)]
        .map(|(name, values)| Tensor::f32(name.to_owned(), vec![values.len()], values))
}

/// The normalisation in a file; `None` if there is none.
pub(super) fn normalisation(tensors: &SafeTensors<'_>) -> Result<Option<Normalisation>, String> {
    match (read_f32(tensors, SCALE)?, read_f32(tensors, OFFSET)?) {
        (Some(scale), Some(offset)) => Ok(Some(Normalisation { scale, offset })),
        (None, None) => Ok(None),
        _ => Err(format!("there is only one of {SCALE} and {OFFSET}")),
    }
}

/// The weights in a file.
pub(super) fn weights(graph: &Graph, tensors: &SafeTensors<'_>) -> Result<Weights, String> {
    let layers = graph.ops().map(|(op, _)| read_layer(tensors, op)).collect::<Result<_, _>>()?;
    Weights::new(graph, layers).map_err(|error| error.to_string())
}

/// The int8 network in a file; `None` if there is none.
pub(super) fn int8(
    graph: &Graph,
    weights: &Weights,
    tensors: &SafeTensors<'_>,
) -> Result<Option<QuantisedNetwork>, String> {
    let scales = read_f32(tensors, "int8.scale")?;
    let zero_points = read(tensors, "int8.zero_point", Dtype::I8, |[byte]: [u8; 1]| byte as i8)?;
    let (Some(scales), Some(zero_points)) = (scales, zero_points) else { return Ok(None) };
    let expected = graph.shapes().len();
    if [scales.len(), zero_points.len()] != [expected; 2] {
        return Err(format!("int8.scale and int8.zero_point must have {expected} values"));
    }
    let positive = |scales: &[f32]| scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
    let parameters = scales.iter().zip(zero_points);
    let parameters: Vec<_> =
        parameters.map(|(&scale, zero_point)| TensorQuantisation { scale, zero_point }).collect();
    let (mut kernels, mut biases) = (Vec::new(), Vec::new());
    for (op, _) in graph.ops() {
        let scales = read_f32(tensors, &of_op(op, "int8_scale"))?;
        let bias = read(tensors, &of_op(op, "int8_bias"), Dtype::I32, i32::from_le_bytes)?;
        let outputs = graph.weight_dims(op).map(|dims| dims.outputs);
        let scale_count = outputs.map(|outputs| if graph.has_channel_scales(op) { outputs } else { 1 });
        if scales.as_ref().map(Vec::len) != scale_count || bias.as_ref().map(Vec::len) != outputs {
            return Err(format!(
                "{} or {} do not fit the graph",
                of_op(op, "int8_scale"),
                of_op(op, "int8_bias")
            ));
        }
        if !positive(scales.as_deref().unwrap_or_default()) {
            return Err(format!("{} has a value that is no scale", of_op(op, "int8_scale")));
        }
        kernels.push(scales);
        biases.push(bias);
    }
    if !positive(&scales) {
        return Err("int8.scale has a value that is no scale".to_owned());
    }
    let quantisation = Quantisation::from_parts(graph, parameters, kernels);
    let network = QuantisedNetwork::new(graph, weights, &quantisation).with_biases(biases);
    match network.overflow() {
        Some(op) => Err(format!("{} has a value that is too large", of_op(op, "int8_bias"))),
        None => Ok(Some(network)),
    }
}

/// The parameters of one operator; `None` where the file has none for it.
fn read_layer(tensors: &SafeTensors<'_>, op: OpId) -> Result<Option<LayerWeights>, String> {
    let read = |part: &str| read_f32(tensors, &of_op(op, part));
    let (Some(kernel), Some(bias)) = (read("kernel")?, read("bias")?) else { return Ok(None) };
    let norm = |part: &str| read(part)?.ok_or_else(|| format!("there is no tensor {}", of_op(op, part)));
    let batch_norm = if read("batch_norm.gamma")?.is_some() {
        Some(BatchNorm {
            gamma: norm("batch_norm.gamma")?,
            beta: norm("batch_norm.beta")?,
            mean: norm("batch_norm.mean")?,
            variance: norm("batch_norm.variance")?,
        })
    } else {
        None
    };
    let variances = batch_norm.iter().flat_map(|norm| &norm.variance);
    if variances.into_iter().any(|variance| *variance < 0.0) {
        return Err(format!("{} has a value below 0", of_op(op, "batch_norm.variance")));
    }
    Ok(Some(LayerWeights { kernel, bias, batch_norm }))
}

/// Numbers, all of which must be finite.
fn read_f32(tensors: &SafeTensors<'_>, name: &str) -> Result<Option<Vec<f32>>, String> {
    let values = read(tensors, name, Dtype::F32, f32::from_le_bytes)?;
    match values.iter().flatten().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("{name} has a value that is not finite: {value}")),
        None => Ok(values),
    }
}

/// The values of a tensor of `BYTES` bytes each; `None` if there is no such tensor.
fn read<T, const BYTES: usize>(
    tensors: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    value: fn([u8; BYTES]) -> T,
) -> Result<Option<Vec<T>>, String> {
    let Ok(view) = tensors.tensor(name) else { return Ok(None) };
    if view.dtype() != dtype {
        return Err(format!("{name} is of type {:?}, not {dtype:?}", view.dtype()));
    }
    Ok(Some(view.data().as_chunks::<BYTES>().0.iter().map(|bytes| value(*bytes)).collect()))
}
