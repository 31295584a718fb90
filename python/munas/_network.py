"""A trained network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import _munas
from ._arrays import classes_of, raw_bytes

Array = np.ndarray[Any, Any]

_BATCH = 16 << 20
"""Bytes of samples that are run at once."""


class Network:
    """A trained network of a run, in floats and in int8. It can be pickled, and outlives its run.

    `figures` has what is known of it: errors (shares in [0, 1]), peak memory, model size (bytes), MACs, architecture.
    """

    def __init__(self, native: _munas.Network, figures: dict[str, Any], layout: str, classes: Array) -> None:
        self._native, self._layout = native, layout
        self.figures = figures
        self.classes = classes

    @classmethod
    def _load(cls, run: Path, trial: int, figures: dict[str, Any], layout: str, as_searched: bool) -> Network:
        native = _munas.Network.load(run, trial, as_searched)
        return cls(native, figures, layout, classes_of(native.class_names))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._native.state(), self.figures, self._layout, self.classes)

    def __repr__(self) -> str:
        of = f"trial {self.trial}" if self.trial else "trained by itself"
        shape = "x".join(map(str, self.input_shape))
        return f"<munas.Network: {of}, {shape}, {len(self.classes)} classes>"

    @property
    def trial(self) -> int:
        """The number of its trial; 0 if there is no run that it is of."""
        return self._native.trial

    @property
    def refined(self) -> int | None:
        """The number of the training that it is of, where its trial was trained anew."""
        return self._native.refined

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a sample."""
        height, width, channels = self._native.input_shape
        return height, width, channels

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture, as `munas.cost` and `munas.train` take it."""
        return json.loads(self._native.architecture)  # type: ignore[no-any-return]

    @property
    def space(self) -> str:
        """The kind of the architecture: `cnn2d`, `cnn1d` or `mlp`."""
        return self._native.space

    @property
    def interface(self) -> dict[str, Any]:
        """What firmware has to do with raw values, and what it gets: scales, offsets, zero points, classes."""
        return json.loads(self._native.interface())  # type: ignore[no-any-return]

    def predict(self, x: Any) -> Array:
        """The labels that the network in floats takes samples for, as trained; x as for `munas.search`."""
        return self.classes[_classes(self.scores(x))]

    def predict_int8(self, x: Any) -> Array:
        """The labels that the network in int8 takes samples for: what firmware says."""
        numbers = [number for raw in self._batches(x) for number in self._native.int8_classes(raw)]
        return self.classes[np.array(numbers, dtype=np.intp)]

    def scores(self, x: Any) -> Array:
        """Outputs of the network in floats: float32 of (samples, classes), or (samples, 1) of two classes, whose one is
        the logit of the second."""
        return self._run(x, self._native.logits, np.float32)

    def scores_int8(self, x: Any) -> Array:
        """Outputs of the network in int8, every bit as firmware computes them: int8 of the same shape."""
        return self._run(x, self._native.int8_outputs, np.int8)

    def predict_proba(self, x: Any) -> Array:
        """Shares of the classes by the network in int8: float64 of (samples, classes), rows add up to 1."""
        scale, zero_point = self._native.output_quantisation()
        logits = scale * (self.scores_int8(x).astype(np.float64) - zero_point)
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def tflite(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """The network as a .tflite model in int8; also written to `path`, if there is one."""
        model = self._native.tflite()
        if path is not None:
            Path(path).write_bytes(model)
        return model

    def export(
        self,
        folder: str | os.PathLike[str],
        *,
        name: str | None = None,
        format: str = "all",
        runtime: str | None = None,
        input: str | None = None,
        samples: Any = 4,
    ) -> list[Path]:
        """Writes files for firmware into a folder and returns their paths: C99 source with a test, and a .tflite model.

        name: of the files and of all that they define in C; format: `all`, `c` or `tflite`; runtime: `layers` or
        `streamed`, input: `external`, `buffer` or `rows`, as `munas export` has them; samples: test vectors, an array
        of samples or a number of those of the run's test part.
        """
        own, raw = (samples, b"") if isinstance(samples, int) else (0, self._bytes(samples)[0])
        written = self._native.export(Path(folder), name, format, runtime, input, raw, own)
        return [Path(path) for path in written]

    def _bytes(self, x: Any) -> tuple[bytes, int]:
        return raw_bytes(x, self.input_shape, self._layout)

    def _batches(self, x: Any) -> Iterator[bytes]:
        raw, count = self._bytes(x)
        of_sample = len(raw) // count
        step = max(1, _BATCH // of_sample) * of_sample
        for begin in range(0, len(raw), step):
            yield raw[begin : begin + step]

    def _run(self, x: Any, function: Any, element: type) -> Array:
        outputs: list[Array] = []
        for raw in self._batches(x):
            values, width = function(raw)
            outputs.append(np.frombuffer(values, dtype=element).reshape(-1, width))
        return np.concatenate(outputs)


def _classes(logits: Array) -> Array:
    """The classes that logits speak for."""
    if logits.shape[1] == 1:
        return (logits[:, 0] > 0).astype(np.intp)
    return logits.argmax(axis=1)  # type: ignore[no-any-return]


def _restore(state: tuple[Any, ...], figures: dict[str, Any], layout: str, classes: Array) -> Network:
    return Network(_munas.Network.of_state(*state), figures, layout, classes)
