"""Writes the golden files of this folder: what Keras computes in ten training steps of two whole networks.

    pip install tensorflow-cpu numpy        # made with TensorFlow 2.21, Keras 3.15
    python make_golden.py

Each NAME.safetensors holds
    metadata   graph (the JSON form of munas_ir::Graph), batch, learning_rate, momentum
    samples    u8 [count, height, width, channels]; the networks read samples / 255
    labels     u8 [count]; step i trains on the samples i*batch .. (i+1)*batch, modulo count
    before.* and after.*
               weights before the first and after the last step, OP.kernel, OP.bias and, where the operator has a batch
               norm, OP.gamma, OP.beta, OP.mean, OP.variance, in the layouts of munas_ir::Weights
    losses     f32 [steps], mean loss of each batch before its step
    logits     f32 [count, classes], of the weights after the last step, at inference
"""
import json
import os
import pathlib
import struct

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from keras import layers

STEPS, LEARNING_RATE, MOMENTUM = 10, 0.05, 0.9


class Network:
    """Builds a Keras model and the same graph in munas's JSON form, operator by operator."""

    def __init__(self, *shape):
        self.ops, self.keras_layers = [], []
        self.graph_input = shape
        self.tensors = [keras.Input(shape)]

    def _add(self, op, inputs, tensor, kernel=None, norm=None):
        self.ops.append({"inputs": inputs, **op})
        self.keras_layers.append((kernel, norm))
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _conv(self, layer, op, source, batch_norm, relu):
        kernel, stride = list(layer.kernel_size), list(layer.strides)
        op |= {"kernel": kernel, "stride": stride, "same": layer.padding == "same"}
        op |= {"batch_norm": batch_norm, "relu": relu}
        tensor, norm = layer(self.tensors[source]), None
        if batch_norm:
            norm = layers.BatchNormalization(momentum=0.99, epsilon=1e-3)
            tensor = norm(tensor)
        if relu:
            tensor = layers.ReLU()(tensor)
        return self._add(op, [source], tensor, layer, norm)

    def conv(self, source, filters, kernel, stride=1, padding="valid", batch_norm=False, relu=True):
        layer = layers.Conv2D(filters, kernel, stride, padding)
        return self._conv(layer, {"kind": "conv2d", "filters": filters}, source, batch_norm, relu)

    def depthwise(self, source, kernel, stride=1, padding="valid", batch_norm=False, relu=True):
        layer = layers.DepthwiseConv2D(kernel, stride, padding)
        return self._conv(layer, {"kind": "depthwise_conv2d"}, source, batch_norm, relu)

    def pool(self, source, kind, window):
        layer = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
        tensor = layer(window)(self.tensors[source])
        return self._add({"kind": f"{kind}_pool", "window": list(window)}, [source], tensor)

    def add(self, *sources):
        tensors = [self.tensors[source] for source in sources]
        height = max(tensor.shape[1] for tensor in tensors)
        width = max(tensor.shape[2] for tensor in tensors)
        padded = [
            layers.ZeroPadding2D(((0, height - t.shape[1]), (0, width - t.shape[2])))(t) for t in tensors
        ]
        return self._add({"kind": "add"}, list(sources), layers.Add()(padded))

    def dense(self, source, units, relu):
        layer = layers.Dense(units, activation="relu" if relu else None)
        tensor = layer(layers.Flatten()(self.tensors[source]))
        return self._add({"kind": "dense", "units": units, "relu": relu}, [source], tensor, layer)

    def graph(self):
        return json.dumps({"version": 1, "input": self.graph_input, "ops": self.ops})

    def model(self):
        return keras.Model(self.tensors[0], self.tensors[-1])

    def randomise_biases(self, rng):
        """Values other than 0 and 1, so that every parameter takes part from the first step on."""
        for layer, norm in self.keras_layers:
            if layer is not None:
                layer.bias.assign(rng.uniform(-0.1, 0.1, layer.bias.shape))
            if norm is not None:
                norm.gamma.assign(rng.uniform(0.8, 1.2, norm.gamma.shape))
                norm.beta.assign(rng.uniform(-0.1, 0.1, norm.beta.shape))

    def weights(self, prefix):
        found = {}
        for op, (layer, norm) in enumerate(self.keras_layers):
            if layer is None:
                continue
            kernel = layer.kernel.numpy()
            if isinstance(layer, layers.DepthwiseConv2D):
                kernel = kernel[..., 0]
            elif isinstance(layer, layers.Conv2D):
                kernel = kernel.transpose(3, 0, 1, 2)
            else:
                kernel = kernel.T
            parts = {"kernel": kernel, "bias": layer.bias.numpy()}
            if norm is not None:
                parts |= {"gamma": norm.gamma.numpy(), "beta": norm.beta.numpy()}
                parts |= {"mean": norm.moving_mean.numpy(), "variance": norm.moving_variance.numpy()}
            found |= {f"{prefix}.{op}.{name}": values for name, values in parts.items()}
        return found


