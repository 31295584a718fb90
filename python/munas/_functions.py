"""The functions of the package."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import _munas
from ._arrays import archive, classes_of
from ._errors import InputError
from ._network import Network
from ._progress import Listener, listener
from ._run import Run
from ._settings import bounds, duration, keys, number


def search(
    x_train: Any = None,
    y_train: Any = None,
    *,
    validation: Sequence[Any] | None = None,
    test: Sequence[Any] | None = None,
    groups: Any = None,
    layout: str | None = None,
    data: str | None = None,
    preset: str | None = None,
    experiment: str | os.PathLike[str] | None = None,
    max_error: str | float | None = None,
    max_peak_memory: str | int | None = None,
    max_model_size: str | int | None = None,
    max_macs: str | int | None = None,
    max_latency: str | float | None = None,
    max_energy: str | float | None = None,
    max_flash: str | int | None = None,
    board: str | None = None,
    rate: str | float | None = None,
    runtime: str | None = None,
    time: str | float | None = None,
    trials: int | None = None,
    algorithm: str | None = None,
    workers: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: bool | Listener | None = None,
) -> Run:
    """Searches networks that fit a device; returns the run with its Pareto front.

    Ctrl-C ends the search in order, and `munas.load(out).resume()` goes on with it.

    x_train, y_train: samples and labels. `(samples, features)`, `(samples, height, width[, channels])`,
        `(samples, time, channels)`, or with channels first; integers of 8 and 16 bits are kept as the device has them,
        everything else becomes 32-bit floats.
    validation, test: pairs of the same, else both are drawn, each class in each.
    groups: of each training sample, whom or what it is of; the samples of one are never on both sides of a draw.
    layout: what the axes are, where that is in doubt: `nhwc`, `nchw`, `time-channels`, `channels-time`.
    data: instead of arrays, what `munas search --data` takes: `images:DIR`, `audio:DIR`, `csv:FILE`, `mnist`, ….
    preset, experiment: a published experiment by its name, or an experiment file, whose values the others change.
    max_…: bounds that no network breaks (of the error: that count): `"16KB"`, `"1M"`, `"50ms"`, `"0.5mJ"`, `"10%"`.
    board: bounds are those of a board, which `munas boards` lists; rate: inferences per second on it.
    runtime: what peak memory counts: `layers`, or `streamed` (in rows), which is the default with a board.
    time, trials: when the search ends: `"15m"` or seconds.
    settings: other keys of the experiment: `{"train.epochs": 20}`.
    out: directory of the run, which must not hold one yet [default: runs/arrays-1, -2, …].
    progress: False: show nothing; a function: is called with news, which are dictionaries.

    Raises `munas.InputError` for what can be put right, else `munas.MunasError`.
    """
    if (x_train is None) != (y_train is None):
        raise InputError("x_train and y_train go together")
    if sum(source is not None for source in (x_train, data)) + (preset is not None) > 1:
        raise InputError("data come as arrays, by data= or with a preset: one of them")
    if preset is not None and experiment is not None:
        raise InputError("preset and experiment: one of them")
    overrides = keys(
        {
            "data.source": data,
            "data.layout": layout,
            "name": "arrays" if x_train is not None else data,
            "search.algorithm": algorithm,
            "search.workers": workers,
            "search.time": duration(time),
            "search.trials": trials,
            "seed": seed,
            "board.name": board,
            "board.rate": number("rate", rate),
            "memory.runtime": runtime,
        }
    )
    limits = {
        "max_error": max_error,
        "max_peak_memory": max_peak_memory,
        "max_model_size": max_model_size,
        "max_macs": max_macs,
        "max_latency": max_latency,
        "max_energy": max_energy,
        "max_flash": max_flash,
    }
    overrides += bounds(limits, hard=True) + keys(settings or {})
    if preset is not None:
        base = ("preset", preset)
    elif experiment is not None:
        base = ("file", os.fspath(experiment))
    elif x_train is None and data is None:
        base = ("preset", "quick-start")
    else:
        base = ("defaults", "")
    folder = None if out is None else Path(out)
    with ExitStack() as stack:
        arrays = None
        if x_train is not None:
            # Beside the run, so that the file is moved into it by its name alone.
            beside = Path("runs") if folder is None else folder.absolute().parent
            arrays = stack.enter_context(archive((x_train, y_train), validation, test, groups, beside))
            overrides = [*keys({"data.source": f"npz:{arrays}"}), *overrides]
        hears = stack.enter_context(listener(progress))
        return Run(_munas.search(base, overrides, arrays, folder, hears))


def load(path: str | os.PathLike[str]) -> Run:
    """The run in a directory, made by `munas.search` or by the command line; the search may be going on."""
    return Run(path)


def cost(
    network: str | os.PathLike[str] | Mapping[str, Any],
    *,
    space: str | None = None,
    input_shape: Sequence[int] | None = None,
    classes: int | None = None,
) -> dict[str, Any]:
    """What a network takes: peak memory and model size (bytes), MACs, and each of its layers.

    network: a .tflite model of whatever origin, or an architecture, with the kind of its space (`cnn2d`, `cnn1d`,
    `mlp`), height, width and channels of its input, and the number of classes.
    """
    if isinstance(network, Mapping):
        if space is None or input_shape is None or classes is None:
            raise InputError("an architecture is priced with its space, input_shape and classes")
        height, width, channels = input_shape
        shape = [int(height), int(width), int(channels)]
        document = _munas.cost_of_architecture(space, json.dumps(network), shape, classes)
    else:
        document = _munas.cost_of_model(Path(network))
    return json.loads(document)  # type: ignore[no-any-return]


def train(
    architecture: Mapping[str, Any],
    x: Any,
    y: Any,
    *,
    space: str,
    validation: Sequence[Any] | None = None,
    test: Sequence[Any] | None = None,
    groups: Any = None,
    layout: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool | Listener | None = None,
) -> Network:
    """Trains one architecture as a search would, and quantises it; what came of it is in `figures`.

    space: the kind of the architecture: `cnn2d`, `cnn1d` or `mlp`; the others as `munas.search` has them.
    """
    chosen = keys({"data.layout": layout, "train.epochs": epochs, "seed": seed}) + keys(settings or {})
    with archive((x, y), validation, test, groups) as arrays, listener(progress) as hears:
        overrides = [*keys({"data.source": f"npz:{arrays}"}), *chosen]
        native, figures = _munas.train(space, json.dumps(architecture), overrides, hears)
    return Network(native, json.loads(figures), layout or "auto", classes_of(native.class_names))
