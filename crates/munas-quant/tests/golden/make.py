"""Writes networks.json: small int8 networks, inputs, and what TFLM's reference kernels compute in every tensor.

Needs a Python with `tflite-micro`, `flatbuffers` and `numpy`; run it with no arguments. The result is the same each time.

A network is a graph in munas's JSON form with its integers:
  tensors   [scale, zero point] of each tensor
  layers    {scales, weights, bias} of each operator with weights, else null
  samples   each a list of all tensors, the input first
"""

import json
import pathlib

import flatbuffers
import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

SAMPLES = 2
ARENA_BYTES = 1 << 20


def convolution(inputs, filters, kernel, stride=(1, 1), same=False, relu=False):
    return dict(inputs=inputs, kind="conv2d", filters=filters, kernel=kernel, stride=stride, same=same,
                batch_norm=False, relu=relu)


def depthwise(inputs, kernel, stride=(1, 1), same=False, relu=False):
    return dict(inputs=inputs, kind="depthwise_conv2d", kernel=kernel, stride=stride, same=same,
                batch_norm=False, relu=relu)


def pool(inputs, kind, window):
    return dict(inputs=inputs, kind=f"{kind}_pool", window=window)


def add(inputs):
    return dict(inputs=inputs, kind="add")


def dense(inputs, units, relu=False):
    return dict(inputs=inputs, kind="dense", units=units, relu=relu)


def relu6(op):
    return {key: value for key, value in op.items() if key != "relu"} | dict(activation="relu6")


