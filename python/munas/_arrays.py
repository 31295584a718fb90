"""Arrays as the search reads them, and back."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from . import _munas
from ._errors import InputError

Part = Sequence[Any]
"""Samples and labels."""


def labels_of(y: Any, name: str = "y") -> np.ndarray[Any, Any]:
    """Labels as an array of one axis, of whole numbers or of texts."""
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = "\nhint: np.argmax(y, axis=1) makes labels of one-hot rows" if labels.ndim == 2 else ""
        raise InputError(f"{name} has the shape {labels.shape}: it needs one label for each sample{hint}")
    if labels.dtype.kind in "iuU":
        return labels
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all() or (labels != np.round(labels)).any():
            raise InputError(f"Unknown label type: {name} has continuous values; classes are whole numbers or texts")
        return labels.astype(np.int64)
    return labels.astype(str)


def class_name(label: Any) -> str:
    """What the class of a label is called."""
    if isinstance(label, (float, np.floating)):
        label = int(label)
    return str(label).strip()


def classes_of(names: Sequence[str]) -> np.ndarray[Any, Any]:
    """Labels of classes with these names: whole numbers where all of them are, else texts."""
    try:
        return np.array([int(name) for name in names])
    except ValueError:
        return np.array(names)


def samples_of(x: Any, name: str = "x") -> np.ndarray[Any, Any]:
    """Samples as an array of numbers."""
    samples = np.asarray(x)
    if samples.dtype.kind == "O":
        try:
            samples = samples.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} has values that are no numbers: {error}") from error
    if samples.dtype.kind not in "biuf":
        raise InputError(f"{name} has values of type {samples.dtype}; samples are numbers")
    if samples.ndim < 2 or samples.size == 0:
        raise InputError(f"{name} has the shape {samples.shape}: it needs samples, each with one value at least")
    return samples


def raw_bytes(x: Any, input_shape: Sequence[int], layout: str) -> tuple[bytes, int]:
    """The values of samples in (h, w, c) order as the network reads them, and the number of samples."""
    samples = samples_of(x)
    height_width_channels = tuple(input_shape)
    if samples.shape[1:] != height_width_channels:
        arranged, channels_first = _munas.arrangement(layout, list(samples.shape[1:]))
        if tuple(arranged) != height_width_channels:
            shape = "x".join(map(str, height_width_channels))
            raise InputError(f"samples of the shape {samples.shape[1:]} are not those of a network of {shape}")
        if channels_first:
            samples = np.moveaxis(samples, 1, -1)
    values = np.ascontiguousarray(samples, dtype=np.float32)
    if not np.isfinite(values).all():
        raise InputError("Input contains NaN or infinity, or a value too large for a 32-bit float")
    return values.tobytes(), len(samples)


@contextmanager
def archive(
    train: Part, validation: Part | None, test: Part | None, groups: Any, folder: Path | None = None
) -> Iterator[Path]:
    """A file of these arrays, in a folder or where temporary files are; it goes, unless it was moved."""
    arrays: dict[str, Any] = {}
    for part, pair in (("train", train), ("val", validation), ("test", test)):
        if pair is None:
            continue
        if len(pair) != 2:
            raise InputError(f"the {part} part is a pair of samples and labels")
        x, y = samples_of(pair[0], f"x_{part}"), labels_of(pair[1], f"y_{part}")
        if len(x) != len(y):
            raise InputError(f"{len(x)} samples in x_{part}, {len(y)} labels in y_{part}")
        arrays |= {f"x_{part}": x, f"y_{part}": y}
    if groups is not None:
        of_samples = np.asarray(groups)
        if of_samples.shape != (len(arrays["x_train"]),):
            raise InputError(f"groups has the shape {of_samples.shape}: it needs a group for each training sample")
        arrays["groups_train"] = of_samples if of_samples.dtype.kind in "iuU" else of_samples.astype(str)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".munas-", suffix=".npz", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
