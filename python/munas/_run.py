"""A run: a search in its directory, while it goes on and afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import _munas
from ._arrays import classes_of
from ._network import Network
from ._progress import Listener, listener
from ._settings import bounds, duration

Row = dict[str, Any]

_COLUMNS = (
    "trial",
    "objective_error",
    "val_stderr",
    "int8_error",
    "val_error",
    "test_error",
    "objective_peak_memory",
    "model_size",
    "macs",
    "latency_ms",
    "energy_mj",
    "flash",
    "in_bounds",
)
_NAMES = {"objective_error": "error", "val_stderr": "stderr", "objective_peak_memory": "peak_memory"}


class Run:
    """A run of a search. Everything is read from its directory, so that it may be open while the search goes on."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        _munas.status(self.path)

    def __repr__(self) -> str:
        status = self.status()
        return f"<munas.Run {str(self.path)!r}: {status['done']} trials trained in full>"

    def _repr_html_(self) -> str:
        """The front as a table, for notebooks."""
        front = self.front()
        if hasattr(front, "to_html"):
            return str(front.to_html(index=False))
        head = "".join(f"<th>{name}</th>" for name in (front[0] if front else []))
        body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row.values()) + "</tr>" for row in front)
        return f"<table><tr>{head}</tr>{body}</table>"

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in order."""
        return _munas.class_names(self.path)

    @property
    def classes(self) -> np.ndarray[Any, Any]:
        """Their labels: whole numbers where all names are, else texts."""
        return classes_of(self.class_names)

    @property
    def experiment(self) -> str:
        """The experiment file with every value (TOML)."""
        return _munas.experiment(self.path)

    def status(self) -> Row:
        """How far it is: trials by what has become of them, results, those within the bounds, why it ended."""
        return json.loads(_munas.status(self.path))  # type: ignore[no-any-return]

    def front(self, **limits: Any) -> Any:
        """The Pareto front, by validation error: a pandas DataFrame where pandas is there, else a list of dictionaries.

        limits: `max_error`, `max_peak_memory="8KB"`, `max_model_size`, `max_macs="1M"`, `max_latency="50ms"`,
        `max_energy`, `max_flash`. Errors are shares in [0, 1]; `error` is the one that drives the search, `stderr` its
        standard error, `refined_error` its mean over the trainings of a finalist. Memory and sizes are in bytes.
        """
        return _table([_row(trial) for trial in self._front(limits)])

    def _front(self, limits: dict[str, Any]) -> list[Row]:
        return json.loads(_munas.front(self.path, bounds(limits)))  # type: ignore[no-any-return]

    def trials(self) -> Any:
        """All trials in the form of `front`."""
        return _table([{**_row(trial), "state": trial["state"]} for trial in json.loads(_munas.trials(self.path))])

    def trial(self, number: int) -> Row:
        """All that is known of a trial, with the curve of its training."""
        return json.loads(_munas.trial(self.path, number))  # type: ignore[no-any-return]

    def network(self, trial: int, *, as_searched: bool = False) -> Network:
        """The network of a trial of the front: of a finalist, the best of its trainings, unless `as_searched`."""
        _, layout = _munas.input_shape(self.path)
        return Network._load(self.path, trial, self.trial(trial), layout, as_searched)

    def best(self, **limits: Any) -> Network:
        """The network to take within these limits (as `front` has them): of those that were trained anew, the one with
        the least mean validation error; else the trial with the least, with its standard error, since it may have been
        lucky.
        """
        found = [trial for trial in self._front(limits) if trial["in_bounds"] and trial["objective_error"] is not None]
        if not found:
            from ._errors import InputError

            within = " within " + ", ".join(f"{name}={limit}" for name, limit in limits.items()) if limits else ""
            raise InputError(f"there is no network{within} in {self.path}")

        def error(trial: Row) -> tuple[bool, float, float]:
            refined = trial["refined"] or {}
            if refined.get("objective_error") and refined["in_bounds"]:
                return False, refined["objective_error"]["mean"], trial["model_size"]
            return True, trial["objective_error"] + (trial["val_stderr"] or 0), trial["model_size"]

        return self.network(min(found, key=error)["trial"])

    def plot(self, **limits: Any) -> Any:
        """Error over each resource, with matplotlib: the axes."""
        from matplotlib import pyplot

        everything = [trial for trial in json.loads(_munas.trials(self.path)) if trial["objective_error"] is not None]
        front = self._front(limits)
        _, axes = pyplot.subplots(1, 3, figsize=(12, 3.6), sharey=True, layout="constrained")
        resources = {"objective_peak_memory": "peak memory, bytes", "model_size": "model size, bytes", "macs": "MACs"}
        for axis, (resource, title) in zip(axes, resources.items(), strict=True):
            for trials, label, style in (
                (everything, "trials", {"s": 8, "alpha": 0.35, "color": "tab:gray"}),
                (front, "front", {"s": 22, "color": "tab:blue"}),
            ):
                values = [trial[resource] for trial in trials]
                axis.scatter(values, [100 * trial["objective_error"] for trial in trials], label=label, **style)
            axis.set_xscale("log")
            axis.set_xlabel(title)
        axes[0].set_ylabel("validation error, %")
        axes[-1].legend()
        return axes

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes everything as one HTML page, by default `report.html` in the run, and returns its path."""
        path = self.path / "report.html" if path is None else Path(path)
        path.write_text(_munas.report(self.path), encoding="utf-8")
        return path

    def resume(
        self,
        *,
        trials: int | None = None,
        time: str | float | None = None,
        data: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        progress: bool | Listener | None = None,
    ) -> Run:
        """Goes on with a search that was interrupted, or extends it; returns the run.

        trials: end after so many, those of earlier sessions included; time: end after so much (`15m`, or seconds);
        data, data_dir: where the data are now, if they have moved.
        """
        moved = (data, None if data_dir is None else Path(data_dir))
        with listener(progress) as hears:
            _munas.resume(self.path, trials, duration(time), moved, hears)
        return self

    def refine(
        self,
        *trials: int,
        networks: int | None = None,
        seeds: int | None = None,
        longer: float | None = None,
        time: str | float | None = None,
        progress: bool | Listener | None = None,
    ) -> Run:
        """Trains the best of the front anew, longer and with several seeds, or the networks of these trials.

        `longer` is how many times the epochs of the search a training has; without it they are as long as `time` allows. Without
        `networks` there are more of them where `time` is left after the longest.
        """
        with listener(progress) as hears:
            _munas.refine(self.path, list(trials), networks, seeds, longer, duration(time), (None, None), hears)
        return self


def _row(trial: Row) -> Row:
    row = {_NAMES.get(name, name): trial[name] for name in _COLUMNS}
    refined = trial["refined"] or {}
    error = refined.get("objective_error") or {}
    return {**row, "refined_error": error.get("mean"), "refined_seeds": refined.get("seeds", 0)}


def _table(rows: list[Row]) -> Any:
    try:
        import pandas
    except ImportError:
        return rows
    columns = None if rows else [*(_NAMES.get(name, name) for name in _COLUMNS), "refined_error", "refined_seeds"]
    return pandas.DataFrame(rows, columns=columns)
