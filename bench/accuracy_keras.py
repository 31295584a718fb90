"""Trains in Keras what `crates/munas-train/examples/fixed_network.rs` trains in munas, to compare test accuracy.

    python bench/accuracy_keras.py DATA_DIR/mnist 0        # a folder with the four idx .gz files, and a seed

Network A: conv 3x3 stride 2, 4 filters, batch norm; depthwise 3x3; conv 1x1, 8 filters, batch norm; max pool 2;
conv 3x3, 10 filters; dense 10. Both sides: Glorot-uniform kernels, zero biases, batch norm momentum 0.99 and epsilon 1e-3,
inputs / 255, a stratified tenth of the training part held out for validation, a new permutation in each epoch, batches
of 128 and the rest as a smaller one, SGD 0.01 with momentum 0.9, ten epochs, no augmentation, no weight decay; one
thread. Random numbers differ, so that only means over several seeds are comparable.
"""
import gzip
import os
import pathlib
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from keras import layers

EPOCHS, BATCH, LEARNING_RATE, MOMENTUM, VALIDATION = 10, 128, 0.01, 0.9, 0.1


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_part(folder, part):
    samples = read_idx(folder / f"{part}-images-idx3-ubyte.gz")[..., None].astype(np.float32) / 255.0
    return samples, read_idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int32)


def network_a():
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(4, 3, strides=2), layers.BatchNormalization(), layers.ReLU(),
        layers.DepthwiseConv2D(3), layers.ReLU(),
        layers.Conv2D(8, 1), layers.BatchNormalization(), layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Conv2D(10, 3), layers.ReLU(),
        layers.Flatten(), layers.Dense(10),
    ])


def split(labels, share, rng):
    held_out = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out.append(members[: round(len(members) * share)])
    held_out = np.concatenate(held_out)
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


class Test(keras.callbacks.Callback):
    """Test accuracy after the epoch with the best validation accuracy, and the time that training alone took."""

    def __init__(self, samples, labels):
        super().__init__()
        self.samples, self.labels = samples, labels
        self.best, self.best_epoch, self.test_of_best, self.last, self.seconds = -1.0, 0, 0.0, 0.0, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self.start
        self.last = self.model.evaluate(self.samples, self.labels, batch_size=1000, verbose=0)[1]
        if logs["val_accuracy"] > self.best:
            self.best, self.best_epoch, self.test_of_best = logs["val_accuracy"], epoch + 1, self.last


def main(folder, seed):
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)
    samples, labels = read_part(folder, "train")
    train, validation = split(labels, VALIDATION, np.random.default_rng(seed))
    model = network_a()
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    test = Test(*read_part(folder, "t10k"))
    model.fit(
        samples[train], labels[train], batch_size=BATCH, epochs=EPOCHS, shuffle=True, verbose=0,
        validation_data=(samples[validation], labels[validation]), callbacks=[test],
    )
    speed = len(train) * EPOCHS / test.seconds
    print(
        f"{folder.name} seed {seed}: test accuracy {100 * test.last:.2f} % (last epoch), "
        f"{100 * test.test_of_best:.2f} % (best epoch, {test.best_epoch}); {speed:.0f} samples/s",
        flush=True,
    )


main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