def output_shape(op, inputs):
    height, width, channels = inputs[0]
    if op["kind"] == "add":
        return [max(shape[0] for shape in inputs), max(shape[1] for shape in inputs), channels]
    if op["kind"] == "dense":
        return [1, 1, op["units"]]
    if op["kind"].endswith("pool"):
        return [height // op["window"][0], width // op["window"][1], channels]
    strides = op["stride"]
    if op["same"]:
        size = [-(-height // strides[0]), -(-width // strides[1])]
    else:
        size = [(height - op["kernel"][0]) // strides[0] + 1, (width - op["kernel"][1]) // strides[1] + 1]
    return size + [op.get("filters", channels)]


def shapes_of(graph):
    shapes = [graph["input"]]
    for op in graph["ops"]:
        shapes.append(output_shape(op, [shapes[tensor] for tensor in op["inputs"]]))
    return shapes


def kernel_shape(op, shape):
    """The shape of the kernel as TFLite stores it, and its number of outputs; None without weights."""
    if op["kind"] == "conv2d":
        return [op["filters"], *op["kernel"], shape[2]], op["filters"]
    if op["kind"] == "depthwise_conv2d":
        return [1, *op["kernel"], shape[2]], shape[2]
    if op["kind"] == "dense":
        return [op["units"], int(np.prod(shape))], op["units"]
    return None


class Model:
    """A .tflite file under construction."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape, kind, scales=None, zero_point=0, axis=0, data=None):
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        if data is not None:
            tensor.buffer = len(self.model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
        if scales is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [float(scale) for scale in scales]
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def activation(self, shape, parameters):
        return self.tensor([1, *shape], schema.TensorType.INT8, [parameters[0]], parameters[1])

    def operator(self, builtin, inputs, output, options_type, options):
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(operator)

    def bytes(self, input_tensor, output_tensor):
        self.graph.inputs, self.graph.outputs = [input_tensor], [output_tensor]
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def fused(op):
    if op.get("activation") == "relu6":
        return schema.ActivationFunctionType.RELU6
    return schema.ActivationFunctionType.RELU if op["relu"] else schema.ActivationFunctionType.NONE


def add_linear(model, op, layer, parameters, source, output):
    shape, outputs = layer["shape"]
    weights = np.array(layer["weights"], np.int8)
    axis = 3 if op["kind"] == "depthwise_conv2d" else 0
    kernel = model.tensor(shape, schema.TensorType.INT8, layer["scales"], 0, axis, weights)
    bias_scales = [np.float32(parameters[0]) * np.float32(scale) for scale in layer["scales"]]
    bias = np.array(layer["bias"], np.int32)
    bias = model.tensor([outputs], schema.TensorType.INT32, bias_scales, data=bias)
    if op["kind"] == "dense":
        options, kind = schema.FullyConnectedOptionsT(), schema.BuiltinOptions.FullyConnectedOptions
        builtin = schema.BuiltinOperator.FULLY_CONNECTED
    else:
        if op["kind"] == "conv2d":
            options, kind = schema.Conv2DOptionsT(), schema.BuiltinOptions.Conv2DOptions
            builtin = schema.BuiltinOperator.CONV_2D
        else:
            options, kind = schema.DepthwiseConv2DOptionsT(), schema.BuiltinOptions.DepthwiseConv2DOptions
            builtin = schema.BuiltinOperator.DEPTHWISE_CONV_2D
            options.depthMultiplier = 1
        options.padding = schema.Padding.SAME if op["same"] else schema.Padding.VALID
        options.strideH, options.strideW = op["stride"]
        options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = fused(op)
    model.operator(builtin, [source, kernel, bias], output, kind, options)


def add_pool(model, op, source, output):
    options = schema.Pool2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH, options.strideW = op["window"]
    options.filterHeight, options.filterWidth = op["window"]
    builtins = schema.BuiltinOperator
    builtin = builtins.MAX_POOL_2D if op["kind"] == "max_pool" else builtins.AVERAGE_POOL_2D
    model.operator(builtin, [source], output, schema.BuiltinOptions.Pool2DOptions, options)


def add_sum(model, sources, shapes, parameters, shape, output_parameters, output):
    """n inputs: n - 1 sums from the left, inputs padded to the output's shape."""
    padded = []
    for source, own_shape, own_parameters in zip(sources, shapes, parameters):
        if own_shape != shape:
            missing = [[0, 0], [0, shape[0] - own_shape[0]], [0, shape[1] - own_shape[1]], [0, 0]]
            paddings = model.tensor([4, 2], schema.TensorType.INT32, data=np.array(missing, np.int32))
            target = model.activation(shape, own_parameters)
            model.operator(schema.BuiltinOperator.PAD, [source, paddings], target,
                           schema.BuiltinOptions.PadOptions, schema.PadOptionsT())
            source = target
        padded.append(source)
    left = padded[0]
    for position, right in enumerate(padded[1:]):
        is_last = position == len(padded) - 2
        target = output if is_last else model.activation(shape, output_parameters)
        model.operator(schema.BuiltinOperator.ADD, [left, right], target,
                       schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
        left = target


def run(network, samples):
    """Every tensor for each sample, as TFLM computes it."""
    graph, shapes = network["graph"], shapes_of(network["graph"])
    model = Model()
    indices = [model.activation(shape if len(shape) > 1 else [1, 1, shape[0]], parameters)
               for shape, parameters in zip(shapes, network["tensors"])]
    for position, (op, layer) in enumerate(zip(graph["ops"], network["layers"])):
        output, inputs = indices[position + 1], [indices[tensor] for tensor in op["inputs"]]
        own = [network["tensors"][tensor] for tensor in op["inputs"]]
        if op["kind"] == "add":
            own_shapes = [shapes[tensor] for tensor in op["inputs"]]
            add_sum(model, inputs, own_shapes, own, shapes[position + 1], network["tensors"][position + 1], output)
        elif layer is None:
            add_pool(model, op, inputs[0], output)
        else:
            if op["kind"] == "dense":
                model.graph.tensors[output].shape = [1, op["units"]]
            add_linear(model, op, layer, own[0], inputs[0], output)
    model = model.bytes(indices[0], indices[-1])
    config = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES, intrepreter_config=config)
    results = []
    for sample in samples:
        interpreter.set_input(sample.reshape([1, *shapes[0]]), 0)
        interpreter.invoke()
        results.append([interpreter.GetTensor(index, 0)["tensor_data"].flatten().tolist() for index in indices])
    return results


def network(rng, graph, overrides=None):
    """Random integers for a graph; `overrides` maps the index of a tensor to its scale and zero point."""
    overrides = overrides or {}
    shapes = shapes_of(graph)
    tensors = [overrides.get(0, [0.02, int(rng.integers(-128, 128))])]
    layers = []
    for position, op in enumerate(graph["ops"]):
        source = op["inputs"][0]
        kernel = kernel_shape(op, shapes[source])
        relu = op.get("relu", False)
        if kernel is None:
            layers.append(None)
            scale = max(tensors[tensor][0] for tensor in op["inputs"])
            drawn = [float(np.float32(scale * rng.uniform(0.9, 2.0))), int(rng.integers(-60, 60))]
            default = drawn if op["kind"] == "add" else tensors[source]
        else:
            shape, outputs = kernel
            count = int(np.prod(shape))
            scales = rng.uniform(1e-3, 1e-2, 1 if op["kind"] == "dense" else outputs).astype(np.float32)
            fan_in = count // outputs
            step = tensors[source][0] * float(scales.mean())
            drawn = [float(np.float32(step * 110 * np.sqrt(fan_in) * rng.uniform(0.5, 1.5))),
                     -128 if relu else int(rng.integers(-100, 100))]
            default = drawn
            layers.append(dict(
                shape=(shape, outputs),
                scales=[float(scale) for scale in scales],
                weights=rng.integers(-127, 128, count).tolist(),
                bias=rng.integers(-3000, 3000, outputs).tolist(),
            ))
        tensors.append(overrides.get(position + 1, default))
    return dict(graph=graph, tensors=tensors, layers=layers)


def graph_of(shape, *ops):
    return dict(version=1, input=list(shape), ops=list(ops))


def cases(rng):
    yield "convolutions", network(rng, graph_of(
        (9, 7, 3),
        convolution([0], 4, (3, 3), relu=True),
        convolution([1], 5, (3, 2), (2, 2), same=True),
        convolution([2], 3, (1, 1), relu=True),
        convolution([3], 2, (4, 3), (3, 1), same=True)))
    yield "depthwise convolutions", network(rng, graph_of(
        (8, 9, 5),
        depthwise([0], (3, 3), relu=True),
        depthwise([1], (5, 4), (2, 3), same=True),
        depthwise([2], (1, 1), relu=True)))
    yield "one channel", network(rng, graph_of(
        (6, 1, 1), convolution([0], 1, (3, 1), same=True), depthwise([1], (2, 1)), dense([2], 1)))
    yield "pools", network(rng, graph_of(
        (11, 10, 4), pool([0], "max", (2, 3)), pool([1], "avg", (2, 1)), pool([0], "avg", (3, 3)),
        pool([3], "max", (2, 2)), add([2, 4])))
    yield "sums", network(rng, graph_of(
        (7, 6, 3),
        convolution([0], 3, (1, 1)),
        depthwise([0], (3, 2), relu=True),
        pool([1], "max", (2, 2)),
        add([0, 1]),
        add([2, 3]),
        add([3, 2, 4, 5])))
    yield "dense layers", network(rng, graph_of(
        (3, 4, 5), dense([0], 12, relu=True), dense([1], 7)))
    yield "whole network", network(rng, graph_of(
        (12, 12, 2),
        convolution([0], 6, (3, 3), (2, 2), relu=True),
        depthwise([1], (3, 3), same=True, relu=True),
        convolution([2], 6, (1, 1)),
        add([1, 3]),
        pool([4], "avg", (2, 2)),
        dense([5], 8, relu=True),
        dense([6], 3)))
    yield "multipliers from tiny to huge", multipliers(rng)
    # Ranges that go on below 0 and above 6, so that both ends are limits.
    yield "activations that end above", network(rng, graph_of(
        (6, 5, 3),
        relu6(convolution([0], 4, (3, 3), same=True)),
        relu6(depthwise([1], (4, 3))),
        relu6(dense([2], 9)),
        dense([3], 3)), {index: [0.06, -20 - index] for index in (1, 2, 3)})


def multipliers(rng):
    """One channel for each magnitude of a multiplier, on all 256 inputs; sums span 32 bits."""
    graph = graph_of((16, 16, 1), convolution([0], 45, (1, 1)))
    case = network(rng, graph, {0: [0.5, 3], 1: [0.25, -5]})
    layer = case["layers"][0]
    for channel in range(45):
        exponent = channel - 34
        multiplier = 2.0 ** exponent * rng.uniform(0.5, 1.0)
        layer["scales"][channel] = float(np.float32(multiplier / 2))
        # The sum is such that the product spans the range of outputs, as far as 32 bits go.
        reach = min(100 / multiplier, 2**31 - 40_000)
        layer["bias"][channel] = int(rng.uniform(-reach, reach))
        # The nearest sum to what a real bias in 32 bits can express.
        step = float(np.float32(layer["scales"][channel])) * case["tensors"][0][0]
        layer["bias"][channel] = round(float(np.float32(layer["bias"][channel] * step)) / step)
    return case


def main():
    rng = np.random.default_rng(20261122)
    networks = []
    for name, case in cases(rng):
        count = int(np.prod(case["graph"]["input"]))
        samples = [rng.integers(-128, 128, count).astype(np.int8) for _ in range(SAMPLES)]
        if name.startswith("multipliers"):
            samples = [np.arange(-128, 128).astype(np.int8)]
        results = run(case, samples)
        for layer in case["layers"]:
            if layer is not None:
                del layer["shape"]
        networks.append(dict(name=name, **case, samples=results))
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in networks)
    pathlib.Path(__file__).with_name("networks.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