def network_a():
    """Network A of the training benchmarks: 28x28x1, 21,692 MACs."""
    net = Network(28, 28, 1)
    last = net.conv(0, 4, (3, 3), (2, 2), batch_norm=True)
    last = net.depthwise(last, (3, 3))
    last = net.conv(last, 8, (1, 1), batch_norm=True)
    last = net.pool(last, "max", (2, 2))
    last = net.conv(last, 10, (3, 3))
    net.dense(last, 10, relu=False)
    return net


def branches():
    """Branches of different sizes that meet in an Add, same padding, oblong kernels, average pooling, a hidden layer."""
    net = Network(13, 12, 3)
    trunk = net.conv(0, 6, (3, 3), padding="same", batch_norm=True, relu=False)
    deep = net.depthwise(trunk, (3, 2), (2, 2), padding="same", batch_norm=True)
    wide = net.conv(trunk, 6, (3, 3), (2, 2), padding="same")
    pooled = net.pool(trunk, "avg", (2, 2))
    last = net.add(deep, wide, pooled)
    last = net.conv(last, 8, (1, 1), batch_norm=True)
    last = net.pool(last, "avg", (2, 3))
    last = net.dense(last, 12, relu=True)
    net.dense(last, 5, relu=False)
    return net


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    kinds = {"uint8": "U8", "float32": "F32"}
    for name, values in tensors.items():
        end = offset + values.nbytes
        header[name] = {"dtype": kinds[values.dtype.name], "shape": values.shape, "data_offsets": [offset, end]}
        offset = end
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())


def make(name, net, count, batch, classes, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = net()
    keras_model = model.model()
    model.randomise_biases(rng)
    # Smooth pictures, so that neighbouring windows of a maximum do not tie.
    labels = rng.integers(0, classes, count).astype(np.uint8)
    waves = np.linspace(0, 1, model.graph_input[0])[:, None, None] * (labels[:, None, None, None] + 1.0)
    noise = rng.uniform(0, 0.5, (count, *model.graph_input))
    samples = (127 * (0.5 + 0.5 * np.sin(waves * 6.0)) + 250 * noise).clip(0, 255).astype(np.uint8)

    tensors = {"samples": samples, "labels": labels, **model.weights("before")}
    inputs = tf.constant(samples.astype(np.float32) / 255.0)
    optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = []
    for step in range(STEPS):
        chosen = (np.arange(batch) + step * batch) % count
        with tf.GradientTape() as tape:
            logits = keras_model(tf.gather(inputs, chosen), training=True)
            loss = loss_of(labels[chosen], logits)
        gradients = tape.gradient(loss, keras_model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, keras_model.trainable_variables))
        losses.append(loss.numpy())
    tensors |= model.weights("after")
    tensors["losses"] = np.array(losses, np.float32)
    tensors["logits"] = keras_model(inputs, training=False).numpy()
    metadata = {"graph": model.graph(), "batch": str(batch)}
    metadata |= {"learning_rate": str(LEARNING_RATE), "momentum": str(MOMENTUM)}
    path = pathlib.Path(__file__).parent / f"{name}.safetensors"
    write_safetensors(path, tensors, metadata)
    print(path.name, path.stat().st_size, "bytes, losses", np.round(losses, 4))


make("network_a", network_a, count=60, batch=20, classes=10, seed=1)
make("branches", branches, count=74, batch=37, classes=5, seed=2)
